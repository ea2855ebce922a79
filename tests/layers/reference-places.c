/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layers that move values about, join several inputs or resize. */
#include "reference_private.h"

#include <math.h>
#include <string.h>

/* --- values moved about --- */

static RefTensor
reshape (const RefCase *test)
{
  const RefTensor *in = &test->inputs[0];
  const int count = in->h * in->w * in->c;
  double target[3] = { -1. };
  const int rank = MAX (ref_numbers (test->params, "target_shape", target, 3), 1); /* or Flatten */
  int given = 1, sizes[3] = { 0 };
  RefTensor out;

  for (int i = 0; i < rank; i++)
    given *= target[i] > 0. ? (int) target[i] : 1;
  for (int i = 0; i < rank; i++)
    sizes[i] = target[i] > 0. ? (int) target[i] : count / given;
  out = ref_make (rank, in->n, rank > 1 ? sizes[0] : 1, rank > 2 ? sizes[1] : 1, sizes[rank - 1]);
  memcpy (out.data, in->data, ref_count (in) * sizeof (double));
  return out;
}

static RefTensor
permute (const RefCase *test)
{
  const RefTensor *in = &test->inputs[0];
  const int rank = in->rank, in_sizes[3] = { in->h, in->w, in->c };
  double dims[3];
  int from[3] = { 0, 1, 2 }, sizes[3];
  RefTensor out;

  ref_numbers (test->params, "dims", dims, 3);
  for (int i = 0; i < rank; i++)
    from[i == rank - 1 ? 2 : i] = (int) dims[i] == rank ? 2 : (int) dims[i] - 1;
  for (int i = 0; i < 3; i++)
    sizes[i] = in_sizes[from[i]];
  out = ref_make (rank, in->n, sizes[0], sizes[1], sizes[2]);
  FOR_EACH (&out, n, y, x, c)
  {
    const int at[3] = { y, x, c };
    int place[3];

    for (int i = 0; i < 3; i++)
      place[from[i]] = at[i];
    *ref_at (&out, n, y, x, c) = *ref_at (in, n, place[0], place[1], place[2]);
  }
  return out;
}

/* The picture of h × w from (top, left) of the input, zero outside of it. */
static RefTensor
window_of (const RefTensor *in, int top, int left, int h, int w)
{
  RefTensor out = ref_make (3, in->n, h, w, in->c);

  FOR_EACH (&out, n, y, x, c)
  if (y + top >= 0 && y + top < in->h && x + left >= 0 && x + left < in->w)
    *ref_at (&out, n, y, x, c) = *ref_at (in, n, y + top, x + left, c);
  return out;
}

static void
get_border (const char *params, const char *key, int standard, int border[4])
{
  double values[4] = { standard };
  const int n = ref_numbers (params, key, values, 4);

  for (int i = 0; i < 4; i++)
    border[i] = (int) values[n == 4 ? i : n == 2 ? i / 2 : 0];
}

static RefTensor
zero_padding (const RefCase *test)
{
  const RefTensor *in = &test->inputs[0];
  int b[4];

  get_border (test->params, "padding", 1, b);
  return window_of (in, -b[0], -b[2], in->h + b[0] + b[1], in->w + b[2] + b[3]);
}

static RefTensor
cropping (const RefCase *test)
{
  const RefTensor *in = &test->inputs[0];
  int b[4];

  get_border (test->params, "cropping", 0, b);
  return window_of (in, b[0], b[2], in->h - b[0] - b[1], in->w - b[2] - b[3]);
}

/* --- several inputs --- */

/* Element of an input at a place of the output: sizes are aligned at the end, 1 is repeated. */
static double
broadcast_at (const RefTensor *in, int rank, int n, int y, int x, int c)
{
  if (in->rank == 2 && rank == 3) /* (H, C) stands for (1, H, C) */
    return in->data[((gsize) n * in->h + (in->h == 1 ? 0 : x)) * in->c + (in->c == 1 ? 0 : c)];
  return *ref_at (in, n, in->h == 1 ? 0 : y, in->w == 1 ? 0 : x, in->c == 1 ? 0 : c);
}

static double
sum (double a, double b)
{
  return a + b;
}

static double
product (double a, double b)
{
  return a * b;
}

/* The first input joined with `scale` times each other one. */
static RefTensor
merge (const RefCase *test, double (*join) (double a, double b), double scale)
{
  int rank = 1, h = 1, w = 1, c_out = 1;
  RefTensor out;

  for (int i = 0; i < test->n_inputs; i++)
    rank = MAX (rank, test->inputs[i].rank);
  for (int i = 0; i < test->n_inputs; i++)
    {
      const RefTensor *in = &test->inputs[i];
      const gboolean turned = in->rank == 2 && rank == 3;

      h = MAX (h, turned ? 1 : in->h);
      w = MAX (w, turned ? in->h : in->w);
      c_out = MAX (c_out, in->c);
    }
  out = ref_make (rank, test->inputs[0].n, h, w, c_out);
  FOR_EACH (&out, n, y, x, c)
  {
    double v = broadcast_at (&test->inputs[0], rank, n, y, x, c);

    for (int i = 1; i < test->n_inputs; i++)
      v = join (v, scale * broadcast_at (&test->inputs[i], rank, n, y, x, c));
    *ref_at (&out, n, y, x, c) = v;
  }
  return out;
}

static RefTensor
add (const RefCase *test)
{
  return merge (test, sum, 1.);
}

static RefTensor
subtract (const RefCase *test)
{
  return merge (test, sum, -1.);
}

static RefTensor
custom_scale (const RefCase *test)
{
  return merge (test, sum, ref_number (test->params, "scale", 1.));
}

static RefTensor
average (const RefCase *test)
{
  RefTensor out = merge (test, sum, 1.);

  for (gsize i = 0; i < ref_count (&out); i++)
    out.data[i] /= test->n_inputs;
  return out;
}

static RefTensor
multiply (const RefCase *test)
{
  return merge (test, product, 1.);
}

static RefTensor
maximum (const RefCase *test)
{
  return merge (test, fmax, 1.);
}

static RefTensor
minimum (const RefCase *test)
{
  return merge (test, fmin, 1.);
}

static RefTensor
concatenate (const RefCase *test)
{
  const RefTensor *first = &test->inputs[0];
  const int rank = first->rank;
  int axis = (int) ref_number (test->params, "axis", -1), size = 0, offset = 0;
  RefTensor out;

  if (axis < 0)
    axis += rank + 1;
  axis = axis == rank ? 2 : axis - 1; /* among h, w, c */
  for (int i = 0; i < test->n_inputs; i++)
    {
      const RefTensor *in = &test->inputs[i];

      size += axis == 0 ? in->h : axis == 1 ? in->w : in->c;
    }
  out = ref_make (rank, first->n, axis == 0 ? size : first->h, axis == 1 ? size : first->w,
                  axis == 2 ? size : first->c);
  for (int i = 0; i < test->n_inputs; i++)
    {
      const RefTensor *in = &test->inputs[i];

      FOR_EACH (in, n, y, x, c)
      *ref_at (&out, n, y + (axis == 0 ? offset : 0), x + (axis == 1 ? offset : 0),
               c + (axis == 2 ? offset : 0)) = *ref_at (in, n, y, x, c);
      offset += axis == 0 ? in->h : axis == 1 ? in->w : in->c;
    }
  return out;
}

/* --- resizing --- */

static double
kernel_value (const char *name, double x)
{
  x = fabs (x);
  if (strcmp (name, "triangle") == 0)
    return fmax (1. - x, 0.);
  if (strcmp (name, "gaussian") == 0)
    return x < 1.5 ? exp (-2. * x * x) : 0.;
  if (g_str_has_prefix (name, "lanczos"))
    {
      const double a = name[7] - '0';

      return x >= a     ? 0.
             : x < 1e-9 ? 1.
                        : a * sin (G_PI * x) * sin (G_PI * x / a) / (G_PI * G_PI * x * x);
    }
  else
    {
      /* The family of Mitchell and Netravali; Keys' cubic with a = −1/2 is B = 0, C = 1/2. */
      const gboolean mitchell = strcmp (name, "mitchellcubic") == 0;
      const double b = mitchell ? 1. / 3. : 0., c = mitchell ? 1. / 3. : .5;

      if (x < 1.)
        return ((12. - 9. * b - 6. * c) * x * x * x + (-18. + 12. * b + 6. * c) * x * x + 6.
                - 2. * b)
               / 6.;
      if (x < 2.)
        return ((-b - 6. * c) * x * x * x + (6. * b + 30. * c) * x * x + (-12. * b - 48. * c) * x
                + 8. * b + 24. * c)
               / 6.;
      return 0.;
    }
}

/* weights[t · in + s]: the share of source cell s in target cell t. */
static double *
resize_matrix (const char *method, gboolean antialias, int in, int out)
{
  double *weights = g_new0 (double, (gsize) in *out);
  const double scale = (double) in / out;
  const gboolean plain = !antialias;

  for (int t = 0; t < out; t++)
    {
      double *row = weights + (gsize) t * in, sum = 0.;
      const double at = (t + .5) * scale - .5;

      if (strcmp (method, "nearest") == 0)
        row[(int) floor ((t + .5) * scale)] = 1.;
      else if (strcmp (method, "area") == 0)
        for (int s = 0; s < in; s++)
          row[s] = fmax (fmin (s + 1, (t + 1) * scale) - fmax (s, t * scale), 0.) / scale;
      else if (plain && strcmp (method, "bilinear") == 0)
        {
          const double clamped = ref_clip (at, 0., in - 1);

          for (int s = 0; s < in; s++)
            row[s] = fmax (1. - fabs (s - clamped), 0.);
        }
      else
        {
          /* TensorFlow's bicubic knows positions to 1/1024 of a pixel. */
          const gboolean table = plain && strcmp (method, "bicubic") == 0;
          const double sample = table ? floor (at) + rint ((at - floor (at)) * 1024.) / 1024. : at;
          const double width = antialias ? fmax (scale, 1.) : 1.;
          const char *kernel = strcmp (method, "bilinear") == 0 ? "triangle" : method;

          for (int s = 0; s < in; s++)
            sum += row[s] = kernel_value (kernel, (s - sample) / width);
          for (int s = 0; s < in; s++)
            row[s] /= sum;
        }
    }
  return weights;
}

static RefTensor
resize (const RefTensor *in, int h, int w, const char *method, gboolean antialias)
{
  g_autofree double *rows = resize_matrix (method, antialias, in->h, h);
  g_autofree double *columns = resize_matrix (method, antialias, in->w, w);
  RefTensor out = ref_make (3, in->n, h, w, in->c);

  FOR_EACH (&out, n, y, x, c)
  {
    double sum = 0.;

    for (int sy = 0; sy < in->h; sy++)
      for (int sx = 0; sx < in->w; sx++)
        sum += rows[y * in->h + sy] * columns[x * in->w + sx] * *ref_at (in, n, sy, sx, c);
    *ref_at (&out, n, y, x, c) = sum;
  }
  return out;
}

/* The largest part of the input with the target's aspect ratio, around its centre. */
static RefTensor
crop_to_ratio (const RefTensor *in, int h, int w)
{
  const int crop_h = CLAMP (in->w * h / w, 1, in->h), crop_w = CLAMP (in->h * w / h, 1, in->w);

  return window_of (in, (in->h - crop_h) / 2, (in->w - crop_w) / 2, crop_h, crop_w);
}

/* The input between two bands of `fill`, equally thick, so that it has the target's aspect ratio.
 */
static RefTensor
pad_to_ratio (const RefTensor *in, int h, int w, double fill)
{
  const int band_h = MAX (in->w * h / w - in->h, 0) / 2,
            band_w = MAX (in->h * w / h - in->w, 0) / 2;
  RefTensor out = window_of (in, -band_h, -band_w, in->h + 2 * band_h, in->w + 2 * band_w);

  FOR_EACH (&out, n, y, x, c)
  if (y < band_h || y >= band_h + in->h || x < band_w || x >= band_w + in->w)
    *ref_at (&out, n, y, x, c) = fill;
  return out;
}

static RefTensor
resizing (const RefCase *test)
{
  const char *params = test->params;
  const int h = (int) ref_number (params, "height", 0), w = (int) ref_number (params, "width", 0);
  g_autofree char *method = ref_word (params, "interpolation", "bilinear");
  RefTensor frame, out;

  if (ref_number (params, "crop_to_aspect_ratio", 0) != 0)
    frame = crop_to_ratio (&test->inputs[0], h, w);
  else if (ref_number (params, "pad_to_aspect_ratio", 0) != 0)
    frame = pad_to_ratio (&test->inputs[0], h, w, ref_number (params, "fill_value", 0));
  else
    frame = ref_copy (&test->inputs[0]);
  out = resize (&frame, h, w, method, ref_number (params, "antialias", 0) != 0);
  g_free (frame.data);
  return out;
}

static RefTensor
up_sampling (const RefCase *test)
{
  const RefTensor *in = &test->inputs[0];
  g_autofree char *method = ref_word (test->params, "interpolation", "nearest");
  int size[2];

  ref_pair (test->params, "size", 2, 2, size);
  return resize (in, in->h * size[0], in->w * size[1], method, FALSE);
}

static RefTensor
center_crop (const RefCase *test)
{
  const RefTensor *in = &test->inputs[0];
  const int h = (int) ref_number (test->params, "height", 0);
  const int w = (int) ref_number (test->params, "width", 0);
  RefTensor frame, out;

  if (in->h >= h && in->w >= w)
    return window_of (in, (in->h - h) / 2, (in->w - w) / 2, h, w);
  frame = crop_to_ratio (in, h, w);
  out = resize (&frame, h, w, "bilinear", FALSE);
  g_free (frame.data);
  return out;
}

static const RefClass classes[] = {
  { "Flatten", reshape },
  { "Reshape", reshape },
  { "Permute", permute },
  { "ZeroPadding2D", zero_padding },
  { "Cropping2D", cropping },
  { "CenterCrop", center_crop },
  { "Resizing", resizing },
  { "UpSampling2D", up_sampling },
  { "Add", add },
  { "Subtract", subtract },
  { "Average", average },
  { "Multiply", multiply },
  { "Maximum", maximum },
  { "Minimum", minimum },
  { "CustomScaleLayer", custom_scale },
  { "Concatenate", concatenate },
  { NULL, NULL },
};

static const Row rows[] = {
  { "Add", "", "7x9x5 7x9x5 | 33 33 | 5x7 5x7", 0, 0, 0 },
  { "Add", "", "7x9x5 7x9x5 7x9x5 7x9x5", 0, 0, 0 },
  { "Add", "", "7x9x5 1x1x5 | 1x9x5 7x1x1 | 7x9x1 1x1x6 1x9x1 | 5 7x9x5 | 9x5 7x9x5", 0, 0, 0 },
  { "Multiply", "", "7x9x5 7x9x5 | 33 33 | 5x7 5x7", 0, 0, 0 },
  { "Multiply", "", "7x9x5 1x1x5 | 1x9x5 7x1x1 | 7x9x1 1x1x6 1x9x1 | 5 7x9x5 | 9x5 7x9x5", 0, 0,
    0 },
  { "Multiply", "", "5x4x3 5x4x3 5x4x3 5x4x3 5x4x3 1x1x1", 0, 0, 0 },
  { "Subtract", "", "7x9x5 7x9x5 | 33 33 | 5x7 5x7 | 7x9x5 1x1x5 | 1x9x5 7x1x1", 0, 0, 0 },
  { "Average", "", "7x9x5 7x9x5 | 33 33 33 | 7x9x1 1x1x6 1x9x1 | 5 7x9x5", 0, 0, 0 },
  { "Average", "", "5x4x3 5x4x3 5x4x3 5x4x3 5x4x3 5x4x3 5x4x3", 0, 0, 0 },
  { "Maximum", "", "7x9x5 7x9x5 | 33 33 33 | 7x9x1 1x1x6 1x9x1 | 5 7x9x5 | 9x5 7x9x5", 0, 0, 0 },
  { "Maximum", "", "5x4x3 5x4x3 5x4x3 5x4x3 5x4x3 1x1x1", 0, 0, 0 },
  { "Minimum", "", "7x9x5 7x9x5 | 33 33 33 | 7x9x1 1x1x6 1x9x1 | 5 7x9x5 | 9x5 7x9x5", 0, 0, 0 },
  { "Minimum", "", "5x4x3 5x4x3 5x4x3 5x4x3 5x4x3 1x1x1", 0, 0, 0 },
  { "CustomScaleLayer", "scale=0.17", "7x9x5 7x9x5 | 33 33 | 7x9x5 1x1x5", 0, 0, 0 },
  { "Concatenate", "", "7x9x5 7x9x3 | 7x9x8 7x9x4 | 33 1 6 | 3x3x1 3x3x1 3x3x1 3x3x9", 0, 0, 0 },
  { "Concatenate", "axis=1", "7x9x5 2x9x5 1x9x5 | 4 7 | 3x5 4x5", 0, 0, 0 },
  { "Concatenate", "axis=2", "7x9x5 7x3x5 | 7x9 7x3", 0, 0, 0 },
  { "Concatenate", "axis=-2", "7x9x6 7x3x6", 0, 0, 0 },

  { "Flatten", "", "7x9x5 | 1x1x33 | 5x3x4 | 33 | 7x9", 0, 0, 0 },
  { "Reshape", "target_shape=1,1,33", "33", 0, 0, 0 },
  { "Reshape", "target_shape=-1", "7x9x5", 0, 0, 0 },
  { "Reshape", "target_shape=9,-1,7", "7x9x5", 0, 0, 0 },
  { "Reshape", "target_shape=63,5", "7x9x5 | 63x5", 0, 0, 0 },
  { "Reshape", "target_shape=-1,6", "6x5x4", 0, 0, 0 },
  { "Permute", "dims=2,3,1", "7x9x5 | 4x8x1", 0, 0, 0 },
  { "Permute", "dims=3,1,2", "7x9x5 | 1x1x33", 0, 0, 0 },
  { "Permute", "dims=3,2,1", "7x9x5 | 2x3x8", 0, 0, 0 },
  { "Permute", "dims=2,1,3", "7x9x5", 0, 0, 0 },
  { "Permute", "dims=1,2,3", "7x9x5", 0, 0, 0 },
  { "Permute", "dims=2,1", "7x9 | 1x33", 0, 0, 0 },
  { "Permute", "dims=1", "33", 0, 0, 0 },
  { "ZeroPadding2D", "", "7x9x5", 0, 0, 0 },
  { "ZeroPadding2D", "padding=0,1,2,0", "7x9x5 | 1x1x33", 0, 0, 0 },
  { "ZeroPadding2D", "padding=3,1", "7x9x3", 0, 0, 0 },
  { "ZeroPadding2D", "padding=0", "7x9x3", 0, 0, 0 },
  { "Cropping2D", "cropping=1", "7x9x5 | 3x3x1", 0, 0, 0 },
  { "Cropping2D", "cropping=1,2,0,3", "7x9x5", 0, 0, 0 },
  { "CenterCrop", "height=4 width=5", "7x9x5 | 4x8x3 | 4x5x3", 0, 0, 0 },
  { "CenterCrop", "height=6 width=11", "7x9x5 | 4x3x5", 0, 0, 0 },
  { "Resizing", "height=5 width=13", "7x9x3 | 1x1x5 | 5x13x1 | 2x31x3", 0, 0, 0 },
  { "Resizing", "height=5 width=13 interpolation=nearest", "7x9x3 | 15x4x5", 0, 0, 0 },
  { "Resizing", "height=5 width=13 interpolation=bicubic", "7x9x3 | 1x2x5 | 12x25x1", 0, 0, 0 },
  { "Resizing", "height=5 width=13 interpolation=area", "7x9x3 | 12x25x5", 2, 0, 0 },
  { "Resizing", "height=5 width=13 interpolation=lanczos3", "7x9x3 | 12x25x5", 0, 0, 0 },
  { "Resizing", "height=5 width=13 interpolation=lanczos5", "7x9x3 | 12x25x5", 0, 0, 0 },
  { "Resizing", "height=5 width=13 interpolation=gaussian", "7x9x3 | 12x25x5", 2, 0, 0 },
  { "Resizing", "height=5 width=13 interpolation=mitchellcubic", "7x9x3 | 12x25x5", 2, 0, 0 },
  { "Resizing", "height=5 width=7 interpolation=bilinear antialias=true", "17x9x3", 0, 0, 0 },
  { "Resizing", "height=5 width=7 interpolation=bicubic antialias=true", "17x9x3", 0, 0, 0 },
  { "Resizing", "height=5 width=7 crop_to_aspect_ratio=true", "17x9x3 | 6x11x5", 0, 0, 0 },
  { "Resizing", "height=5 width=7 pad_to_aspect_ratio=true", "17x9x3 | 6x13x5", 0, 0, 0 },
  { "Resizing", "height=8 width=8 pad_to_aspect_ratio=true fill_value=2.5 interpolation=bicubic",
    "9x4x3", 0, 0, 0 },
  { "UpSampling2D", "", "7x9x5 | 1x1x33", 0, 0, 0 },
  { "UpSampling2D", "size=3,1", "7x9x5", 0, 0, 0 },
  { "UpSampling2D", "size=1", "7x9x5", 0, 0, 0 },
  { "UpSampling2D", "size=2,3 interpolation=bilinear", "7x9x5 | 1x1x3", 0, 0, 0 },
  { "UpSampling2D", "size=3,7 interpolation=bicubic", "4x3x5", 0, 0, 0 },
};

const RefFamily ref_places = { classes, rows, G_N_ELEMENTS (rows) };
