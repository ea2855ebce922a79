/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image.h"

#include "error.h"
#include "image_private.h"

#include <math.h>
#include <string.h>

/* Weights are integers of this many fraction bits, so that a sum over 8-bit values that is a bit
 * larger than one stays within 32 bits. */
#define FRACTION_BITS 22

typedef struct
{
  double (*weight) (double x);
  double support; /* weight is 0 beyond */
} Filter;

static double
box (double x)
{
  return x > -0.5 && x <= 0.5 ? 1 : 0;
}

static double
triangle (double x)
{
  x = fabs (x);
  return x < 1 ? 1 - x : 0;
}

/* Keys' cubic, a = −0.5. */
static double
cubic (double x)
{
  const double a = -0.5;

  x = fabs (x);
  if (x < 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2)
    return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

static const Filter filters[] = {
  [CNN_RESIZE_BILINEAR] = { triangle, 1 },
  [CNN_RESIZE_BICUBIC] = { cubic, 2 },
  [CNN_RESIZE_AREA] = { box, 0.5 },
};

/* How an axis of `from` cells becomes one of `to`: cell i is the sum of counts[i] cells from
 * firsts[i] on, times the weights from weights[i · window] on. */
typedef struct
{
  int window;
  int *firsts, *counts;
  gint32 *weights;
} Axis;

static void
axis_clear (Axis *axis)
{
  g_free (axis->firsts);
  g_free (axis->counts);
  g_free (axis->weights);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Axis, axis_clear)

static gboolean
axis_init (Axis *axis, int from, int to, const Filter *filter, GError **error)
{
  double scale = (double) from / to;
  double filter_scale = MAX (scale, 1.0);
  double support = filter->support * filter_scale;
  g_autofree double *window = NULL;
  gsize entries = 0;

  axis->window = (int) ceil (support) * 2 + 1;
  if (g_size_checked_mul (&entries, (gsize) axis->window, (gsize) to))
    axis->weights = g_try_new0 (gint32, entries);
  axis->firsts = g_try_new0 (int, to);
  axis->counts = g_try_new0 (int, to);
  window = g_try_new0 (double, axis->window);
  if (axis->weights == NULL || axis->firsts == NULL || axis->counts == NULL || window == NULL)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT, "no memory to resize %d to %d pixels",
                   from, to);
      return FALSE;
    }

  for (int i = 0; i < to; i++)
    {
      double centre = (i + 0.5) * scale;
      int first = MAX ((int) (centre - support + 0.5), 0);
      int count = MIN ((int) (centre + support + 0.5), from) - first;
      double sum = 0;

      for (int k = 0; k < count; k++)
        {
          window[k] = filter->weight ((k + first - centre + 0.5) * (1 / filter_scale));
          sum += window[k];
        }
      for (int k = 0; k < count; k++)
        {
          double weight = sum != 0 ? window[k] / sum : window[k];

          axis->weights[(gsize) i * axis->window + k] =
              (gint32) (weight * (1 << FRACTION_BITS) + (weight < 0 ? -0.5 : 0.5));
        }
      axis->firsts[i] = first;
      axis->counts[i] = count;
    }
  return TRUE;
}

static inline guint8
round_sum (gint32 sum)
{
  return (guint8) CLAMP (sum >> FRACTION_BITS, 0, 255);
}

/* The first n ≤ BLOCK bytes of a cell: from so many cells on from `first`, `size` bytes apart.
 * Inlined for each n that is known, of which a compiler keeps the sums in registers. */
#define BLOCK 64

static inline void
sum_bytes (const guint8 *first, gsize size, const gint32 *weights, int count, gsize n, guint8 *cell)
{
  gint32 sums[BLOCK];

  for (gsize b = 0; b < n; b++)
    sums[b] = 1 << (FRACTION_BITS - 1);
  for (int k = 0; k < count; k++, first += size)
    for (gsize b = 0; b < n; b++)
      sums[b] += first[b] * weights[k];
  for (gsize b = 0; b < n; b++)
    cell[b] = round_sum (sums[b]);
}

static void
sum_cell (const guint8 *first, gsize size, const gint32 *weights, int count, guint8 *cell)
{
  gsize b = 0;

  switch (size)
    {
    case 1:
      sum_bytes (first, size, weights, count, 1, cell);
      break;
    case 3:
      sum_bytes (first, size, weights, count, 3, cell);
      break;
    default:
      for (; b + BLOCK <= size; b += BLOCK)
        sum_bytes (first + b, size, weights, count, BLOCK, cell + b);
      sum_bytes (first + b, size, weights, count, size - b, cell + b);
    }
}

/* One pass. `from` is `rows` runs, each of the axis's cells of `size` bytes: pixels of a row
 * (rows = height), or rows of the picture (rows = 1). */
static void
resize_axis (const Axis *axis, const guint8 *from, int from_cells, guint8 *to, int to_cells,
             gsize rows, gsize size)
{
  for (gsize row = 0; row < rows; row++)
    for (int i = 0; i < to_cells; i++)
      sum_cell (from + (row * from_cells + axis->firsts[i]) * size, size,
                axis->weights + (gsize) i * axis->window, axis->counts[i],
                to + (row * to_cells + i) * size);
}

/* Steps are added up instead of multiplied since that is how Pillow does it; the sums decide which
 * pixel is the nearest where two are equally near. */
static int *
nearest_cells (int from, int to)
{
  int *cells = g_new (int, to);
  double step = (double) from / to;
  double at = step * 0.5;

  for (int i = 0; i < to; i++, at += step)
    cells[i] = MIN ((int) at, from - 1);
  return cells;
}

static guint8 *
new_bytes (int width, int height, int channels, GError **error)
{
  gsize size = (gsize) width * height * channels;
  guint8 *bytes = g_try_malloc (size);

  if (bytes == NULL)
    g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT, "no memory for a picture of %d×%d", width,
                 height);
  return bytes;
}

static guint8 *
resize_nearest (const guint8 *from, int from_width, int from_height, int width, int height,
                int channels, GError **error)
{
  g_autofree int *columns = nearest_cells (from_width, width);
  g_autofree int *rows = nearest_cells (from_height, height);
  guint8 *resized = new_bytes (width, height, channels, error), *to = resized;

  for (int y = 0; resized != NULL && y < height; y++)
    for (int x = 0; x < width; x++, to += channels)
      memcpy (to, from + ((gsize) rows[y] * from_width + columns[x]) * channels, channels);
  return resized;
}

/* Passes that replace the picture in bytes. */
static gboolean
resize_columns (guint8 **bytes, int from, int height, int to, int channels, const Filter *filter,
                GError **error)
{
  g_auto (Axis) axis = { 0 };
  g_autofree guint8 *resized = NULL;

  if (from == to)
    return TRUE;
  resized = new_bytes (to, height, channels, error);
  if (resized == NULL || !axis_init (&axis, from, to, filter, error))
    return FALSE;
  resize_axis (&axis, *bytes, from, resized, to, height, channels);
  g_free (*bytes);
  *bytes = g_steal_pointer (&resized);
  return TRUE;
}

static gboolean
resize_rows (guint8 **bytes, int width, int from, int to, int channels, const Filter *filter,
             GError **error)
{
  g_auto (Axis) axis = { 0 };
  g_autofree guint8 *resized = NULL;

  if (from == to)
    return TRUE;
  resized = new_bytes (width, to, channels, error);
  if (resized == NULL || !axis_init (&axis, from, to, filter, error))
    return FALSE;
  resize_axis (&axis, *bytes, from, resized, to, 1, (gsize) width * channels);
  g_free (*bytes);
  *bytes = g_steal_pointer (&resized);
  return TRUE;
}

/* Which pass comes first shows in the rounding between them: Pillow shortens a picture before all
 * else where it loses more than twice as many rows as columns (since version 13; columns always
 * came first before). */
guint8 *
cnn_image_resize_bytes (const CnnImage *image, int width, int height, CnnResizeFilter resize,
                        GError **error)
{
  int channels = image->channels;
  const Filter *filter = &filters[resize];
  g_autofree guint8 *bytes = new_bytes (image->width, image->height, channels, error);
  gboolean tall_first;

  g_assert (channels == 1 || channels == 3);
  if (bytes == NULL)
    return NULL;
  cnn_to_bytes (image->pixels, (gsize) image->width * image->height * channels, bytes);

  if (resize == CNN_RESIZE_NEAREST)
    return resize_nearest (bytes, image->width, image->height, width, height, channels, error);
  tall_first = height < image->height && image->height - height > 2 * (image->width - width);
  if ((tall_first
       && !resize_rows (&bytes, image->width, image->height, height, channels, filter, error))
      || !resize_columns (&bytes, image->width, tall_first ? height : image->height, width,
                          channels, filter, error)
      || (!tall_first
          && !resize_rows (&bytes, width, image->height, height, channels, filter, error)))
    return NULL;
  return g_steal_pointer (&bytes);
}

CnnImage *
cnn_image_resize (const CnnImage *image, int width, int height, CnnResizeFilter resize,
                  GError **error)
{
  g_autofree guint8 *bytes = cnn_image_resize_bytes (image, width, height, resize, error);
  CnnImage *resized = bytes != NULL ? cnn_image_new (width, height, image->channels, error) : NULL;

  if (resized != NULL)
    cnn_from_bytes (bytes, (gsize) width * height * image->channels, resized->pixels);
  return resized;
}

/* The four cells around a place and their weights. */
typedef struct
{
  int cells[4];
  double weights[4];
} Cubic;

static void
cubic_cells (int from, int to, int i, Cubic *out)
{
  double at = (i + 0.5) * from / to - 0.5;
  int first = (int) floor (at) - 1;

  for (int k = 0; k < 4; k++)
    {
      out->cells[k] = CLAMP (first + k, 0, from - 1);
      out->weights[k] = cubic (at - (first + k));
    }
}

CnnArray *
cnn_map_resize (const CnnArray *map, int width, int height, GError **error)
{
  int from_height = (int) map->dims[0], from_width = (int) map->dims[1];
  gsize count = cnn_array_count (map);
  g_autoptr (CnnArray) resized = cnn_array_new (2, (gint64[]){ height, width }, "heatmap", error);
  g_autofree double *row = NULL;
  g_autofree Cubic *columns = NULL;
  float low, high;

  g_assert (map->rank == 2 && count > 0);
  if (resized == NULL)
    return NULL;
  low = high = map->data[0];
  for (gsize i = 1; i < count; i++)
    {
      low = MIN (low, map->data[i]);
      high = MAX (high, map->data[i]);
    }

  row = g_new (double, from_width);
  columns = g_new (Cubic, width);
  for (int x = 0; x < width; x++)
    cubic_cells (from_width, width, x, columns + x);
  for (int y = 0; y < height; y++)
    {
      Cubic rows;
      float *out = resized->data + (gsize) y * width;

      cubic_cells (from_height, height, y, &rows);
      for (int x = 0; x < from_width; x++)
        {
          row[x] = 0;
          for (int k = 0; k < 4; k++)
            row[x] += rows.weights[k] * map->data[(gsize) rows.cells[k] * from_width + x];
        }
      for (int x = 0; x < width; x++)
        {
          const Cubic *column = columns + x;
          double value = 0;

          for (int k = 0; k < 4; k++)
            value += column->weights[k] * row[column->cells[k]];
          out[x] = CLAMP ((float) value, low, high);
        }
    }
  return g_steal_pointer (&resized);
}
