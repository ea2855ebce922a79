/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Files that are wrong in one way each, with the error that they get. One more is a row in `bad`.
 */

#include "error.h"
#include "keras-files.h"
#include "network.h"

#include <glib/gstdio.h>
#include <string.h>

static const float not_a_number = (float) (0. / 0.);

static void
put (hid_t file, const char *path, gsize index, float value)
{
  hid_t dataset = H5Dopen2 (file, path, H5P_DEFAULT);
  float numbers[108];

  g_assert_cmpint (H5Dread (dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers), >=,
                   0);
  numbers[index] = value;
  H5Dwrite (dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers);
  H5Dclose (dataset);
}

static void
with_nan (hid_t file)
{
  put (file, "model_weights/conv/conv/kernel:0", 77, not_a_number);
}

static void
with_infinity (hid_t file)
{
  put (file, "model_weights/dense/dense/bias:0", 1, (float) (1. / 0.));
}

#define H5_KERNEL "model_weights/conv/conv/kernel:0"

static void
with_four_channels (hid_t file)
{
  write_numbers (file, H5_KERNEL, H5T_IEEE_F32LE, 4, (const hsize_t[]){ 3, 3, 4, 4 }, H5P_DEFAULT);
}

static void
with_large_kernel (hid_t file)
{
  write_numbers (file, H5_KERNEL, H5T_IEEE_F32LE, 4, (const hsize_t[]){ 5, 5, 3, 4 }, H5P_DEFAULT);
}

static void
with_flat_kernel (hid_t file)
{
  write_numbers (file, H5_KERNEL, H5T_IEEE_F32LE, 1, (const hsize_t[]){ 108 }, H5P_DEFAULT);
}

static void
without_dataset (hid_t file)
{
  H5Ldelete (file, H5_KERNEL, H5P_DEFAULT);
}

static void
without_layer (hid_t file)
{
  write_strings (file, "model_weights", "layer_names", (const char *const[]){ "conv", NULL });
}

static void
without_names (hid_t file)
{
  H5Adelete_by_name (file, "model_weights", "layer_names", H5P_DEFAULT);
}

static void
with_fewer_variables (hid_t file)
{
  write_strings (file, "model_weights/conv", "weight_names",
                 (const char *const[]){ "conv/kernel:0", NULL });
}

static void
with_layer_too_many (hid_t file)
{
  write_strings (file, "model_weights/pool", "weight_names",
                 (const char *const[]){ "conv/kernel:0", NULL });
}

static void
with_extra_layer (hid_t file)
{
  hid_t group = H5Gcreate2 (file, "model_weights/pool", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);

  H5Gclose (group);
  write_strings (file, "model_weights", "layer_names",
                 (const char *const[]){ "conv", "pool", "dense", NULL });
  with_layer_too_many (file);
}

static void
with_external_link (hid_t file)
{
  without_dataset (file);
  H5Lcreate_external ("/etc/other.h5", "kernel", file, H5_KERNEL, H5P_DEFAULT, H5P_DEFAULT);
}

static void
with_soft_link (hid_t file)
{
  without_dataset (file);
  H5Lcreate_soft ("/model_weights/dense/dense/kernel:0", file, H5_KERNEL, H5P_DEFAULT, H5P_DEFAULT);
}

static void
claim (hid_t file, hid_t type, const hsize_t *dims, hid_t creation)
{
  hid_t space = H5Screate_simple (4, dims, NULL), dataset;

  without_dataset (file);
  dataset = H5Dcreate2 (file, H5_KERNEL, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  g_assert_cmpint (dataset, >=, 0);
  H5Dclose (dataset);
  H5Sclose (space);
}

static void
with_huge_claim (hid_t file)
{
  static const hsize_t chunk[] = { 3, 3, 3, 4 }, dims[] = { 60000, 60000, 60000, 4 };
  hid_t creation = H5Pcreate (H5P_DATASET_CREATE);

  H5Pset_chunk (creation, 4, chunk);
  claim (file, H5T_IEEE_F32LE, dims, creation);
  H5Pclose (creation);
}

static void
with_nothing_stored (hid_t file)
{
  claim (file, H5T_IEEE_F32LE, kernel_dims, H5P_DEFAULT);
}

static void
with_external_storage (hid_t file)
{
  hid_t creation = H5Pcreate (H5P_DATASET_CREATE);

  H5Pset_external (creation, "/etc/passwd", 0, 432);
  claim (file, H5T_IEEE_F32LE, kernel_dims, creation);
  H5Pclose (creation);
}

static void
with_checksum_filter (hid_t file)
{
  hid_t creation = H5Pcreate (H5P_DATASET_CREATE);

  H5Pset_chunk (creation, 4, kernel_dims);
  H5Pset_fletcher32 (creation);
  write_numbers (file, H5_KERNEL, H5T_IEEE_F32LE, 4, kernel_dims, creation);
  H5Pclose (creation);
}

static void
with_compound (hid_t file)
{
  hid_t type = H5Tcreate (H5T_COMPOUND, 4);

  H5Tinsert (type, "x", 0, H5T_IEEE_F32LE);
  claim (file, type, kernel_dims, H5P_DEFAULT);
  H5Tclose (type);
}

static void
with_text (hid_t file)
{
  claim (file, H5T_C_S1, kernel_dims, H5P_DEFAULT);
}

static void
with_group_for_dataset (hid_t file)
{
  without_dataset (file);
  H5Gclose (H5Gcreate2 (file, H5_KERNEL, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}

static void
keras_with_extra_variable (hid_t file)
{
  write_numbers (file, "layers/dense/vars/2", H5T_IEEE_F32LE, 1, (const hsize_t[]){ 2 },
                 H5P_DEFAULT);
}

static void
keras_without_layer (hid_t file)
{
  H5Ldelete (file, "layers/dense", H5P_DEFAULT);
}

static void
keras_without_variable (hid_t file)
{
  H5Ldelete (file, "layers/dense/vars/1", H5P_DEFAULT);
}

static const struct
{
  const char *name;
  const char *old, *new; /* in the config */
  Change change;         /* of the weights of an .h5; NULL or not: else of a .keras */
  gboolean zip;
  int code;
  const char *message;
} bad[] = {
  /* the config */
  { "unknown-class", "'Conv2D'", "'Conv9D'", NULL, FALSE, CNN_ERROR_UNSUPPORTED,
    "bad.h5: layer \"conv\": class \"Conv9D\" is not supported" },
  { "lambda", "'GlobalAveragePooling2D'", "'Lambda'", NULL, TRUE, CNN_ERROR_UNSUPPORTED,
    "bad.keras: layer \"pool\": class \"Lambda\" is not supported; its Python code" },
  { "custom-class", "'keras.layers', 'class_name': 'Conv2D'", "'mine', 'class_name': 'Conv2D'",
    NULL, TRUE, CNN_ERROR_UNSUPPORTED,
    "layer \"conv\": class \"Conv2D\" of mine is not supported" },
  { "subclassed-model", "'Functional'", "'MyModel'", NULL, TRUE, CNN_ERROR_UNSUPPORTED,
    "a model of class \"MyModel\"" },
  { "operator", "'GlobalAveragePooling2D'", "'TFOpLambda'", NULL, FALSE, CNN_ERROR_UNSUPPORTED,
    "layer \"pool\": class \"TFOpLambda\" is not supported" },
  { "channels-first", "channels_last", "channels_first", NULL, FALSE, CNN_ERROR_UNSUPPORTED,
    "layer \"conv\" (Conv2D): data_format \"channels_first\" is not supported" },
  { "keras-1", "'filters'", "'nb_filter'", NULL, FALSE, CNN_ERROR_UNSUPPORTED,
    "parameter of Keras 1" },
  { "activation", "'relu'", "'wobble'", NULL, FALSE, CNN_ERROR_UNSUPPORTED,
    "layer \"conv\" (Conv2D): activation \"wobble\" is not supported" },
  { "activation-object", "'activation': 'relu'",
    "'activation': {'class_name': 'Wobble', 'config': {}}", NULL, FALSE, CNN_ERROR_UNSUPPORTED,
    "activation \"Wobble\" is not supported" },
  { "quantized", "'dtype': 'float32'", "'dtype': 'int8_from_float32'", NULL, TRUE,
    CNN_ERROR_UNSUPPORTED, "quantized weights" },
  { "size-of-text", "'kernel_size': [3, 3]", "'kernel_size': 'large'", NULL, FALSE, CNN_ERROR_MODEL,
    "layer \"conv\" (Conv2D): \"kernel_size\" should be a whole number or two, not \"large\"" },
  { "three-sizes", "'kernel_size': [3, 3]", "'kernel_size': [3, 3, 3]", NULL, FALSE,
    CNN_ERROR_MODEL, "\"kernel_size\" should be" },
  { "monstrous-size", "'kernel_size': [3, 3]", "'kernel_size': [3, 3000000000]", NULL, FALSE,
    CNN_ERROR_MODEL, "\"kernel_size\" should be" },
  { "fraction", "'filters': 4", "'filters': 4.5", NULL, FALSE, CNN_ERROR_MODEL,
    "\"filters\" should be a whole number, not 4.5" },
  { "padding", "'padding': 'same'", "'padding': 'causal'", NULL, FALSE, CNN_ERROR_MODEL,
    "\"padding\" should be \"valid\" or \"same\", not \"causal\"" },
  { "circle", "[[['image', 0, 0, {}]]]", "[[['dense', 0, 0, {}]]]", NULL, FALSE, CNN_ERROR_MODEL,
    "the graph goes in a circle through the layers" },
  { "own-circle", "[[['image', 0, 0, {}]]]", "[[['conv', 0, 0, {}]]]", NULL, FALSE, CNN_ERROR_MODEL,
    "the graph goes in a circle through the layers \"conv\" and \"conv\"" },
  { "missing-input", "[[['image', 0, 0, {}]]]", "[[['nobody', 0, 0, {}]]]", NULL, FALSE,
    CNN_ERROR_MODEL, "layer \"conv\" needs the layer \"nobody\", which the model does not have" },
  { "missing-use", "[[['image', 0, 0, {}]]]", "[[['image', 7, 0, {}]]]", NULL, FALSE,
    CNN_ERROR_MODEL, "layer \"image\" has no use number 7" },
  { "missing-output", "[[['image', 0, 0, {}]]]", "[[['image', 0, 3, {}]]]", NULL, FALSE,
    CNN_ERROR_MODEL, "\"conv\" needs an output of \"image\" that there is not" },
  { "no-inputs", "[[['image', 0, 0, {}]]]", "[[]]", NULL, FALSE, CNN_ERROR_MODEL,
    "layer \"conv\"" },
  { "odd-inputs", "[[['image', 0, 0, {}]]]", "[{'args': 7}, 8]", NULL, FALSE, CNN_ERROR_MODEL,
    "layer \"conv\": its inbound_nodes are not readable" },
  { "same-names", "'name': 'pool'", "'name': 'conv'", NULL, FALSE, CNN_ERROR_MODEL,
    "two layers are named \"conv\"" },
  { "two-outputs", "[['dense', 0, 0]]", "[['dense', 0, 0], ['pool', 0, 0]]", NULL, FALSE,
    CNN_ERROR_UNSUPPORTED, "the model has 2 outputs; only models with one" },
  { "no-outputs", "[['dense', 0, 0]]", "[]", NULL, FALSE, CNN_ERROR_MODEL,
    "no readable output_layers" },
  { "input-is-no-input", "'input_layers': [['image'", "'input_layers': [['conv'", NULL, FALSE,
    CNN_ERROR_UNSUPPORTED, "input \"conv\" is not an InputLayer" },
  { "no-class-name", "'class_name': 'Dense'", "'class': 'Dense'", NULL, FALSE, CNN_ERROR_MODEL,
    "layer \"dense\": it has no class_name" },
  { "no-layers", "'layers'", "'players'", NULL, FALSE, CNN_ERROR_MODEL, "has no list of layers" },
  { "list-as-config", "'class_name': 'Functional', 'config': {",
    "'class_name': 'Functional', 'config': [{'class_name': 'InputLayer', 'config': {}}], 'x': {",
    NULL, TRUE, CNN_ERROR_MODEL, "has no list of layers" },
  { "odd-layers", "'layers': [", "'layers': [7, ", NULL, FALSE, CNN_ERROR_MODEL, "is not a layer" },
  { "not-a-model", "'class_name': 'Functional', ", "", NULL, FALSE, CNN_ERROR_MODEL,
    "is not a model of Keras" },
  { "broken-json", "]]}}", "]]", NULL, TRUE, CNN_ERROR_FILE, "config.json is not sound JSON" },
  /* weights of .h5 */
  { "nan", NULL, NULL, with_nan, FALSE, CNN_ERROR_MODEL,
    "bad.h5: layer \"conv\": the weights \"model_weights/conv/conv/kernel:0\" hold NaN or infinity" },
  { "infinity", NULL, NULL, with_infinity, FALSE, CNN_ERROR_MODEL, "layer \"dense\": the weights" },
  { "channels", NULL, NULL, with_four_channels, FALSE, CNN_ERROR_MODEL,
    "bad.h5: layer \"conv\": kernel 3×3 needs 3 input channels, the weights have 4" },
  { "large-kernel", NULL, NULL, with_large_kernel, FALSE, CNN_ERROR_MODEL,
    "layer \"conv\": its kernel should be 3×3×3×4, the weights (\"model_weights/conv/conv/kernel:0\") "
    "are 5×5×3×4" },
  { "flat-kernel", NULL, NULL, with_flat_kernel, FALSE, CNN_ERROR_MODEL, "are 108" },
  { "missing-dataset", NULL, NULL, without_dataset, FALSE, CNN_ERROR_FILE,
    "layer \"conv\": dataset \"model_weights/conv/conv/kernel:0\" is missing" },
  { "missing-layer", NULL, NULL, without_layer, FALSE, CNN_ERROR_MODEL,
    "layer \"dense\": the file has no weights for it" },
  { "missing-names", NULL, NULL, without_names, FALSE, CNN_ERROR_FILE,
    "has no attribute layer_names" },
  { "fewer-variables", NULL, NULL, with_fewer_variables, FALSE, CNN_ERROR_MODEL,
    "layer \"conv\": it has 2 variables, the file has 1 for it" },
  { "extra-layer", NULL, NULL, with_extra_layer, FALSE, CNN_ERROR_MODEL,
    "the file has weights for 3 layers, the model has 2 with weights" },
  { "external-link", NULL, NULL, with_external_link, FALSE, CNN_ERROR_UNSUPPORTED,
    "lies behind a soft or external link" },
  { "soft-link", NULL, NULL, with_soft_link, FALSE, CNN_ERROR_UNSUPPORTED,
    "lies behind a soft or external link" },
  { "huge-claim", NULL, NULL, with_huge_claim, FALSE, CNN_ERROR_FILE,
    "kernel:0\" has a shape but no numbers" },
  { "nothing-stored", NULL, NULL, with_nothing_stored, FALSE, CNN_ERROR_FILE,
    "has a shape but no numbers" },
  { "external-storage", NULL, NULL, with_external_storage, FALSE, CNN_ERROR_UNSUPPORTED,
    "takes its numbers from other files" },
  { "filter", NULL, NULL, with_checksum_filter, FALSE, CNN_ERROR_UNSUPPORTED,
    "packed with a filter other than deflate and shuffle" },
  { "compound", NULL, NULL, with_compound, FALSE, CNN_ERROR_UNSUPPORTED,
    "does not hold plain numbers" },
  { "text", NULL, NULL, with_text, FALSE, CNN_ERROR_UNSUPPORTED, "does not hold plain numbers" },
  { "group", NULL, NULL, with_group_for_dataset, FALSE, CNN_ERROR_FILE, "is not a dataset" },
  /* weights of .keras */
  { "keras-extra-variable", NULL, NULL, keras_with_extra_variable, TRUE, CNN_ERROR_MODEL,
    "layer \"dense\": it has 2 variables, the file has more" },
  { "keras-missing-layer", NULL, NULL, keras_without_layer, TRUE, CNN_ERROR_MODEL,
    "layer \"dense\": the file has no weights for it (\"layers/dense\")" },
  { "keras-missing-variable", NULL, NULL, keras_without_variable, TRUE, CNN_ERROR_FILE,
    "layer \"dense\": dataset \"layers/dense/vars/1\" is missing" },
};

static void
test_bad (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autofree char *config = small_text (small_config, bad[i].old, bad[i].new);
  g_autofree char *path = new_path (bad[i].zip ? "bad.keras" : "bad.h5");

  if (bad[i].zip)
    write_keras (path, config, bad[i].change);
  else
    write_h5 (path, LEGACY, config, bad[i].change);
  check_error (path, NULL, NULL, bad[i].code, bad[i].message);
  g_unlink (path);
}

static void
check_bytes (const char *name, gconstpointer bytes, gsize length, int code, const char *message)
{
  g_autofree char *path = new_path (name);

  g_assert_true (g_file_set_contents (path, bytes, (gssize) length, NULL));
  check_error (path, NULL, NULL, code, message);
  g_unlink (path);
}

static void
test_bad_bytes (void)
{
  static const char text[] = "layers = [Conv2D (32, 3)]\n";
  g_autofree char *missing = new_path ("nowhere.h5");

  check_error (missing, NULL, NULL, CNN_ERROR_FILE, "no such model file");
  check_error (test_folder (), NULL, NULL, CNN_ERROR_UNSUPPORTED, "is a folder");
  check_bytes ("empty.keras", "", 0, CNN_ERROR_FILE, "empty.keras: is empty");
  check_bytes ("text.h5", text, strlen (text), CNN_ERROR_FILE, "text.h5: is not a model of Keras");
  check_bytes ("start.h5", "\x89HDF\r\n\x1a\n", 8, CNN_ERROR_FILE, "damaged HDF5 file");
  check_bytes ("start.keras", "PK\3\4", 4, CNN_ERROR_FILE, "damaged zip archive");
}

/* Every hundredth length of both kinds of file, and the last ones */
static void
test_truncated (void)
{
  g_autofree char *config = small_text (small_config, NULL, NULL);
  static const char *const names[] = { "whole.h5", "whole.keras" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = new_path (names[i]), *cut = new_path ("cut.h5"), *bytes = NULL;
      gsize length;

      if (i == 0)
        write_h5 (path, LEGACY, config, NULL);
      else
        write_keras (path, config, NULL);
      g_assert_true (g_file_get_contents (path, &bytes, &length, NULL));
      for (gsize n = 8; n<length; n += n + 400> length ? 37 : 997)
        {
          g_assert_true (g_file_set_contents (cut, bytes, (gssize) n, NULL));
          check_error (cut, NULL, NULL, CNN_ERROR_FILE, "damaged");
        }
      g_unlink (cut);
      g_unlink (path);
    }
}

/* One wrong byte anywhere: an error or not, but no crash. */
static void
test_damaged (void)
{
  g_autofree char *config = small_text (small_config, NULL, NULL);
  g_autoptr (GRand) random = g_rand_new_with_seed (3);
  static const char *const names[] = { "whole.h5", "whole.keras" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = new_path (names[i]), *bytes = NULL;
      gsize length;

      if (i == 0)
        write_h5 (path, LEGACY, config, NULL);
      else
        write_keras (path, config, NULL);
      g_assert_true (g_file_get_contents (path, &bytes, &length, NULL));
      for (int n = 0; n < 300; n++)
        {
          g_autoptr (CnnNetwork) network = NULL;
          gsize at = (gsize) g_rand_int_range (random, 8, (gint32) length);
          char was = bytes[at];

          bytes[at] = (char) g_rand_int_range (random, 0, 256);
          g_assert_true (g_file_set_contents (path, bytes, (gssize) length, NULL));
          network = cnn_network_open (path, NULL, CNN_PREPROCESS_AUTO, NULL, NULL, NULL);
          bytes[at] = was;
        }
      g_unlink (path);
    }
}

/* Weights that lie in the archive as they are, and are not what its sum says. */
static void
test_sum (void)
{
  g_autofree char *config = small_text (small_config, NULL, NULL), *bytes = NULL;
  g_autofree char *path = new_path ("sum.keras");
  const float number = small_number (50);
  gsize length, at = 0;

  write_keras (path, config, NULL);
  g_assert_true (g_file_get_contents (path, &bytes, &length, NULL));
  while (at + 4 < length && memcmp (bytes + at, &number, 4) != 0)
    at++;
  g_assert_cmpuint (at + 4, <, length);
  bytes[at] ^= 1;
  g_assert_true (g_file_set_contents (path, bytes, (gssize) length, NULL));
  check_error (path, NULL, NULL, CNN_ERROR_FILE,
               "sum.keras: \"model.weights.h5\" is damaged: CRC error");
  g_unlink (path);
}

static void
test_bad_json (void)
{
  g_autoptr (GString) deep = g_string_new (NULL);
  g_autofree char *path = new_path ("deep.keras");

  for (int i = 0; i < 100000; i++)
    g_string_append_c (deep, '[');
  write_keras (path, deep->str, NULL);
  check_error (path, NULL, NULL, CNN_ERROR_FILE, "config.json is nested more than 512 deep");
  write_keras (path, "", NULL);
  check_error (path, NULL, NULL, CNN_ERROR_FILE, "config.json");
  write_keras (path, "\xff\xfe", NULL);
  check_error (path, NULL, NULL, CNN_ERROR_FILE, "it is not UTF-8");
  write_keras (path, "7", NULL);
  check_error (path, NULL, NULL, CNN_ERROR_MODEL, "is not a model of Keras");
  g_unlink (path);
}

/* Nested models that each call the one inside twice: 2^20 layers in a small file. */
static void
test_doubling (void)
{
  g_autoptr (GString) config = g_string_new (
      "{'class_name': 'Activation', 'name': 'm', 'config': {'name': 'm', 'activation': 'relu'}");
  g_autofree char *path = new_path ("doubling.keras"), *text = NULL;

  for (int i = 0; i < 20; i++)
    {
      g_autofree char *inner = g_strdup (config->str);

      g_string_printf (
          config,
          "{'class_name': 'Functional', 'name': 'm', 'config': {'name': 'm', 'layers': [{'class_name': "
          "'InputLayer', 'name': 'i', 'config': {'name': 'i', 'batch_shape': [null, 8, 8, 3]}, "
          "'inbound_nodes': []}, %s, 'inbound_nodes': [[['i', 0, 0]], [['m', 0, 0]]]}], 'input_layers': "
          "[['i', 0, 0]], 'output_layers': [['m', 1, 0]]}",
          inner);
    }
  g_string_append_c (config, '}');
  text = small_text (config->str, NULL, NULL);
  write_keras (path, text, NULL);
  check_error (path, NULL, NULL, CNN_ERROR_UNSUPPORTED, "more than 50000 layers");
  g_unlink (path);
}

static void
test_bad_zip (void)
{
  g_autofree char *path = new_path ("bad.keras"), *zeros = g_malloc0 (64 * 1024 * 1024);
  g_autofree char *config = small_text (small_config, NULL, NULL);

  write_zip (path, "readme.txt", "hello", 5);
  check_error (path, NULL, NULL, CNN_ERROR_FILE, "not of Keras: holds no \"config.json\"");
  write_zip (path, "config.json", config, strlen (config));
  check_error (path, NULL, NULL, CNN_ERROR_FILE, "holds no \"model.weights.h5\"");
  write_zip (path, "model.weights.npz", "?", 1);
  check_error (path, NULL, NULL, CNN_ERROR_UNSUPPORTED, "model.weights.npz");
  write_zip (path, "model.weights.h5", zeros, 64 * 1024 * 1024);
  check_error (path, NULL, NULL, CNN_ERROR_FILE, "claims 67108864 bytes in a file of");
  write_zip (path, "model.weights.h5", "hello", 5);
  check_error (path, NULL, NULL, CNN_ERROR_FILE, "model.weights.h5 is a damaged HDF5 file");
  g_unlink (path);
}

static void
test_bad_weights_only (void)
{
  g_autofree char *path = new_path ("only.h5"), *plain = new_path ("plain.h5");
  hid_t file;

  write_h5 (path, LEGACY, NULL, NULL);
  check_error (path, NULL, NULL, CNN_ERROR_ARGUMENT,
               "only.h5: holds weights only; name their architecture");
  check_error (path, "alexnet", NULL, CNN_ERROR_ARGUMENT,
               "unknown architecture \"alexnet\"; there are xception");
  check_error (path, "vgg16", NULL, CNN_ERROR_MODEL,
               "does not fit the architecture \"vgg16\": layer \"");
  check_error (path, "nowhere/graph.json", NULL, CNN_ERROR_FILE, "graph.json");
  write_h5 (path, PATHS, NULL, NULL);
  check_error (path, "xception", NULL, CNN_ERROR_MODEL,
               "does not fit the architecture \"xception\"");
  g_unlink (path);

  file = H5Fcreate (plain, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose (file);
  check_error (plain, NULL, NULL, CNN_ERROR_FILE, "neither a model nor weights of Keras");
  g_unlink (plain);
}

static void
test_bad_labels (void)
{
  g_autofree char *path = new_path ("labels.h5"), *labels = new_path ("labels.txt");
  g_autofree char *config = small_text (small_config, NULL, NULL);
  static const struct
  {
    const char *text;
    int code;
    const char *message;
  } rows[] = {
    { "cat\ndog\nbird\n", CNN_ERROR_ARGUMENT, "3 labels for a model of 2 classes" },
    { "", CNN_ERROR_FILE, "has no labels" },
    { "\xff\xfe", CNN_ERROR_FILE, "is not UTF-8" },
    { "{\"0\": 7.5}", CNN_ERROR_FILE, "is not a class index" },
    { "{\"0\": \"cat\", \"7\": \"dog\"}", CNN_ERROR_FILE, "is not a class index" },
    { "[\"cat\", ", CNN_ERROR_FILE, "is not sound JSON" },
  };

  write_h5 (path, LEGACY, config, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_assert_true (g_file_set_contents (labels, rows[i].text, -1, NULL));
      check_error (path, NULL, labels, rows[i].code, rows[i].message);
    }
  g_unlink (labels);
  check_error (path, NULL, labels, CNN_ERROR_FILE, "labels: ");
  g_unlink (path);
}

void
add_bad_tests (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *path = g_strdup_printf ("/keras/bad/%s", bad[i].name);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_bad);
    }
  g_test_add_func ("/keras/bad/bytes", test_bad_bytes);
  g_test_add_func ("/keras/bad/truncated", test_truncated);
  g_test_add_func ("/keras/bad/damaged", test_damaged);
  g_test_add_func ("/keras/bad/sum", test_sum);
  g_test_add_func ("/keras/bad/json", test_bad_json);
  g_test_add_func ("/keras/bad/doubling", test_doubling);
  g_test_add_func ("/keras/bad/zip", test_bad_zip);
  g_test_add_func ("/keras/bad/weights-only", test_bad_weights_only);
  g_test_add_func ("/keras/bad/labels", test_bad_labels);
}
