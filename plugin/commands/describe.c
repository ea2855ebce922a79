/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "commands.h"
#include "json.h"

#include <string.h>

#define SHOWN_LABELS 3

/* What is to be written: the options that a sidecar can hold, where they were given. */
typedef struct
{
  const char *architecture, *labels;
  int width, height;
  CnnPreprocess preprocess;
} Given;

static Given
given_in (const CnnOptions *options)
{
  Given given = {
    .architecture = options->architecture,
    .labels = options->labels,
    .width = options->input_width,
    .height = options->input_height,
    .preprocess = options->preprocess,
  };
  return given;
}

static gboolean
is_any (const Given *given)
{
  return given->architecture != NULL || given->labels != NULL || given->width > 0
         || given->preprocess != CNN_PREPROCESS_AUTO;
}

/* What opening the model with the same options has not found. */
static gboolean
check (const Given *given, const CnnFacts *facts, const CnnStoreModel *registered, GError **error)
{
  const char *kind = cnn_preprocess_names[given->preprocess];
  if (registered != NULL && registered->url == NULL)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "the built-in model brings all this along; describe a copy of it (%s)",
                   facts->path);
      return FALSE;
    }
  if (given->architecture != NULL && facts->contradiction != NULL)
    {
      g_set_error_literal (error, CNN_ERROR, CNN_ERROR_ARGUMENT, facts->contradiction);
      return FALSE;
    }
  if (given->width > 0
      && ((facts->own_width > 0 && facts->own_width != given->width)
          || (facts->own_height > 0 && facts->own_height != given->height)))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "input-size %d×%d contradicts the model, which takes %d×%d", given->width,
                   given->height, facts->own_width, facts->own_height);
      return FALSE;
    }
  if (given->preprocess != CNN_PREPROCESS_AUTO && facts->prepared_twice)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "preprocess %s contradicts the model: its own layer \"%s\" prepares the input, "
                   "so that nothing is left to do (preprocess none)",
                   kind, facts->prepared_by);
      return FALSE;
    }
  if ((given->preprocess == CNN_PREPROCESS_CAFFE || given->preprocess == CNN_PREPROCESS_TORCH)
      && facts->channels != 3 && facts->channels != 0)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "preprocess %s is for models with 3 channels, this one has %d", kind,
                   facts->channels);
      return FALSE;
    }
  return TRUE;
}

/* The sidecar as it is, to be added to; Keras' own JSON of the graph may be in it too. */
static JsonNode *
old_sidecar (const CnnFacts *facts, GError **error)
{
  if (facts->sidecar != NULL)
    {
      g_autoptr (JsonNode) old = cnn_json_read (facts->sidecar, error);
      if (old == NULL || JSON_NODE_HOLDS_OBJECT (old))
        return g_steal_pointer (&old);
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s is not a JSON object", facts->sidecar);
      return NULL;
    }
  JsonNode *root = json_node_new (JSON_NODE_OBJECT);
  json_node_take_object (root, json_object_new ());
  return root;
}

static gboolean
write_sidecar (const Given *given, const CnnFacts *facts, const char *path, GError **error)
{
  g_autoptr (JsonNode) root = old_sidecar (facts, error);
  if (root == NULL)
    return FALSE;
  JsonObject *object = json_node_get_object (root);
  if (given->architecture != NULL)
    {
      /* A file of Keras' JSON is found from any folder. */
      g_autofree char *file = g_file_test (given->architecture, G_FILE_TEST_IS_REGULAR)
                                  ? g_canonicalize_filename (given->architecture, NULL)
                                  : g_strdup (given->architecture);
      json_object_set_string_member (object, "architecture", file);
    }
  if (given->preprocess != CNN_PREPROCESS_AUTO)
    json_object_set_string_member (object, "preprocess", cnn_preprocess_names[given->preprocess]);
  if (given->width > 0)
    {
      JsonArray *size = json_array_new ();
      json_array_add_int_element (size, given->width);
      json_array_add_int_element (size, given->height);
      json_object_set_array_member (object, "input_size", size);
    }
  if (given->labels != NULL)
    {
      JsonArray *labels = json_array_new ();
      for (guint i = 0; i < facts->labels->len; i++)
        json_array_add_string_element (labels, g_ptr_array_index (facts->labels, i));
      json_object_set_array_member (object, "labels", labels);
    }
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  json_generator_set_root (generator, root);
  json_generator_set_pretty (generator, TRUE);
  g_autofree char *json = json_generator_to_data (generator, NULL);
  g_autofree char *text = g_strconcat (json, "\n", NULL);
  return cnn_file_write (path, text, strlen (text), error);
}

/* "tench, goldfish, great_white_shark, …" */
static char *
some_labels (const GPtrArray *labels)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < labels->len && i < SHOWN_LABELS; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? ", " : "",
                            (const char *) g_ptr_array_index (labels, i));
  if (labels->len > SHOWN_LABELS)
    g_string_append (text, ", …");
  return g_string_free (text, FALSE);
}

static void
append_size (GString *text, int size)
{
  if (size > 0)
    g_string_append_printf (text, "%d", size);
  else
    g_string_append (text, "any");
}

static void
append_from (GString *text, const char *from)
{
  if (from != NULL)
    g_string_append_printf (text, " (from %s)", from);
  g_string_append_c (text, '\n');
}

static void
append_facts (GString *text, const CnnFacts *facts, const CnnStoreModel *registered)
{
  g_string_append_printf (text, "file          %s\n", facts->path);
  if (registered != NULL)
    g_string_append_printf (text, "known as      %s, licence %s\n", registered->name,
                            registered->licence);
  g_string_append (text, "architecture  ");
  g_string_append (text, facts->architecture != NULL ? facts->architecture : "none that is known");
  append_from (text, facts->architecture_from);
  g_string_append (text, "input         ");
  append_size (text, facts->width);
  g_string_append (text, "×");
  append_size (text, facts->height);
  g_string_append_printf (text, ", %d channel%s", facts->channels, facts->channels == 1 ? "" : "s");
  append_from (text, facts->size_from);
  g_string_append_printf (text, "preprocess    %s%s", cnn_preprocess_names[facts->preprocess],
                          facts->preprocess_from == NULL ? " (a guess)" : "");
  append_from (text, facts->preprocess_from);
  if (facts->prepared_by != NULL)
    g_string_append_printf (text, "              its own layer \"%s\" prepares the input\n",
                            facts->prepared_by);
  if (facts->classes == 0)
    g_string_append (text, "classes       none: a model without its top\n");
  else
    g_string_append_printf (text, "classes       %d\n", facts->classes);
  g_autofree char *labels =
      facts->labels != NULL ? some_labels (facts->labels) : g_strdup ("not known");
  g_string_append_printf (text, "labels        %s", labels);
  append_from (text, facts->labels_from);
}

static void
report_from (Result *result, const char *name, const char *value, const char *from)
{
  result_begin (result, name);
  result_string (result, "name", value);
  result_string (result, "from", from);
  result_end (result);
}

static void
report_size (Result *result, const char *name, int size)
{
  if (size > 0)
    result_integer (result, name, size);
  else
    result_string (result, name, NULL);
}

static void
report_facts (Result *result, const CnnFacts *facts, const CnnStoreModel *registered)
{
  result_string (result, "file", facts->path);
  result_string (result, "registered", facts->registered);
  result_string (result, "licence", registered != NULL ? registered->licence : NULL);
  report_from (result, "architecture", facts->architecture, facts->architecture_from);
  result_begin (result, "input");
  report_size (result, "width", facts->width);
  report_size (result, "height", facts->height);
  report_size (result, "channels", facts->channels);
  result_string (result, "from", facts->size_from);
  result_end (result);
  result_begin (result, "preprocess");
  result_string (result, "name", cnn_preprocess_names[facts->preprocess]);
  result_string (result, "from", facts->preprocess_from);
  result_string (result, "own_layer", facts->prepared_by);
  result_end (result);
  report_size (result, "classes", facts->classes);
  result_begin (result, "labels");
  report_size (result, "count", facts->labels != NULL ? (int) facts->labels->len : 0);
  result_begin_list (result, "first");
  for (guint i = 0; facts->labels != NULL && i < facts->labels->len && i < SHOWN_LABELS; i++)
    result_string (result, NULL, g_ptr_array_index (facts->labels, i));
  result_end_list (result);
  result_string (result, "from", facts->labels_from);
  result_end (result);
}

static Result *
describe (Run *run, const Subject *subject G_GNUC_UNUSED, const CnnProgress *progress,
          GError **error)
{
  Given given = given_in (&run->options);
  g_autoptr (CnnSession) session = cnn_session_open (&run->options, FALSE, progress, error);
  if (session == NULL || !cnn_progress_step (progress, 0.5, NULL, error))
    return NULL;
  CnnFacts facts;
  cnn_session_facts (session, &facts);
  g_autoptr (CnnStore) store = facts.registered != NULL ? cnn_store_open (error) : NULL;
  if (facts.registered != NULL && store == NULL)
    return NULL;
  const CnnStoreModel *registered = store != NULL ? cnn_store_find (store, facts.registered) : NULL;
  g_autofree char *path = is_any (&given) ? g_strconcat (facts.path, ".json", NULL) : NULL;
  if (path != NULL
      && (!check (&given, &facts, registered, error)
          || !write_sidecar (&given, &facts, path, error)))
    return NULL;

  Result *result = result_new ();
  result_string (result, "model", cnn_session_model_name (session));
  report_facts (result, &facts, registered);
  result_integer (result, "parameters", (gint64) cnn_session_parameters (session));
  result_string (result, "sidecar", path != NULL ? path : facts.sidecar);
  result_string (result, "written", path);

  g_string_append_printf (result->text, "%s\n", cnn_session_model_name (session));
  append_facts (result->text, &facts, registered);
  g_string_append_printf (result->text, "parameters    %" G_GSIZE_FORMAT "\n",
                          cnn_session_parameters (session));
  if (path != NULL)
    g_string_append_printf (result->text, "Written to %s\n", path);
  else
    g_string_append_printf (result->text, "sidecar       %s\n",
                            facts.sidecar != NULL ? facts.sidecar : "none");
  if (given.preprocess != CNN_PREPROCESS_AUTO && registered != NULL
      && strcmp (registered->preprocess, cnn_preprocess_names[given.preprocess]) != 0)
    result_warn (result, "The registry says preprocess %s for %s.", registered->preprocess,
                 registered->name);
  if (cnn_session_warning (session) != NULL)
    result_warn (result, "%s", cnn_session_warning (session));
  return result;
}

const Command describe_command = {
  .name = "describe",
  .label = "D_escribe",
  .summary = "tell, or write down, what goes with a model",
  .help = "Without options, shows what is known of a model and from where. With --labels, "
          "--preprocess, --input-size or --architecture, checks them against the model and writes "
          "them to its sidecar, the file MODEL.json beside it, which Convlens then goes by.",
  .subject = "model",
  .flags = COMMAND_MODEL | COMMAND_SIDECAR,
  .run = describe,
};
