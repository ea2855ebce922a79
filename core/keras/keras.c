/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keras_private.h"
#include "timing.h"

static const char hdf5_start[] = "\x89HDF\r\n\x1a\n";

static void
opening_clear (CnnKerasOpening *opening)
{
  g_clear_pointer (&opening->top, cnn_part_free);
  g_clear_pointer (&opening->known, cnn_architecture_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CnnKerasOpening, opening_clear)

static gboolean
build_graph (CnnKerasOpening *opening, JsonNode *config, int keras_major, GError **error)
{
  CnnReading *reading = opening->reading;

  opening->whole = TRUE;
  reading->version = keras_major;
  opening->top = cnn_config_read (config, keras_major, &reading->half_precision, error);
  if (opening->top == NULL)
    return FALSE;
  reading->model = cnn_graph_build (opening->top, opening->request->label, error);
  return reading->model != NULL;
}

static gboolean
give_weights (const CnnKerasOpening *opening, CnnHdf5 *file, CnnWeightsKind kind, GError **error)
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
build_zip_graph (CnnKerasOpening *opening, const CnnKerasZip *zip, GError **error)
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
build_and_check_sum (CnnKerasOpening *opening, const CnnKerasZip *zip, GError **error)
{
  SumCheck check = { opening->request->path, zip, g_cancellable_get_current (), NULL };
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
open_zip (CnnKerasOpening *opening, GError **error)
{
  static const char weights[] = "model.weights.h5";
  g_auto (CnnKerasZip) zip = { 0 };
  g_autoptr (CnnHdf5) file = NULL;

  if (!cnn_keras_zip_read (opening->request->path, &zip, error))
    return FALSE;
  /* weights that are packed were checked when they were unpacked */
  if (!(zip.weights != NULL ? build_zip_graph (opening, &zip, error)
                            : build_and_check_sum (opening, &zip, error)))
    return FALSE;
  file = zip.weights != NULL ? cnn_hdf5_open_bytes (zip.weights, weights, error)
                             : cnn_hdf5_open_part (opening->request->path, zip.weights_offset,
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
open_hdf5 (CnnKerasOpening *opening, GError **error)
{
  g_autoptr (CnnHdf5) file = cnn_hdf5_open (opening->request->path, error);
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
    return cnn_architecture_open (opening, file, kind, error);
  config = cnn_json_parse (configs[0], strlen (configs[0]), "model_config", error);
  return config != NULL && build_graph (opening, config, file_major (file), error)
         && give_weights (opening, file, kind, error);
}

static gboolean
is_hdf5 (const guint8 *start)
{
  return memcmp (start, hdf5_start, 8) == 0;
}

static gboolean
is_mine (const guint8 *start)
{
  return is_hdf5 (start) || memcmp (start, "PK\3\4", 4) == 0 || memcmp (start, "PK\5\6", 4) == 0;
}

/* What else is known of the model, once it is there. */
static void
find_hints (CnnKerasOpening *opening)
{
  const char *architecture = opening->request->architecture;
  CnnReading *reading = opening->reading;

  if (opening->whole && architecture != NULL && opening->request->check_architecture)
    {
      g_autoptr (GError) problem = NULL;

      if (!cnn_architecture_check (opening, &problem))
        reading->contradiction = g_strdup (problem->message);
    }
  if (opening->known == NULL && architecture != NULL)
    opening->known = cnn_architecture_named (architecture);
  if (opening->known == NULL)
    opening->known = cnn_architecture_of (opening->top);
  if (opening->known == NULL)
    return;
  reading->architecture = g_strdup (opening->known->name);
  reading->preprocess = opening->known->preprocess;
  reading->input_size = opening->known->input_size;
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

static gboolean
read_file (const CnnReadRequest *request, CnnReading *reading, GError **error)
{
  g_auto (CnnKerasOpening) opening = { .request = request, .reading = reading };
  gboolean done;

  if (!lock_hdf5 (error))
    return FALSE;
  done = is_hdf5 (request->start) ? open_hdf5 (&opening, error) : open_zip (&opening, error);
  if (done)
    find_hints (&opening);
  g_mutex_unlock (&hdf5_lock);
  return done;
}

const CnnModelReader cnn_keras_reader = {
  .is_mine = is_mine,
  .read = read_file,
};
