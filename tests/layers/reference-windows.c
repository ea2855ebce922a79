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

static const RefClass classes[] = {
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

static const Row rows[] = {
  { "MaxPooling2D", "", "7x9x5 | 2x2x1 | 12x8x33", 0, 0, 0 },
  { "MaxPooling2D", "pool_size=3 strides=2 padding=same", "7x9x5 | 8x12x3 | 1x1x5", 0, 0, 0 },
  { "MaxPooling2D", "pool_size=3 strides=1 padding=same", "7x9x5 | 2x1x3", 0, 0, 0 },
  { "MaxPooling2D", "pool_size=2,3 strides=3,2", "7x9x5", 0, 0, 0 },
  { "MaxPooling2D", "pool_size=2 strides=3 padding=same", "7x9x8", 0, 0, 0 },
  { "MaxPooling2D", "pool_size=3 strides=2", "7x9x5 | 8x12x3 | 23x18x9", 0, 0, 0 },
  { "MaxPooling2D", "pool_size=1 strides=2 padding=same", "7x8x5", 0, 0, 0 },
  { "MaxPooling2D", "pool_size=4 strides=2 padding=same", "7x9x5 | 8x6x3", 0, 0, 0 },
  { "MaxPooling2D", "pool_size=5 strides=2", "7x9x5", 0, 0, 0 },
  { "MaxPooling2D", "pool_size=5 strides=3 padding=same", "10x9x5 | 2x3x1", 0, 0, 0 },
  { "MaxPooling2D", "pool_size=3 padding=same", "7x9x5", 0, 0, 0 },
  { "AveragePooling2D", "", "7x9x5 | 2x2x1 | 12x8x33", 0, 0, 0 },
  { "AveragePooling2D", "pool_size=3 strides=2 padding=same", "7x9x5 | 8x12x3 | 1x1x5", 0, 0, 0 },
  { "AveragePooling2D", "pool_size=3 strides=1 padding=same", "7x9x5 | 2x1x3", 0, 0, 0 },
  { "AveragePooling2D", "pool_size=2,3 strides=3,2 padding=valid", "7x9x5", 0, 0, 0 },
  { "GlobalAveragePooling2D", "", "7x9x5 | 1x1x3 | 31x29x8", 0, 0, 0 },
  { "GlobalAveragePooling2D", "keepdims=true", "7x9x33", 0, 0, 0 },
  { "GlobalMaxPooling2D", "", "7x9x5 | 1x1x3 | 31x29x8", 0, 0, 0 },
  { "GlobalMaxPooling2D", "keepdims=true", "7x9x33", 0, 0, 0 },

  { "Conv2D", "filters=8 kernel_size=1", "7x9x5 | 1x1x1 | 19x19x33 | 1x1x40", 0, 0, 0 },
  { "Conv2D", "filters=33 kernel_size=1 use_bias=false", "7x9x8", 0, 0, 0 },
  { "Conv2D", "filters=5 kernel_size=1 strides=2 padding=same", "7x9x8", 0, 0, 0 },
  { "Conv2D", "filters=1 kernel_size=1 strides=3", "8x7x3", 0, 0, 0 },
  { "Conv2D", "filters=5 kernel_size=3", "7x9x3 | 3x3x1 | 17x13x8", 0, 0, 0 },
  { "Conv2D", "filters=8 kernel_size=3 padding=same", "7x9x5 | 1x1x3 | 2x1x8 | 20x21x33", 0, 0, 0 },
  { "Conv2D", "filters=33 kernel_size=3 strides=2 padding=same", "7x9x5 | 8x12x4", 0, 0, 0 },
  { "Conv2D", "filters=3 kernel_size=3 strides=2", "7x9x5 | 8x12x1", 0, 0, 0 },
  { "Conv2D", "filters=3 kernel_size=3 strides=3 padding=same", "7x9x5 | 8x11x5", 0, 0, 0 },
  { "Conv2D", "filters=4 kernel_size=3 strides=2,1 padding=same use_bias=false", "7x9x3", 0, 0, 0 },
  { "Conv2D", "filters=8 kernel_size=3 dilation_rate=2", "9x11x5", 0, 0, 0 },
  { "Conv2D", "filters=3 kernel_size=3 dilation_rate=3,2 padding=same", "9x11x5 | 2x3x1", 0, 0, 0 },
  { "Conv2D", "filters=4 kernel_size=2 padding=same", "7x9x3", 0, 0, 0 },
  { "Conv2D", "filters=5 kernel_size=4 strides=2 padding=same", "7x10x3", 0, 0, 0 },
  { "Conv2D", "filters=5 kernel_size=2,4 strides=2", "7x9x3", 0, 0, 0 },
  { "Conv2D", "filters=5 kernel_size=5 padding=same", "7x9x3", 0, 0, 0 },
  { "Conv2D", "filters=3 kernel_size=1,7 padding=same", "7x9x5", 0, 0, 0 },
  { "Conv2D", "filters=8 kernel_size=7 strides=2 padding=same", "15x13x3", 0, 0, 0 },
  { "Conv2D", "filters=9 kernel_size=3 strides=2", "39x21x3", 0, 0, 0 },
  { "Conv2D", "filters=9 kernel_size=3 strides=2 padding=same", "24x39x4 | 3x5x37", 0, 0, 0 },
  { "Conv2D", "filters=37 kernel_size=3 padding=same", "7x9x3 | 5x41x4", 0, 0, 0 },
  { "Conv2D", "filters=325 kernel_size=2 strides=2 padding=same", "5x9x3", 0, 0, 0 },
  { "Conv2D", "filters=3 kernel_size=2 strides=2 padding=same", "5x9x325", 0, 0, 0 },
  { "Conv2D", "filters=2 kernel_size=1 strides=2", "17x13x37 | 1x2x3", 0, 0, 0 },
  { "Conv2D", "filters=4 kernel_size=5,2 strides=3,2 padding=same", "11x9x5 | 2x1x4", 0, 0, 0 },
  { "Conv2D", "filters=3 kernel_size=5 strides=4", "9x14x3", 0, 0, 0 },
  { "Conv2D", "filters=3 kernel_size=7 strides=3 padding=same", "16x10x5", 0, 0, 0 },
  { "Conv2D", "filters=3 kernel_size=2 strides=7,5 padding=same", "3x12x4", 0, 0, 0 },
  { "Conv2D", "filters=3 kernel_size=3 strides=2 dilation_rate=2 padding=same", "9x11x3", 0, 0, 0 },
  { "Conv2D", "filters=3 kernel_size=4,5 strides=3,4 dilation_rate=2,6", "12x31x5", 0, 0, 0 },
  { "Conv2D", "filters=97 kernel_size=3 padding=same", "9x10x98", 0, 0, 0 },
  { "Conv2D", "filters=6 kernel_size=3 groups=2 padding=same", "7x9x4", 0, 0, 0 },
  { "Conv2D", "filters=6 kernel_size=3 groups=3 strides=2", "7x9x9", 0, 0, 0 },
  { "Conv2D", "filters=32 kernel_size=1 groups=4", "7x9x16", 0, 0, 0 },
  { "Conv2D", "filters=8 kernel_size=3 groups=2 strides=2 padding=same", "9x7x16", 0, 0, 0 },
  { "Conv2DTranspose", "filters=5 kernel_size=3", "7x9x3 | 1x1x1 | 6x5x33", 0, 0, 0 },
  { "Conv2DTranspose", "filters=8 kernel_size=3 strides=2 padding=same", "7x9x5 | 1x1x3", 0, 0, 0 },
  { "Conv2DTranspose", "filters=3 kernel_size=4 strides=2 padding=same use_bias=false", "5x6x8", 0,
    0, 0 },
  { "Conv2DTranspose", "filters=33 kernel_size=2 strides=2", "7x9x5 | 4x3x8", 0, 0, 0 },
  { "Conv2DTranspose", "filters=5 kernel_size=2 strides=3", "5x4x3", 0, 0, 0 },
  { "Conv2DTranspose", "filters=5 kernel_size=1 strides=2,3 padding=same", "5x4x3", 0, 0, 0 },
  { "Conv2DTranspose", "filters=5 kernel_size=5,3 strides=2,1 padding=same", "5x4x3", 0, 0, 0 },
  { "Conv2DTranspose", "filters=5 kernel_size=5 strides=3", "5x4x3", 0, 0, 0 },
  { "Conv2DTranspose", "filters=5 kernel_size=3 dilation_rate=2 padding=same", "7x6x3", 0, 0, 0 },
  { "Conv2DTranspose", "filters=1 kernel_size=3 dilation_rate=2,1", "7x6x3", 0, 0, 0 },
  { "Conv2DTranspose", "filters=5 kernel_size=3 strides=2 output_padding=1", "5x4x3", 0, 0, 0 },
  { "Conv2DTranspose", "filters=5 kernel_size=3 strides=2 padding=same output_padding=0,1", "5x4x3",
    0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3 padding=same", "7x9x5 | 1x1x1 | 11x6x33", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3 strides=2 padding=same", "7x9x8 | 8x12x3", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3 strides=2 use_bias=false", "7x9x5", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=5 strides=2 padding=same", "9x12x5", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3 padding=same", "37x5x3 | 70x2x4 | 2x37x6 | 1x7x33", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3", "7x9x5 | 3x3x1 | 36x8x9", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3 strides=2 padding=same", "69x7x5 | 67x2x3 | 1x2x9", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3 strides=2", "68x6x3 | 9x8x17", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3 strides=3 padding=same", "10x8x5", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=5 padding=same", "9x12x5 | 2x1x1 | 34x6x6", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=5 strides=2", "9x12x5 | 36x5x3", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=5", "9x12x5 | 5x5x3", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=5 strides=3", "9x12x5", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=7 padding=same", "9x12x5 | 3x2x9", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=7 strides=2 padding=same", "10x12x5 | 13x9x3", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=7", "8x11x6", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=9 padding=same", "6x7x5", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=2 padding=same", "7x6x5", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=2 strides=2 padding=same", "7x6x5", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=4 strides=2 padding=same", "7x6x5 | 9x8x3", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=1", "7x6x5", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=1 strides=2", "7x6x5", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3,5 padding=same", "7x9x5", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3 strides=2,1 padding=same", "7x9x5", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3 depth_multiplier=2 padding=same", "7x9x5 | 7x9x1", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=2,3 depth_multiplier=3 strides=3", "8x9x3", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3 dilation_rate=2 padding=same", "7x9x5", 0, 0, 0 },
  { "SeparableConv2D", "filters=5 kernel_size=3 padding=same", "7x9x3 | 1x1x8 | 11x13x33", 0, 0,
    0 },
  { "SeparableConv2D", "filters=8 kernel_size=3 strides=2 use_bias=false", "7x9x5", 0, 0, 0 },
  { "SeparableConv2D", "filters=3 kernel_size=5 strides=2 padding=same", "11x8x9", 0, 0, 0 },
  { "SeparableConv2D", "filters=33 kernel_size=3 depth_multiplier=2 padding=same", "7x9x5", 0, 0,
    0 },
  { "SeparableConv2D", "filters=4 kernel_size=5 dilation_rate=2 padding=same", "9x11x3", 0, 0, 0 },
  { "Dense", "units=5", "33 | 1 | 8 | 5x7 | 3x5x9", 0, 0, 0 },
  { "Dense", "units=33 use_bias=false", "8", 0, 0, 0 },
  { "Dense", "units=1", "515", 0, 0, 0 },
  { "Dense", "units=301", "63", 0, 0, 0 },
};

const RefFamily ref_windows = { classes, rows, G_N_ELEMENTS (rows) };
