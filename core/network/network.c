/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keras_private.h"
#include "timing.h"

#include <math.h>
#include <unistd.h>

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
  gboolean whole;                  /* the file has its graph in it */
  const CnnStoreModel *registered; /* what the registry says of the file, or NULL */
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

void
cnn_network_free (CnnNetwork *network)
{
  if (network == NULL)
    return;
  cnn_model_free (network->model);
  g_free (network->preprocess_warning);
  g_clear_pointer (&network->labels, g_ptr_array_unref);
  g_free (network->path);
  g_free (network->sidecar);
  g_free (network->registered);
  g_free (network->architecture);
  g_free (network->prepared_by);
  g_free (network->contradiction);
  g_free (network);
}

static void
set_missing_error (const CnnStore *store, const CnnStoreModel *model, GError **error)
{
  g_autofree char *path = cnn_store_path (store, model), *part = g_strconcat (path, ".part", NULL);
  g_autofree char *size = cnn_store_size_text (cnn_store_bytes (model, NULL));

  g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "the model \"%s\" (%s) %s: convlens get-model %s",
               model->name, size,
               g_file_test (part, G_FILE_TEST_EXISTS)
                   ? "has not come down whole yet; this goes on with it"
                   : "has to be downloaded first; this gets it",
               model->name);
}

/* A name is that of a built-in model, of the registry or of a file in the user's folder, unless
 * there is a file of that name. store: NULL where there is no registry. */
static char *
resolve_name (const CnnStore *store, const char *name, GError **error)
{
  g_autofree char *file = NULL, *path = NULL, *hint = NULL;
  gboolean bare;

  if (name == NULL || name[0] == '\0')
    name = DEFAULT_MODEL;
  bare = strchr (name, G_DIR_SEPARATOR) == NULL;
  if (g_file_test (name, G_FILE_TEST_IS_REGULAR))
    return g_strdup (name);
  if (bare)
    {
      file = g_strconcat (name, ".keras", NULL);
      path = g_build_filename (cnn_data_dir (), file, NULL);
      if (g_file_test (path, G_FILE_TEST_EXISTS))
        return g_steal_pointer (&path);
    }
  if (bare && store != NULL)
    {
      const CnnStoreModel *model = cnn_store_find (store, name);
      g_autofree char *own =
          model != NULL ? cnn_store_path (store, model) : cnn_store_local (store, name);

      if (own != NULL && g_file_test (own, G_FILE_TEST_EXISTS))
        return g_steal_pointer (&own);
      if (model != NULL && model->url != NULL)
        {
          set_missing_error (store, model, error);
          return NULL;
        }
    }
  if (g_file_test (name, G_FILE_TEST_EXISTS))
    return g_strdup (name);
  hint = bare && store != NULL ? cnn_store_hint (store, name) : g_strdup ("");
  if (strcmp (name, DEFAULT_MODEL) == 0)
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                 "the built-in model is not installed: no file \"%s\"", path);
  else
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "no such model file: \"%s\"%s", name, hint);
  return NULL;
}

/* --- the kinds of file --- */

static gboolean
build_graph (Opening *opening, JsonNode *config, int keras_major, GError **error)
{
  gboolean half_precision;

  opening->top = cnn_config_read (config, keras_major, &half_precision, error);
  if (opening->top == NULL)
    return FALSE;
  opening->model = cnn_graph_build (opening->top, opening->label, keras_major, error);
  if (opening->model == NULL)
    return FALSE;
  opening->model->half_precision_policy = half_precision;
  opening->whole = TRUE;
  return TRUE;
}

static gboolean
give_weights (const Opening *opening, CnnHdf5 *file, CnnWeightsKind kind, GError **error)
{
  g_autoptr (GPtrArray) assignments = cnn_weights_assign (opening->top, file, kind, NULL, error);

  return assignments != NULL && cnn_weights_read (file, assignments, error);
}

/* The sum of weights in an archive is checked while the graph is built; before it is known to be
 * right, nothing looks into them. */
typedef struct
{
  const char *path;
  const CnnKerasZip *zip;
  GCancellable *cancellable;
  GError *error;
} SumCheck;

static gpointer
check_sum (gpointer data)
{
  SumCheck *check = data;
  gint64 start = cnn_timing_start ();

  if (check->cancellable != NULL)
    g_cancellable_push_current (check->cancellable);
  cnn_keras_zip_check (check->path, check->zip, &check->error);
  if (check->cancellable != NULL)
    g_cancellable_pop_current (check->cancellable);
  cnn_timing_stop (start, "checking the archive's sum");
  return NULL;
}

static gboolean
build_zip_graph (Opening *opening, const CnnKerasZip *zip, GError **error)
{
  g_autoptr (JsonNode) config = NULL, metadata = NULL;
  int major = 0;

  config = cnn_json_parse (g_bytes_get_data (zip->config, NULL), g_bytes_get_size (zip->config),
                           "config.json", error);
  if (config == NULL)
    return FALSE;
  if (zip->metadata != NULL)
    metadata = cnn_json_parse (g_bytes_get_data (zip->metadata, NULL),
                               g_bytes_get_size (zip->metadata), "metadata.json", NULL);
  if (metadata != NULL && JSON_NODE_HOLDS_OBJECT (metadata))
    major = cnn_keras_major (cnn_json_string (json_node_get_object (metadata), "keras_version"));
  return build_graph (opening, config, major != 0 ? major : 3, error);
}

static gboolean
build_and_check_sum (Opening *opening, const CnnKerasZip *zip, GError **error)
{
  SumCheck check = { opening->path, zip, g_cancellable_get_current (), NULL };
  g_autoptr (GError) problem = NULL;
  GThread *thread = g_thread_try_new ("sum", check_sum, &check, NULL);
  gboolean done = build_zip_graph (opening, zip, &problem);

  if (thread != NULL)
    g_thread_join (thread);
  else
    check_sum (&check);
  if (check.error != NULL)
    g_propagate_error (error, check.error);
  else if (!done)
    g_propagate_error (error, g_steal_pointer (&problem));
  return done && check.error == NULL;
}

static gboolean
open_zip (Opening *opening, GError **error)
{
  static const char weights[] = "model.weights.h5";
  g_auto (CnnKerasZip) zip = { 0 };
  g_autoptr (CnnHdf5) file = NULL;

  if (!cnn_keras_zip_read (opening->path, &zip, error))
    return FALSE;
  /* weights that are packed were checked when they were unpacked */
  if (!(zip.weights != NULL ? build_zip_graph (opening, &zip, error)
                            : build_and_check_sum (opening, &zip, error)))
    return FALSE;
  file = zip.weights != NULL ? cnn_hdf5_open_bytes (zip.weights, weights, error)
                             : cnn_hdf5_open_part (opening->path, zip.weights_offset,
                                                   zip.weights_size, weights, error);
  return file != NULL && give_weights (opening, file, CNN_WEIGHTS_PATHS, error);
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
      if (!cnn_hdf5_set_damaged (file, "is", error))
        g_set_error_literal (error, CNN_ERROR, CNN_ERROR_FILE,
                             "is HDF5, but holds neither a model nor weights of Keras");
      return FALSE;
    }
  if (configs == NULL || configs[0] == NULL)
    return cnn_architecture_open (architecture, opening->sidecar, file, kind, opening->label,
                                  &opening->model, &opening->top, &opening->known, error);
  config = cnn_json_parse (configs[0], strlen (configs[0]), "model_config", error);
  return config != NULL && build_graph (opening, config, file_major (file), error)
         && give_weights (opening, file, kind, error);
}

static gboolean
open_file (Opening *opening, const char *architecture, GError **error)
{
  static const char hdf5[] = "\x89HDF\r\n\x1a\n";
  char start[8] = { 0 };
  int file;
  gssize n;

  if (g_file_test (opening->path, G_FILE_TEST_IS_DIR))
    {
      g_set_error_literal (
          error, CNN_ERROR, CNN_ERROR_UNSUPPORTED,
          "is a folder (a TensorFlow SavedModel?); save the model as .keras or .h5");
      return FALSE;
    }
  file = cnn_regular_open (opening->path, NULL, error);
  if (file < 0)
    return FALSE;
  n = read (file, start, sizeof start);
  close (file);
  if (memcmp (start, hdf5, 8) == 0)
    return open_hdf5 (opening, architecture, error);
  if (memcmp (start, "PK\3\4", 4) == 0 || memcmp (start, "PK\5\6", 4) == 0)
    return open_zip (opening, error);
  g_set_error_literal (error, CNN_ERROR, CNN_ERROR_FILE,
                       n <= 0 ? "is empty"
                              : "is not a model of Keras: neither HDF5 nor a .keras archive");
  return FALSE;
}

/* --- what goes with the graph --- */

static gboolean
is_named (const CnnNode *node, const char *a, const char *b)
{
  return strcmp (node->layer->klass->name, a) == 0 || strcmp (node->layer->klass->name, b) == 0;
}

/* A Rescaling or Normalization that the picture meets before anything else, or NULL. */
static const CnnNode *
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
        return node;
      raw[i] =
          i == model->input
          || (from_raw
              && (node->layer->klass->flags & (CNN_LAYER_IDENTITY | CNN_LAYER_RESHAPING)) != 0);
    }
  return NULL;
}

static JsonObject *
sidecar_of (const Opening *opening)
{
  return opening->sidecar != NULL ? json_node_get_object (opening->sidecar) : NULL;
}

/* What the sidecar says of the preprocessing; AUTO where it says nothing. */
static gboolean
told_preprocess (const Opening *opening, CnnPreprocess *told, GError **error)
{
  JsonNode *node = cnn_json_member (sidecar_of (opening), "preprocess");
  const char *name = cnn_json_node_string (node);

  *told = cnn_preprocess_from_name (name);
  if (node == NULL || *told != CNN_PREPROCESS_AUTO
      || (name != NULL && g_ascii_strcasecmp (name, "auto") == 0))
    return TRUE;
  g_set_error (
      error, CNN_ERROR, CNN_ERROR_FILE,
      "the sidecar \"%s.json\" says preprocess \"%s\", which is not one of auto, none, tf, "
      "caffe, torch, unit",
      opening->label, name != NULL ? name : "…");
  return FALSE;
}

static gboolean
settle_preprocess (Opening *opening, CnnPreprocess wish, CnnNetwork *network, GError **error)
{
  const CnnNode *own = prepares_its_input (opening->model);
  CnnPreprocess told, registered;

  if (!told_preprocess (opening, &told, wish == CNN_PREPROCESS_AUTO ? error : NULL)
      && wish == CNN_PREPROCESS_AUTO)
    return FALSE;
  registered = opening->registered != NULL
                   ? cnn_preprocess_from_name (opening->registered->preprocess)
                   : CNN_PREPROCESS_AUTO;
  if (own != NULL)
    network->prepared_by = g_strdup (own->layer->name);
  network->preprocess_from =
      wish != CNN_PREPROCESS_AUTO         ? CNN_FROM_OPTION
      : told != CNN_PREPROCESS_AUTO       ? CNN_FROM_SIDECAR
      : registered != CNN_PREPROCESS_AUTO ? CNN_FROM_REGISTRY
      : own != NULL                       ? CNN_FROM_MODEL
      : opening->known != NULL && opening->known->preprocess != CNN_PREPROCESS_AUTO
          ? CNN_FROM_ARCHITECTURE
          : NULL;
  if (wish != CNN_PREPROCESS_AUTO)
    network->preprocess = wish;
  else if (told != CNN_PREPROCESS_AUTO)
    network->preprocess = told;
  else if (registered != CNN_PREPROCESS_AUTO)
    network->preprocess = registered;
  else if (own != NULL)
    network->preprocess = CNN_PREPROCESS_NONE;
  else if (network->preprocess_from != NULL)
    network->preprocess = opening->known->preprocess;
  else
    {
      network->preprocess = CNN_PREPROCESS_TF;
      network->preprocess_warning = g_strdup (
          "The file does not say how its input is prepared; \"tf\" (x/127.5 − 1) is assumed.");
    }
  /* A Normalization may well have learned from what was divided by 255. */
  network->prepared_twice = own != NULL && strcmp (own->layer->klass->name, "Rescaling") == 0
                            && network->preprocess != CNN_PREPROCESS_NONE;
  if (network->prepared_twice && wish == CNN_PREPROCESS_AUTO && told != CNN_PREPROCESS_AUTO)
    network->preprocess_warning = g_strdup_printf (
        "The sidecar \"%s.json\" prepares the input by \"%s\", and the model's own layer \"%s\" "
        "does so once more.",
        opening->label, cnn_json_string (sidecar_of (opening), "preprocess"), own->layer->name);
  return TRUE;
}

static gboolean
settle_size (const Opening *opening, CnnNetwork *network, GError **error)
{
  const CnnShape *shape = &cnn_model_node (opening->model, opening->model->input)->shape;
  JsonNode *node = cnn_json_member (sidecar_of (opening), "input_size");
  g_autoptr (GArray) told = g_array_new (FALSE, FALSE, sizeof (double));
  int standard = opening->registered != NULL ? opening->registered->input_size
                 : opening->known != NULL    ? opening->known->input_size
                                             : 0;
  int width = standard, height = standard;

  network->size_from = opening->registered != NULL ? CNN_FROM_REGISTRY
                       : standard > 0              ? CNN_FROM_ARCHITECTURE
                                                   : NULL;
  if (node != NULL)
    {
      gboolean good = cnn_json_flatten (node, told) && told->len > 0 && told->len <= 2;

      for (guint i = 0; good && i < told->len; i++)
        {
          double side = g_array_index (told, double, i);

          good = side >= 1 && side <= G_MAXINT16 && side == floor (side);
        }
      if (!good)
        {
          g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                       "the sidecar \"%s.json\" has an input_size that is neither N nor "
                       "[width, height]",
                       opening->label);
          return FALSE;
        }
      width = (int) g_array_index (told, double, 0);
      height = (int) g_array_index (told, double, told->len - 1);
      network->size_from = CNN_FROM_SIDECAR;
      if ((shape->w > 0 && shape->w != width) || (shape->h > 0 && shape->h != height))
        {
          g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL,
                       "the sidecar \"%s.json\" contradicts the model: input_size %d×%d, where the "
                       "model takes %d×%d",
                       opening->label, width, height, shape->w, shape->h);
          return FALSE;
        }
    }
  if (shape->w > 0 && shape->h > 0)
    network->size_from = CNN_FROM_MODEL;
  network->default_width = shape->w > 0 ? shape->w : width;
  network->default_height = shape->h > 0 ? shape->h : height;
  return TRUE;
}

char *
cnn_sidecar_labels_path (const char *model_path, const char *name)
{
  g_autofree char *folder = g_path_get_dirname (model_path);

  return g_path_is_absolute (name) ? g_strdup (name) : g_build_filename (folder, name, NULL);
}

static GPtrArray *
sidecar_labels (const Opening *opening, GError **error)
{
  JsonNode *node = cnn_json_member (sidecar_of (opening), "labels");
  const char *name = cnn_json_node_string (node);
  g_autofree char *path = NULL;
  GPtrArray *labels;

  if (name != NULL)
    {
      path = cnn_sidecar_labels_path (opening->path, name);
      return cnn_labels_read (path, error);
    }
  labels = cnn_labels_from_json (node);
  if (labels == NULL)
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "the labels of \"%s.json\" are not readable",
                 opening->label);
  return labels;
}

static void
set_count_error (const Opening *opening, const char *file, guint n, GError **error)
{
  const CnnShape *shape = &cnn_model_node (opening->model, opening->model->output)->shape;
  g_autofree char *name = file != NULL ? g_filename_display_basename (file)
                                       : g_strconcat (opening->label, ".json", NULL);

  if (shape->h * shape->w != 1)
    {
      g_autofree char *output = cnn_shape_to_string (shape);

      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "%u labels for a model without classes: its output is %s (the labels are in "
                   "\"%s\")",
                   n, output, name);
      return;
    }
  g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
               "%u labels for a model of %d classes (the labels are in \"%s\")", n,
               shape->c == 1 ? 2 : shape->c, name);
}

static gboolean
settle_labels (Opening *opening, const char *file, CnnNetwork *network, GError **error)
{
  int classes = cnn_model_node (opening->model, opening->model->output)->shape.c;
  const char *built_in = opening->registered != NULL ? opening->registered->labels
                         : opening->known != NULL    ? "imagenet"
                                                     : NULL;

  if (file != NULL && file[0] == '\0')
    file = NULL;
  if (file != NULL)
    network->labels = cnn_labels_read (file, error);
  else if (cnn_json_member (sidecar_of (opening), "labels") != NULL)
    network->labels = sidecar_labels (opening, error);
  else
    {
      if (classes == IMAGENET_CLASSES && built_in != NULL)
        {
          g_autofree char *name = g_strconcat (built_in, ".txt", NULL);
          g_autofree char *path = g_build_filename (cnn_data_dir (), "labels", name, NULL);

          network->labels = cnn_labels_read (path, NULL);
          network->labels_from =
              opening->registered != NULL ? CNN_FROM_REGISTRY : CNN_FROM_ARCHITECTURE;
        }
      return TRUE;
    }
  if (network->labels == NULL)
    return FALSE;
  network->labels_from = file != NULL ? CNN_FROM_OPTION : CNN_FROM_SIDECAR;
  /* a single unit tells two classes apart */
  if ((int) network->labels->len != classes && !(classes == 1 && network->labels->len == 2))
    {
      set_count_error (opening, file, network->labels->len, error);
      return FALSE;
    }
  return TRUE;
}

static gboolean
read_sidecar (Opening *opening, GError **error)
{
  g_autofree char *path = g_strconcat (opening->path, ".json", NULL);

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
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

/* Keras' to_json() in the sidecar's place. */
static gboolean
is_graph_itself (JsonNode *sidecar)
{
  return sidecar != NULL && cnn_json_string (json_node_get_object (sidecar), "class_name") != NULL;
}

static CnnNetwork *
open_network (Opening *opening, const char *architecture, CnnPreprocess preprocess,
              const char *labels_file, GError **error)
{
  g_autoptr (CnnNetwork) network = g_new0 (CnnNetwork, 1);

  if (!read_sidecar (opening, error))
    return NULL;
  network->architecture_from = architecture != NULL ? CNN_FROM_OPTION : NULL;
  if (architecture == NULL)
    {
      architecture = cnn_json_string (sidecar_of (opening), "architecture");
      network->architecture_from = architecture != NULL ? CNN_FROM_SIDECAR : NULL;
    }
  if (architecture == NULL && opening->registered != NULL && !is_graph_itself (opening->sidecar))
    {
      architecture = opening->registered->architecture;
      network->architecture_from = CNN_FROM_REGISTRY;
    }
  if (!open_file (opening, architecture, error))
    return NULL;
  network->architecture = g_strdup (architecture);
  if (opening->whole && g_strcmp0 (network->architecture_from, CNN_FROM_OPTION) == 0)
    {
      g_autoptr (GError) problem = NULL;

      if (!cnn_architecture_check (architecture, opening->top, &problem))
        network->contradiction = g_strdup (problem->message);
    }
  if (opening->known == NULL && architecture != NULL)
    opening->known = cnn_architecture_named (architecture);
  if (opening->known == NULL)
    opening->known = cnn_architecture_of (opening->top);
  if (network->architecture == NULL && opening->known != NULL)
    {
      network->architecture = g_strdup (opening->known->name);
      network->architecture_from = CNN_FROM_MODEL;
    }
  if (!settle_preprocess (opening, preprocess, network, error)
      || !settle_size (opening, network, error)
      || !settle_labels (opening, labels_file, network, error))
    return NULL;
  network->path = g_strdup (opening->path);
  if (opening->sidecar != NULL)
    network->sidecar = g_strconcat (opening->path, ".json", NULL);
  if (opening->registered != NULL)
    network->registered = g_strdup (opening->registered->name);
  network->model = g_steal_pointer (&opening->model);
  return g_steal_pointer (&network);
}

/* HDF5 is not for threads. */
static GMutex hdf5_lock;

static gboolean
lock_hdf5 (GError **error)
{
  while (!g_mutex_trylock (&hdf5_lock))
    {
      if (cnn_cancelled (error))
        return FALSE;
      g_usleep (1000);
    }
  return TRUE;
}

static CnnNetwork *
open_named (const char *name, const char *architecture, CnnPreprocess preprocess,
            const char *labels_file, GError **error)
{
  g_auto (Opening) opening = { 0 };
  /* Without a registry the names in it are not known, and all else goes on. */
  g_autoptr (CnnStore) store = cnn_store_open (NULL);
  g_autofree char *path = resolve_name (store, name, error);
  g_autoptr (GError) problem = NULL;
  CnnNetwork *network;

  if (path == NULL || !lock_hdf5 (error))
    return NULL;
  opening.path = path;
  opening.registered = store != NULL ? cnn_store_model_of (store, path) : NULL;
  opening.label = g_filename_display_basename (path);
  network = open_network (&opening, architecture, preprocess, labels_file, &problem);
  g_mutex_unlock (&hdf5_lock);
  if (network == NULL && g_str_has_prefix (problem->message, opening.label))
    g_propagate_error (error, g_steal_pointer (&problem));
  else if (network == NULL)
    g_propagate_prefixed_error (error, g_steal_pointer (&problem), "%s: ", opening.label);
  return network;
}

CnnNetwork *
cnn_network_open (const char *name, const char *architecture, CnnPreprocess preprocess,
                  const char *labels_file, const CnnProgress *progress, GError **error)
{
  GCancellable *cancellable = progress != NULL ? progress->cancellable : NULL;
  g_autoptr (GError) problem = NULL;
  g_autoptr (CnnNetwork) network = NULL;

  if (!cnn_progress_step (progress, 0, "reading the model", error))
    return NULL;
  if (architecture != NULL && architecture[0] == '\0')
    architecture = NULL;
  if (cancellable != NULL)
    g_cancellable_push_current (cancellable);
  network = open_named (name, architecture, preprocess, labels_file, &problem);
  if (cancellable != NULL)
    g_cancellable_pop_current (cancellable);
  /* whatever then seemed to be wrong */
  if (!cnn_progress_step (progress, 0, "reading the model", error))
    return NULL;
  if (network == NULL)
    g_propagate_error (error, g_steal_pointer (&problem));
  return g_steal_pointer (&network);
}
