/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keras_private.h"

/* keras.applications, by what Keras calls the models that it builds. */
static const struct
{
  const char *name;
  CnnPreprocess preprocess;
  int input_size;
} known_names[] = {
  { "xception", CNN_PREPROCESS_TF, 299 },
  { "vgg16", CNN_PREPROCESS_CAFFE, 224 },
  { "vgg19", CNN_PREPROCESS_CAFFE, 224 },
  { "resnet50", CNN_PREPROCESS_CAFFE, 224 },
  { "resnet101", CNN_PREPROCESS_CAFFE, 224 },
  { "resnet152", CNN_PREPROCESS_CAFFE, 224 },
  { "resnet50v2", CNN_PREPROCESS_TF, 224 },
  { "resnet101v2", CNN_PREPROCESS_TF, 224 },
  { "resnet152v2", CNN_PREPROCESS_TF, 224 },
  { "inception_v3", CNN_PREPROCESS_TF, 299 },
  { "inception_resnet_v2", CNN_PREPROCESS_TF, 299 },
  { "mobilenet", CNN_PREPROCESS_TF, 224 },
  { "mobilenetv2", CNN_PREPROCESS_TF, 224 },
  { "mobilenetv3small", CNN_PREPROCESS_NONE, 224 },
  { "mobilenetv3large", CNN_PREPROCESS_NONE, 224 },
  { "densenet121", CNN_PREPROCESS_TORCH, 224 },
  { "densenet169", CNN_PREPROCESS_TORCH, 224 },
  { "densenet201", CNN_PREPROCESS_TORCH, 224 },
  { "nasnet", CNN_PREPROCESS_TF, 224 },
  { "efficientnet-lite0", CNN_PREPROCESS_NONE, 224 },
  { "efficientnetb0", CNN_PREPROCESS_NONE, 224 },
  { "efficientnetb1", CNN_PREPROCESS_NONE, 240 },
  { "efficientnetb2", CNN_PREPROCESS_NONE, 260 },
  { "efficientnetb3", CNN_PREPROCESS_NONE, 300 },
  { "efficientnetb4", CNN_PREPROCESS_NONE, 380 },
  { "efficientnetb5", CNN_PREPROCESS_NONE, 456 },
  { "efficientnetb6", CNN_PREPROCESS_NONE, 528 },
  { "efficientnetb7", CNN_PREPROCESS_NONE, 600 },
  { "efficientnetv2", CNN_PREPROCESS_NONE, 224 },
  { "convnext", CNN_PREPROCESS_NONE, 224 },
};

/* A row of architectures.json. */
typedef struct
{
  const char *name, *architecture; /* "mobilenet_0_25", "mobilenet" */
  CnnPreprocess preprocess;
  int input_size, classes;
  JsonObject *variants[2]; /* with and without top */
  const char *folder;      /* of the graphs */
} ArchitectureRow;

void
cnn_architecture_free (CnnArchitecture *architecture)
{
  if (architecture == NULL)
    return;
  g_free (architecture->name);
  g_free (architecture);
}

static CnnArchitecture *
architecture_new (const char *name, CnnPreprocess preprocess, int input_size)
{
  CnnArchitecture *architecture = g_new0 (CnnArchitecture, 1);

  architecture->name = g_strdup (name);
  architecture->preprocess = preprocess;
  architecture->input_size = input_size;
  return architecture;
}

CnnArchitecture *
cnn_architecture_named (const char *name)
{
  g_autofree char *lower = g_ascii_strdown (name, -1);

  for (guint i = 0; i < G_N_ELEMENTS (known_names); i++)
    {
      gsize length = strlen (known_names[i].name);

      /* "mobilenet_0.25_224", "xception_1", but not "resnet50v2" for "resnet50" */
      if (strncmp (lower, known_names[i].name, length) == 0 && !g_ascii_isalnum (lower[length]))
        return architecture_new (known_names[i].name, known_names[i].preprocess,
                                 known_names[i].input_size);
    }
  return NULL;
}

CnnArchitecture *
cnn_architecture_of (const CnnPart *top)
{
  CnnArchitecture *found = cnn_architecture_named (top->name);

  for (guint i = 0; found == NULL && i < top->parts->len; i++)
    {
      const CnnPart *part = g_ptr_array_index (top->parts, i);

      if (part->parts != NULL)
        found = cnn_architecture_of (part);
    }
  return found;
}

int
cnn_keras_major (const char *version)
{
  return version != NULL && version[0] >= '1' && version[0] <= '9' ? version[0] - '0' : 0;
}

static int
integer_member (JsonObject *object, const char *name)
{
  gint64 value;

  return cnn_json_integer (cnn_json_member (object, name), &value) ? (int) value : 0;
}

/* The rows are views of *table. */
static GArray *
read_table (const char *folder, JsonNode **table, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "architectures.json", NULL);
  g_autoptr (GArray) rows = g_array_new (FALSE, TRUE, sizeof (ArchitectureRow));
  JsonArray *list;

  *table = cnn_json_read (path, error);
  if (*table == NULL)
    return NULL;
  list = JSON_NODE_HOLDS_OBJECT (*table)
             ? cnn_json_array (json_node_get_object (*table), "architectures")
             : NULL;
  for (guint i = 0; list != NULL && i < json_array_get_length (list); i++)
    {
      JsonObject *object = json_array_get_object_element (list, i);
      ArchitectureRow row = {
        .name = cnn_json_string (object, "name"),
        .architecture = cnn_json_string (object, "architecture"),
        .preprocess = cnn_preprocess_from_name (cnn_json_string (object, "preprocess")),
        .input_size = integer_member (object, "input_size"),
        .classes = integer_member (object, "classes"),
        .variants = { cnn_json_object (object, "top"), cnn_json_object (object, "no_top") },
        .folder = folder
      };

      g_array_append_val (rows, row);
    }
  return g_steal_pointer (&rows);
}

static char *
known_list (GArray *rows)
{
  GString *list = g_string_new (NULL);
  const char *last = NULL;

  for (guint i = 0; i < rows->len; i++)
    {
      const char *name = g_array_index (rows, ArchitectureRow, i).architecture;

      if (g_strcmp0 (name, last) != 0)
        g_string_append_printf (list, "%s%s", last != NULL ? ", " : "", name);
      last = name;
    }
  return g_string_free (list, FALSE);
}

/* --- a head for other classes than ImageNet's --- */

static void
resize_head (JsonNode *graph, int from, CnnHdf5 *file, CnnWeightsKind kind)
{
  JsonObject *config = cnn_json_object (json_node_get_object (graph), "config");
  JsonArray *layers = cnn_json_array (config, "layers");
  int at = layers != NULL ? (int) json_array_get_length (layers) - 1 : -1, classes;
  const char *size = NULL;

  for (; at >= 0 && size == NULL; at--)
    {
      JsonObject *layer = json_array_get_object_element (layers, (guint) at);
      JsonObject *layer_config = cnn_json_object (layer, "config");
      const char *class_name = cnn_json_string (layer, "class_name");

      size = g_strcmp0 (class_name, "Dense") == 0    ? "units"
             : g_strcmp0 (class_name, "Conv2D") == 0 ? "filters"
                                                     : NULL;
      if (size == NULL)
        continue;
      classes =
          cnn_weights_classes (file, kind, cnn_json_string (layer_config, "name"), class_name);
      if (classes <= 0 || integer_member (layer_config, size) != from)
        return;
      json_object_set_int_member (layer_config, size, classes);
    }
  /* MobileNet's head is a convolution, with a Reshape to (classes) after it */
  for (guint i = (guint) (at + 1); size != NULL && i < json_array_get_length (layers); i++)
    {
      JsonObject *layer = json_array_get_object_element (layers, i);
      JsonArray *target = cnn_json_array (cnn_json_object (layer, "config"), "target_shape");
      gint64 value;

      if (target != NULL && json_array_get_length (target) == 1
          && cnn_json_integer (json_array_get_element (target, 0), &value) && value == from)
        {
          json_array_remove_element (target, 0);
          json_array_add_int_element (target, classes);
        }
    }
}

/* --- fitting weights to a graph --- */

typedef struct
{
  CnnModel *model;
  CnnPart *top;
  int major;
  gboolean half_precision;
  GPtrArray *assignments;
  guint reached; /* variables that fitted */
} Fit;

static void
fit_clear (Fit *fit)
{
  g_clear_pointer (&fit->assignments, g_ptr_array_unref);
  g_clear_pointer (&fit->model, cnn_model_free);
  g_clear_pointer (&fit->top, cnn_part_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fit, fit_clear)

/* Keras 2 notes its version with a graph, Keras 3 says in which module each class is. */
static int
graph_major (JsonNode *graph)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (graph) ? json_node_get_object (graph) : NULL;
  int major = cnn_keras_major (cnn_json_string (object, "keras_version"));

  return major != 0 ? major : cnn_json_member (object, "module") != NULL ? 3 : 2;
}

static gboolean
fit_graph (JsonNode *graph, CnnHdf5 *file, CnnWeightsKind kind, const char *label, Fit *fit,
           GError **error)
{
  fit->major = graph_major (graph);
  fit->top = cnn_config_read (graph, fit->major, &fit->half_precision, error);
  if (fit->top == NULL)
    return FALSE;
  fit->model = cnn_graph_build (fit->top, label, error);
  if (fit->model == NULL)
    return FALSE;
  fit->assignments = cnn_weights_assign (fit->top, file, kind, &fit->reached, error);
  return fit->assignments != NULL;
}

/* Every name that a person gave is in the file too. */
static gboolean
names_fit (const Fit *fit, CnnHdf5 *file, CnnWeightsKind kind)
{
  for (guint i = 0; i < fit->assignments->len; i++)
    {
      CnnAssignment *assignment = g_ptr_array_index (fit->assignments, i);
      g_autofree char *group = g_path_get_dirname (assignment->dataset), *noted = NULL;
      const char *name = assignment->part->name;

      if (cnn_is_counted_name (name))
        continue;
      noted = kind == CNN_WEIGHTS_PATHS ? cnn_hdf5_text (file, group, "name") : NULL;
      if (kind == CNN_WEIGHTS_PATHS ? noted != NULL && strcmp (noted, name) != 0
                                    : strstr (assignment->dataset, name) == NULL)
        return FALSE;
    }
  return TRUE;
}

static gboolean
fit_row (const ArchitectureRow *row, gboolean top, CnnHdf5 *file, CnnWeightsKind kind,
         const char *label, Fit *fit, GError **error)
{
  const char *name = cnn_json_string (row->variants[!top], "file");
  g_autofree char *path = name != NULL ? g_build_filename (row->folder, name, NULL) : NULL;
  g_autoptr (JsonNode) graph = path != NULL ? cnn_json_read (path, error) : NULL;

  if (graph == NULL || !JSON_NODE_HOLDS_OBJECT (graph))
    return FALSE;
  if (top)
    resize_head (graph, row->classes, file, kind);
  return fit_graph (graph, file, kind, label, fit, error);
}

/* The table says how many layers have weights, which spares most graphs a look. */
static gboolean
may_fit (const ArchitectureRow *row, gboolean top, guint count)
{
  const int expected = integer_member (row->variants[!top], "layers_with_weights");

  return count == 0 || expected == 0 || (guint) expected == count;
}

static void
set_unknown_error (GArray *rows, const char *name, GError **error)
{
  g_autofree char *list = known_list (rows);

  g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
               "unknown architecture \"%s\"; there are %s, or a file of Keras' JSON", name, list);
}

/* Tries the rows of a name, or all. The error is that of the one that went furthest. */
static gboolean
fit_table (CnnKerasOpening *opening, CnnHdf5 *file, CnnWeightsKind kind, Fit *best, GError **error)
{
  const char *name = opening->request->architecture, *label = opening->request->label;
  g_autoptr (JsonNode) table = NULL;
  g_autoptr (GArray) rows = read_table (opening->request->architectures, &table, error);
  g_autoptr (GError) problem = NULL;
  g_autofree char *list = NULL;
  gboolean any = FALSE;
  guint furthest = 0, count;

  if (rows == NULL)
    return FALSE;
  count = name == NULL ? cnn_weights_count (file, kind) : 0;
  for (guint i = 0; i < rows->len; i++)
    for (int top = 1; top >= 0; top--)
      {
        const ArchitectureRow *row = &g_array_index (rows, ArchitectureRow, i);
        g_auto (Fit) fit = { 0 };
        g_autoptr (GError) misfit = NULL;

        if (name != NULL && g_ascii_strcasecmp (name, row->architecture) != 0
            && g_ascii_strcasecmp (name, row->name) != 0)
          continue;
        if (!may_fit (row, top, count))
          continue;
        any = TRUE;
        if (cnn_cancelled (error))
          return FALSE;
        if (fit_row (row, top, file, kind, label, &fit, &misfit)
            && (name != NULL || names_fit (&fit, file, kind)))
          {
            *best = fit;
            fit = (Fit){ 0 };
            opening->known = architecture_new (row->architecture, row->preprocess, row->input_size);
            return TRUE;
          }
        if (misfit != NULL && (problem == NULL || fit.reached > furthest))
          {
            g_clear_error (&problem);
            problem = g_steal_pointer (&misfit);
            furthest = fit.reached;
          }
      }
  if (name != NULL && any && problem != NULL)
    {
      g_set_error (error, CNN_ERROR, problem->code, "does not fit the architecture \"%s\": %s",
                   name, problem->message);
      return FALSE;
    }
  if (name != NULL)
    {
      set_unknown_error (rows, name, error);
      return FALSE;
    }
  list = known_list (rows);
  g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
               "holds weights only; name their architecture (%s) or put Keras' JSON of it into "
               "\"%s.json\"",
               list, label);
  return FALSE;
}

/* --- whether a whole model is what somebody calls it --- */

/* Layers with weights: those with names of their own, as "class name", and how many there are. */
typedef struct
{
  GHashTable *names;
  guint all;
} Census;

static void
count_part (const CnnPart *part, Census *census)
{
  for (guint i = 0; part->parts != NULL && i < part->parts->len; i++)
    count_part (g_ptr_array_index (part->parts, i), census);
  if (part->layer == NULL || part->layer->klass->weight_specs == NULL)
    return;
  census->all++;
  if (!cnn_is_counted_name (part->name))
    g_hash_table_add (census->names,
                      g_strdup_printf ("%s %s", part->layer->klass->name, part->name));
}

static void
take_census (const CnnPart *top, Census *census)
{
  *census = (Census){ g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL), 0 };
  count_part (top, census);
}

static void
census_clear (Census *census)
{
  g_clear_pointer (&census->names, g_hash_table_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Census, census_clear)

/* Nine in ten of the graph's layers are in the model too, by their names or, where Keras made them
 * up, by their number. */
static gboolean
holds_graph (const CnnPart *top, JsonNode *graph, guint *found, guint *wanted)
{
  gboolean half_precision;
  g_autoptr (CnnPart) other = cnn_config_read (graph, graph_major (graph), &half_precision, NULL);
  g_auto (Census) own = { 0 }, theirs = { 0 };
  GHashTableIter iter;
  gpointer name;

  *found = *wanted = 0;
  if (other == NULL)
    return FALSE;
  take_census (top, &own);
  take_census (other, &theirs);
  g_hash_table_iter_init (&iter, theirs.names);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    *found += g_hash_table_contains (own.names, name);
  *wanted = g_hash_table_size (theirs.names);
  if (*wanted == 0)
    {
      *wanted = theirs.all;
      *found = MIN (own.all, theirs.all);
      if (own.all > theirs.all + theirs.all / 10 + 2)
        return FALSE;
    }
  return *wanted > 0 && 10 * *found >= 9 * *wanted;
}

static gboolean
set_contradiction (const char *name, guint found, guint wanted, GError **error)
{
  g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
               "architecture \"%s\" contradicts the model, which has %u of its %u layers with "
               "weights",
               name, found, wanted);
  return FALSE;
}

/* Without its top, if there is such a graph. */
static gboolean
holds_row (const CnnPart *top, const ArchitectureRow *row, guint *found, guint *wanted)
{
  const char *name = cnn_json_string (row->variants[row->variants[1] != NULL], "file");
  g_autofree char *path = name != NULL ? g_build_filename (row->folder, name, NULL) : NULL;
  g_autoptr (JsonNode) graph = path != NULL ? cnn_json_read (path, NULL) : NULL;

  *found = *wanted = 0;
  return graph != NULL && holds_graph (top, graph, found, wanted);
}

static gboolean
check_row (const CnnKerasOpening *opening, GError **error)
{
  const char *name = opening->request->architecture;
  g_autoptr (JsonNode) table = NULL;
  g_autoptr (GArray) rows = read_table (opening->request->architectures, &table, error);
  guint most = 0, of = 0;
  gboolean any = FALSE;

  if (rows == NULL)
    return FALSE;
  for (guint i = 0; i < rows->len; i++)
    {
      const ArchitectureRow *row = &g_array_index (rows, ArchitectureRow, i);
      guint found, wanted;

      if (g_ascii_strcasecmp (name, row->architecture) != 0
          && g_ascii_strcasecmp (name, row->name) != 0)
        continue;
      if (holds_row (opening->top, row, &found, &wanted))
        return TRUE;
      if (!any || found > most)
        {
          most = found;
          of = wanted;
        }
      any = TRUE;
    }
  if (any)
    return set_contradiction (name, most, of, error);
  set_unknown_error (rows, name, error);
  return FALSE;
}

static gboolean
is_file_name (const char *name)
{
  return strstr (name, ".json") != NULL || strchr (name, G_DIR_SEPARATOR) != NULL;
}

gboolean
cnn_architecture_check (const CnnKerasOpening *opening, GError **error)
{
  const char *name = opening->request->architecture;
  const CnnPart *top = opening->top;
  CnnArchitecture *own = cnn_architecture_of (top), *named = cnn_architecture_named (name);
  g_autoptr (JsonNode) graph = NULL;
  gboolean fits = FALSE;
  guint found, wanted;

  if (own != NULL && named != NULL && strcmp (own->name, named->name) != 0)
    g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                 "architecture \"%s\" contradicts the model, which says that it is \"%s\"", name,
                 own->name);
  else if (own != NULL && named != NULL)
    fits = TRUE;
  else if (!is_file_name (name))
    fits = check_row (opening, error);
  else if ((graph = cnn_json_read (name, error)) != NULL)
    fits =
        holds_graph (top, graph, &found, &wanted) || set_contradiction (name, found, wanted, error);
  cnn_architecture_free (own);
  cnn_architecture_free (named);
  return fits;
}

/* --- a model for a file of weights alone --- */

gboolean
cnn_architecture_open (CnnKerasOpening *opening, CnnHdf5 *file, CnnWeightsKind kind, GError **error)
{
  const CnnReadRequest *request = opening->request;
  const char *name = request->architecture, *own = NULL;
  g_autoptr (JsonNode) graph = NULL;
  g_auto (Fit) fit = { 0 };

  if (name == NULL)
    own = request->graph;
  else if (is_file_name (name))
    own = name;
  if (own != NULL && (graph = cnn_json_read (own, error)) == NULL)
    return FALSE;
  if (!(graph != NULL ? fit_graph (graph, file, kind, request->label, &fit, error)
                      : fit_table (opening, file, kind, &fit, error))
      || !cnn_weights_read (file, fit.assignments, error))
    return FALSE;
  opening->reading->version = fit.major;
  opening->reading->half_precision = fit.half_precision;
  opening->reading->model = g_steal_pointer (&fit.model);
  opening->top = g_steal_pointer (&fit.top);
  return TRUE;
}
