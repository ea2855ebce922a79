/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "network_private.h"

#include "keras.h"
#include "regular.h"

#include <string.h>
#include <unistd.h>

#define DEFAULT_MODEL "efficientnet-lite0"

/* A row a format, asked in this order. */
static const CnnModelReader *const readers[] = {
  &cnn_keras_reader,
};

static void
opening_clear (CnnNetworkOpening *opening)
{
  g_clear_pointer (&opening->label, g_free);
  g_clear_pointer (&opening->sidecar, json_node_unref);
  cnn_reading_clear (&opening->reading);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CnnNetworkOpening, opening_clear)

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

/* --- the file and its sidecar --- */

/* Reads it by the reader that knows its first bytes. */
static gboolean
read_file (CnnReadRequest *request, CnnReading *reading, GError **error)
{
  int file;
  gssize n;

  if (g_file_test (request->path, G_FILE_TEST_IS_DIR))
    {
      g_set_error_literal (
          error, CNN_ERROR, CNN_ERROR_UNSUPPORTED,
          "is a folder (a TensorFlow SavedModel?); save the model as .keras or .h5");
      return FALSE;
    }
  file = cnn_regular_open (request->path, NULL, error);
  if (file < 0)
    return FALSE;
  n = read (file, request->start, sizeof request->start);
  close (file);
  for (gsize i = 0; i < G_N_ELEMENTS (readers); i++)
    if (readers[i]->is_mine (request->start))
      return readers[i]->read (request, reading, error);
  g_set_error_literal (error, CNN_ERROR, CNN_ERROR_FILE,
                       n <= 0 ? "is empty"
                              : "is not a model of Keras: neither HDF5 nor a .keras archive");
  return FALSE;
}

static gboolean
read_sidecar (CnnNetworkOpening *opening, GError **error)
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

static gboolean
read_model (CnnNetworkOpening *opening, const char *architecture, const char *from, GError **error)
{
  g_autofree char *sidecar = g_strconcat (opening->path, ".json", NULL);
  g_autofree char *architectures = g_build_filename (cnn_data_dir (), "architectures", NULL);
  CnnReadRequest request = {
    .path = opening->path,
    .label = opening->label,
    .architecture = architecture,
    .graph = is_graph_itself (opening->sidecar) ? sidecar : NULL,
    .architectures = architectures,
    .check_architecture = g_strcmp0 (from, CNN_FROM_OPTION) == 0,
  };

  return read_file (&request, &opening->reading, error);
}

static CnnNetwork *
open_network (CnnNetworkOpening *opening, const char *architecture, CnnPreprocess preprocess,
              const char *labels_file, GError **error)
{
  g_autoptr (CnnNetwork) network = g_new0 (CnnNetwork, 1);
  CnnReading *reading = &opening->reading;

  if (!read_sidecar (opening, error))
    return NULL;
  network->architecture_from = architecture != NULL ? CNN_FROM_OPTION : NULL;
  if (architecture == NULL)
    {
      architecture = cnn_json_string (cnn_network_sidecar (opening), "architecture");
      network->architecture_from = architecture != NULL ? CNN_FROM_SIDECAR : NULL;
    }
  if (architecture == NULL && opening->registered != NULL && !is_graph_itself (opening->sidecar))
    {
      architecture = opening->registered->architecture;
      network->architecture_from = CNN_FROM_REGISTRY;
    }
  if (!read_model (opening, architecture, network->architecture_from, error))
    return NULL;
  network->architecture = g_strdup (architecture);
  if (network->architecture == NULL && reading->architecture != NULL)
    {
      network->architecture = g_strdup (reading->architecture);
      network->architecture_from = CNN_FROM_MODEL;
    }
  if (!cnn_network_settle_preprocess (opening, preprocess, network, error)
      || !cnn_network_settle_size (opening, network, error)
      || !cnn_network_settle_labels (opening, labels_file, network, error))
    return NULL;
  network->path = g_strdup (opening->path);
  if (opening->sidecar != NULL)
    network->sidecar = g_strconcat (opening->path, ".json", NULL);
  if (opening->registered != NULL)
    network->registered = g_strdup (opening->registered->name);
  network->half_precision = reading->half_precision;
  network->contradiction = g_steal_pointer (&reading->contradiction);
  network->model = g_steal_pointer (&reading->model);
  return g_steal_pointer (&network);
}

static CnnNetwork *
open_named (const char *name, const char *architecture, CnnPreprocess preprocess,
            const char *labels_file, GError **error)
{
  g_auto (CnnNetworkOpening) opening = { 0 };
  /* Without a registry the names in it are not known, and all else goes on. */
  g_autoptr (CnnStore) store = cnn_store_open (NULL);
  g_autofree char *path = resolve_name (store, name, error);
  g_autoptr (GError) problem = NULL;
  CnnNetwork *network;

  if (path == NULL)
    return NULL;
  opening.path = path;
  opening.registered = store != NULL ? cnn_store_model_of (store, path) : NULL;
  opening.label = g_filename_display_basename (path);
  network = open_network (&opening, architecture, preprocess, labels_file, &problem);
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
