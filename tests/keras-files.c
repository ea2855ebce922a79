/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keras-files.h"

#include "error.h"

#include <glib/gstdio.h>
#include <string.h>
#include <zip.h>

const char small_config[] =
    "{'module': 'keras', 'class_name': 'Functional', 'config': {'name': 'small', 'layers': ["
    "{'module': 'keras.layers', 'class_name': 'InputLayer', 'name': 'image',"
    " 'config': {'name': 'image', 'batch_shape': [null, 8, 8, 3]}, 'inbound_nodes': []},"
    "{'module': 'keras.layers', 'class_name': 'Conv2D', 'name': 'conv', 'config': {'name': 'conv',"
    " 'filters': 4, 'kernel_size': [3, 3], 'padding': 'same', 'data_format': 'channels_last',"
    " 'activation': 'relu', 'dtype': 'float32'}, 'inbound_nodes': [[['image', 0, 0, {}]]]},"
    "{'module': 'keras.layers', 'class_name': 'GlobalAveragePooling2D', 'name': 'pool',"
    " 'config': {'name': 'pool'}, 'inbound_nodes': [[['conv', 0, 0, {}]]]},"
    "{'module': 'keras.layers', 'class_name': 'Dense', 'name': 'dense', 'config': {'name': 'dense',"
    " 'units': 2}, 'inbound_nodes': [[['pool', 0, 0, {}]]]}],"
    " 'input_layers': [['image', 0, 0]], 'output_layers': [['dense', 0, 0]]}}";

char *
small_text (const char *text, const char *old, const char *new)
{
  g_autoptr (GString) changed = g_string_new (text);

  if (old != NULL)
    g_assert_cmpuint (g_string_replace (changed, old, new, 0), >, 0);
  g_string_replace (changed, "'", "\"", 0);
  return g_string_free (g_steal_pointer (&changed), FALSE);
}

const hsize_t kernel_dims[] = { 3, 3, 3, 4 };

float
small_number (gsize index)
{
  return 1.f / (float) (index + 1);
}

void
write_numbers (hid_t file, const char *path, hid_t type, int rank, const hsize_t *dims,
               hid_t creation)
{
  hid_t links = H5Pcreate (H5P_LINK_CREATE), space, dataset;
  g_autofree float *numbers = NULL;
  hsize_t n = 1;

  for (int i = 0; i < rank; i++)
    n *= dims[i];
  numbers = g_new (float, n);
  for (hsize_t i = 0; i < n; i++)
    numbers[i] = small_number (i);
  H5Pset_create_intermediate_group (links, 1);
  if (H5Lexists (file, path, H5P_DEFAULT) > 0)
    H5Ldelete (file, path, H5P_DEFAULT);
  space = rank > 0 ? H5Screate_simple (rank, dims, NULL) : H5Screate (H5S_SCALAR);
  dataset = H5Dcreate2 (file, path, type, space, links, creation, H5P_DEFAULT);
  g_assert_cmpint (dataset, >=, 0);
  g_assert_cmpint (H5Dwrite (dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers), >=,
                   0);
  H5Dclose (dataset);
  H5Sclose (space);
  H5Pclose (links);
}

void
write_strings (hid_t file, const char *path, const char *attribute, const char *const *strings)
{
  hsize_t n = g_strv_length ((char **) strings);
  hid_t object = H5Oopen (file, path, H5P_DEFAULT), type = H5Tcopy (H5T_C_S1), space, id;

  g_assert_cmpint (object, >=, 0);
  if (H5Aexists (object, attribute) > 0)
    H5Adelete (object, attribute);
  H5Tset_size (type, H5T_VARIABLE);
  space = n == 1 && g_str_has_suffix (attribute, "_config") ? H5Screate (H5S_SCALAR)
                                                            : H5Screate_simple (1, &n, NULL);
  id = H5Acreate2 (object, attribute, type, space, H5P_DEFAULT, H5P_DEFAULT);
  g_assert_cmpint (H5Awrite (id, type, strings), >=, 0);
  H5Aclose (id);
  H5Sclose (space);
  H5Tclose (type);
  H5Oclose (object);
}

static void
write_weights (hid_t file, Layout layout, gboolean whole)
{
  static const struct
  {
    const char *legacy, *path;
    int rank;
    hsize_t dims[4];
  } table[] = {
    { "conv/conv/kernel:0", "layers/conv2d/vars/0", 4, { 3, 3, 3, 4 } },
    { "conv/conv/bias:0", "layers/conv2d/vars/1", 1, { 4 } },
    { "dense/dense/kernel:0", "layers/dense/vars/0", 2, { 4, 2 } },
    { "dense/dense/bias:0", "layers/dense/vars/1", 1, { 2 } },
  };
  static const char *const layers[] = { "conv", "dense", NULL };
  const char *root = layout == LEGACY && whole ? "model_weights/" : "";

  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_autofree char *path =
          g_strconcat (root, layout == LEGACY ? table[i].legacy : table[i].path, NULL);

      write_numbers (file, path, H5T_IEEE_F32LE, table[i].rank, table[i].dims, H5P_DEFAULT);
    }
  if (layout == PATHS)
    return;
  write_strings (file, root[0] != '\0' ? root : "/", "layer_names", layers);
  for (guint i = 0; layers[i] != NULL; i++)
    {
      g_autofree char *group = g_strconcat (root, layers[i], NULL);
      g_autofree char *kernel = g_strconcat (layers[i], "/kernel:0", NULL);
      g_autofree char *bias = g_strconcat (layers[i], "/bias:0", NULL);
      const char *const weights[] = { kernel, bias, NULL };

      write_strings (file, group, "weight_names", weights);
    }
}

static void
write_with (const char *path, hid_t access, Layout layout, const char *config, Change change)
{
  hid_t file = H5Fcreate (path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
  const char *const configs[] = { config, NULL };

  g_assert_cmpint (file, >=, 0);
  write_weights (file, layout, config != NULL);
  if (config != NULL)
    write_strings (file, "/", "model_config", configs);
  if (change != NULL)
    change (file);
  H5Fclose (file);
}

void
write_h5 (const char *path, Layout layout, const char *config, Change change)
{
  write_with (path, H5P_DEFAULT, layout, config, change);
}

void
write_new_h5 (const char *path, const char *config, Change change)
{
  hid_t access = H5Pcreate (H5P_FILE_ACCESS);

  H5Pset_libver_bounds (access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
  write_with (path, access, LEGACY, config, change);
  H5Pclose (access);
}

static void
add_entry (zip_t *zip, const char *name, gconstpointer bytes, gsize length, gboolean packed)
{
  zip_int64_t index =
      zip_file_add (zip, name, zip_source_buffer (zip, bytes, length, 0), ZIP_FL_OVERWRITE);

  g_assert_cmpint (index, >=, 0);
  zip_set_file_compression (zip, (zip_uint64_t) index, packed ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
}

void
write_zip (const char *path, const char *name, gconstpointer bytes, gsize length)
{
  zip_t *zip = zip_open (path, ZIP_CREATE, NULL);

  g_assert_nonnull (zip);
  add_entry (zip, name, bytes, length, TRUE);
  g_assert_cmpint (zip_close (zip), ==, 0);
}

void
write_keras (const char *path, const char *config, Change change)
{
  static const char metadata[] = "{\"keras_version\": \"3.5.0\"}";
  g_autofree char *inner = g_strconcat (path, ".inner", NULL), *weights = NULL;
  zip_t *zip;
  gsize length;

  write_h5 (inner, PATHS, NULL, change);
  g_assert_true (g_file_get_contents (inner, &weights, &length, NULL));
  g_unlink (inner);
  g_unlink (path);
  zip = zip_open (path, ZIP_CREATE, NULL);
  g_assert_nonnull (zip);
  add_entry (zip, "metadata.json", metadata, strlen (metadata), FALSE);
  add_entry (zip, "config.json", config, strlen (config), FALSE);
  add_entry (zip, "model.weights.h5", weights, length, FALSE);
  g_assert_cmpint (zip_close (zip), ==, 0);
}

const char *
test_folder (void)
{
  static char *folder = NULL;

  if (folder == NULL)
    folder = g_dir_make_tmp ("convlens-keras-XXXXXX", NULL);
  return folder;
}

void
remove_folder (void)
{
  g_autoptr (GDir) dir = g_dir_open (test_folder (), 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = new_path (name);

      g_unlink (path);
    }
  g_rmdir (test_folder ());
}

char *
new_path (const char *name)
{
  return g_build_filename (test_folder (), name, NULL);
}

CnnNetwork *
open_network (const char *path, const char *architecture)
{
  g_autoptr (GError) error = NULL;
  CnnNetwork *network =
      cnn_network_open (path, architecture, CNN_PREPROCESS_AUTO, NULL, NULL, &error);

  if (network == NULL)
    g_test_message ("%s", error->message);
  g_assert_no_error (error);
  return network;
}

void
check_same_weights (const CnnModel *a, const CnnModel *b)
{
  g_assert_cmpint (cnn_model_count (a), ==, cnn_model_count (b));
  for (int i = 0; i < cnn_model_count (a); i++)
    {
      const CnnLayer *x = cnn_model_node (a, i)->layer, *y = cnn_model_node (b, i)->layer;

      g_assert_cmpstr (cnn_model_node (a, i)->name, ==, cnn_model_node (b, i)->name);
      for (int j = 0; j < CNN_MAX_WEIGHTS; j++)
        {
          g_assert_true ((x->weights[j] == NULL) == (y->weights[j] == NULL));
          if (x->weights[j] != NULL)
            g_assert_true (cnn_array_load (x->weights[j], NULL)
                           && cnn_array_load (y->weights[j], NULL));
          if (x->weights[j] != NULL)
            g_assert_cmpmem (x->weights[j]->data, cnn_array_count (x->weights[j]) * sizeof (float),
                             y->weights[j]->data, cnn_array_count (y->weights[j]) * sizeof (float));
        }
    }
}

void
check_error (const char *path, const char *architecture, const char *labels, int code,
             const char *message)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnNetwork) network =
      cnn_network_open (path, architecture, CNN_PREPROCESS_AUTO, labels, NULL, &error);

  g_assert_null (network);
  g_assert_nonnull (error);
  if (strstr (error->message, message) == NULL || !g_error_matches (error, CNN_ERROR, code))
    g_test_message ("%d, not %d: %s", error->code, code, error->message);
  g_assert_error (error, CNN_ERROR, code);
  g_assert_nonnull (strstr (error->message, message));
}
