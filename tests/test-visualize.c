/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Grad-CAM and gradients on a real device: small models of data/keras/ (written by Keras), the
 * automatic layer of the known architectures' graphs, and the pictures that are made of a heatmap.
 */

#include "../core/keras/keras_private.h" /* graphs without weights */
#include "session-helpers.h"
#include "visualize.h"

/* --- Small models against Keras --- */

typedef struct
{
  const char *folder, *file;
  int target;
  double logit, probability;
  const char *layer;     /* its gradient is among the goldens */
  const char *automatic; /* the layer that Grad-CAM takes by itself */
} ModelRow;

static const ModelRow model_rows[] = {
  { "sequential", "model.keras", 2, 1.925493, 0.855385, "conv2d_1", "batch_normalization" },
  { "sequential-old", "model.h5", 0, 1.105456, 0.548108, "conv2d_1", "batch_normalization" },
  { "functional", "model.keras", 3, 1.497673, 0.885099, "last", "last" },
  { "inverted-residual", "model.keras", 2, 3.121228, 0.748685, "last", "last" },
  { "nested", "model.keras", 0, 2.358834, 0.480951, "last", "last" },
  { "nested-old", "model.h5", 0, 3.902021, 0.933326, "last", "last" },
  { "normalizations", "model.keras", 2, 3.163562, 0.96373, "last", "last" },
  { "names-against-paths", "model.keras", 1, 4.883861, 0.965279, "dense", "dense" },
  { "shapes", "model.keras", 1, 0.868805, 0.704497, "last", "last" },
  { "shared", "model.keras", 3, 4.497002, 0.926362, "last", "last" },
  { "sleeping", "model.keras", 3, 2.529058, 0.584427, "last", "last" },
};

/* What a method makes of a layer's values and gradient, in plain loops: (H·W), all 0 before. */
typedef void (*Reference) (const CnnArray *values, const CnnArray *gradient, gsize cells,
                           gsize channels, double *map);

/* By the book's recipe. */
static void
grad_cam (const CnnArray *values, const CnnArray *gradient, gsize cells, gsize channels,
          double *map)
{
  for (gsize c = 0; c < channels; c++)
    {
      double weight = 0;

      for (gsize i = 0; i < cells; i++)
        weight += gradient->data[i * channels + c] / (double) cells;
      for (gsize i = 0; i < cells; i++)
        map[i] += weight * values->data[i * channels + c];
    }
}

/* In the order of cnn_heat_method_names. */
static const Reference references[] = { grad_cam };

/* A method's heat map from Keras' own activation and gradient. */
static CnnArray *
expected_heatmap (Reference reference, const CnnArray *values, const CnnArray *gradient,
                  double *maximum)
{
  CnnArray *heat = cnn_array_new (2, values->dims, "heatmap", NULL);
  gsize cells = cnn_array_count (heat);
  g_autofree double *map = g_new0 (double, cells);

  reference (values, gradient, cells, (gsize) values->dims[2], map);
  *maximum = 0;
  for (gsize i = 0; i < cells; i++)
    *maximum = MAX (*maximum, map[i]);
  for (gsize i = 0; i < cells; i++)
    heat->data[i] = (float) (MAX (map[i], 0) / *maximum);
  return heat;
}

static void
test_model (gconstpointer data)
{
  const ModelRow *row = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnSession) session = open_golden (row->folder, row->file);
  g_autofree char *target = g_strdup_printf ("%d", row->target);
  g_autoptr (GPtrArray) best = cnn_session_predict (session, 3, &error);
  g_autoptr (CnnPrediction) wanted = cnn_session_find_class (session, target, &error);
  const char *const names[] = { row->layer, "input", NULL };
  g_autoptr (GPtrArray) gradients =
      cnn_session_gradients (session, names, target, CNN_SCORE_LOGIT, NULL, &error);
  g_autoptr (GPtrArray) activations = cnn_session_activations (session, names, NULL, &error);

  g_assert_no_error (error);
  for (guint i = 1; i < best->len; i++)
    g_assert_cmpfloat (((CnnPrediction *) best->pdata[i - 1])->probability, >=,
                       ((CnnPrediction *) best->pdata[i])->probability);
  g_assert_cmpint (wanted->index, ==, row->target);
  g_assert_cmpfloat_with_epsilon (wanted->probability, row->probability, 1e-5);
  for (int i = 0; i < 2; i++)
    {
      CnnLayerValues *gradient = gradients->pdata[i];
      CnnLayerValues *values = activations->pdata[i];
      g_autoptr (CnnArray) theirs = golden_array (row->folder, "gradient-", names[i]);
      g_autoptr (CnnArray) their_values = i == 0
                                              ? golden_array (row->folder, "activations/", names[i])
                                              : golden_array (row->folder, "input", "");

      g_assert_cmpfloat (difference (gradient->values, theirs), <, 1e-4);
      g_assert_cmpfloat (difference (values->values, their_values), <, 1e-5);
    }
}

static void
test_heatmap (gconstpointer data)
{
  const ModelRow *row = data;
  g_autoptr (CnnSession) session = open_golden (row->folder, row->file);
  g_autofree char *target = g_strdup_printf ("%d", row->target);
  g_autoptr (CnnArray) values = golden_array (row->folder, "activations/", row->layer);
  g_autoptr (CnnArray) gradient = golden_array (row->folder, "gradient-", row->layer);

  for (int i = 0; cnn_heat_method_names[i] != NULL; i++)
    {
      g_autoptr (GError) error = NULL;
      CnnGradCamOptions options = { .method = i, .class_wish = target, .layer = row->layer };
      g_autoptr (CnnGradCam) cam = cnn_grad_cam (session, &options, NULL, &error);
      g_autoptr (CnnGradCam) book = NULL;
      g_autoptr (CnnArray) heat = NULL;
      double maximum;

      g_test_message ("%s", cnn_heat_method_names[i]);
      g_assert_no_error (error);
      g_assert_cmpuint ((guint) i, <, G_N_ELEMENTS (references));
      heat = expected_heatmap (references[i], values, gradient, &maximum);
      g_assert_cmpstr (cam->layer, ==, row->layer);
      g_assert_cmpint (cam->target->index, ==, row->target);
      g_assert_cmpfloat (difference (cam->heatmap, heat), <, 1e-4);
      g_assert_cmpfloat_with_epsilon (cam->maximum, maximum, 1e-4 * maximum);
      g_assert_true (cam->positive_share > 0 && cam->positive_share <= 1);

      options.preset = CNN_PRESET_BOOK;
      book = cnn_grad_cam (session, &options, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpfloat (book->maximum, <, cam->maximum);
    }
}

static void
test_automatic (gconstpointer data)
{
  const ModelRow *row = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnSession) session = open_golden (row->folder, row->file);
  CnnScores where = { 0 };
  int node;

  g_assert_true (cnn_session_find_scores (session, &where, &error));
  node = cnn_session_automatic_layer (session, where.logit_node, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (cnn_model_node (session->network->model, node)->name, ==, row->automatic);
}

/* dp_c = p_c (dz_c − Σ_j p_j dz_j), with every dz from a run of its own. */
static void
test_probability (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnSession) session = open_golden ("sequential", "model.keras");
  const char *const names[] = { "conv2d_1", NULL };
  g_autoptr (GPtrArray) ours =
      cnn_session_gradients (session, names, "2", CNN_SCORE_PROBABILITY, NULL, &error);
  g_autoptr (GPtrArray) best = cnn_session_predict (session, 100, &error);
  g_autoptr (CnnArray) expected = NULL;
  const CnnArray *values;
  double own = 0;

  g_assert_no_error (error);
  values = ((CnnLayerValues *) ours->pdata[0])->values;
  expected = cnn_array_new (values->rank, values->dims, "gradient", NULL);
  g_assert_cmpint (best->len, ==, 4);
  for (guint i = 0; i < best->len; i++)
    if (((CnnPrediction *) best->pdata[i])->index == 2)
      own = ((CnnPrediction *) best->pdata[i])->probability;
  for (guint i = 0; i < best->len; i++)
    {
      const CnnPrediction *prediction = best->pdata[i];
      g_autofree char *index = g_strdup_printf ("%d", prediction->index);
      g_autoptr (GPtrArray) one =
          cnn_session_gradients (session, names, index, CNN_SCORE_LOGIT, NULL, &error);
      double share = own * ((prediction->index == 2) - (double) prediction->probability);

      g_assert_no_error (error);
      for (gsize k = 0; k < cnn_array_count (expected); k++)
        expected->data[k] += (float) (share * ((CnnLayerValues *) one->pdata[0])->values->data[k]);
    }
  g_assert_cmpfloat (difference (values, expected), <, 1e-5);
}

/* Asked about every class of every small model, some have nothing that speaks for them. */
static void
test_no_evidence (void)
{
  int refused = 0, found = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (model_rows); i++)
    {
      const ModelRow *row = &model_rows[i];
      g_autoptr (CnnSession) session = open_golden (row->folder, row->file);
      g_autoptr (GPtrArray) all = cnn_session_predict (session, 100, NULL);

      for (guint k = 0; k < all->len; k++)
        {
          g_autoptr (GError) error = NULL;
          g_autofree char *index = g_strdup_printf ("%u", k);
          CnnGradCamOptions options = { .class_wish = index, .layer = row->layer };
          g_autoptr (CnnGradCam) cam = cnn_grad_cam (session, &options, NULL, &error);

          if (cam != NULL)
            found++;
          else
            {
              refused++;
              assert_message (&error, CNN_ERROR_NO_EVIDENCE, "no positive evidence for class ");
            }
        }
    }
  g_assert_cmpint (found, >, 0);
  g_assert_cmpint (refused, >, 0);
}

/* --- The automatic layer of the known architectures, from their graphs alone --- */

typedef struct
{
  const char *file;
  int size;
  const char *layer;
} ArchitectureRow;

static const ArchitectureRow architecture_rows[] = {
  { "xception.json.gz", 299, "block14_sepconv2_act" },
  { "vgg16.json.gz", 224, "block5_conv3" },
  { "vgg19.json.gz", 224, "block5_conv4" },
  { "resnet50.json.gz", 224, "conv5_block3_out" },
  { "mobilenet_1_0.json.gz", 224, "conv_pw_13_relu" },
};

/* A session of a shipped graph, without weights or device. */
static CnnSession *
open_graph (const char *file)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = source_file ("weights/architectures", file);
  g_autoptr (JsonNode) json = cnn_json_read (path, &error);
  g_autoptr (CnnPart) top = NULL;
  gboolean half = FALSE;
  CnnSession *session = g_new0 (CnnSession, 1);

  g_assert_no_error (error);
  top = cnn_config_read (json, 3, &half, &error);
  g_assert_no_error (error);
  g_atomic_ref_count_init (&session->references);
  session->name = g_strdup (file);
  session->network = g_new0 (CnnNetwork, 1);
  session->network->model = cnn_graph_build (top, file, &error);
  g_assert_no_error (error);
  return session;
}

static void
test_architecture (gconstpointer data)
{
  const ArchitectureRow *row = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnSession) session = open_graph (row->file);
  const CnnModel *model = session->network->model;
  CnnShape input = cnn_shape (1, row->size, row->size, 3);
  CnnScores where = { 0 };
  int node;

  session->shapes = cnn_model_shapes (model, &input, &error);
  g_assert_no_error (error);
  g_assert_true (cnn_session_find_scores (session, &where, &error));
  g_assert_cmpint (where.ending, ==, CNN_ENDS_SOFTMAX);
  g_assert_cmpint (where.n, ==, 1000);
  node = cnn_session_automatic_layer (session, where.logit_node, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (cnn_model_node (model, node)->name, ==, row->layer);
}

/* Which size a photograph gets for a model that takes any. */
static void
test_open_size (void)
{
  static const struct
  {
    int photo[2], wanted[2], standard, size[2];
    gboolean warns;
  } rows[] = {
    { { 150, 100 }, { 0, 0 }, 0, { 150, 100 }, TRUE },
    { { 3000, 1500 }, { 0, 0 }, 0, { 1024, 512 }, TRUE },
    { { 150, 100 }, { 0, 0 }, 128, { 128, 128 }, FALSE },
    { { 150, 100 }, { 96, 160 }, 128, { 96, 160 }, FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (CnnSession) session = open_graph ("mobilenet_0_25-no-top.json.gz");
      g_autoptr (CnnImage) photo = cnn_image_new (rows[i].photo[0], rows[i].photo[1], 3, NULL);
      CnnScores where = { 0 };
      int width, height;

      session->network->default_width = session->network->default_height = rows[i].standard;
      session->wanted_width = rows[i].wanted[0];
      session->wanted_height = rows[i].wanted[1];
      cnn_session_set_photo (session, photo, &error);
      g_assert_no_error (error);
      cnn_session_input_size (session, &width, &height);
      g_assert_cmpint (width, ==, rows[i].size[0]);
      g_assert_cmpint (height, ==, rows[i].size[1]);
      g_assert_cmpint (cnn_session_warning (session) != NULL, ==, rows[i].warns);

      g_assert_false (cnn_session_find_scores (session, &where, &error));
      assert_message (&error, CNN_ERROR_UNSUPPORTED, "without its top");
    }
}

/* --- Pictures --- */

static CnnImage *
image_of (const char *name)
{
  g_autofree char *path = source_file ("tests/data/image", name);
  g_autoptr (CnnArray) array = cnn_npy_load (path, NULL);
  CnnImage *image;

  g_assert_nonnull (array);
  image = cnn_image_new ((int) array->dims[1], (int) array->dims[0], (int) array->dims[2], NULL);
  for (gsize i = 0; i < cnn_array_count (array); i++)
    image->pixels[i] = array->data[i] / 255.0f;
  return image;
}

static void
test_book_picture (void)
{
  g_autofree char *path = source_file ("tests/data/image", "book-heat.npy");
  g_autoptr (CnnArray) heat = cnn_npy_load (path, NULL);
  g_autoptr (CnnImage) photo = image_of ("rgb-13x29.npy");
  g_autoptr (CnnImage) wanted = image_of ("book-picture.npy");
  CnnGradCam cam = { .heatmap = heat };
  g_autoptr (CnnImage) picture = cnn_grad_cam_book_picture (&cam, photo, NULL);

  g_assert_cmpint (picture->width, ==, wanted->width);
  g_assert_cmpint (picture->height, ==, wanted->height);
  for (gsize i = 0; i < 13 * 29 * 3; i++)
    g_assert_cmpfloat_with_epsilon (picture->pixels[i], wanted->pixels[i], 1e-6);
}

static void
test_paint (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnArray) heat = cnn_array_new (2, (gint64[]){ 1, 2 }, "heat", NULL);
  g_autoptr (CnnImage) photo = cnn_image_new (40, 3, 1, NULL);
  g_autoptr (CnnImage) layer = NULL;
  g_autoptr (CnnImage) blend = NULL;
  CnnGradCam cam = { .heatmap = heat };

  heat->data[1] = 1;
  layer = cnn_grad_cam_paint (&cam, 40, 3, CNN_COLORMAP_GRAY, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat (layer->pixels[0], ==, 0);
  g_assert_cmpfloat (layer->pixels[39 * 3], ==, 1);
  for (int x = 1; x < 40; x++)
    g_assert_cmpfloat (layer->pixels[3 * x], >=, layer->pixels[3 * (x - 1)]);

  for (int i = 0; i < 120; i++)
    photo->pixels[i] = 0.5f;
  blend = cnn_image_blend (photo, layer, 0.4f, &error);
  g_assert_no_error (error);
  g_assert_cmpint (blend->channels, ==, 3);
  g_assert_cmpfloat_with_epsilon (blend->pixels[0], 0.3, 1e-6);
  g_assert_cmpfloat_with_epsilon (blend->pixels[39 * 3], 0.7, 1e-6);

  g_assert_null (cnn_grad_cam_paint (&cam, 0, 5, CNN_COLORMAP_JET, &error));
  assert_message (&error, CNN_ERROR_ARGUMENT, "0×5");
  g_clear_pointer (&photo, cnn_image_unref);
  photo = cnn_image_new (4, 4, 3, NULL);
  g_assert_null (cnn_image_blend (photo, layer, 1, &error));
  assert_message (&error, CNN_ERROR_ARGUMENT, "does not fit");
}

static void
add_rows (const char *what, GTestDataFunc function)
{
  for (gsize i = 0; i < G_N_ELEMENTS (model_rows); i++)
    {
      g_autofree char *name = g_strdup_printf ("/visualize/%s/%s", what, model_rows[i].folder);

      g_test_add_data_func (name, &model_rows[i], function);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_rows ("model", test_model);
  add_rows ("heatmap", test_heatmap);
  add_rows ("automatic", test_automatic);
  for (gsize i = 0; i < G_N_ELEMENTS (architecture_rows); i++)
    {
      g_autofree char *name =
          g_strdup_printf ("/visualize/architecture/%s", architecture_rows[i].file);

      g_test_add_data_func (name, &architecture_rows[i], test_architecture);
    }
  g_test_add_func ("/visualize/open-size", test_open_size);
  g_test_add_func ("/visualize/probability", test_probability);
  g_test_add_func ("/visualize/no-evidence", test_no_evidence);
  g_test_add_func ("/visualize/book-picture", test_book_picture);
  g_test_add_func ("/visualize/paint", test_paint);
  return g_test_run ();
}
