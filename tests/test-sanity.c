/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Whether heatmaps may be trusted: the cascade of random weights, and deletion and insertion, on
 * small models of data/keras/ and on the default model. tests/keras/parity_sanity.py compares both
 * with Keras. */

#include "session-helpers.h"

typedef struct
{
  const char *folder, *file;
  int target;
  const char *layer;
  int units;             /* of the cascade */
  const char *top, *low; /* the layers that the first and the last stage come down to */
} ModelRow;

static const ModelRow model_rows[] = {
  { "sequential", "model.keras", 2, "conv2d_1", 4, "dense_1", "conv2d" },
  { "functional", "model.keras", 3, "last", 8, "predictions", "stem" },
  { "inverted-residual", "model.keras", 2, "last", 9, "predictions", "stem_conv" },
  { "nested", "model.keras", 0, "last", 6, "predictions", "middle/before" },
  { "normalizations", "model.keras", 2, "last", 5, "predictions", "conv1" },
  { "shared", "model.keras", 3, "last", 4, "predictions", "conv" },
  { "sleeping", "model.keras", 3, "last", 3, "predictions", "conv" },
};

static CnnSanity *
check (CnnSession *session, const ModelRow *row, guint64 seed, int stages)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *target = g_strdup_printf ("%d", row->target);
  const CnnSanityOptions options = {
    .class_wish = target, .layer = row->layer, .seed = seed, .stages = stages
  };
  CnnSanity *sanity = cnn_sanity_check (session, &options, NULL, &error);

  g_assert_no_error (error);
  return sanity;
}

static void
assert_same (const CnnArray *left, const CnnArray *right)
{
  g_assert_cmpmem (left->data, cnn_array_count (left) * sizeof (float), right->data,
                   cnn_array_count (right) * sizeof (float));
}

/* --- Rank correlation --- */

static void
test_ranks (void)
{
  static const struct
  {
    int n;
    float left[5], right[5];
    double expected; /* worked by hand; 2 for none */
  } rows[] = {
    { 4, { 1, 2, 3, 4 }, { 10, 20, 30, 40 }, 1 },
    { 4, { 1, 2, 3, 4 }, { 9, 7, 5, -3 }, -1 },
    /* ranks 1 2.5 2.5 4 and 1 3 2 4: 4.5 / √(4.5 · 5) */
    { 4, { 1, 2, 2, 4 }, { 1, 3, 2, 4 }, 0.948683298 },
    /* ranks 2 2 2 4 and 1.5 1.5 3.5 3.5: 2 / √(3 · 4) */
    { 4, { 0, 0, 0, 1 }, { 0, 0, 1, 1 }, 0.577350269 },
    /* ranks 5 1 2 3.5 3.5 and 1 2.5 2.5 4.5 4.5: (−4 + 1 + 0.5 + 0.75 + 0.75) / √(9.5 · 9) */
    { 5, { 9, 1, 2, 3, 3 }, { 0, 4, 4, 7, 7 }, -0.108147614 },
    { 3, { 1, 1, 1 }, { 1, 2, 3 }, 2 },
    { 3, { 1, 2, 3 }, { 0, 0, 0 }, 2 },
    { 1, { 1 }, { 1 }, 2 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      double ours = cnn_rank_correlation (rows[i].left, rows[i].right, (gsize) rows[i].n);

      if (rows[i].expected > 1)
        g_assert_true (isnan (ours));
      else
        g_assert_cmpfloat_with_epsilon (ours, rows[i].expected, 1e-8);
    }
}

/* --- The cascade --- */

static void
test_cascade (gconstpointer data)
{
  const ModelRow *row = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnSession) session = open_golden (row->folder, row->file);
  g_autoptr (GPtrArray) before = cnn_session_activations (session, NULL, NULL, &error);
  g_autoptr (CnnSanity) first = check (session, row, 7, 100);
  g_autoptr (CnnSanity) again = check (session, row, 7, 100);
  g_autoptr (CnnSanity) other = check (session, row, 8, 100);
  g_autoptr (CnnSanity) few = check (session, row, 7, 2);
  g_autoptr (GPtrArray) after = cnn_session_activations (session, NULL, NULL, &error);
  g_autoptr (GHashTable) named = g_hash_table_new (g_str_hash, g_str_equal);
  const guint n = first->stages->len;
  const CnnSanityStage *top = first->stages->pdata[0], *low = first->stages->pdata[n - 1];
  gboolean differs = FALSE;

  g_assert_no_error (error);
  g_assert_cmpuint (before->len, ==, after->len);
  for (guint i = 0; i < before->len; i++)
    assert_same (((CnnLayerValues *) before->pdata[i])->values,
                 ((CnnLayerValues *) after->pdata[i])->values);

  g_assert_cmpuint (n, ==, row->units);
  g_assert_cmpstr (top->name, ==, row->top);
  g_assert_cmpstr (low->name, ==, row->low);
  g_assert_cmpuint (again->stages->len, ==, n);
  for (guint i = 0; i < n; i++)
    {
      const CnnSanityStage *one = first->stages->pdata[i], *two = again->stages->pdata[i],
                           *three = other->stages->pdata[i];

      assert_same (one->heatmap, two->heatmap);
      g_assert_true (one->correlation == two->correlation
                     || (isnan (one->correlation) && isnan (two->correlation)));
      differs = differs || one->correlation != three->correlation;
      for (guint k = 0; k < one->layers->len; k++)
        g_assert_true (g_hash_table_add (named, one->layers->pdata[k]));
    }
  g_assert_true (differs);

  /* Every layer with weights that an input's Normalization is not, once. */
  for (int i = 0; i < cnn_model_count (session->network->model); i++)
    {
      const CnnLayer *layer = cnn_model_node (session->network->model, i)->layer;

      if (cnn_layer_parameters (layer) > 0 && !(layer->klass->flags & CNN_LAYER_SCALING))
        g_assert_true (g_hash_table_contains (named, layer->name));
    }
  /* However many stages, the first and the last are the same. */
  g_assert_cmpuint (few->stages->len, ==, 2);
  assert_same (((CnnSanityStage *) few->stages->pdata[0])->heatmap, top->heatmap);
  assert_same (((CnnSanityStage *) few->stages->pdata[1])->heatmap, low->heatmap);
}

/* Looks at the weights, or cancels, while the cascade is on its way. */
typedef struct
{
  CnnSession *session;
  GCancellable *cancellable;
  int calls, cancel_at;
  gboolean look;
  double first; /* the topmost layer's first weight in the last stage */
} Watch;

static void
look_at_weights (Watch *self)
{
  const CnnModel *model = self->session->network->model;

  for (int i = 0; i < cnn_model_count (model); i++)
    {
      const CnnLayer *layer = cnn_model_node (model, i)->layer;
      const CnnArray *kernel = layer->weights[0];
      gboolean depthwise = strcmp (layer->klass->name, "DepthwiseConv2D") == 0;
      double fan = 1, limit, largest = 0;

      if (kernel == NULL || layer->klass->flags & CNN_LAYER_SCALING)
        continue;
      if (kernel->rank == 1) /* gamma, beta, mean, variance */
        {
          static const float fresh[] = { 1, 0, 0, 1 };

          for (int k = 0; k < 4; k++)
            for (gsize c = 0; c < cnn_array_count (layer->weights[k]); c++)
              g_assert_cmpfloat (layer->weights[k]->data[c], ==, fresh[k]);
          continue;
        }
      for (int k = 0; k < (depthwise ? 2 : kernel->rank - 1); k++)
        fan *= (double) kernel->dims[k];
      limit = sqrt (6 / fan);
      for (gsize k = 0; k < cnn_array_count (kernel); k++)
        largest = MAX (largest, fabs ((double) kernel->data[k]));
      g_assert_cmpfloat (largest, <=, limit * 1.000001);
      g_assert_cmpfloat (largest, >, limit * 0.6);
      for (gsize k = 0; layer->weights[1] != NULL && k < cnn_array_count (layer->weights[1]); k++)
        g_assert_cmpfloat (layer->weights[1]->data[k], ==, 0);
      self->first = kernel->data[0];
    }
}

static void
watch (double fraction, const char *what, gpointer data)
{
  Watch *self = data;

  g_assert_true (fraction >= 0 && fraction <= 1);
  g_assert_nonnull (what);
  if (++self->calls == self->cancel_at)
    g_cancellable_cancel (self->cancellable);
  if (self->look && fraction > 0.999)
    look_at_weights (self);
}

static void
test_weights (void)
{
  static const ModelRow *const rows[] = { &model_rows[0], &model_rows[3] };
  static const double first[] = { 0.693147898, 0.693147898 };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (CnnSession) session = open_golden (rows[i]->folder, rows[i]->file);
      g_autofree char *target = g_strdup_printf ("%d", rows[i]->target);
      const CnnSanityOptions options = { .class_wish = target, .layer = rows[i]->layer, .seed = 7 };
      Watch state = { .session = session, .look = TRUE };
      const CnnProgress progress = { .update = watch, .data = &state };
      g_autoptr (CnnSanity) sanity = cnn_sanity_check (session, &options, &progress, &error);

      g_assert_no_error (error);
      /* Written down: the same on every machine. */
      g_assert_cmpfloat_with_epsilon (state.first, first[i], 1e-7);
    }
}

/* Cancelled at each of its steps, the session is as it was. */
static void
test_cancelled (void)
{
  const ModelRow *row = &model_rows[1];
  g_autoptr (CnnSession) session = open_golden (row->folder, row->file);
  g_autoptr (GPtrArray) before = cnn_session_activations (session, NULL, NULL, NULL);
  gboolean done = FALSE;
  int at = 0;

  while (!done)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      Watch state = { .session = session, .cancellable = cancellable, .cancel_at = ++at };
      const CnnProgress progress = { .update = watch, .data = &state, .cancellable = cancellable };
      const CnnSanityOptions options = { .class_wish = "3", .layer = row->layer };
      g_autoptr (CnnSanity) sanity = cnn_sanity_check (session, &options, &progress, &error);
      g_autoptr (GPtrArray) after = cnn_session_activations (session, NULL, NULL, NULL);

      done = sanity != NULL;
      if (!done)
        g_assert_error (error, CNN_ERROR, CNN_ERROR_CANCELLED);
      for (guint i = 0; i < before->len; i++)
        assert_same (((CnnLayerValues *) before->pdata[i])->values,
                     ((CnnLayerValues *) after->pdata[i])->values);
    }
  g_assert_cmpint (at, >, 20);
}

/* Among many seeds some leave nothing that speaks for the class. */
static void
test_empty (void)
{
  const ModelRow *row = &model_rows[0];
  g_autoptr (CnnSession) session = open_golden (row->folder, row->file);
  int empty = 0, full = 0;

  for (guint64 seed = 0; seed < 40; seed++)
    {
      g_autoptr (CnnSanity) sanity = check (session, row, seed, 0);
      int counted = 0;
      double sum = 0;

      for (guint i = 0; i < sanity->stages->len; i++)
        {
          const CnnSanityStage *stage = sanity->stages->pdata[i];
          gboolean positive = FALSE;

          for (gsize k = 0; k < cnn_array_count (stage->heatmap); k++)
            positive = positive || stage->heatmap->data[k] > 0;
          g_assert_true (positive != stage->empty);
          if (stage->empty)
            g_assert_true (isnan (stage->correlation));
          else
            g_assert_cmpfloat (fabs (stage->correlation), <=, 1.0000001);
          counted += stage->empty;
          if (i >= sanity->stages->len / 2 && !stage->empty)
            sum += stage->correlation;
        }
      g_assert_cmpint (sanity->empty, ==, counted);
      g_assert_cmpfloat_with_epsilon (sanity->remaining, sum / 2, 1e-12);
      g_assert_cmpint (sanity->verdict, ==,
                       sanity->remaining >= 0.8   ? CNN_SANITY_HARDLY
                       : sanity->remaining >= 0.5 ? CNN_SANITY_PARTLY
                                                  : CNN_SANITY_CHANGES);
      empty += counted;
      full += (int) sanity->stages->len - counted;
    }
  g_assert_cmpint (empty, >, 0);
  g_assert_cmpint (full, >, 0);
}

static void
test_refusals (void)
{
  static const struct
  {
    const char *folder, *class_wish, *layer;
    int code;
    const char *part;
  } rows[] = {
    { "functional", "3", "no_such", CNN_ERROR_ARGUMENT, "no_such" },
    { "functional", "77", NULL, CNN_ERROR_ARGUMENT, "77" },
    { "functional", "3", "predictions", CNN_ERROR_ARGUMENT, "no map" },
    { "functional", "0", "squeeze_reshape", CNN_ERROR_ARGUMENT, "nothing to compare" },
    { "functional", "4", "last", CNN_ERROR_NO_EVIDENCE, "no positive evidence" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (CnnSession) session = open_golden (rows[i].folder, "model.keras");
      const CnnSanityOptions sanity_options = { .class_wish = rows[i].class_wish,
                                                .layer = rows[i].layer };
      const CnnGradCamOptions options = { .class_wish = rows[i].class_wish,
                                          .layer = rows[i].layer };

      g_assert_null (cnn_sanity_check (session, &sanity_options, NULL, &error));
      assert_message (&error, rows[i].code, rows[i].part);
      if (strstr (rows[i].part, "compare") != NULL)
        continue;
      g_assert_null (cnn_faithfulness (session, &options, 3, NULL, &error));
      assert_message (&error, rows[i].code, rows[i].part);
    }
}

static void
assert_not_blank (const CnnImage *image)
{
  float low = 1, high = 0;

  g_assert_cmpint (image->channels, ==, 3);
  for (gsize i = 0; i < 3 * (gsize) image->width * (gsize) image->height; i++)
    {
      low = MIN (low, image->pixels[i]);
      high = MAX (high, image->pixels[i]);
    }
  g_assert_cmpfloat (low, >=, 0);
  g_assert_cmpfloat (high, <=, 1);
  g_assert_cmpfloat (high - low, >, 0.5);
}

/* The default model, from a photograph to the pictures. */
static void
test_default (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = source_file ("install/sample", "coffee.jpg");
  g_autoptr (CnnSession) session = open_model (NULL, NULL);
  g_autoptr (CnnImage) photo = cnn_image_load (path, &error);
  const CnnSanityOptions options = { .stages = 3 };
  const CnnGradCamOptions cam_options = { 0 };
  g_autoptr (CnnSanity) sanity = NULL;
  g_autoptr (CnnFaithfulness) faithfulness = NULL;
  g_autoptr (CnnImage) strip = NULL;
  g_autoptr (CnnImage) curves = NULL;
  static const char *const names[] = { "predictions", "block5a_dwconv", "stem_conv" };
  static const guint counts[] = { 1, 48, 50 };

  g_assert_no_error (error);
  cnn_session_set_photo (session, photo, &error);
  sanity = cnn_sanity_check (session, &options, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (sanity->original->layer, ==, "top_relu6");
  g_assert_cmpuint (sanity->stages->len, ==, 3);
  for (guint i = 0; i < 3; i++)
    {
      const CnnSanityStage *stage = sanity->stages->pdata[i];

      g_assert_cmpstr (stage->name, ==, names[i]);
      g_assert_cmpuint (stage->layers->len, ==, counts[i]);
    }
  strip = cnn_sanity_paint (sanity, photo, CNN_COLORMAP_JET, 0.4f, &error);
  g_assert_no_error (error);
  g_assert_cmpint (strip->width, >, 4 * 100);
  assert_not_blank (strip);

  faithfulness = cnn_faithfulness (session, &cam_options, 4, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat_with_epsilon (faithfulness->deletion.values[0],
                                  faithfulness->cam->target->probability, 1e-5);
  g_assert_cmpfloat_with_epsilon (faithfulness->insertion.values[4],
                                  faithfulness->cam->target->probability, 1e-5);
  curves = cnn_faithfulness_paint (faithfulness, &error);
  g_assert_no_error (error);
  assert_not_blank (curves);
}

/* --- Deletion and insertion against a plain reference --- */

#define STEPS 7

/* A Gaussian in two dimensions at once. */
static CnnArray *
plain_blur (const CnnArray *input)
{
  const int h = (int) input->dims[0], w = (int) input->dims[1], c = (int) input->dims[2];
  const double sigma = MIN (h, w) / 20.;
  const int radius = (int) ceil (3 * sigma);
  CnnArray *blurred = cnn_array_new (3, input->dims, "blurred", NULL);

  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++)
      for (int k = 0; k < c; k++)
        {
          double sum = 0, weights = 0;

          for (int v = -radius; v <= radius; v++)
            for (int u = -radius; u <= radius; u++)
              {
                double weight = exp (-(u * u + v * v) / (2 * sigma * sigma));
                int at = CLAMP (y + v, 0, h - 1) * w + CLAMP (x + u, 0, w - 1);

                sum += weight * input->data[at * c + k];
                weights += weight;
              }
          blurred->data[(y * w + x) * c + k] = (float) (sum / weights);
        }
  return blurred;
}

static CnnArray *
plain_mean (const CnnArray *input)
{
  const int c = (int) input->dims[2], n = (int) (input->dims[0] * input->dims[1]);
  CnnArray *gray = cnn_array_new (3, input->dims, "gray", NULL);

  for (int k = 0; k < c; k++)
    {
      double sum = 0;

      for (int i = 0; i < n; i++)
        sum += input->data[i * c + k];
      for (int i = 0; i < n; i++)
        gray->data[i * c + k] = (float) (sum / n);
    }
  return gray;
}

/* A pixel's place in the order: how many come before it. */
static int
place (const double *heat, int n, int pixel)
{
  int before = 0;

  for (int i = 0; i < n; i++)
    before += heat[i] > heat[pixel] || (heat[i] == heat[pixel] && i < pixel);
  return before;
}

/* One picture after the other, each made from the start, by a session of its own. */
static void
assert_curve (CnnSession *session, const CnnArray *start, const CnnArray *end, const double *heat,
              int target, const CnnCurve *curve)
{
  const int c = (int) start->dims[2], n = (int) (start->dims[0] * start->dims[1]);
  double area = 0, last = 0;

  for (int step = 0; step <= STEPS; step++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (CnnArray) picture = cnn_array_new (3, start->dims, "picture", NULL);
      g_autofree char *wish = g_strdup_printf ("%d", target);
      g_autoptr (CnnPrediction) prediction = NULL;

      for (int i = 0; i < n; i++)
        for (int k = 0; k < c; k++)
          picture->data[i * c + k] =
              (place (heat, n, i) < n * step / STEPS ? end : start)->data[i * c + k];
      cnn_session_set_input (session, picture, &error);
      prediction = cnn_session_find_class (session, wish, &error);
      g_assert_no_error (error);
      g_assert_cmpfloat_with_epsilon (curve->values[step], prediction->probability, 2e-5);
      if (step > 0)
        area += (last + prediction->probability) / 2 / STEPS;
      last = prediction->probability;
    }
  g_assert_cmpfloat_with_epsilon (curve->area, area, 2e-5);
}

static void
test_faithfulness (gconstpointer data)
{
  const ModelRow *row = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnSession) session = open_golden (row->folder, row->file);
  g_autoptr (CnnSession) other = open_golden (row->folder, row->file);
  g_autoptr (CnnArray) input = golden_array (row->folder, "input", "");
  g_autofree char *target = g_strdup_printf ("%d", row->target);
  const CnnGradCamOptions options = { .class_wish = target, .layer = row->layer };
  g_autoptr (CnnFaithfulness) ours = cnn_faithfulness (session, &options, STEPS, NULL, &error);
  g_autoptr (CnnArray) gray = plain_mean (input);
  g_autoptr (CnnArray) blurred = plain_blur (input);
  const int h = (int) input->dims[0], w = (int) input->dims[1];
  g_autoptr (CnnArray) map = NULL;
  g_autofree double *heat = g_new (double, h *w);
  g_autofree double *centre = g_new (double, h *w);

  g_assert_no_error (error);
  g_assert_cmpint (ours->batch, >, 1);
  map = cnn_map_resize (ours->cam->heatmap, w, h, &error);
  for (int i = 0; i < h * w; i++)
    {
      double x = (2 * (i % w) + 1 - w) / (double) w, y = (2 * (i / w) + 1 - h) / (double) h;

      heat[i] = map->data[i];
      centre[i] = -(x * x + y * y);
    }
  assert_curve (other, input, gray, heat, row->target, &ours->deletion);
  assert_curve (other, blurred, input, heat, row->target, &ours->insertion);
  assert_curve (other, input, gray, centre, row->target, &ours->centre_deletion);
  assert_curve (other, blurred, input, centre, row->target, &ours->centre_insertion);
}

static void
add_rows (const char *what, GTestDataFunc function)
{
  for (gsize i = 0; i < G_N_ELEMENTS (model_rows); i++)
    {
      g_autofree char *name = g_strdup_printf ("/sanity/%s/%s", what, model_rows[i].folder);

      g_test_add_data_func (name, &model_rows[i], function);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sanity/ranks", test_ranks);
  add_rows ("cascade", test_cascade);
  g_test_add_func ("/sanity/weights", test_weights);
  g_test_add_func ("/sanity/cancelled", test_cancelled);
  g_test_add_func ("/sanity/empty", test_empty);
  g_test_add_func ("/sanity/refusals", test_refusals);
  g_test_add_func ("/sanity/default", test_default);
  add_rows ("faithfulness", test_faithfulness);
  return g_test_run ();
}
