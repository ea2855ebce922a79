/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layers that multiply channels, or move a window: convolutions, Dense, pooling. */
#include "reference_private.h"

#include <math.h>
#include <string.h>

typedef struct
{
  int kernel[2], stride[2], dilation[2];
  int before[2], out[2];
} Window;

static void
get_window (const char *params, const char *kernel_key, int standard_kernel, gboolean pooling,
            const RefTensor *in, Window *window)
{
  const int size[2] = { in->h, in->w };
  const gboolean same = ref_is (params, "padding", "same");

  ref_pair (params, kernel_key, standard_kernel, standard_kernel, window->kernel);
  ref_pair (params, "strides", pooling ? window->kernel[0] : 1, pooling ? window->kernel[1] : 1,
            window->stride);
  ref_pair (params, "dilation_rate", 1, 1, window->dilation);
  for (int i = 0; i < 2; i++)
    {
      const int extent = (window->kernel[i] - 1) * window->dilation[i] + 1;

      if (same)
        {
          int total;

          window->out[i] = (int) ceil ((double) size[i] / window->stride[i]);
          total = (window->out[i] - 1) * window->stride[i] + extent - size[i];
          window->before[i] = total > 0 ? total / 2 : 0;
        }
      else
        {
          window->out[i] = (int) ceil ((double) (size[i] - extent + 1) / window->stride[i]);
          window->before[i] = 0;
        }
    }
}

/* The input cell under tap (ky, kx) of the window at output (oy, ox); FALSE in the padding. */
static gboolean
window_cell (const Window *w, const RefTensor *in, int oy, int ox, int ky, int kx, int *y, int *x)
{
  *y = oy * w->stride[0] - w->before[0] + ky * w->dilation[0];
  *x = ox * w->stride[1] - w->before[1] + kx * w->dilation[1];
  return *y >= 0 && *y < in->h && *x >= 0 && *x < in->w;
}

static RefTensor
pool (const RefCase *test, gboolean maximum)
{
  const RefTensor *in = &test->inputs[0];
  Window window;
  RefTensor out;

  get_window (test->params, "pool_size", 2, TRUE, in, &window);
  out = ref_make (3, in->n, window.out[0], window.out[1], in->c);
  FOR_EACH (&out, n, oy, ox, c)
  {
    double sum = 0., largest = -INFINITY;
    int count = 0, y, x;

    for (int ky = 0; ky < window.kernel[0]; ky++)
      for (int kx = 0; kx < window.kernel[1]; kx++)
        if (window_cell (&window, in, oy, ox, ky, kx, &y, &x))
          {
            const double v = *ref_at (in, n, y, x, c);

            sum += v;
            largest = fmax (largest, v);
            count++;
          }
    *ref_at (&out, n, oy, ox, c) = maximum ? largest : sum / count;
  }
  return out;
}

static RefTensor
max_pooling (const RefCase *test)
{
  return pool (test, TRUE);
}

static RefTensor
average_pooling (const RefCase *test)
{
  return pool (test, FALSE);
}

static RefTensor
global_pool (const RefCase *test, gboolean maximum)
{
  const RefTensor *in = &test->inputs[0];
  RefTensor out =
      ref_make (ref_number (test->params, "keepdims", 0) != 0 ? 3 : 1, in->n, 1, 1, in->c);

  for (int n = 0; n < in->n; n++)
    for (int c = 0; c < in->c; c++)
      {
        double sum = 0., largest = -INFINITY;

        for (int y = 0; y < in->h; y++)
          for (int x = 0; x < in->w; x++)
            {
              sum += *ref_at (in, n, y, x, c);
              largest = fmax (largest, *ref_at (in, n, y, x, c));
            }
        *ref_at (&out, n, 0, 0, c) = maximum ? largest : sum / (in->h * in->w);
      }
  return out;
}

static RefTensor
global_max_pooling (const RefCase *test)
{
  return global_pool (test, TRUE);
}

static RefTensor
global_average_pooling (const RefCase *test)
{
  return global_pool (test, FALSE);
}

static void
add_bias (const RefCase *test, RefTensor *t, int index)
{
  if (ref_number (test->params, "use_bias", 1) == 0)
    return;
  FOR_EACH (t, n, y, x, c)
  *ref_at (t, n, y, x, c) += test->weights[index][c];
}

/* kernel: (h, w, in / groups, filters); filter f belongs to group f / (filters / groups). */
static RefTensor
convolve (const RefTensor *in, const Window *window, const double *kernel, int filters, int groups)
{
  const int per_group = in->c / groups;
  RefTensor out = ref_make (3, in->n, window->out[0], window->out[1], filters);

  FOR_EACH (&out, n, oy, ox, f)
  {
    const int first = f / (filters / groups) * per_group;
    double sum = 0.;
    int y, x;

    for (int ky = 0; ky < window->kernel[0]; ky++)
      for (int kx = 0; kx < window->kernel[1]; kx++)
        if (window_cell (window, in, oy, ox, ky, kx, &y, &x))
          for (int c = 0; c < per_group; c++)
            sum += *ref_at (in, n, y, x, first + c)
                   * kernel[((ky * window->kernel[1] + kx) * per_group + c) * filters + f];
    *ref_at (&out, n, oy, ox, f) = sum;
  }
  return out;
}

/* kernel: (h, w, in, multiplier); output channel c · multiplier + m. */
static RefTensor
convolve_depthwise (const RefTensor *in, const Window *window, const double *kernel, int multiplier)
{
  RefTensor out = ref_make (3, in->n, window->out[0], window->out[1], in->c * multiplier);

  FOR_EACH (&out, n, oy, ox, o)
  {
    double sum = 0.;
    int y, x;

    for (int ky = 0; ky < window->kernel[0]; ky++)
      for (int kx = 0; kx < window->kernel[1]; kx++)
        if (window_cell (window, in, oy, ox, ky, kx, &y, &x))
          sum += *ref_at (in, n, y, x, o / multiplier)
                 * kernel[(ky * window->kernel[1] + kx) * in->c * multiplier + o];
    *ref_at (&out, n, oy, ox, o) = sum;
  }
  return out;
}

static RefTensor
conv2d (const RefCase *test)
{
  Window window;
  RefTensor out;

  get_window (test->params, "kernel_size", 1, FALSE, &test->inputs[0], &window);
  out = convolve (&test->inputs[0], &window, test->weights[0],
                  (int) ref_number (test->params, "filters", 0),
                  (int) ref_number (test->params, "groups", 1));
  add_bias (test, &out, 1);
  return out;
}

/* Every input cell spreads its window over the output. kernel: (h, w, filters, in). TensorFlow cuts
 * what sticks out with "same", the smaller half at the start. */
static RefTensor
conv2d_transpose (const RefCase *test)
{
  const RefTensor *in = &test->inputs[0];
  const int filters = (int) ref_number (test->params, "filters", 0), size[2] = { in->h, in->w };
  const gboolean same = ref_is (test->params, "padding", "same");
  double more[2];
  const int n_more = ref_numbers (test->params, "output_padding", more, 2);
  int kernel[2], stride[2], dilation[2], before[2], side[2];
  RefTensor out;

  ref_pair (test->params, "kernel_size", 1, 1, kernel);
  ref_pair (test->params, "strides", 1, 1, stride);
  ref_pair (test->params, "dilation_rate", 1, 1, dilation);
  for (int i = 0; i < 2; i++)
    {
      const int extent = (kernel[i] - 1) * dilation[i] + 1, least = (size[i] - 1) * stride[i];

      if (n_more > 0)
        side[i] = least + (same ? extent % 2 : extent) + (int) more[i % n_more];
      else
        side[i] = same ? size[i] * stride[i] : least + MAX (extent, stride[i]);
      before[i] = same ? MAX (least + extent - side[i], 0) / 2 : 0;
    }
  out = ref_make (3, in->n, side[0], side[1], filters);
  FOR_EACH (in, n, y, x, c)
  for (int ky = 0; ky < kernel[0]; ky++)
    for (int kx = 0; kx < kernel[1]; kx++)
      {
        const int oy = y * stride[0] + ky * dilation[0] - before[0];
        const int ox = x * stride[1] + kx * dilation[1] - before[1];

        for (int f = 0; f < filters && oy >= 0 && oy < side[0] && ox >= 0 && ox < side[1]; f++)
          *ref_at (&out, n, oy, ox, f) +=
              *ref_at (in, n, y, x, c)
              * test->weights[0][((ky * kernel[1] + kx) * filters + f) * in->c + c];
      }
  add_bias (test, &out, 1);
  return out;
}

static RefTensor
depthwise_conv2d (const RefCase *test)
{
  Window window;
  RefTensor out;

  get_window (test->params, "kernel_size", 1, FALSE, &test->inputs[0], &window);
  out = convolve_depthwise (&test->inputs[0], &window, test->weights[0],
                            (int) ref_number (test->params, "depth_multiplier", 1));
  add_bias (test, &out, 1);
  return out;
}

static RefTensor
separable_conv2d (const RefCase *test)
{
  Window window, point = { { 1, 1 }, { 1, 1 }, { 1, 1 }, { 0, 0 }, { 0, 0 } };
  RefTensor middle, out;

  get_window (test->params, "kernel_size", 1, FALSE, &test->inputs[0], &window);
  middle = convolve_depthwise (&test->inputs[0], &window, test->weights[0],
                               (int) ref_number (test->params, "depth_multiplier", 1));
  point.out[0] = middle.h;
  point.out[1] = middle.w;
  out = convolve (&middle, &point, test->weights[1], (int) ref_number (test->params, "filters", 0),
                  1);
  g_free (middle.data);
  add_bias (test, &out, 2);
  return out;
}

/* kernel: (in, units), for the last dimension of any rank. */
static RefTensor
dense (const RefCase *test)
{
  const RefTensor *in = &test->inputs[0];
  const int units = (int) ref_number (test->params, "units", 0);
  RefTensor out = ref_make (in->rank, in->n, in->h, in->w, units);

  FOR_EACH (&out, n, y, x, u)
  {
    double sum = 0.;

    for (int c = 0; c < in->c; c++)
      sum += *ref_at (in, n, y, x, c) * test->weights[0][c * units + u];
    *ref_at (&out, n, y, x, u) = sum;
  }
  add_bias (test, &out, 1);
  return out;
}

const RefClass ref_windows[] = {
  { "Conv2D", conv2d },
  { "Conv2DTranspose", conv2d_transpose },
  { "DepthwiseConv2D", depthwise_conv2d },
  { "SeparableConv2D", separable_conv2d },
  { "Dense", dense },
  { "MaxPooling2D", max_pooling },
  { "AveragePooling2D", average_pooling },
  { "GlobalMaxPooling2D", global_max_pooling },
  { "GlobalAveragePooling2D", global_average_pooling },
  { NULL, NULL },
};
