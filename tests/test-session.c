/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A session on a real device: what is asked of it rightly and wrongly, photographs of all kinds,
 * the default model. */

#include "session-helpers.h"

/* One sigmoid unit: two classes, whose gradients are each other's negative. */
static void
test_binary (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnSession) session = open_golden ("shapes", "model.keras");
  const char *const names[] = { "last", NULL };
  g_autoptr (GPtrArray) best = cnn_session_predict (session, 5, &error);
  const CnnPrediction *first, *second;

  g_assert_no_error (error);
  g_assert_cmpint (best->len, ==, 2);
  first = best->pdata[0];
  second = best->pdata[1];
  g_assert_cmpint (first->index, ==, 1);
  g_assert_cmpint (second->index, ==, 0);
  g_assert_cmpfloat_with_epsilon (first->probability + second->probability, 1, 1e-6);
  for (int kind = 0; kind < 2; kind++)
    {
      g_autoptr (GPtrArray) one =
          cnn_session_gradients (session, names, "1", (CnnScoreKind) kind, NULL, &error);
      g_autoptr (GPtrArray) none =
          cnn_session_gradients (session, names, "0", (CnnScoreKind) kind, NULL, &error);
      const CnnArray *a, *b;

      g_assert_no_error (error);
      a = ((CnnLayerValues *) one->pdata[0])->values;
      b = ((CnnLayerValues *) none->pdata[0])->values;
      for (gsize i = 0; i < cnn_array_count (a); i++)
        g_assert_cmpfloat (a->data[i], ==, -b->data[i]);
    }
  g_assert_null (cnn_session_find_class (session, "2", &error));
  assert_message (&error, CNN_ERROR_ARGUMENT, "0…1");
}

static void
test_layers (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnSession) session = open_golden ("shared", "model.keras");
  g_autoptr (GPtrArray) layers = cnn_session_layers (session, &error);
  gsize sum = 0;
  gboolean found = FALSE;

  g_assert_no_error (error);
  for (guint i = 0; i < layers->len; i++)
    {
      const CnnLayerInfo *info = layers->pdata[i];

      sum += info->parameters;
      if (strcmp (info->name, "last") == 0)
        {
          found = TRUE;
          g_assert_cmpstr (info->class_name, ==, "Conv2D");
          g_assert_cmpint (info->rank, ==, 3);
          g_assert_cmpint (info->dims[0], ==, 10);
          g_assert_cmpint (info->dims[1], ==, 8);
          g_assert_cmpint (info->dims[2], ==, 5);
          g_assert_cmpint (g_strv_length (info->inputs), ==, 1);
        }
    }
  g_assert_true (found);
  g_assert_cmpint (sum, ==, cnn_session_parameters (session));
}

static void
test_wrong_wishes (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnSession) session = open_golden ("sequential", "model.keras");
  g_autoptr (CnnArray) small = cnn_array_new (3, (gint64[]){ 2, 2, 3 }, "input", NULL);
  g_autoptr (CnnArray) broken = golden_array ("sequential", "input", "");
  const char *const unknown[] = { "conv2d_77", NULL }, *const late[] = { "dense_1", NULL };
  static const struct
  {
    const char *layer, *class_wish, *why;
  } rows[] = {
    { "flatten", NULL, "has no map" },
    { "conv2d_99", NULL, "conv2d_99" },
    { NULL, "4", "0…3" },
    { NULL, "zebra", "labels are not known" },
    { NULL, "-1", "labels are not known" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      CnnGradCamOptions options = { .layer = rows[i].layer, .class_wish = rows[i].class_wish };

      g_assert_null (cnn_grad_cam (session, &options, NULL, &error));
      assert_message (&error, CNN_ERROR_ARGUMENT, rows[i].why);
    }
  g_assert_null (cnn_session_activations (session, unknown, NULL, &error));
  assert_message (&error, CNN_ERROR_ARGUMENT, "conv2d_77");
  g_assert_null (cnn_session_gradients (session, late, "0", CNN_SCORE_LOGIT, NULL, &error));
  assert_message (&error, CNN_ERROR_ARGUMENT, "does not depend");

  g_assert_false (cnn_session_set_input (session, small, &error));
  assert_message (&error, CNN_ERROR_ARGUMENT, "2×2×3");
  broken->data[7] = NAN;
  g_assert_false (cnn_session_set_input (session, broken, &error));
  assert_message (&error, CNN_ERROR_MODEL, "NaN");
}

static void
test_no_picture (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = source_file ("tests/data/keras", "sequential/model.keras");
  CnnOptions options = { .model = path };
  g_autoptr (CnnSession) session = cnn_session_open (&options, FALSE, NULL, &error);
  g_autoptr (CnnArray) input = golden_array ("sequential", "input", "");

  g_assert_no_error (error);
  g_assert_null (cnn_session_device_name (session));
  g_assert_null (cnn_session_predict (session, 5, &error));
  assert_message (&error, CNN_ERROR_ARGUMENT, "no picture");
  g_assert_true (cnn_session_set_input (session, input, NULL));
  g_assert_null (cnn_session_predict (session, 5, &error));
  assert_message (&error, CNN_ERROR_DEVICE, "without a device");
}

static void
test_cancelled (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (CnnSession) session = open_golden ("sequential", "model.keras");
  CnnProgress progress = { .cancellable = cancellable };
  CnnGradCamOptions options = { 0 };

  g_cancellable_cancel (cancellable);
  g_assert_null (cnn_grad_cam (session, &options, &progress, &error));
  assert_message (&error, CNN_ERROR_CANCELLED, "cancelled");
}

/* --- Photographs --- */

/* Whatever was made ready for a photograph is there for the next one of any size. */
static void
test_plan_stays (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnSession) session = open_golden ("activations", "model.keras");
  const char *const names[] = { "input", NULL };
  const CnnPlan *plan = NULL;

  for (int i = 0; i < 3; i++)
    {
      g_autoptr (CnnImage) photo = cnn_image_new (40 + 7 * i, 50 - 9 * i, 3, NULL);
      g_autoptr (GPtrArray) gradients = NULL;

      for (gsize k = 0; k < (gsize) photo->width * photo->height * 3; k++)
        photo->pixels[k] = (float) ((k * 37 + (gsize) i) % 255) / 255;
      g_assert_true (cnn_session_set_photo (session, photo, &error));
      gradients = cnn_session_gradients (session, names, "0", CNN_SCORE_LOGIT, NULL, &error);
      g_assert_no_error (error);
      g_assert_true (plan == NULL || session->plan == plan);
      plan = session->plan;
    }
}

/* What the model gets for a photograph of the size it takes. */
static CnnArray *
input_for (const char *model, const CnnOptions *how, const CnnImage *photo)
{
  g_autoptr (GError) error = NULL;
  CnnOptions options = *how;
  const char *const names[] = { "input", NULL };
  g_autoptr (CnnSession) session = NULL;
  g_autoptr (GPtrArray) all = NULL;

  options.model = model;
  session = cnn_session_open (&options, TRUE, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (cnn_session_set_photo (session, photo, &error));
  g_assert_no_error (error);
  all = cnn_session_activations (session, names, NULL, &error);
  g_assert_no_error (error);
  return cnn_array_ref (((CnnLayerValues *) all->pdata[0])->values);
}

static void
test_preprocess (void)
{
  g_autofree char *model = source_file ("tests/data/keras", "sequential/model.keras");
  g_autoptr (CnnImage) photo = cnn_image_new (13, 19, 4, NULL);
  static const float background[3] = { 0, 0, 1 };
  static const struct
  {
    CnnPreprocess kind;
    const float *background;
    double first[3], last[3]; /* of an opaque (255, 51, 102), and of a pixel that is not there */
  } rows[] = {
    { CNN_PREPROCESS_NONE, NULL, { 255, 51, 102 }, { 255, 255, 255 } },
    { CNN_PREPROCESS_NONE, background, { 255, 51, 102 }, { 0, 0, 255 } },
    { CNN_PREPROCESS_TF, NULL, { 1, -0.6, -0.2 }, { 1, 1, 1 } },
    { CNN_PREPROCESS_UNIT, NULL, { 1, 0.2, 0.4 }, { 1, 1, 1 } },
    { CNN_PREPROCESS_CAFFE,
      NULL,
      { 102 - 103.939, 51 - 116.779, 255 - 123.68 },
      { 255 - 103.939, 255 - 116.779, 255 - 123.68 } },
    { CNN_PREPROCESS_TORCH,
      NULL,
      { (1 - .485) / .229, (.2 - .456) / .224, (.4 - .406) / .225 },
      { (1 - .485) / .229, (1 - .456) / .224, (1 - .406) / .225 } },
  };

  for (gsize i = 0; i < 13 * 19; i++)
    memcpy (photo->pixels + 4 * i, (float[]){ 1, .2f, .4f, i + 1 < 13 * 19 ? 1 : 0 },
            4 * sizeof (float));
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      CnnOptions options = { .preprocess = rows[i].kind, .background = rows[i].background };
      g_autoptr (CnnArray) input = input_for (model, &options, photo);

      for (int c = 0; c < 3; c++)
        {
          g_assert_cmpfloat_with_epsilon (input->data[c], rows[i].first[c], 1e-4);
          g_assert_cmpfloat_with_epsilon (input->data[(13 * 19 - 1) * 3 + c], rows[i].last[c],
                                          1e-4);
        }
    }
}

/* Asked anew, the session looks at the new picture; the book's preset changes nothing for later. */
static void
test_again (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *model = source_file ("tests/data/keras", "sequential/model.keras");
  g_autoptr (CnnSession) session = open_model (model, NULL);
  g_autoptr (CnnImage) photo = cnn_image_new (40, 31, 3, NULL);
  g_autoptr (CnnArray) input = golden_array ("sequential", "input", "");
  CnnGradCamOptions options = { .layer = "conv2d", .preset = CNN_PRESET_BOOK };
  const char *const names[] = { "dense_1", NULL };
  g_autoptr (GPtrArray) before = NULL;
  g_autoptr (GPtrArray) after = NULL;
  g_autoptr (GPtrArray) other = NULL;
  g_autoptr (CnnGradCam) cam = NULL;
  int width, height;

  for (int i = 0; i < 40 * 31 * 3; i++)
    photo->pixels[i] = (float) (i * 37 % 101) / 100;
  g_assert_true (cnn_session_set_photo (session, photo, &error));
  before = cnn_session_activations (session, names, NULL, &error);
  g_assert_no_error (error);
  cam = cnn_grad_cam (session, &options, NULL, NULL);
  after = cnn_session_activations (session, names, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat (difference (((CnnLayerValues *) after->pdata[0])->values,
                                 ((CnnLayerValues *) before->pdata[0])->values),
                     ==, 0);

  g_assert_true (cnn_session_set_input (session, input, &error));
  other = cnn_session_activations (session, names, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat (difference (((CnnLayerValues *) other->pdata[0])->values,
                                 ((CnnLayerValues *) before->pdata[0])->values),
                     >, 1e-3);
  cnn_session_input_size (session, &width, &height);
  g_assert_cmpint (width, ==, 13);
  g_assert_cmpint (height, ==, 19);
  g_assert_cmpfloat (cnn_session_milliseconds (session), >, 0);
}

static void
test_default_model (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = source_file ("install", "sample/coffee.jpg");
  g_autoptr (CnnImage) photo = cnn_image_load (path, &error);
  CnnOptions options = { 0 };
  CnnGradCamOptions how = { .class_wish = "ESPRESSO" };
  g_autoptr (CnnSession) session = cnn_session_open (&options, TRUE, NULL, &error);
  g_autoptr (CnnGradCam) cam = NULL;
  g_autoptr (CnnPrediction) maillot = NULL;
  static const struct
  {
    const char *wish, *why;
  } rows[] = {
    { "crane", "134, 517" },
    { "maillot", "638, 639" },
    { "elephant", "African_elephant" },
    { "expresso", "espresso (967)" },
    { "1000", "0…999" },
    { "99999999999999999999", "0…999" },
    { "qqqqqqqq", "among the model's labels" },
  };
  static const int sizes[][2] = { { 1, 1 }, { 20000, 10 } };

  g_assert_no_error (error);
  g_assert_cmpstr (cnn_session_model_name (session), ==, "efficientnet-lite0");
  g_assert_true (cnn_session_set_photo (session, photo, &error));
  cam = cnn_grad_cam (session, &how, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (cam->layer, ==, "top_relu6");
  g_assert_cmpint (cam->target->index, ==, 967);
  g_assert_cmpfloat_with_epsilon (cam->target->probability, 0.90, 0.02);
  g_assert_cmpstr (((CnnPrediction *) cam->predictions->pdata[0])->label, ==, "espresso");
  g_assert_cmpint (cam->predictions->len, ==, 5);
  g_assert_cmpint (cam->heatmap->dims[0], ==, 7);

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_assert_null (cnn_session_find_class (session, rows[i].wish, &error));
      assert_message (&error, CNN_ERROR_ARGUMENT, rows[i].why);
    }
  maillot = cnn_session_find_class (session, " African elephant ", &error);
  g_assert_no_error (error);
  g_assert_cmpint (maillot->index, ==, 386);

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (int channels = 1; channels <= 4; channels++)
      {
        g_autoptr (CnnImage) odd = cnn_image_new (sizes[i][0], sizes[i][1], channels, NULL);
        g_autoptr (GPtrArray) best = NULL;

        g_assert_true (cnn_session_set_photo (session, odd, &error));
        best = cnn_session_predict (session, 1, &error);
        g_assert_no_error (error);
        g_assert_cmpint (best->len, ==, 1);
      }
}

static void
test_input_size (void)
{
  g_autoptr (GError) error = NULL;
  CnnOptions options = { .input_width = 300, .input_height = 200 };
  g_autoptr (CnnImage) photo = cnn_image_new (20, 20, 3, NULL);
  g_autoptr (CnnSession) session = cnn_session_open (&options, FALSE, NULL, &error);

  g_assert_no_error (error);
  g_assert_false (cnn_session_set_photo (session, photo, &error));
  assert_message (&error, CNN_ERROR_ARGUMENT, "200×300×3");
}

static void
test_gray_model (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = shared_file ("models/mnist_cnn.h5");
  g_autoptr (CnnImage) photo = cnn_image_new (60, 50, 3, NULL);
  CnnOptions options = { .preprocess = CNN_PREPROCESS_UNIT };
  g_autoptr (CnnArray) input = NULL;

  if (path == NULL)
    return;
  for (int i = 0; i < 60 * 50; i++)
    photo->pixels[3 * i] = 1;
  input = input_for (path, &options, photo);
  g_assert_cmpint (input->dims[2], ==, 1);
  /* Pillow's L of pure red is 76. */
  g_assert_cmpfloat_with_epsilon (input->data[0], 76 / 255.0, 1e-6);

  options.preprocess = CNN_PREPROCESS_CAFFE;
  options.model = path;
  {
    g_autoptr (CnnSession) session = cnn_session_open (&options, FALSE, NULL, &error);

    g_assert_no_error (error);
    g_assert_false (cnn_session_set_photo (session, photo, &error));
    assert_message (&error, CNN_ERROR_ARGUMENT, "caffe");
  }
}

/* What faces paint over: the photograph over its background, RGB whatever the model sees. */
static void
test_photo (void)
{
  static const float blue[3] = { 0, 0, 1 };
  static const struct
  {
    const char *model; /* in the shared folder, or NULL: the default one */
    const float *background;
    int channels;
    float pixel[4], wanted[3];
  } rows[] = {
    { NULL, NULL, 1, { .25f }, { .25f, .25f, .25f } },
    { NULL, NULL, 2, { .25f, .5f }, { .625f, .625f, .625f } },
    { NULL, blue, 2, { .25f, .5f }, { .125f, .125f, .625f } },
    { NULL, NULL, 3, { 1, .5f, .25f }, { 1, .5f, .25f } },
    { NULL, NULL, 4, { 1, .5f, .25f, 0 }, { 1, 1, 1 } },
    { NULL, blue, 4, { 1, .5f, .25f, 0 }, { 0, 0, 1 } },
    { "models/mnist_cnn.h5", NULL, 1, { .3f }, { .3f, .3f, .3f } },
    { "models/mnist_cnn.h5", blue, 4, { 1, .5f, .25f, .5f }, { .5f, .25f, .625f } },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *model = rows[i].model != NULL ? shared_file (rows[i].model) : NULL;
      CnnOptions options = { .model = model, .background = rows[i].background };
      g_autoptr (CnnImage) photo = cnn_image_new (5, 3, rows[i].channels, NULL);
      g_autoptr (CnnSession) session = NULL;
      const CnnImage *flat;

      if (rows[i].model != NULL && model == NULL)
        return;
      for (gsize k = 0; k < 15; k++)
        memcpy (photo->pixels + k * (gsize) rows[i].channels, rows[i].pixel,
                sizeof (float) * (gsize) rows[i].channels);
      session = cnn_session_open (&options, FALSE, NULL, &error);
      g_assert_no_error (error);
      g_assert_null (cnn_session_photo (session));
      g_assert_true (cnn_session_set_photo (session, photo, &error));
      flat = cnn_session_photo (session);
      g_assert_cmpint (flat->width, ==, 5);
      g_assert_cmpint (flat->height, ==, 3);
      g_assert_cmpint (flat->channels, ==, 3);
      for (int c = 0; c < 3; c++)
        if (flat->pixels[3 * 14 + c] != rows[i].wanted[c])
          g_error ("row %u, channel %d: %g, not %g", (guint) i, c,
                   (double) flat->pixels[3 * 14 + c], (double) rows[i].wanted[c]);
    }
}

/* Where the input itself is given there is none. */
static void
test_no_photo (void)
{
  g_autoptr (CnnSession) session = open_golden ("sequential", "model.keras");
  g_autoptr (CnnImage) photo = cnn_image_new (5, 3, 3, NULL);
  g_autoptr (CnnArray) input = golden_array ("sequential", "input", "");

  g_assert_null (cnn_session_photo (session));
  g_assert_true (cnn_session_set_photo (session, photo, NULL));
  g_assert_nonnull (cnn_session_photo (session));
  g_assert_true (cnn_session_set_input (session, input, NULL));
  g_assert_null (cnn_session_photo (session));
}

static void
test_mobilenet (void)
{
  static const struct
  {
    const char *photo, *label;
  } rows[] = { { "photos/elephant.jpg", "African_elephant" }, { "photos/macaw.jpg", "macaw" } };
  g_autofree char *path = shared_file ("models/mobilenet_v1_0.25_224_imagenet.h5");
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnSession) session = NULL;
  CnnOptions options = { .model = path };

  if (path == NULL)
    return;
  session = cnn_session_open (&options, TRUE, NULL, &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *name = shared_file (rows[i].photo);
      g_autoptr (CnnImage) photo = cnn_image_load (name, &error);
      CnnGradCamOptions how = { 0 };
      g_autoptr (CnnGradCam) cam = NULL;

      g_assert_no_error (error);
      g_assert_true (cnn_session_set_photo (session, photo, &error));
      cam = cnn_grad_cam (session, &how, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (cam->layer, ==, "conv_pw_13_relu");
      g_assert_cmpstr (cam->target->label, ==, rows[i].label);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/session/binary", test_binary);
  g_test_add_func ("/session/layers", test_layers);
  g_test_add_func ("/session/wrong-wishes", test_wrong_wishes);
  g_test_add_func ("/session/no-picture", test_no_picture);
  g_test_add_func ("/session/cancelled", test_cancelled);
  g_test_add_func ("/session/preprocess", test_preprocess);
  g_test_add_func ("/session/plan-stays", test_plan_stays);
  g_test_add_func ("/session/again", test_again);
  g_test_add_func ("/session/default-model", test_default_model);
  g_test_add_func ("/session/input-size", test_input_size);
  g_test_add_func ("/session/gray-model", test_gray_model);
  g_test_add_func ("/session/photo", test_photo);
  g_test_add_func ("/session/no-photo", test_no_photo);
  g_test_add_func ("/session/mobilenet", test_mobilenet);
  return g_test_run ();
}
