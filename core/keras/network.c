/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keras_private.h"

#include <stdio.h>

#define DEFAULT_MODEL "efficientnet-lite0"
#define IMAGENET_CLASSES 1000

typedef struct
{
  const char *path;
  char *label;       /* the file's name, for messages */
  JsonNode *sidecar; /* <file>.json, or NULL */
  CnnModel *model;
  CnnPart *top;
  CnnArchitecture *known;
} Opening;

static void
opening_clear (Opening *opening)
{
  g_clear_pointer (&opening->label, g_free);
  g_clear_pointer (&opening->sidecar, json_node_unref);
  g_clear_pointer (&opening->model, cnn_model_free);
  g_clear_pointer (&opening->top, cnn_part_free);
  g_clear_pointer (&opening->known, cnn_architecture_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Opening, opening_clear)

const char *
cnn_data_dir (void)
{
  const char *folder = g_getenv ("CONVLENS_DATA_DIR");

  return folder != NULL && folder[0] != '\0' ? folder : CONVLENS_INSTALLED_DATA_DIR;
}

void
cnn_network_free (CnnNetwork *network)
{
  if (network == NULL)
    return;
  cnn_model_free (network->model);
  g_free (network->preprocess_warning);
  g_clear_pointer (&network->labels, g_ptr_array_unref);
  g_free (network);
}

/* A name is that of a built-in model unless there is a file of that name. */
static char *
resolve_name (const char *name, GError **error)
{
  g_autofree char *file = NULL, *path = NULL;

  if (name == NULL || name[0] == '\0')
    name = DEFAULT_MODEL;
  if (g_file_test (name, G_FILE_TEST_IS_REGULAR))
    return g_strdup (name);
  if (strchr (name, G_DIR_SEPARATOR) == NULL)
    {
      file = g_strconcat (name, ".keras", NULL);
      path = g_build_filename (cnn_data_dir (), file, NULL);
      if (g_file_test (path, G_FILE_TEST_EXISTS))
        return g_steal_pointer (&path);
    }
  if (g_file_test (name, G_FILE_TEST_EXISTS))
    return g_strdup (name);
  if (strcmp (name, DEFAULT_MODEL) == 0)
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                 "the built-in model is not installed: no file \"%s\"", path);
  else
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "no such model file: \"%s\"", name);
  return NULL;
}

/* --- the kinds of file --- */

static gboolean
build (Opening *opening, JsonNode *config, int keras_major, CnnHdf5 *file, CnnWeightsKind kind,
       GError **error)
{
  g_autoptr (GPtrArray) assignments = NULL;
  gboolean half_precision;

  opening->top = cnn_config_read (config, keras_major, &half_precision, error);
  if (opening->top == NULL)
    return FALSE;
  opening->model = cnn_graph_build (opening->top, opening->label, keras_major, error);
  if (opening->model == NULL)
    return FALSE;
  opening->model->half_precision_policy = half_precision;
  assignments = cnn_weights_assign (opening->top, file, kind, NULL, error);
  return assignments != NULL && cnn_weights_read (file, assignments, error);
}

static gboolean
open_zip (Opening *opening, GError **error)
{
  g_autoptr (GBytes) config = NULL, metadata = NULL, weights = NULL;
  g_autoptr (JsonNode) config_node = NULL, metadata_node = NULL;
  g_autoptr (CnnHdf5) file = NULL;
  int major = 0;

  if (!cnn_keras_zip_read (opening->path, &config, &metadata, &weights, error))
    return FALSE;
  config_node = cnn_json_parse (g_bytes_get_data (config, NULL), g_bytes_get_size (config),
                                "config.json", error);
  if (config_node == NULL)
    return FALSE;
  if (metadata != NULL)
    metadata_node = cnn_json_parse (g_bytes_get_data (metadata, NULL), g_bytes_get_size (metadata),
                                    "metadata.json", NULL);
  if (metadata_node != NULL && JSON_NODE_HOLDS_OBJECT (metadata_node))
    major =
        cnn_keras_major (cnn_json_string (json_node_get_object (metadata_node), "keras_version"));
  file = cnn_hdf5_open_bytes (weights, "model.weights.h5", error);
  return file != NULL
         && build (opening, config_node, major != 0 ? major : 3, file, CNN_WEIGHTS_PATHS, error);
}

static int
file_major (CnnHdf5 *file)
{
  g_autofree char *of_root = cnn_hdf5_text (file, "", "keras_version");
  g_autofree char *of_weights = cnn_hdf5_text (file, "model_weights", "keras_version");
  int major = cnn_keras_major (of_root != NULL ? of_root : of_weights);

  return major != 0 ? major : 2;
}

static gboolean
open_hdf5 (Opening *opening, const char *architecture, GError **error)
{
  g_autoptr (CnnHdf5) file = cnn_hdf5_open (opening->path, error);
  g_auto (GStrv) configs = NULL;
  g_autoptr (JsonNode) config = NULL;
  CnnWeightsKind kind;

  if (file == NULL || !cnn_hdf5_strings (file, "", "model_config", &configs, error))
    return FALSE;
  if (!cnn_weights_kind (file, &kind))
    {
      g_set_error_literal (error, CNN_ERROR, CNN_ERROR_FILE,
                           "is HDF5, but holds neither a model nor weights of Keras");
      return FALSE;
    }
  if (configs == NULL || configs[0] == NULL)
    return cnn_architecture_open (architecture, opening->sidecar, file, kind, opening->label,
                                  &opening->model, &opening->top, &opening->known, error);
  config = cnn_json_parse (configs[0], strlen (configs[0]), "model_config", error);
  return config != NULL && build (opening, config, file_major (file), file, kind, error);
}

static gboolean
open_file (Opening *opening, const char *architecture, GError **error)
{
  static const char hdf5[] = "\x89HDF\r\n\x1a\n";
  char start[8] = { 0 };
  FILE *file;
  gsize n;

  if (g_file_test (opening->path, G_FILE_TEST_IS_DIR))
    {
      g_set_error_literal (
          error, CNN_ERROR, CNN_ERROR_UNSUPPORTED,
          "is a folder (a TensorFlow SavedModel?); save the model as .keras or .h5");
      return FALSE;
    }
  file = fopen (opening->path, "rb");
  if (file == NULL)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "cannot be opened: %s", g_strerror (errno));
      return FALSE;
    }
  n = fread (start, 1, sizeof start, file);
  fclose (file);
  if (memcmp (start, hdf5, 8) == 0)
    return open_hdf5 (opening, architecture, error);
  if (memcmp (start, "PK\3\4", 4) == 0 || memcmp (start, "PK\5\6", 4) == 0)
    return open_zip (opening, error);
  g_set_error_literal (error, CNN_ERROR, CNN_ERROR_FILE,
                       n == 0 ? "is empty"
                              : "is not a model of Keras: neither HDF5 nor a .keras archive");
  return FALSE;
}

/* --- what goes with the graph --- */

static gboolean
is_named (const CnnNode *node, const char *a, const char *b)
{
  return strcmp (node->layer->klass->name, a) == 0 || strcmp (node->layer->klass->name, b) == 0;
}

/* A Rescaling or Normalization that the picture meets before anything else. */
static gboolean
prepares_its_input (const CnnModel *model)
{
  g_autofree gboolean *raw = g_new0 (gboolean, cnn_model_count (model));

  for (int i = 0; i < cnn_model_count (model); i++)
    {
      const CnnNode *node = cnn_model_node (model, i);
      gboolean from_raw = node->n_inputs > 0;

      for (int j = 0; j < node->n_inputs; j++)
        from_raw &= raw[node->inputs[j]];
      if (from_raw && is_named (node, "Rescaling", "Normalization"))
        return TRUE;
      raw[i] =
          i == model->input
          || (from_raw
              && (node->layer->klass->flags & (CNN_LAYER_IDENTITY | CNN_LAYER_RESHAPING)) != 0);
    }
  return FALSE;
}

static void
settle_preprocess (Opening *opening, CnnPreprocess wish, CnnNetwork *network)
{
  JsonObject *sidecar = opening->sidecar != NULL ? json_node_get_object (opening->sidecar) : NULL;
  CnnPreprocess told = cnn_preprocess_from_name (cnn_json_string (sidecar, "preprocess"));

  if (wish != CNN_PREPROCESS_AUTO)
    network->preprocess = wish;
  else if (told != CNN_PREPROCESS_AUTO)
    network->preprocess = told;
  else if (prepares_its_input (opening->model))
    network->preprocess = CNN_PREPROCESS_NONE;
  else if (opening->known != NULL && opening->known->preprocess != CNN_PREPROCESS_AUTO)
    network->preprocess = opening->known->preprocess;
  else
    {
      network->preprocess = CNN_PREPROCESS_TF;
      network->preprocess_warning = g_strdup (
          "The file does not say how its input is prepared; \"tf\" (x/127.5 − 1) is assumed.");
    }
}

static void
settle_size (const Opening *opening, CnnNetwork *network)
{
  JsonObject *sidecar = opening->sidecar != NULL ? json_node_get_object (opening->sidecar) : NULL;
  const CnnShape *shape = &cnn_model_node (opening->model, opening->model->input)->shape;
  g_autoptr (GArray) told = g_array_new (FALSE, FALSE, sizeof (double));
  int standard = opening->known != NULL ? opening->known->input_size : 0;
  int width = standard, height = standard;

  if (cnn_json_flatten (cnn_json_member (sidecar, "input_size"), told) && told->len > 0
      && told->len <= 2)
    {
      width = (int) CLAMP (g_array_index (told, double, 0), 0, G_MAXINT16);
      height = (int) CLAMP (g_array_index (told, double, told->len - 1), 0, G_MAXINT16);
    }
  network->default_width = shape->w > 0 ? shape->w : width;
  network->default_height = shape->h > 0 ? shape->h : height;
}

static GPtrArray *
sidecar_labels (const Opening *opening, GError **error)
{
  JsonObject *sidecar = opening->sidecar != NULL ? json_node_get_object (opening->sidecar) : NULL;
  JsonNode *node = cnn_json_member (sidecar, "labels");
  const char *name = cnn_json_node_string (node);
  g_autofree char *folder = g_path_get_dirname (opening->path), *path = NULL;
  GPtrArray *labels;

  if (name != NULL)
    {
      path = g_path_is_absolute (name) ? g_strdup (name) : g_build_filename (folder, name, NULL);
      return cnn_labels_read (path, error);
    }
  labels = cnn_labels_from_json (node);
  if (labels == NULL)
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "the labels of \"%s.json\" are not readable",
                 opening->label);
  return labels;
}

static gboolean
settle_labels (Opening *opening, const char *file, CnnNetwork *network, GError **error)
{
  int classes = cnn_model_node (opening->model, opening->model->output)->shape.c;
  JsonObject *sidecar = opening->sidecar != NULL ? json_node_get_object (opening->sidecar) : NULL;

  if (file != NULL && file[0] != '\0')
    network->labels = cnn_labels_read (file, error);
  else if (cnn_json_member (sidecar, "labels") != NULL)
    network->labels = sidecar_labels (opening, error);
  else
    {
      if (classes == IMAGENET_CLASSES && opening->known != NULL)
        {
          g_autofree char *path =
              g_build_filename (cnn_data_dir (), "labels", "imagenet.txt", NULL);

          network->labels = cnn_labels_read (path, NULL);
        }
      return TRUE;
    }
  if (network->labels == NULL)
    return FALSE;
  /* a single unit tells two classes apart */
  if ((int) network->labels->len != classes && !(classes == 1 && network->labels->len == 2))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT, "%u labels for a model of %d classes",
                   network->labels->len, classes == 1 ? 2 : classes);
      return FALSE;
    }
  return TRUE;
}

static gboolean
read_sidecar (Opening *opening, GError **error)
{
  g_autofree char *path = g_strconcat (opening->path, ".json", NULL);

  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
    return TRUE;
  opening->sidecar = cnn_json_read (path, error);
  if (opening->sidecar == NULL)
    return FALSE;
  if (JSON_NODE_HOLDS_OBJECT (opening->sidecar))
    return TRUE;
  g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "\"%s.json\" is not a JSON object",
               opening->label);
  return FALSE;
}

static CnnNetwork *
open_network (Opening *opening, const char *architecture, CnnPreprocess preprocess,
              const char *labels_file, GError **error)
{
  g_autoptr (CnnNetwork) network = g_new0 (CnnNetwork, 1);

  if (!read_sidecar (opening, error))
    return NULL;
  if (architecture == NULL && opening->sidecar != NULL)
    architecture = cnn_json_string (json_node_get_object (opening->sidecar), "architecture");
  if (!open_file (opening, architecture, error))
    return NULL;
  if (opening->known == NULL && architecture != NULL)
    opening->known = cnn_architecture_named (architecture);
  if (opening->known == NULL)
    opening->known = cnn_architecture_of (opening->top);
  settle_preprocess (opening, preprocess, network);
  settle_size (opening, network);
  if (!settle_labels (opening, labels_file, network, error))
    return NULL;
  network->model = g_steal_pointer (&opening->model);
  return g_steal_pointer (&network);
}

CnnNetwork *
cnn_network_open (const char *name, const char *architecture, CnnPreprocess preprocess,
                  const char *labels_file, GError **error)
{
  static GMutex hdf5_is_not_for_threads;
  g_auto (Opening) opening = { 0 };
  g_autofree char *path = resolve_name (name, error);
  g_autoptr (GError) problem = NULL;
  CnnNetwork *network;

  if (path == NULL)
    return NULL;
  if (architecture != NULL && architecture[0] == '\0')
    architecture = NULL;
  opening.path = path;
  opening.label = g_filename_display_basename (path);
  g_mutex_lock (&hdf5_is_not_for_threads);
  network = open_network (&opening, architecture, preprocess, labels_file, &problem);
  g_mutex_unlock (&hdf5_is_not_for_threads);
  if (network == NULL && g_str_has_prefix (problem->message, opening.label))
    g_propagate_error (error, g_steal_pointer (&problem));
  else if (network == NULL)
    g_propagate_prefixed_error (error, g_steal_pointer (&problem), "%s: ", opening.label);
  return network;
}
