/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Real models: the built-in one, and those in the folder that is shared beside the source. */

#include "error.h"
#include "keras-files.h"
#include "keras.h"
#include "store.h"

#include <string.h>

static const struct
{
  const char *file, *architecture;
  int parameters, classes, size, version;
  CnnPreprocess preprocess;
  gboolean guess;
} shared[] = {
  { "mobilenet_v1_0.25_224_imagenet.h5", NULL, 475544, 1000, 224, 2, CNN_PREPROCESS_TF, FALSE },
  { "fer2013_mini_XCEPTION.102-0.66.hdf5", NULL, 58423, 7, 64, 2, CNN_PREPROCESS_TF, TRUE },
  { "fer2013_big_XCEPTION.54-0.66.hdf5", NULL, 208871, 7, 64, 2, CNN_PREPROCESS_TF, TRUE },
  { "mobilenet025_catvsdog.weights-only.h5", "mobilenet", 219058, 2, 224, 3, CNN_PREPROCESS_TF,
    FALSE },
  { "mobilenet025_catvsdog.weights-only.h5", NULL, 219058, 2, 224, 3, CNN_PREPROCESS_TF, FALSE },
  { "teachablemachine_waste.h5", NULL, 538708, 4, 224, 2, CNN_PREPROCESS_TF, TRUE },
  { "mnist_cnn.h5", NULL, 331754, 10, 28, 3, CNN_PREPROCESS_TF, TRUE },
  { "mnist_cnn.keras", NULL, 331754, 10, 28, 3, CNN_PREPROCESS_TF, TRUE },
};

/* The file in the shared folder, or NULL and the test is skipped. */
static char *
shared_file (const char *name)
{
  const char *set = g_getenv ("CONVLENS_SHARED"), *source = g_getenv ("CONVLENS_SOURCE_ROOT");
  g_autofree char *path = set != NULL ? g_build_filename (set, "models", name, NULL)
                                      : g_build_filename (source != NULL ? source : ".", "..",
                                                          "shared", "models", name, NULL);

  if (g_file_test (path, G_FILE_TEST_EXISTS))
    return g_steal_pointer (&path);
  g_test_skip ("the shared models are not there; CONVLENS_SHARED names their folder");
  return NULL;
}

/* Which Keras wrote a file, as its reader says. */
static int
read_version (const char *path, const char *architecture)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *architectures = g_build_filename (cnn_data_dir (), "architectures", NULL);
  g_autofree char *bytes = NULL;
  g_auto (CnnReading) reading = { 0 };
  CnnReadRequest request = {
    .path = path, .label = path, .architecture = architecture, .architectures = architectures
  };

  g_assert_true (g_file_get_contents (path, &bytes, NULL, NULL));
  memcpy (request.start, bytes, sizeof request.start);
  g_assert_true (cnn_keras_reader.is_mine (request.start));
  cnn_keras_reader.read (&request, &reading, &error);
  g_assert_no_error (error);
  return reading.version;
}

static void
test_shared (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (shared); i++)
    {
      g_autofree char *path = shared_file (shared[i].file);
      g_autoptr (CnnNetwork) network =
          path != NULL ? open_network (path, shared[i].architecture) : NULL;

      if (network == NULL)
        return;
      g_assert_cmpuint (cnn_model_parameters (network->model), ==, (gsize) shared[i].parameters);
      g_assert_cmpint (cnn_model_node (network->model, network->model->output)->shape.c, ==,
                       shared[i].classes);
      g_assert_cmpint (network->default_width, ==, shared[i].size);
      g_assert_cmpint (network->default_height, ==, shared[i].size);
      g_assert_cmpint (read_version (path, shared[i].architecture), ==, shared[i].version);
      g_assert_cmpint (network->preprocess, ==, shared[i].preprocess);
      g_assert_true ((network->preprocess_warning != NULL) == shared[i].guess);
      g_assert_cmpint (network->labels != NULL ? (int) network->labels->len : 0, ==,
                       shared[i].classes == 1000 ? 1000 : 0);
    }
}

static void
test_shared_formats (void)
{
  g_autofree char *legacy = shared_file ("mnist_cnn.h5"), *zip = shared_file ("mnist_cnn.keras");

  if (legacy != NULL && zip != NULL)
    {
      g_autoptr (CnnNetwork) a = open_network (legacy, NULL), b = open_network (zip, NULL);

      check_same_weights (a->model, b->model);
    }
}

static void
test_shared_labels (void)
{
  g_autofree char *model = shared_file ("teachablemachine_waste.h5");
  g_autofree char *imagenet = shared_file ("mobilenet_v1_0.25_224_imagenet.h5");
  g_autofree char *index = shared_file ("imagenet_class_index.json");
  g_autofree char *labels = shared_file ("teachablemachine_waste_labels.txt");
  g_autoptr (GError) error = NULL;

  if (model == NULL || imagenet == NULL || index == NULL || labels == NULL)
    return;
  {
    g_autoptr (CnnNetwork) network =
        cnn_network_open (model, NULL, CNN_PREPROCESS_UNIT, labels, NULL, &error);

    g_assert_no_error (error);
    g_assert_cmpint (network->preprocess, ==, CNN_PREPROCESS_UNIT);
    g_assert_null (network->preprocess_warning);
    g_assert_cmpuint (network->labels->len, ==, 4);
    g_assert_false (g_ascii_isdigit (((char *) network->labels->pdata[0])[0]));
  }
  {
    g_autoptr (CnnNetwork) network =
        cnn_network_open (imagenet, NULL, CNN_PREPROCESS_AUTO, index, NULL, &error);

    g_assert_no_error (error);
    g_assert_cmpstr (network->labels->pdata[0], ==, "tench");
    g_assert_cmpstr (network->labels->pdata[386], ==, "African_elephant");
  }
  check_error (model, NULL, index, CNN_ERROR_ARGUMENT, "1000 labels for a model of 4 classes");
}

static void
test_built_in (void)
{
  g_autofree char *path = g_build_filename (cnn_data_dir (), "efficientnet-lite0.keras", NULL);

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_test_skip ("the built-in model is not there; CONVLENS_DATA_DIR names its folder");
      return;
    }
  {
    g_autoptr (CnnNetwork) network = open_network (NULL, NULL);
    g_autoptr (CnnNetwork) named = open_network ("efficientnet-lite0", NULL);

    g_assert_cmpuint (cnn_model_parameters (network->model), ==, 4694024);
    g_assert_cmpint (network->preprocess, ==, CNN_PREPROCESS_NONE);
    g_assert_cmpint (network->default_width, ==, 224);
    g_assert_cmpuint (network->labels->len, ==, 1000);
    g_assert_cmpstr (network->labels->pdata[0], ==, "tench");
  }
}

void
add_real_tests (void)
{
  g_test_add_func ("/keras/built-in", test_built_in);
  g_test_add_func ("/keras/shared/models", test_shared);
  g_test_add_func ("/keras/shared/formats", test_shared_formats);
  g_test_add_func ("/keras/shared/labels", test_shared_labels);
}
