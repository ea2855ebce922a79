/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "result.h"

#include "commands.h"
#include "printable.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

struct _ResultReport
{
  JsonBuilder *builder;
  GPtrArray *warnings;
};

static void
layer_free (gpointer data)
{
  ResultLayer *layer = data;
  g_free (layer->name);
  cnn_image_unref (layer->image);
  g_free (layer);
}

static void
file_free (gpointer data)
{
  ResultFile *file = data;
  g_free (file->option);
  g_free (file->entry);
  cnn_image_unref (file->image);
  cnn_array_unref (file->array);
  g_free (file);
}

typedef struct
{
  gpointer data;
  GDestroyNotify free;
} Owned;

static void
owned_free (gpointer data)
{
  Owned *owned = data;
  owned->free (owned->data);
  g_free (owned);
}

Result *
result_new (void)
{
  Result *result = g_new0 (Result, 1);
  result->layers = g_ptr_array_new_with_free_func (layer_free);
  result->files = g_ptr_array_new_with_free_func (file_free);
  result->owned = g_ptr_array_new_with_free_func (owned_free);
  result->text = g_string_new (NULL);
  result->report = g_new0 (ResultReport, 1);
  result->report->builder = json_builder_new ();
  result->report->warnings = g_ptr_array_new_with_free_func (g_free);
  json_builder_begin_object (result->report->builder);
  return result;
}

void
result_free (Result *result)
{
  if (result == NULL)
    return;
  g_ptr_array_unref (result->layers);
  g_ptr_array_unref (result->files);
  g_ptr_array_unref (result->owned);
  g_free (result->group);
  g_string_free (result->text, TRUE);
  g_object_unref (result->report->builder);
  g_ptr_array_unref (result->report->warnings);
  g_free (result->report);
  g_free (result);
}

void
result_own (Result *result, gpointer data, GDestroyNotify free)
{
  Owned *owned = g_new0 (Owned, 1);
  owned->data = data;
  owned->free = free;
  g_ptr_array_add (result->owned, owned);
}

static ResultLayer *
add_layer (Result *result, const char *name, double opacity, ResultMode mode)
{
  ResultLayer *layer = g_new0 (ResultLayer, 1);
  layer->name = g_strdup (name);
  layer->opacity = opacity;
  layer->mode = mode;
  g_ptr_array_add (result->layers, layer);
  return layer;
}

ResultLayer *
result_add_layer (Result *result, const char *name, CnnImage *image, double opacity,
                  ResultMode mode)
{
  ResultLayer *layer = add_layer (result, name, opacity, mode);
  layer->image = cnn_image_ref (image);
  return layer;
}

ResultLayer *
result_add_painted_layer (Result *result, const char *name, ResultPaint paint, gpointer data,
                          guint index)
{
  ResultLayer *layer = add_layer (result, name, 1.0, RESULT_MODE_NORMAL);
  layer->paint = paint;
  layer->data = data;
  layer->index = index;
  return layer;
}

CnnImage *
result_layer_image (const ResultLayer *layer, GError **error)
{
  if (layer->image != NULL)
    return cnn_image_ref (layer->image);
  return layer->paint (layer->data, layer->index, error);
}

static ResultFile *
add_file (Result *result, const char *option, const char *entry)
{
  ResultFile *file = g_new0 (ResultFile, 1);
  file->option = g_strdup (option);
  file->entry = g_strdup (entry);
  g_ptr_array_add (result->files, file);
  return file;
}

void
result_add_image_file (Result *result, const char *option, CnnImage *image)
{
  add_file (result, option, NULL)->image = cnn_image_ref (image);
}

void
result_add_array_file (Result *result, const char *option, const char *entry, CnnArray *array)
{
  add_file (result, option, entry)->array = cnn_array_ref (array);
}

char *
result_entry (const Result *result, const char *option, const char *name, const char *suffix)
{
  g_autofree char *plain = printable_file_name (name);
  char *entry = g_strconcat (plain, suffix, NULL);
  for (guint n = 2, i = 0; i < result->files->len; i++)
    {
      const ResultFile *file = g_ptr_array_index (result->files, i);
      if (strcmp (file->option, option) != 0 || g_strcmp0 (file->entry, entry) != 0)
        continue;
      g_free (entry);
      entry = g_strdup_printf ("%s~%u%s", plain, n++, suffix);
      i = G_MAXUINT; /* from the first one again */
    }
  return entry;
}

void
result_add_painted_file (Result *result, const char *option, const char *entry, ResultPaint paint,
                         gpointer data, guint index)
{
  ResultFile *file = add_file (result, option, entry);
  file->paint = paint;
  file->data = data;
  file->index = index;
}

void
result_add_gathered_file (Result *result, const char *option, const char *entry,
                          ResultGather gather, gpointer data, guint index)
{
  ResultFile *file = add_file (result, option, entry);
  file->gather = gather;
  file->data = data;
  file->index = index;
}

gboolean
result_files_are_ready (const Result *result)
{
  for (guint i = 0; i < result->files->len; i++)
    {
      const ResultFile *file = g_ptr_array_index (result->files, i);
      if (file->image == NULL && file->array == NULL)
        return FALSE;
    }
  return TRUE;
}

static JsonBuilder *
member (Result *result, const char *name)
{
  if (name != NULL)
    json_builder_set_member_name (result->report->builder, name);
  return result->report->builder;
}

void
result_begin (Result *result, const char *name)
{
  json_builder_begin_object (member (result, name));
}

void
result_end (Result *result)
{
  json_builder_end_object (result->report->builder);
}

void
result_begin_list (Result *result, const char *name)
{
  json_builder_begin_array (member (result, name));
}

void
result_end_list (Result *result)
{
  json_builder_end_array (result->report->builder);
}

void
result_string (Result *result, const char *name, const char *value)
{
  JsonBuilder *builder = member (result, name);
  if (value == NULL)
    {
      json_builder_add_null_value (builder);
      return;
    }
  /* A file's name need not be UTF-8; JSON must. */
  g_autofree char *valid = g_utf8_make_valid (value, -1);
  json_builder_add_string_value (builder, valid);
}

void
result_integer (Result *result, const char *name, gint64 value)
{
  json_builder_add_int_value (member (result, name), value);
}

void
result_number (Result *result, const char *name, double value)
{
  JsonBuilder *builder = member (result, name);
  if (isfinite (value))
    json_builder_add_double_value (builder, value);
  else
    json_builder_add_null_value (builder);
}

void
result_shape (Result *result, const char *name, int rank, const gint64 *dims)
{
  result_begin_list (result, name);
  for (int i = 0; i < rank; i++)
    if (dims[i] > 0)
      result_integer (result, NULL, dims[i]);
    else
      result_string (result, NULL, NULL);
  result_end_list (result);
}

void
result_line (Result *result, const char *format, ...)
{
  va_list list;
  va_start (list, format);
  g_autofree char *line = g_strdup_vprintf (format, list);
  va_end (list);
  g_autofree char *plain = printable_line (line);
  g_string_append_printf (result->text, "%s\n", plain);
}

void
result_warn (Result *result, const char *format, ...)
{
  va_list list;
  va_start (list, format);
  char *warning = g_strdup_vprintf (format, list);
  va_end (list);
  g_ptr_array_add (result->report->warnings, warning);
  result_line (result, "Note: %s", warning);
}

void
result_session (Result *result, const CnnSession *session, const CnnOptions *options,
                gboolean photo)
{
  int width, height;
  cnn_session_input_size (session, &width, &height);
  const char *preprocess = photo ? cnn_preprocess_names[cnn_session_preprocess (session)] : "none";
  const char *resize = photo ? resize_names[options->resize] : NULL;

  result_string (result, "model", cnn_session_model_name (session));
  result_string (result, "device", cnn_session_device_name (session));
  result_begin (result, "input");
  result_integer (result, "width", width);
  result_integer (result, "height", height);
  result_string (result, "preprocess", preprocess);
  result_string (result, "resize", resize);
  result_end (result);

  g_autofree char *prepared =
      photo ? g_strdup_printf (", resize %s, preprocess %s", resize, preprocess) : g_strdup ("");
  result_line (result, "%s, %d×%d%s", cnn_session_model_name (session), width, height, prepared);
  if (cnn_session_warning (session) != NULL)
    result_warn (result, "%s", cnn_session_warning (session));
}

void
result_prediction (Result *result, const char *name, const CnnPrediction *prediction)
{
  result_begin (result, name);
  result_integer (result, "index", prediction->index);
  result_string (result, "label", prediction->label);
  result_number (result, "score", prediction->score);
  result_number (result, "probability", prediction->probability);
  result_end (result);
}

void
result_predictions (Result *result, GPtrArray *predictions)
{
  result_begin_list (result, "predictions");
  for (guint i = 0; i < predictions->len; i++)
    {
      const CnnPrediction *prediction = g_ptr_array_index (predictions, i);
      result_prediction (result, NULL, prediction);
      result_line (result, "%6.2f %%  %s", 100.0 * prediction->probability, prediction->label);
    }
  result_end_list (result);
}

void
result_session_end (Result *result, const CnnSession *session)
{
  double milliseconds = cnn_session_milliseconds (session);
  result_number (result, "milliseconds", milliseconds);
  result_line (result, "%.0f ms on %s", milliseconds, cnn_session_device_name (session));
}

/* The root so far, closed, with the warnings; the builder itself is spent. */
static JsonNode *
take_root (Result *result)
{
  JsonBuilder *builder = result->report->builder;
  JsonNode *root = json_builder_get_root (builder);
  if (root != NULL)
    return root;
  if (result->report->warnings->len > 0)
    {
      result_begin_list (result, "warnings");
      for (guint i = 0; i < result->report->warnings->len; i++)
        result_string (result, NULL, g_ptr_array_index (result->report->warnings, i));
      result_end_list (result);
    }
  json_builder_end_object (builder);
  return json_builder_get_root (builder);
}

char *
result_json (Result *result)
{
  g_autoptr (JsonNode) root = take_root (result);
  g_autofree char *json = json_to_string (root, FALSE);
  return printable_json (json);
}

char *
result_photograph_json (const Photograph *photograph, Result *result, const GError *error)
{
  g_autoptr (Result) empty = result_new ();
  result_string (empty, "photo", photograph->path);
  if (result == NULL)
    {
      result_string (empty, "error", error->message);
      return result_json (empty);
    }
  g_autofree char *first = result_json (empty), *rest = result_json (result);
  first[strlen (first) - 1] = ',';
  return g_strconcat (first, rest + 1, NULL);
}

char *
result_record (Result *result, const char *command, const Arguments *arguments)
{
  g_autoptr (JsonNode) report = take_root (result), root = json_node_new (JSON_NODE_OBJECT);
  g_autoptr (GList) names = json_object_get_members (json_node_get_object (report));
  JsonObject *object = json_object_new ();
  json_node_take_object (root, object);
  for (GList *name = names; name != NULL; name = name->next)
    json_object_set_member (object, name->data,
                            json_object_dup_member (json_node_get_object (report), name->data));
  json_object_set_string_member (object, "command", command);
  JsonObject *settings = json_object_new ();
  GPtrArray *table = arguments_table (arguments);
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (table, i);
      if (argument->kind == ARGUMENT_INTEGER)
        json_object_set_int_member (settings, argument->name,
                                    arguments_integer (arguments, argument->name));
      else if (argument->kind == ARGUMENT_NUMBER)
        json_object_set_double_member (settings, argument->name,
                                       arguments_number (arguments, argument->name));
      else
        {
          g_autofree char *valid =
              g_utf8_make_valid (arguments_get (arguments, argument->name), -1);
          json_object_set_string_member (settings, argument->name, valid);
        }
    }
  json_object_set_object_member (object, "settings", settings);
  return json_to_string (root, FALSE);
}
