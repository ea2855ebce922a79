/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Does the model need what a heatmap shows? Petsiuk, Das and Saenko, "RISE: Randomized Input
 * Sampling for Explanation of Black-box Models", 2018, https://arxiv.org/abs/1806.07421 */

#include "batch.h"
#include "visualize.h"

#include <math.h>
#include <string.h>

#define BLUR_SHARE 20 /* σ is the shorter side over this */

typedef struct
{
  CnnSession *session;
  const CnnProgress *progress;
  CnnFaithfulness *result;
  int height, width, channels;
  CnnArray *gray, *blurred; /* of the input's size */
  CnnBatch *batch;
  int done; /* pictures */
} Test;

void
cnn_faithfulness_free (CnnFaithfulness *self)
{
  if (self == NULL)
    return;
  cnn_grad_cam_free (self->cam);
  g_free (self->deletion.values);
  g_free (self->insertion.values);
  g_free (self->centre_deletion.values);
  g_free (self->centre_insertion.values);
  g_free (self);
}

/* --- What comes in the pixels' place --- */

static CnnArray *
mean_colour (const CnnArray *input, GError **error)
{
  CnnArray *gray = cnn_array_new (input->rank, input->dims, "the deleted picture", error);
  const gsize channels = (gsize) input->dims[2], pixels = cnn_array_count (input) / channels;

  for (gsize c = 0; gray != NULL && c < channels; c++)
    {
      double sum = 0;

      for (gsize i = 0; i < pixels; i++)
        sum += input->data[i * channels + c];
      for (gsize i = 0; i < pixels; i++)
        gray->data[i * channels + c] = (float) (sum / (double) pixels);
    }
  return gray;
}

/* One pass over n values that lie `step` apart, into as many. */
static void
blur_line (const double *window, int radius, const double *from, double *to, int n, int step)
{
  for (int i = 0; i < n; i++)
    {
      double sum = 0;

      for (int k = -radius; k <= radius; k++)
        sum += window[k + radius] * from[(gsize) CLAMP (i + k, 0, n - 1) * (gsize) step];
      to[(gsize) i * (gsize) step] = sum;
    }
}

static CnnArray *
blur (const CnnArray *input, GError **error)
{
  const int height = (int) input->dims[0], width = (int) input->dims[1],
            channels = (int) input->dims[2], row = width * channels;
  const double sigma = MIN (height, width) / (double) BLUR_SHARE;
  const int radius = (int) ceil (3 * sigma);
  g_autofree double *window = g_new (double, 2 * radius + 1);
  g_autofree double *before = g_new (double, cnn_array_count (input));
  g_autofree double *between = g_new (double, cnn_array_count (input));
  CnnArray *blurred = cnn_array_new (input->rank, input->dims, "the blurred picture", error);
  double sum = 0;

  if (blurred == NULL)
    return NULL;
  for (int k = -radius; k <= radius; k++)
    sum += window[k + radius] = exp (-k * k / (2 * sigma * sigma));
  for (int k = 0; k <= 2 * radius; k++)
    window[k] /= sum;
  for (gsize i = 0; i < cnn_array_count (input); i++)
    before[i] = input->data[i];
  for (int i = 0; i < row; i++)
    blur_line (window, radius, before + i, between + i, height, row);
  for (int y = 0; y < height; y++)
    for (int c = 0; c < channels; c++)
      {
        const gsize at = (gsize) y * (gsize) row + (gsize) c;

        blur_line (window, radius, between + at, before + at, width, channels);
      }
  for (gsize i = 0; i < cnn_array_count (input); i++)
    blurred->data[i] = (float) before[i];
  return blurred;
}

/* --- The order of the pixels --- */

static int
by_heat (gconstpointer a, gconstpointer b, gpointer data)
{
  const double *heat = data;
  const gsize left = *(const gsize *) a, right = *(const gsize *) b;

  if (heat[left] != heat[right])
    return heat[left] > heat[right] ? -1 : 1;
  return (left > right) - (left < right);
}

/* Takes the heat. Transfer full. */
static gsize *
order_by (double *heat, gsize n)
{
  gsize *order = g_new (gsize, n);

  for (gsize i = 0; i < n; i++)
    order[i] = i;
  g_qsort_with_data (order, (int) n, sizeof *order, by_heat, heat);
  g_free (heat);
  return order;
}

static gsize *
order_by_map (const Test *self, GError **error)
{
  g_autoptr (CnnArray) map =
      cnn_map_resize (self->result->cam->heatmap, self->width, self->height, error);
  const gsize n = (gsize) self->height * (gsize) self->width;
  double *heat;

  if (map == NULL)
    return NULL;
  heat = g_new (double, n);
  for (gsize i = 0; i < n; i++)
    heat[i] = map->data[i];
  return order_by (heat, n);
}

static gsize *
order_by_centre (const Test *self)
{
  const gsize n = (gsize) self->height * (gsize) self->width;
  double *heat = g_new (double, n);

  for (int y = 0; y < self->height; y++)
    for (int x = 0; x < self->width; x++)
      {
        const double dx = (2 * x + 1 - self->width) / (double) self->width,
                     dy = (2 * y + 1 - self->height) / (double) self->height;

        heat[(gsize) y * (gsize) self->width + (gsize) x] = -(dx * dx + dy * dy);
      }
  return order_by (heat, n);
}

/* --- Running --- */

static gboolean
prepare (Test *self, GError **error)
{
  const CnnArray *input = self->session->input;

  if (input->rank != 3)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "%s does not take a picture: there are no pixels to delete",
                   self->session->name);
      return FALSE;
    }
  self->height = (int) input->dims[0];
  self->width = (int) input->dims[1];
  self->channels = (int) input->dims[2];
  self->gray = mean_colour (input, error);
  self->blurred = self->gray != NULL ? blur (input, error) : NULL;
  if (self->blurred == NULL)
    return FALSE;

  self->batch =
      cnn_batch_new (self->session, CNN_SCORE_PROBABILITY, self->result->steps + 1, error);
  if (self->batch == NULL)
    return FALSE;
  self->result->batch = cnn_batch_count (self->batch);
  return TRUE;
}

/* From `start` to `end` (of the input's shape), pixel after pixel. */
static gboolean
follow (Test *self, const float *start, const float *end, const gsize *order, CnnCurve *curve,
        GError **error)
{
  const int steps = self->result->steps, batch = self->result->batch;
  const gsize channels = (gsize) self->channels,
              pixels = (gsize) self->height * (gsize) self->width, count = pixels * channels;
  const int total = 4 * (steps + 1);
  g_autofree float *picture = g_memdup2 (start, count * sizeof (float));
  gsize changed = 0;

  curve->values = g_new0 (double, steps + 1);
  for (int first = 0; first <= steps; first += batch)
    {
      const int n = MIN (batch, steps + 1 - first);

      if (!cnn_progress_step (self->progress, 0.1 + 0.9 * self->done / total,
                              "changing the picture", error))
        return FALSE;
      for (int i = 0; i < n; i++)
        {
          const gsize goal = pixels * (gsize) (first + i) / (gsize) steps;

          for (; changed < goal; changed++)
            memcpy (picture + order[changed] * channels, end + order[changed] * channels,
                    channels * sizeof (float));
          memcpy (cnn_batch_input (self->batch, i), picture, count * sizeof (float));
        }
      if (!cnn_batch_run (self->batch, n, self->result->cam->target->index, curve->values + first,
                          error))
        return FALSE;
      self->done += n;
    }
  for (int i = 0; i < steps; i++)
    curve->area += (curve->values[i] + curve->values[i + 1]) / 2 / steps;
  return TRUE;
}

static gboolean
follow_both (Test *self, const gsize *order, CnnCurve *deletion, CnnCurve *insertion,
             GError **error)
{
  const float *input = self->session->input->data;

  return follow (self, input, self->gray->data, order, deletion, error)
         && follow (self, self->blurred->data, input, order, insertion, error);
}

static gboolean
run (Test *self, const CnnGradCamOptions *options, GError **error)
{
  const CnnProgress quiet = {
    .cancellable = self->progress != NULL ? self->progress->cancellable : NULL,
  };
  CnnFaithfulness *result = self->result;
  g_autofree gsize *by_map = NULL;
  g_autofree gsize *by_centre = NULL;

  if (!cnn_progress_step (self->progress, 0, "making the heatmap", error))
    return FALSE;
  result->cam = cnn_grad_cam (self->session, options, &quiet, error);
  if (result->cam == NULL || !prepare (self, error))
    return FALSE;
  by_map = order_by_map (self, error);
  if (by_map == NULL)
    return FALSE;
  by_centre = order_by_centre (self);
  return follow_both (self, by_map, &result->deletion, &result->insertion, error)
         && follow_both (self, by_centre, &result->centre_deletion, &result->centre_insertion,
                         error)
         && cnn_progress_step (self->progress, 1, "done", error);
}

CnnFaithfulness *
cnn_faithfulness (CnnSession *session, const CnnGradCamOptions *options, int steps,
                  const CnnProgress *progress, GError **error)
{
  g_autoptr (CnnFaithfulness) result = NULL;
  Test self = { .session = session, .progress = progress };
  gint64 start = g_get_monotonic_time ();
  gboolean good;

  g_return_val_if_fail (session != NULL && options != NULL && steps >= 0, NULL);
  result = g_new0 (CnnFaithfulness, 1);
  result->steps = steps > 0 ? steps : CNN_FAITHFULNESS_STEPS;
  self.result = result;
  good = run (&self, options, error);
  session->microseconds = g_get_monotonic_time () - start;
  cnn_array_unref (self.gray);
  cnn_array_unref (self.blurred);
  cnn_batch_free (self.batch);
  return good ? g_steal_pointer (&result) : NULL;
}

/* --- The picture --- */

/* Three dots by five, a row in three bits, from the top. */
static const struct
{
  char character;
  guint8 rows[5];
} glyphs[] = {
  { '0', { 7, 5, 5, 5, 7 } }, { '1', { 2, 6, 2, 2, 7 } }, { '2', { 7, 1, 7, 4, 7 } },
  { '3', { 7, 1, 7, 1, 7 } }, { '4', { 5, 5, 7, 1, 1 } }, { '5', { 7, 4, 7, 1, 7 } },
  { '6', { 7, 4, 7, 5, 7 } }, { '7', { 7, 1, 1, 2, 2 } }, { '8', { 7, 5, 7, 5, 7 } },
  { '9', { 7, 5, 7, 1, 7 } }, { '-', { 0, 0, 7, 0, 0 } }, { '.', { 0, 0, 0, 0, 2 } },
};

static void
set_pixel (CnnImage *image, int x, int y, const float color[3], float share)
{
  float *pixel;

  if (x < 0 || y < 0 || x >= image->width || y >= image->height)
    return;
  pixel = image->pixels + 3 * ((gsize) y * (gsize) image->width + (gsize) x);
  for (int c = 0; c < 3; c++)
    pixel[c] += share * (color[c] - pixel[c]);
}

static void
fill (CnnImage *image, int x, int y, int width, int height, const float color[3])
{
  for (int row = y; row < y + height; row++)
    for (int column = x; column < x + width; column++)
      set_pixel (image, column, row, color, 1);
}

int
cnn_number_width (const char *text, int scale)
{
  return MAX (0, (int) strlen (text) * 4 - 1) * scale;
}

void
cnn_draw_number (CnnImage *image, int x, int y, int scale, const char *text, const float color[3])
{
  for (; *text != '\0'; text++, x += 4 * scale)
    for (gsize i = 0; i < G_N_ELEMENTS (glyphs); i++)
      for (int dot = 0; glyphs[i].character == *text && dot < 15; dot++)
        if (glyphs[i].rows[dot / 3] & 4 >> dot % 3)
          fill (image, x + dot % 3 * scale, y + dot / 3 * scale, scale, scale, color);
}

#define SIDE 280 /* of a plot */
#define LEFT 40
#define TOP 20
#define BOTTOM 34
#define DOT 2
#define LINE 1.3 /* half of a curve's width */

static double
distance_to (double x, double y, const double a[2], const double b[2])
{
  const double dx = b[0] - a[0], dy = b[1] - a[1], square = dx * dx + dy * dy;
  double t = square > 0 ? ((x - a[0]) * dx + (y - a[1]) * dy) / square : 0;

  t = CLAMP (t, 0, 1);
  return hypot (x - a[0] - t * dx, y - a[1] - t * dy);
}

static void
draw_curve (CnnImage *image, int left, const CnnCurve *curve, int steps, const float color[3])
{
  g_autofree float *cover = g_new0 (float, (gsize) image->width *(gsize) image->height);

  for (int i = 0; i < steps; i++)
    {
      const double a[2] = { left + (double) SIDE * i / steps,
                            TOP + SIDE * (1 - CLAMP (curve->values[i], 0, 1)) };
      const double b[2] = { left + SIDE * (i + 1.) / steps,
                            TOP + SIDE * (1 - CLAMP (curve->values[i + 1], 0, 1)) };

      for (int y = (int) (MIN (a[1], b[1]) - 3); y <= (int) (MAX (a[1], b[1]) + 3); y++)
        for (int x = (int) (a[0] - 3); x <= (int) (b[0] + 3); x++)
          {
            const double share = LINE + 0.5 - distance_to (x + 0.5, y + 0.5, a, b);
            float *covered;

            if (x < 0 || y < 0 || x >= image->width || y >= image->height)
              continue;
            covered = &cover[(gsize) y * (gsize) image->width + (gsize) x];
            *covered = MAX (*covered, (float) CLAMP (share, 0, 1));
          }
    }
  for (int y = 0; y < image->height; y++)
    for (int x = 0; x < image->width; x++)
      set_pixel (image, x, y, color, cover[(gsize) y * (gsize) image->width + (gsize) x]);
}

static void
draw_area (CnnImage *image, int left, int y, double area, const float color[3])
{
  char text[16];

  g_ascii_formatd (text, sizeof text, "%.3f", area);
  cnn_draw_number (image, left + SIDE - 8 - cnn_number_width (text, DOT), y, DOT, text, color);
}

/* Curves that rise leave the lower right corner free for the numbers, others the upper one. */
static void
draw_plot (CnnImage *image, int left, gboolean rises, const CnnCurve *own, const CnnCurve *centre,
           int steps)
{
  static const float ink[3] = { 0.25f, 0.25f, 0.25f }, thin[3] = { 0.88f, 0.88f, 0.88f },
                     heat[3] = { 0.8f, 0.15f, 0.1f }, blob[3] = { 0.55f, 0.55f, 0.55f };
  static const char *const marks[] = { "0", "0.5", "1" };
  const int line = 8 * DOT, top = rises ? TOP + SIDE - 4 - 2 * line : TOP + 8;

  for (int i = 0; i < 3; i++)
    {
      const int x = left + SIDE * i / 2, y = TOP + SIDE - SIDE * i / 2;
      const int width = cnn_number_width (marks[i], DOT);

      fill (image, left, y, SIDE, 1, i == 0 ? ink : thin);
      fill (image, x, TOP, 1, SIDE + (i == 0), i == 0 ? ink : thin);
      cnn_draw_number (image, left - 8 - width, y - 5 * DOT / 2, DOT, marks[i], ink);
      cnn_draw_number (image, x - width / 2, TOP + SIDE + 10, DOT, marks[i], ink);
    }
  draw_curve (image, left, centre, steps, blob);
  draw_curve (image, left, own, steps, heat);
  draw_area (image, left, top, own->area, heat);
  draw_area (image, left, top + line, centre->area, blob);
}

CnnImage *
cnn_faithfulness_paint (const CnnFaithfulness *self, GError **error)
{
  CnnImage *image;

  g_return_val_if_fail (self != NULL, NULL);
  image = cnn_image_new (2 * (LEFT + SIDE) + TOP, TOP + SIDE + BOTTOM, 3, error);
  if (image == NULL)
    return NULL;
  for (gsize i = 0; i < 3 * (gsize) image->width * (gsize) image->height; i++)
    image->pixels[i] = 1;
  draw_plot (image, LEFT, FALSE, &self->deletion, &self->centre_deletion, self->steps);
  draw_plot (image, 2 * LEFT + SIDE, TRUE, &self->insertion, &self->centre_insertion, self->steps);
  return image;
}
