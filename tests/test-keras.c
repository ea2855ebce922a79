/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The reader of Keras' files: structure and weights of the golden models in every form, small files
 * that are sound, and with keras-real.c real ones; in keras-bad.c those that are wrong in one way
 * each, with the message they get. How files are made is in keras-files.c. */

#include "error.h"
#include "keras-files.h"
#include "store.h"
#include "weights_private.h"

#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

/* --- golden models: names, classes, shapes, parameters; the same weights in each form --- */

static void
check_layer (const CnnModel *model, JsonObject *layer)
{
  g_autoptr (GError) error = NULL;
  int index = cnn_model_find (model, json_object_get_string_member (layer, "name"), &error);
  JsonArray *sizes = json_object_get_array_member (layer, "shape");
  const CnnNode *node;
  int found[3], rank;

  g_assert_no_error (error);
  node = cnn_model_node (model, index);
  rank = node->shape.rank;
  found[0] = rank > 1 ? node->shape.h : node->shape.c;
  found[1] = rank > 2 ? node->shape.w : node->shape.c;
  found[2] = node->shape.c;
  g_assert_cmpstr (node->shown->klass->name, ==, json_object_get_string_member (layer, "class"));
  g_assert_cmpint (rank, ==, (int) json_array_get_length (sizes));
  for (int i = 0; i < rank; i++)
    g_assert_cmpint (found[i], ==, json_array_get_int_element (sizes, (guint) i));
}

static void
test_golden (gconstpointer data)
{
  g_autofree char *home = g_test_build_filename (G_TEST_DIST, "data", "keras", data, NULL);
  g_autofree char *golden = g_build_filename (home, "golden.json", NULL);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (CnnNetwork) first = NULL;
  JsonObject *root;
  JsonArray *files, *layers;

  g_assert_true (json_parser_load_from_file (parser, golden, NULL));
  root = json_node_get_object (json_parser_get_root (parser));
  files = json_object_get_array_member (root, "files");
  layers = json_object_get_array_member (root, "layers");
  for (guint i = 0; i < json_array_get_length (files); i++)
    {
      JsonObject *row = json_array_get_object_element (files, i);
      g_autofree char *path =
          g_build_filename (home, json_object_get_string_member (row, "file"), NULL);
      g_autofree char *architecture =
          json_object_has_member (row, "architecture")
              ? g_build_filename (home, json_object_get_string_member (row, "architecture"), NULL)
              : NULL;
      g_autoptr (CnnNetwork) network = open_network (path, architecture);

      g_assert_cmpuint (cnn_model_parameters (network->model), ==,
                        json_object_get_int_member (root, "parameters"));
      for (guint j = 0; j < json_array_get_length (layers); j++)
        check_layer (network->model, json_array_get_object_element (layers, j));
      if (first == NULL)
        first = g_steal_pointer (&network);
      else
        check_same_weights (first->model, network->model);
    }
}

/* --- the graphs for files of weights alone --- */

/* Layers as Keras counts them: operators are none. */
static guint
count_layers (JsonNode *graph)
{
  JsonObject *config = json_object_get_object_member (json_node_get_object (graph), "config");
  JsonArray *layers = json_object_get_array_member (config, "layers");
  guint count = 0;

  for (guint i = 0; i < json_array_get_length (layers); i++)
    count += !g_str_has_prefix (
        json_object_get_string_member (json_array_get_object_element (layers, i), "module"),
        "keras.src.ops");
  return count;
}

static void
check_architecture (JsonObject *variant)
{
  g_autoptr (GError) error = NULL;
  const char *file = json_object_get_string_member (variant, "file");
  g_autofree char *path = g_build_filename (cnn_data_dir (), "architectures", file, NULL);
  g_autoptr (JsonNode) graph = cnn_json_read (path, &error);
  g_autoptr (CnnPart) top = NULL;
  g_autoptr (GPtrArray) parts = NULL;
  CnnModel *model;
  gboolean half_precision;
  gint64 parameters = 0, weighted = 0;

  g_test_message ("%s", file);
  g_assert_no_error (error);
  top = cnn_config_read (graph, 3, &half_precision, &error);
  g_assert_no_error (error);
  model = cnn_graph_build (top, file, &error);
  g_assert_no_error (error);
  parts = cnn_weights_parts (top);
  for (guint i = 0; i < parts->len; i++)
    {
      CnnWeightSpec specs[CNN_MAX_WEIGHTS];
      const int n = cnn_part_specs (parts->pdata[i], specs);

      for (int j = 0; j < n; j++)
        {
          gint64 count = 1;

          for (int k = 0; k < specs[j].rank; k++)
            count *= specs[j].dims[k];
          parameters += count;
        }
    }
  for (guint i = 0; i < top->parts->len; i++)
    {
      g_autoptr (GPtrArray) inner = cnn_weights_parts (top->parts->pdata[i]);

      weighted += inner->len > 0;
    }
  g_assert_cmpint (parameters, ==, json_object_get_int_member (variant, "parameters"));
  g_assert_cmpint (weighted, ==, json_object_get_int_member (variant, "layers_with_weights"));
  g_assert_cmpint (count_layers (graph), ==, json_object_get_int_member (variant, "layers"));
  cnn_model_free (model);
}

static void
test_architectures (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path =
      g_build_filename (cnn_data_dir (), "architectures", "architectures.json", NULL);
  g_autoptr (JsonNode) table = cnn_json_read (path, &error);
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);
  JsonArray *rows;

  g_assert_no_error (error);
  rows = json_object_get_array_member (json_node_get_object (table), "architectures");
  g_assert_cmpuint (json_array_get_length (rows), >=, 37);
  for (guint i = 0; i < json_array_get_length (rows); i++)
    {
      JsonObject *row = json_array_get_object_element (rows, i);

      g_assert_true (
          g_hash_table_add (names, (char *) json_object_get_string_member (row, "name")));
      g_assert_cmpint (cnn_preprocess_from_name (json_object_get_string_member (row, "preprocess")),
                       !=, CNN_PREPROCESS_AUTO);
      g_assert_cmpint (json_object_get_int_member (row, "input_size"), >, 0);
      check_architecture (json_object_get_object_member (row, "top"));
      check_architecture (json_object_get_object_member (row, "no_top"));
    }
}

/* --- small files, each sound --- */

static void
check_small (const CnnModel *model)
{
  static const int counts[2][2] = { { 108, 4 }, { 8, 2 } };
  static const char *const names[] = { "Conv2D", "Dense" };
  int seen = 0;

  for (int i = 0; i < cnn_model_count (model); i++)
    {
      const CnnLayer *layer = cnn_model_node (model, i)->layer;

      for (int k = 0; k < 2; k++)
        if (strcmp (layer->klass->name, names[k]) == 0)
          for (int j = 0; j < 2; j++, seen++)
            {
              g_assert_nonnull (layer->weights[j]);
              g_assert_cmpuint (cnn_array_count (layer->weights[j]), ==, (gsize) counts[k][j]);
              for (int n = 0; n < counts[k][j]; n++)
                g_assert_cmpfloat_with_epsilon (layer->weights[j]->data[n],
                                                small_number ((gsize) n), 4e-3);
            }
    }
  g_assert_cmpint (seen, ==, 4);
}

#define KERNEL "layers/conv2d/vars/0"

/* as h5py makes float16 */
static hid_t
half_type (void)
{
  hid_t type = H5Tcopy (H5T_IEEE_F32LE);

  H5Tset_fields (type, 15, 10, 5, 0, 10);
  H5Tset_size (type, 2);
  H5Tset_ebias (type, 15);
  return type;
}

static void
store_half (hid_t file)
{
  hid_t type = half_type ();

  write_numbers (file, KERNEL, type, 4, kernel_dims, H5P_DEFAULT);
  H5Tclose (type);
}

static void
store_double (hid_t file)
{
  write_numbers (file, KERNEL, H5T_IEEE_F64BE, 4, kernel_dims, H5P_DEFAULT);
}

static void
store_packed (hid_t file)
{
  static const hsize_t chunk[] = { 3, 3, 2, 2 };
  hid_t creation = H5Pcreate (H5P_DATASET_CREATE);

  H5Pset_chunk (creation, 4, chunk);
  H5Pset_shuffle (creation);
  H5Pset_deflate (creation, 9);
  write_numbers (file, KERNEL, H5T_IEEE_F32LE, 4, kernel_dims, creation);
  H5Pclose (creation);
}

static void
store_bfloat (hid_t file)
{
  hid_t type = H5Tcreate (H5T_OPAQUE, 2), space = H5Screate_simple (4, kernel_dims, NULL), dataset;
  hid_t text = H5Tcopy (H5T_C_S1), scalar = H5Screate (H5S_SCALAR), attribute;
  guint16 values[108];

  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    {
      float value = small_number (i);
      guint32 bits;

      memcpy (&bits, &value, 4);
      values[i] = (guint16) ((bits + 0x8000) >> 16);
    }
  H5Ldelete (file, KERNEL, H5P_DEFAULT);
  dataset = H5Dcreate2 (file, KERNEL, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Dwrite (dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
  H5Tset_size (text, 8);
  attribute = H5Acreate2 (dataset, "dtype", text, scalar, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite (attribute, text, "bfloat16");
  H5Aclose (attribute);
  H5Dclose (dataset);
  H5Sclose (scalar);
  H5Sclose (space);
  H5Tclose (text);
  H5Tclose (type);
}

/* Keras 2.13 */
static void
store_old_layers (hid_t file)
{
  H5Lmove (file, "layers", file, "_layer_checkpoint_dependencies", H5P_DEFAULT, H5P_DEFAULT);
}

/* the trap: the group of another number, told by its name alone */
static void
store_elsewhere (hid_t file)
{
  static const hsize_t other[] = { 3, 3, 3, 4 };
  const char *const name[] = { "conv", NULL };

  H5Lmove (file, "layers/conv2d", file, "layers/conv2d_1", H5P_DEFAULT, H5P_DEFAULT);
  write_numbers (file, KERNEL, H5T_IEEE_F32LE, 4, other, H5P_DEFAULT);
  write_strings (file, "layers/conv2d_1/vars", "name", name);
  write_strings (file, "layers/conv2d/vars", "name", (const char *const[]){ "another", NULL });
  write_strings (file, "layers/dense/vars", "name", (const char *const[]){ "dense", NULL });
}

static const struct
{
  const char *name;
  const char *old, *new; /* in the config */
  Change change;         /* of the weights */
} good[] = {
  { "plain", NULL, NULL, NULL },
  { "float16", NULL, NULL, store_half },
  { "float64-big-endian", NULL, NULL, store_double },
  { "deflate-shuffle", NULL, NULL, store_packed },
  { "bfloat16", NULL, NULL, store_bfloat },
  { "old-layers-group", NULL, NULL, store_old_layers },
  { "found-by-name", NULL, NULL, store_elsewhere },
  { "activation-object", "'activation': 'relu'",
    "'activation': {'class_name': 'LeakyReLU', 'config': {'negative_slope': 0.1}}", NULL },
  { "activation-function", "'activation': 'relu'",
    "'activation': {'module': 'builtins', 'class_name': 'function', 'config': 'relu6'}", NULL },
  { "wrapped-tuple", "'kernel_size': [3, 3]",
    "'kernel_size': {'class_name': '__tuple__', 'items': [3, 3]}", NULL },
  { "operator-keras-3",
    "'class_name': 'GlobalAveragePooling2D', 'name': 'pool', 'config': {'name': "
    "'pool'}, 'inbound_nodes': [[['conv', 0, 0, {}]]]}",
    "'class_name': 'GlobalAveragePooling2D', 'name': 'pool', 'config': {'name': 'pool'}, "
    "'inbound_nodes': [[['half', 0, 0, {}]]]}, {'module': 'keras.src.ops.numpy', 'class_name': "
    "'TrueDivide', 'name': 'half', 'config': {'name': 'half'}, 'inbound_nodes': [{'args': "
    "[{'class_name': '__keras_tensor__', 'config': {'keras_history': ['conv', 0, 0]}}, 2.0], "
    "'kwargs': {}}]}",
    NULL },
  { "operator-keras-2", "'inbound_nodes': [[['conv', 0, 0, {}]]]}",
    "'inbound_nodes': [[['tf.math.subtract', 0, 0, {}]]]}, {'class_name': 'TFOpLambda', 'name': "
    "'tf.math.subtract', 'config': {'name': 'tf.math.subtract', 'function': 'math.subtract'}, "
    "'inbound_nodes': [['conv', 0, 0, {'y': 1.0, 'name': null}]]}",
    NULL },
};

static void
test_good (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autofree char *config = small_text (small_config, good[i].old, good[i].new);
  g_autofree char *path = new_path ("good.keras");
  g_autoptr (CnnNetwork) network = NULL;

  write_keras (path, config, good[i].change);
  network = open_network (path, NULL);
  check_small (network->model);
}

/* Sequential in its old forms, in a legacy file */
static const char *const sequentials[] = {
  "{'class_name': 'Sequential', 'config': [{'class_name': 'Convolution2D', 'config': {'name': 'conv',"
  " 'batch_input_shape': [null, 8, 8, 3], 'filters': 4, 'kernel_size': 3, 'padding': 'same'}},"
  "{'class_name': 'GlobalAveragePooling2D', 'config': {'name': 'pool'}},"
  "{'class_name': 'Dense', 'config': {'name': 'dense', 'units': 2}}]}",

  "{'class_name': 'Sequential', 'config': {'name': 'outer', 'build_input_shape': [null, 8, 8, 3],"
  " 'layers': [{'class_name': 'Conv2D', 'config': {'name': 'conv', 'filters': 4, 'kernel_size': 3,"
  " 'padding': 'same'}}, {'class_name': 'GlobalAveragePooling2D', 'config': {'name': 'pool'}},"
  "{'class_name': 'Dense', 'config': {'name': 'dense', 'units': 2}}]}}",
};

static void
test_sequentials (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (sequentials); i++)
    {
      g_autofree char *config = small_text (sequentials[i], NULL, NULL);
      g_autofree char *path = new_path ("sequential.h5");
      g_autoptr (CnnNetwork) network = NULL;

      write_h5 (path, LEGACY, config, NULL);
      network = open_network (path, NULL);
      check_small (network->model);
      g_assert_cmpint (network->default_width, ==, 8);
    }
}

static void
test_sidecar (void)
{
  g_autofree char *path = new_path ("sidecar.h5"), *json = new_path ("sidecar.h5.json");
  g_autofree char *config = small_text (small_config, NULL, NULL);
  g_autofree char *text = small_text (
      "{'preprocess': 'caffe', 'labels': ['cat', 'dog'], 'input_size': [8, 8]}", NULL, NULL);
  g_autoptr (CnnNetwork) network = NULL, graph = NULL;

  write_h5 (path, LEGACY, config, NULL);
  g_assert_true (g_file_set_contents (json, text, -1, NULL));
  network = open_network (path, NULL);
  g_assert_cmpint (network->preprocess, ==, CNN_PREPROCESS_CAFFE);
  g_assert_cmpstr (network->labels->pdata[1], ==, "dog");

  /* the sidecar of weights may be their graph */
  write_h5 (path, LEGACY, NULL, NULL);
  g_assert_true (g_file_set_contents (json, config, -1, NULL));
  graph = open_network (path, NULL);
  check_small (graph->model);

  g_assert_true (g_file_set_contents (json, "[1", -1, NULL));
  check_error (path, NULL, NULL, CNN_ERROR_FILE, "sidecar.h5.json is not sound JSON");
  g_unlink (json);
}

/* --- large weights stay in the file until they are wanted --- */

#define UNITS 5000
static const hsize_t large_dims[] = { 4, UNITS };

static void
write_large (hid_t file, hid_t type, hid_t creation)
{
  const gboolean legacy = H5Lexists (file, "model_weights", H5P_DEFAULT) > 0;
  const hsize_t bias[] = { UNITS };

  write_numbers (file, legacy ? "model_weights/dense/dense/kernel:0" : "layers/dense/vars/0", type,
                 2, large_dims, creation);
  write_numbers (file, legacy ? "model_weights/dense/dense/bias:0" : "layers/dense/vars/1",
                 H5T_IEEE_F32LE, 1, bias, H5P_DEFAULT);
}

static void
store_large (hid_t file)
{
  write_large (file, H5T_IEEE_F32LE, H5P_DEFAULT);
}

static void
store_large_half (hid_t file)
{
  hid_t type = half_type ();

  write_large (file, type, H5P_DEFAULT);
  H5Tclose (type);
}

static void
store_large_packed (hid_t file)
{
  hid_t creation = H5Pcreate (H5P_DATASET_CREATE);

  H5Pset_chunk (creation, 2, large_dims);
  H5Pset_deflate (creation, 1);
  write_large (file, H5T_IEEE_F32LE, creation);
  H5Pclose (creation);
}

static void
store_large_nan (hid_t file)
{
  const char *path = "layers/dense/vars/0";
  const hsize_t at[] = { 2, 345 }, one = 1;
  const float bad = (float) NAN;
  hid_t dataset, space, memory;

  store_large (file);
  dataset = H5Dopen2 (file, path, H5P_DEFAULT);
  space = H5Dget_space (dataset);
  memory = H5Screate_simple (1, &one, NULL);
  H5Sselect_elements (space, H5S_SELECT_SET, 1, at);
  H5Dwrite (dataset, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, &bad);
  H5Sclose (memory);
  H5Sclose (space);
  H5Dclose (dataset);
}

static CnnNetwork *
open_large (const char *name, Change change, gboolean legacy, CnnArray **kernel)
{
  g_autofree char *config = small_text (small_config, "'units': 2", "'units': 5000");
  g_autofree char *path = new_path (name);
  g_autoptr (GError) error = NULL;
  CnnNetwork *network;

  if (legacy)
    write_h5 (path, LEGACY, config, change);
  else
    write_keras (path, config, change);
  network = cnn_network_open (path, NULL, CNN_PREPROCESS_NONE, NULL, NULL, &error);
  g_assert_no_error (error);
  *kernel = cnn_model_node (network->model, network->model->output)->layer->weights[0];
  g_unlink (path); /* what is open stays */
  return network;
}

static void
test_large (gconstpointer data)
{
  static const struct
  {
    Change change;
    gboolean legacy, stays;
    float tolerance;
  } rows[] = {
    { store_large, FALSE, TRUE, 0 },
    { store_large, TRUE, TRUE, 0 },
    { store_large_half, FALSE, TRUE, 5e-4f },
    { store_large_packed, FALSE, FALSE, 0 },
  };
  const guint row = GPOINTER_TO_UINT (data);
  g_autoptr (CnnNetwork) network = NULL;
  g_autoptr (GError) error = NULL;
  CnnArray *kernel;
  float room[3];
  const float *part;

  network = open_large (rows[row].legacy ? "large.h5" : "large.keras", rows[row].change,
                        rows[row].legacy, &kernel);
  g_assert_cmpint (kernel->data == NULL, ==, rows[row].stays);
  part = cnn_array_part (kernel, 7001, 3, room, &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < 3; i++)
    g_assert_cmpfloat_with_epsilon (part[i], small_number (7001 + i), rows[row].tolerance + 1e-9f);
  g_assert_true (cnn_array_load (kernel, &error));
  for (gsize i = 0; i < cnn_array_count (kernel); i++)
    g_assert_cmpfloat_with_epsilon (kernel->data[i], small_number (i), rows[row].tolerance + 1e-9f);
}

static void
test_large_nan (void)
{
  CnnArray *kernel;
  g_autoptr (CnnNetwork) network = open_large ("nan.keras", store_large_nan, FALSE, &kernel);
  g_autoptr (GError) error = NULL;

  g_assert_false (cnn_array_load (kernel, &error));
  g_assert_error (error, CNN_ERROR, CNN_ERROR_MODEL);
  g_assert_cmpstr (error->message, ==,
                   "layer \"dense\": the weights \"layers/dense/vars/0\" hold NaN or infinity");
}

int
main (int argc, char **argv)
{
  g_autoptr (GDir) goldens = NULL;
  g_autofree char *golden = NULL;
  const char *name;
  int status;

  g_test_init (&argc, &argv, NULL);
  golden = g_test_build_filename (G_TEST_DIST, "data", "keras", NULL);
  goldens = g_dir_open (golden, 0, NULL);
  while (goldens != NULL && (name = g_dir_read_name (goldens)) != NULL)
    {
      g_autofree char *path = g_strdup_printf ("/keras/golden/%s", name);

      if (strchr (name, '.') != NULL) /* make.py */
        continue;
      g_test_add_data_func_full (path, g_strdup (name), test_golden, g_free);
    }
  g_test_add_func ("/keras/architectures", test_architectures);
  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autofree char *path = g_strdup_printf ("/keras/good/%s", good[i].name);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_good);
    }
  g_test_add_func ("/keras/good/sequential", test_sequentials);
  g_test_add_data_func ("/keras/large/keras", GUINT_TO_POINTER (0), test_large);
  g_test_add_data_func ("/keras/large/h5", GUINT_TO_POINTER (1), test_large);
  g_test_add_data_func ("/keras/large/half", GUINT_TO_POINTER (2), test_large);
  g_test_add_data_func ("/keras/large/packed", GUINT_TO_POINTER (3), test_large);
  g_test_add_func ("/keras/large/nan", test_large_nan);
  g_test_add_func ("/keras/good/sidecar", test_sidecar);
  add_real_tests ();
  add_bad_tests ();
  status = g_test_run ();
  remove_folder ();
  return status;
}
