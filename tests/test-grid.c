/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Activation grids on a real device: mosaics against a plain reference and against NumPy's, which
 * layers and channels are shown, and what is refused. */

#include "session-helpers.h"

static CnnGrids *
make_grids (CnnSession *session, const CnnGridOptions *options)
{
  g_autoptr (GError) error = NULL;
  CnnGrids *grids = cnn_activation_grids (session, options, NULL, &error);

  g_assert_no_error (error);
  return grids;
}

static CnnArray *
make_mosaic (CnnGrids *grids, guint index)
{
  g_autoptr (GError) error = NULL;
  CnnArray *mosaic = cnn_grids_mosaic (grids, index, &error);

  g_assert_no_error (error);
  return mosaic;
}

/* --- Mosaics against a reference --- */

/* The values of one channel, one after another. Transfer full. */
static double *
channel_of (const CnnArray *values, int channel)
{
  gsize n = (gsize) values->dims[2], cells = (gsize) (values->dims[0] * values->dims[1]);
  double *all = g_new (double, cells);

  for (gsize i = 0; i < cells; i++)
    all[i] = values->data[i * n + (gsize) channel];
  return all;
}

static void
range_of (const double *values, gsize n, double *minimum, double *maximum)
{
  for (gsize i = 0; i < n; i++)
    {
      *minimum = MIN (*minimum, values[i]);
      *maximum = MAX (*maximum, values[i]);
    }
}

static double
mean_of (const double *values, gsize n)
{
  double sum = 0;

  for (gsize i = 0; i < n; i++)
    sum += values[i];
  return sum / (double) n;
}

static void
book_levels (double *values, gsize n)
{
  double mean = mean_of (values, n), variance = 0, low = INFINITY, high = -INFINITY;

  range_of (values, n, &low, &high);
  for (gsize i = 0; i < n; i++)
    variance += (values[i] - mean) * (values[i] - mean) / (double) n;
  for (gsize i = 0; i < n; i++)
    {
      double level = low == high ? 128 : (values[i] - mean) / sqrt (variance) * 64 + 128;

      values[i] = mean == 0 ? 0 : floor (CLAMP (level, 0, 255));
    }
}

static void
range_levels (double *values, gsize n, double low, double high)
{
  for (gsize i = 0; i < n; i++)
    if (low == high)
      values[i] = low == 0 ? 0 : 128;
    else
      values[i] = floor ((values[i] - low) / (high - low) * 255);
}

/* Pixel by pixel what the mosaic must be. Transfer full. */
static CnnArray *
reference_mosaic (const CnnArray *values, const int *shown, int n, int columns, int scale,
                  CnnGridNormalize normalize)
{
  int height = (int) values->dims[0], width = (int) values->dims[1];
  int across = width * scale + 1, down = height * scale + 1, rows = (n + columns - 1) / columns;
  gsize cells = (gsize) (width * height);
  gint64 dims[2] = { rows * down - 1, columns * across - 1 };
  CnnArray *mosaic = cnn_array_new (2, dims, "mosaic", NULL);
  double low = INFINITY, high = -INFINITY;

  for (int i = 0; i < n; i++)
    {
      g_autofree double *channel = channel_of (values, shown[i]);

      range_of (channel, cells, &low, &high);
    }
  for (int i = 0; i < n; i++)
    {
      g_autofree double *channel = channel_of (values, shown[i]);
      double own_low = INFINITY, own_high = -INFINITY;

      range_of (channel, cells, &own_low, &own_high);
      if (normalize == CNN_GRID_BOOK)
        book_levels (channel, cells);
      else if (normalize == CNN_GRID_CHANNEL)
        range_levels (channel, cells, own_low, own_high);
      else
        range_levels (channel, cells, low, high);
      for (int y = 0; y < height * scale; y++)
        for (int x = 0; x < width * scale; x++)
          mosaic->data[(i / columns * down + y) * dims[1] + i % columns * across + x] =
              (float) channel[y / scale * width + x / scale];
    }
  return mosaic;
}

static void
assert_levels (const CnnArray *ours, const CnnArray *theirs)
{
  gsize apart = 0;

  g_assert_cmpint (ours->rank, ==, 2);
  g_assert_cmpint (ours->dims[0], ==, theirs->dims[0]);
  g_assert_cmpint (ours->dims[1], ==, theirs->dims[1]);
  for (gsize i = 0; i < cnn_array_count (ours); i++)
    {
      g_assert_cmpfloat (ours->data[i], ==, floorf (ours->data[i]));
      g_assert_cmpfloat (fabsf (ours->data[i] - theirs->data[i]), <=, 1);
      apart += ours->data[i] != theirs->data[i];
    }
  /* Sums in another order may tip a value over a whole number. */
  g_assert_cmpint (apart * 1000, <=, cnn_array_count (ours));
}

typedef struct
{
  const char *folder, *layer, *channels;
  int columns, scale;
  int shown, first; /* how many channels, and which is the first */
  int expected;     /* columns */
  int mosaic_width, mosaic_height;
} MosaicRow;

static const MosaicRow mosaic_rows[] = {
  /* 7×5 with 158 channels: 14 of them are the remainder of the book's ⌊n / 16⌋ rows. */
  { "activations", "concat", NULL, 16, 1, 158, 0, 16, 16 * 6 - 1, 10 * 8 - 1 },
  { "activations", "concat", "all", 1, 1, 158, 0, 1, 5, 158 * 8 - 1 },
  { "activations", "concat", "all", 1000, 1, 158, 0, 158, 158 * 6 - 1, 7 },
  /* 87×87 pixels, and 15 by 11 is the only such square */
  { "activations", "concat", "all", 0, 1, 158, 0, 15, 15 * 6 - 1, 11 * 8 - 1 },
  { "activations", "concat", "150-157", 3, 3, 8, 150, 3, 3 * 16 - 1, 3 * 22 - 1 },
  { "activations", "concat", "157", 16, 1, 1, 157, 1, 5, 7 },
  { "activations", "concat", "0", 0, 3, 1, 0, 1, 15, 21 },
  { "activations", "concat", "top:10", 4, 2, 10, -1, 4, 4 * 11 - 1, 3 * 15 - 1 },
  { "activations", "concat", "top:1000", 16, 1, 158, -1, 16, 16 * 6 - 1, 10 * 8 - 1 },
  { "sequential", "conv2d", "all", 16, 1, 5, 0, 5, 5 * 14 - 1, 19 },
  { "sequential", "conv2d", "1-3", 0, 3, 3, 1, 2, 2 * 40 - 1, 2 * 58 - 1 },
  { "sequential", "conv2d_1", "top:3", 2, 1, 3, -1, 2, 2 * 5 - 1, 2 * 8 - 1 },
  { "pooling", "mean_kept", "all", 2, 64, 5, 0, 2, 2 * 65 - 1, 3 * 65 - 1 },
};

/* The channels in the mosaic's order. Transfer full. */
static int *
expected_channels (const MosaicRow *row, const CnnArray *values)
{
  int channels = (int) values->dims[2];
  gsize cells = (gsize) (values->dims[0] * values->dims[1]);
  g_autofree double *means = g_new (double, channels);
  int *shown = g_new (int, row->shown);

  for (int i = 0; i < channels; i++)
    {
      g_autofree double *channel = channel_of (values, i);

      means[i] = mean_of (channel, cells);
    }
  for (int i = 0; i < row->shown; i++)
    {
      int best = -1;

      shown[i] = row->first + i;
      for (int c = 0; row->first < 0 && c < channels; c++)
        if (!isnan (means[c]) && (best < 0 || means[c] > means[best]))
          best = c;
      if (row->first >= 0)
        continue;
      shown[i] = best;
      means[best] = NAN;
    }
  return shown;
}

static void
test_mosaic (gconstpointer data)
{
  const MosaicRow *row = data;
  g_autoptr (CnnSession) session = open_golden (row->folder, "model.keras");

  for (int normalize = CNN_GRID_BOOK; normalize <= CNN_GRID_LAYER; normalize++)
    {
      CnnGridOptions options = { .layers = row->layer,
                                 .channels = row->channels,
                                 .columns = row->columns,
                                 .scale = row->scale,
                                 .normalize = (CnnGridNormalize) normalize };
      g_autoptr (CnnGrids) grids = make_grids (session, &options);
      const CnnGridInfo *info = cnn_grids_info (grids, 0);
      g_autoptr (CnnArray) values = cnn_grids_values (grids, 0, NULL);
      g_autoptr (CnnArray) golden = golden_array (row->folder, "activations/", row->layer);
      g_autoptr (CnnArray) ours = make_mosaic (grids, 0);
      g_autofree int *shown = expected_channels (row, values);
      g_autoptr (CnnArray) theirs = reference_mosaic (values, shown, row->shown, row->expected,
                                                      row->scale, (CnnGridNormalize) normalize);

      g_assert_cmpint (cnn_grids_count (grids), ==, 1);
      g_assert_cmpfloat (difference (values, golden), <, 1e-5);
      g_assert_cmpint (info->shown, ==, row->shown);
      g_assert_cmpint (info->mosaic_width, ==, row->mosaic_width);
      g_assert_cmpint (info->mosaic_height, ==, row->mosaic_height);
      g_assert_cmpint (ours->dims[0], ==, row->mosaic_height);
      g_assert_cmpint (ours->dims[1], ==, row->mosaic_width);
      assert_levels (ours, theirs);
    }
}

/* No other number of columns gives a mosaic that is nearer to a square. */
static void
test_automatic_columns (void)
{
  g_autoptr (CnnSession) session = open_golden ("activations", "model.keras");

  for (int n = 1; n <= 158; n++)
    {
      g_autofree char *channels = g_strdup_printf ("top:%d", n);
      CnnGridOptions options = { .layers = "concat", .channels = channels };
      g_autoptr (CnnGrids) grids = make_grids (session, &options);
      const CnnGridInfo *info = cnn_grids_info (grids, 0);
      int long_side = MAX (info->mosaic_width, info->mosaic_height);
      int short_side = MIN (info->mosaic_width, info->mosaic_height);

      for (int columns = 1; columns <= n; columns++)
        {
          int width = columns * 6 - 1, height = (n + columns - 1) / columns * 8 - 1;

          g_assert_cmpint (MAX (width, height) * short_side, >=, long_side * MIN (width, height));
        }
    }
}

/* --- Mosaics against NumPy's --- */

static CnnArray *
numpy_array (const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = source_file ("tests/data/grid", name);
  CnnArray *array = cnn_npy_load (path, &error);

  g_assert_no_error (error);
  return array;
}

/* The book shows whole rows of channels only. */
static void
assert_numpy (CnnSession *session, const char *layer, int columns, const char *name)
{
  CnnGridOptions options = { .layers = layer, .columns = columns };
  g_autoptr (CnnGrids) grids = make_grids (session, &options);
  g_autoptr (CnnArray) ours = make_mosaic (grids, 0);
  g_autoptr (CnnArray) theirs = numpy_array (name);

  g_assert_cmpint (ours->dims[0], >=, theirs->dims[0]);
  ours->dims[0] = theirs->dims[0];
  assert_levels (ours, theirs);
}

static void
test_numpy (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnSession) wide = open_golden ("activations", "model.keras");
  g_autoptr (CnnSession) session = open_golden ("sequential", "model.keras");
  g_autoptr (CnnArray) values = numpy_array ("values.npy");

  assert_numpy (wide, "concat", 16, "concat-book.npy");
  cnn_session_set_input (session, values, &error);
  g_assert_no_error (error);
  assert_numpy (session, "input", 16, "values-book.npy");
}

/* --- Channels that need care --- */

static void
test_flat_channels (void)
{
  static const int sides[3] = { 19, 13, 3 };
  static const struct
  {
    CnnGridNormalize normalize;
    int first, second, constant, dead; /* of channel 0 the two first cells; the other channels */
  } rows[] = {
    { CNN_GRID_BOOK, 0, 0, 128, 0 },
    { CNN_GRID_CHANNEL, 255, 0, 128, 0 },
    { CNN_GRID_LAYER, 63, 0, 255, 31 }, /* −1…7 */
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnSession) session = open_golden ("sequential", "model.keras");
  g_autoptr (CnnArray) input =
      cnn_array_new (3, (gint64[]){ sides[0], sides[1], sides[2] }, "input", NULL);

  /* Channel 0 is 1, −1 and then zeros, whose sum is 0; 1 is 7 everywhere; 2 is dead. */
  input->data[0] = 1;
  input->data[3] = -1;
  for (gsize i = 1; i < cnn_array_count (input); i += 3)
    input->data[i] = 7;
  cnn_session_set_input (session, input, &error);
  g_assert_no_error (error);

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      CnnGridOptions options = { .layers = "input", .columns = 3, .normalize = rows[i].normalize };
      g_autoptr (CnnGrids) grids = make_grids (session, &options);
      const CnnGridInfo *info = cnn_grids_info (grids, 0);
      g_autoptr (CnnArray) mosaic = make_mosaic (grids, 0);

      g_assert_cmpfloat (mosaic->data[0], ==, rows[i].first);
      g_assert_cmpfloat (mosaic->data[1], ==, rows[i].second);
      g_assert_cmpfloat (mosaic->data[13], ==, 0);
      g_assert_cmpfloat (mosaic->data[27], ==, 0);
      for (int x = 0; x < 13; x++)
        {
          g_assert_cmpfloat (mosaic->data[14 + x], ==, rows[i].constant);
          g_assert_cmpfloat (mosaic->data[28 + x], ==, rows[i].dead);
        }

      g_assert_cmpstr (info->layer, ==, "input");
      g_assert_cmpint (info->dead, ==, 1);
      g_assert_cmpfloat (info->minimum, ==, -1);
      g_assert_cmpfloat (info->maximum, ==, 7);
      g_assert_cmpfloat_with_epsilon (info->mean, 7 / 3.0, 1e-12);
      g_assert_cmpint (info->n_strongest, ==, 2);
      g_assert_cmpint (info->strongest[0], ==, 1);
      g_assert_cmpint (info->strongest[1], ==, 0);
    }
}

/* --- Layers --- */

typedef struct
{
  const char *folder, *wish, *channels, *names;
} LayerRow;

static const LayerRow layer_rows[] = {
  { "sequential", NULL, NULL, "conv2d max_pooling2d conv2d_1" },
  { "sequential", "book", NULL, "conv2d max_pooling2d conv2d_1" },
  { "sequential", "all", NULL, "conv2d max_pooling2d conv2d_1 batch_normalization" },
  { "sequential", "conv2d_1 , input, conv2d,input_layer,conv2d_1", NULL, "conv2d_1 input conv2d" },
  { "sequential", "conv2d,conv2d_1", "3-6", "conv2d conv2d_1" },
  { "nested", "book", NULL,
    "middle/before middle/inner/frozen_conv middle/inner/frozen_dw middle/inner/trained_conv "
    "middle/middle_pool last" },
  { "nested", "frozen_dw", NULL, "middle/inner/frozen_dw" },
  { "shared", "book", NULL, "conv conv#2 twin/mix twin/mix#2 last" },
  { "shapes", "all", NULL,
    "pad conv crop center_crop larger_bilinear smaller_nearest reshape pad1 last" },
};

static void
test_layers (gconstpointer data)
{
  const LayerRow *row = data;
  g_autoptr (CnnSession) session = open_golden (row->folder, "model.keras");
  CnnGridOptions options = { .layers = row->wish, .channels = row->channels, .columns = 16 };
  g_autoptr (CnnGrids) grids = make_grids (session, &options);
  g_autoptr (GString) names = g_string_new (NULL);

  for (guint i = 0; i < cnn_grids_count (grids); i++)
    {
      const CnnGridInfo *info = cnn_grids_info (grids, i);
      g_autoptr (CnnArray) values = cnn_grids_values (grids, i, NULL);
      double sum = 0;
      float low = values->data[0], high = low;

      g_string_append_printf (names, "%s%s", i > 0 ? " " : "", info->layer);
      g_assert_cmpint (info->height, ==, values->dims[0]);
      g_assert_cmpint (info->width, ==, values->dims[1]);
      g_assert_cmpint (info->channels, ==, values->dims[2]);
      for (gsize k = 0; k < cnn_array_count (values); k++)
        {
          sum += values->data[k];
          low = MIN (low, values->data[k]);
          high = MAX (high, values->data[k]);
        }
      g_assert_cmpfloat (info->minimum, ==, low);
      g_assert_cmpfloat (info->maximum, ==, high);
      g_assert_cmpfloat_with_epsilon (info->mean, sum / (double) cnn_array_count (values), 1e-9);
    }
  g_assert_cmpstr (names->str, ==, row->names);
  if (row->channels != NULL)
    {
      g_assert_cmpint (cnn_grids_info (grids, 0)->shown, ==, 2);
      g_assert_cmpint (cnn_grids_info (grids, 1)->shown, ==, 4);
    }
}

/* In any order and as often as wanted. */
static void
test_order (void)
{
  g_autoptr (CnnSession) session = open_golden ("functional", "model.keras");
  CnnGridOptions options = { .layers = "all", .columns = 16 };
  g_autoptr (CnnGrids) grids = make_grids (session, &options);
  g_autoptr (GPtrArray) first = g_ptr_array_new_with_free_func ((GDestroyNotify) cnn_array_unref);
  float color[3];

  for (guint i = 0; i < cnn_grids_count (grids); i++)
    g_ptr_array_add (first, make_mosaic (grids, i));
  for (guint i = cnn_grids_count (grids); i-- > 0;)
    {
      const CnnArray *before = first->pdata[i];
      CnnGridOptions one = { .layers = cnn_grids_info (grids, i)->layer, .columns = 16 };
      g_autoptr (CnnSession) other = open_golden ("functional", "model.keras");
      g_autoptr (CnnGrids) alone = make_grids (other, &one);
      g_autoptr (CnnArray) again = make_mosaic (grids, i);
      g_autoptr (CnnArray) lone = make_mosaic (alone, 0);
      g_autoptr (CnnImage) image = cnn_grids_paint (grids, i, CNN_COLORMAP_VIRIDIS, NULL);

      g_assert_cmpmem (before->data, cnn_array_count (before) * sizeof (float), again->data,
                       cnn_array_count (again) * sizeof (float));
      assert_levels (lone, before);
      g_assert_cmpint (image->channels, ==, 3);
      g_assert_cmpint (image->height, ==, before->dims[0]);
      g_assert_cmpint (image->width, ==, before->dims[1]);
      for (gsize k = 0; k < cnn_array_count (before); k++)
        {
          cnn_colormap_color (CNN_COLORMAP_VIRIDIS, (int) before->data[k], color);
          g_assert_cmpmem (image->pixels + 3 * k, sizeof color, color, sizeof color);
        }
    }
}

/* --- Refusals --- */

typedef struct
{
  const char *folder, *layers, *channels;
  int columns, scale;
  const char *message;
} RefusalRow;

static const RefusalRow refusal_rows[] = {
  { "sequential", "dense", NULL, 16, 1, "layer \"dense\" has no maps to show: its output is 6" },
  { "sequential", "conv2d,dense_1", NULL, 16, 1, "layer \"dense_1\" has no maps" },
  { "shapes", "rows", NULL, 16, 1, "its output is 21×6" },
  { "sequential", "conv2d_77", NULL, 16, 1, "conv2d_77" },
  { "sequential", "conv2d,", NULL, 16, 1, "layer" },
  { "nested", "relu", NULL, 16, 1, "relu" },
  { "sequential", "conv2d", "5", 16, 1,
    "layer \"conv2d\" has 5 channels, 0 to 4; there is no channel 5" },
  { "sequential", "conv2d", "3-9", 16, 1, "there is no channel 9" },
  { "sequential", "conv2d", "8-9", 16, 1, "there is no channel 8" },
  { "sequential", "conv2d", "99999999999999999999", 16, 1, "there is no channel" },
  { "sequential", "conv2d_1,conv2d", "5-6", 16, 1,
    "layer \"conv2d\" has 5 channels, 0 to 4; there is no channel 5" },
  { "sequential", "book", "6", 16, 1, "layer \"conv2d\" has 5 channels" },
  { "sequential", "conv2d", "3-1", 16, 1, "\"3-1\": the first is larger than the last" },
  { "sequential", "conv2d", "-1", 16, 1, "channels \"-1\" is not all, a channel" },
  { "sequential", "conv2d", "1-", 16, 1, "channels \"1-\" is not" },
  { "sequential", "conv2d", "1,2", 16, 1, "channels \"1,2\" is not" },
  { "sequential", "conv2d", "top:0", 16, 1, "channels \"top:0\" is not" },
  { "sequential", "conv2d", "top:", 16, 1, "channels \"top:\" is not" },
  { "sequential", "conv2d", "some", 16, 1, "channels \"some\" is not" },
  { "activations", "concat", NULL, 1, 240,
    "the mosaic of layer \"concat\" would have 1200×265597" },
  { "activations", "concat", NULL, 16, 240, "choose fewer channels, a smaller scale" },
  { "sequential", "conv2d", NULL, 16, G_MAXINT, "too large" },
};

static void
test_refusals (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (refusal_rows); i++)
    {
      const RefusalRow *row = &refusal_rows[i];
      g_autoptr (GError) error = NULL;
      g_autoptr (CnnSession) session = open_golden (row->folder, "model.keras");
      CnnGridOptions options = { .layers = row->layers,
                                 .channels = row->channels,
                                 .columns = row->columns,
                                 .scale = row->scale };

      g_test_message ("%s %s", row->layers, row->channels);
      g_assert_null (cnn_activation_grids (session, &options, NULL, &error));
      assert_message (&error, CNN_ERROR_ARGUMENT, row->message);
    }
}

static void
test_cancelled (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (CnnSession) session = open_golden ("sequential", "model.keras");
  CnnProgress progress = { .cancellable = cancellable };
  CnnGridOptions options = { .layers = "book" };

  g_cancellable_cancel (cancellable);
  g_assert_null (cnn_activation_grids (session, &options, &progress, &error));
  g_assert_error (error, CNN_ERROR, CNN_ERROR_CANCELLED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (mosaic_rows); i++)
    {
      const MosaicRow *row = &mosaic_rows[i];
      g_autofree char *name =
          g_strdup_printf ("/grid/mosaic/%s/%s/%d/%d", row->layer,
                           row->channels != NULL ? row->channels : "", row->columns, row->scale);

      g_test_add_data_func (name, row, test_mosaic);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (layer_rows); i++)
    {
      g_autofree char *name =
          g_strdup_printf ("/grid/layers/%s/%" G_GSIZE_FORMAT, layer_rows[i].folder, i);

      g_test_add_data_func (name, &layer_rows[i], test_layers);
    }
  g_test_add_func ("/grid/automatic-columns", test_automatic_columns);
  g_test_add_func ("/grid/numpy", test_numpy);
  g_test_add_func ("/grid/flat-channels", test_flat_channels);
  g_test_add_func ("/grid/order", test_order);
  g_test_add_func ("/grid/refusals", test_refusals);
  g_test_add_func ("/grid/cancelled", test_cancelled);
  return g_test_run ();
}
