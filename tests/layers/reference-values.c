/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layers that change values where they are: activations, scales and shifts, normalizations. */
#include "reference_private.h"

#include <math.h>
#include <string.h>

/* --- activations --- */

static double
sigmoid (double x)
{
  return 1. / (1. + exp (-x));
}

static double
relu (double x, double max_value, double negative_slope, double threshold)
{
  if (x <= threshold)
    return negative_slope * (x - threshold);
  return fmin (x, max_value);
}

static double
elu (double x, double alpha)
{
  return x > 0. ? x : alpha * expm1 (x);
}

static void
softmax (RefTensor *t)
{
  for (gsize i = 0; i < ref_count (t); i += (gsize) t->c)
    {
      double *x = t->data + i, largest = x[0], sum = 0.;

      for (int c = 0; c < t->c; c++)
        largest = fmax (largest, x[c]);
      for (int c = 0; c < t->c; c++)
        sum += x[c] = exp (x[c] - largest);
      for (int c = 0; c < t->c; c++)
        x[c] /= sum;
    }
}

static double
activate_one (const char *name, int keras_major, double x)
{
#define IS(word) (strcmp (name, word) == 0)
  if (IS ("linear"))
    return x;
  if (IS ("relu"))
    return fmax (x, 0.);
  if (IS ("relu6"))
    return ref_clip (x, 0., 6.);
  if (IS ("leaky_relu"))
    return x > 0. ? x : .2 * x;
  if (IS ("elu"))
    return elu (x, 1.);
  if (IS ("selu"))
    return 1.05070098735548049342 * elu (x, 1.67326324235437728481);
  if (IS ("sigmoid"))
    return sigmoid (x);
  if (IS ("hard_sigmoid"))
    return keras_major < 3 ? ref_clip (.2 * x + .5, 0., 1.) : ref_clip (x + 3., 0., 6.) / 6.;
  if (IS ("tanh"))
    return tanh (x);
  if (IS ("softplus"))
    return x > 30. ? x : log1p (exp (x));
  if (IS ("swish") || IS ("silu"))
    return x * sigmoid (x);
  if (IS ("hard_swish") || IS ("hard_silu"))
    return x * ref_clip (x + 3., 0., 6.) / 6.;
  if (IS ("gelu"))
    return x * .5 * erfc (-x / sqrt (2.));
  if (IS ("gelu_tanh"))
    return .5 * x * (1. + tanh (sqrt (2. / G_PI) * (x + .044715 * x * x * x)));
  if (IS ("exponential"))
    return exp (x);
  return NAN;
#undef IS
}

gboolean
ref_activate (const char *name, int keras_major, RefTensor *t)
{
  if (strcmp (name, "softmax") == 0)
    {
      softmax (t);
      return TRUE;
    }
  if (isnan (activate_one (name, keras_major, 0.)))
    return FALSE;
  for (gsize i = 0; i < ref_count (t); i++)
    t->data[i] = activate_one (name, keras_major, t->data[i]);
  return TRUE;
}

/* --- a scale and a shift for each channel --- */

static RefTensor
batch_normalization (const RefCase *test)
{
  const gboolean scale = ref_number (test->params, "scale", 1) != 0;
  const gboolean center = ref_number (test->params, "center", 1) != 0;
  const double epsilon = ref_number (test->params, "epsilon", 1e-3);
  double *const *weights = test->weights;
  const double *gamma = scale ? *weights++ : NULL, *beta = center ? *weights++ : NULL;
  const double *mean = weights[0], *variance = weights[1];
  RefTensor out = ref_copy (&test->inputs[0]);

  FOR_EACH (&out, n, y, x, c)
  {
    double *v = ref_at (&out, n, y, x, c);

    *v = (*v - mean[c]) / sqrt (variance[c] + epsilon);
    *v = *v * (gamma != NULL ? gamma[c] : 1.) + (beta != NULL ? beta[c] : 0.);
  }
  return out;
}

static double
per_channel (const double *values, int n, int c)
{
  return values[n == 1 ? 0 : c];
}

static RefTensor
rescaling (const RefCase *test)
{
  double scale[64] = { 1. }, offset[64] = { 0. };
  const int n_scale = MAX (ref_numbers (test->params, "scale", scale, 64), 1);
  const int n_offset = MAX (ref_numbers (test->params, "offset", offset, 64), 1);
  RefTensor out = ref_copy (&test->inputs[0]);

  FOR_EACH (&out, n, y, x, c)
  {
    double *v = ref_at (&out, n, y, x, c);

    *v = *v * per_channel (scale, n_scale, c) + per_channel (offset, n_offset, c);
  }
  return out;
}

static RefTensor
normalization (const RefCase *test)
{
  double mean[64], variance[64];
  int n_mean = ref_numbers (test->params, "mean", mean, 64);
  int n_variance = ref_numbers (test->params, "variance", variance, 64);
  const gboolean invert = ref_number (test->params, "invert", 0) != 0;
  RefTensor out = ref_copy (&test->inputs[0]);

  if (n_mean == 0)
    {
      n_mean = n_variance = ref_is (test->params, "axis", "null") ? 1 : out.c;
      memcpy (mean, test->weights[0], sizeof (double) * (gsize) n_mean);
      memcpy (variance, test->weights[1], sizeof (double) * (gsize) n_mean);
    }
  FOR_EACH (&out, n, y, x, c)
  {
    double *v = ref_at (&out, n, y, x, c);
    const double deviation = fmax (sqrt (per_channel (variance, n_variance, c)), 1e-7);

    *v = invert ? per_channel (mean, n_mean, c) + *v * deviation
                : (*v - per_channel (mean, n_mean, c)) / deviation;
  }
  return out;
}

static RefTensor
layer_scale (const RefCase *test)
{
  RefTensor out = ref_copy (&test->inputs[0]);

  FOR_EACH (&out, n, y, x, c)
  *ref_at (&out, n, y, x, c) *= test->weights[0][c];
  return out;
}

/* --- normalized by moments of the picture --- */

static void
normalize (RefTensor *t, int n, int first_pixel, int pixels, int first_c, int channels,
           double epsilon)
{
  double mean = 0., variance = 0.;

#define EACH                                               \
  for (int i = first_pixel; i < first_pixel + pixels; i++) \
    for (int c = first_c; c < first_c + channels; c++)
#define AT t->data[((gsize) n * t->h * t->w + i) * t->c + c]
  EACH mean += AT / ((double) pixels * channels);
  EACH variance += (AT - mean) * (AT - mean) / ((double) pixels * channels);
  EACH AT = (AT - mean) / sqrt (variance + epsilon);
#undef AT
#undef EACH
}

/* gamma and beta, where the layer has them. */
static void
scale_and_shift (const RefCase *test, RefTensor *t)
{
  const gboolean scale = ref_number (test->params, "scale", 1) != 0;
  const gboolean center = ref_number (test->params, "center", 1) != 0;
  const double *gamma = scale ? test->weights[0] : NULL;
  const double *beta = center ? test->weights[scale ? 1 : 0] : NULL;

  FOR_EACH (t, n, y, x, c)
  {
    double *v = ref_at (t, n, y, x, c);

    *v = *v * (gamma != NULL ? gamma[c] : 1.) + (beta != NULL ? beta[c] : 0.);
  }
}

static RefTensor
layer_normalization (const RefCase *test)
{
  const double epsilon = ref_number (test->params, "epsilon", 1e-3);
  RefTensor out = ref_copy (&test->inputs[0]);

  for (int n = 0; n < out.n; n++)
    for (int i = 0; i < out.h * out.w; i++)
      normalize (&out, n, i, 1, 0, out.c, epsilon);
  scale_and_shift (test, &out);
  return out;
}

static RefTensor
group_normalization (const RefCase *test)
{
  const double epsilon = ref_number (test->params, "epsilon", 1e-3);
  RefTensor out = ref_copy (&test->inputs[0]);
  const int given = (int) ref_number (test->params, "groups", 32);
  const int groups = given == -1 ? out.c : given;

  for (int n = 0; n < out.n; n++)
    for (int g = 0; g < groups; g++)
      normalize (&out, n, 0, out.h * out.w, g * (out.c / groups), out.c / groups, epsilon);
  scale_and_shift (test, &out);
  return out;
}

/* --- activations as layers --- */

static RefTensor
prelu (const RefCase *test)
{
  double shared[3];
  const int n_shared = ref_numbers (test->params, "shared_axes", shared, 3);
  RefTensor out = ref_copy (&test->inputs[0]);
  int h = out.h, w = out.w, channels = out.c;

  for (int i = 0; i < n_shared; i++)
    if ((int) shared[i] == out.rank)
      channels = 1;
    else if (shared[i] == 1.)
      h = 1;
    else
      w = 1;
  FOR_EACH (&out, n, y, x, c)
  {
    double *v = ref_at (&out, n, y, x, c);
    const int at = ((h == 1 ? 0 : y) * w + (w == 1 ? 0 : x)) * channels + (channels == 1 ? 0 : c);

    *v = *v < 0. ? *v * test->weights[0][at] : *v;
  }
  return out;
}

static RefTensor
activation (const RefCase *test)
{
  g_autofree char *name = ref_word (test->params, "activation", "linear");
  RefTensor out = ref_copy (&test->inputs[0]);

  g_assert_true (ref_activate (name, test->keras_major, &out));
  return out;
}

static RefTensor
relu_layer (const RefCase *test)
{
  const double max_value = ref_number (test->params, "max_value", INFINITY);
  const double slope = ref_number (test->params, "negative_slope", 0.);
  const double threshold = ref_number (test->params, "threshold", 0.);
  RefTensor out = ref_copy (&test->inputs[0]);

  for (gsize i = 0; i < ref_count (&out); i++)
    out.data[i] = relu (out.data[i], max_value, slope, threshold);
  return out;
}

static RefTensor
leaky_relu_layer (const RefCase *test)
{
  const double slope =
      ref_number (test->params, "negative_slope", ref_number (test->params, "alpha", .3));
  RefTensor out = ref_copy (&test->inputs[0]);

  for (gsize i = 0; i < ref_count (&out); i++)
    out.data[i] = relu (out.data[i], INFINITY, slope, 0.);
  return out;
}

static RefTensor
elu_layer (const RefCase *test)
{
  const double alpha = ref_number (test->params, "alpha", 1.);
  RefTensor out = ref_copy (&test->inputs[0]);

  for (gsize i = 0; i < ref_count (&out); i++)
    out.data[i] = elu (out.data[i], alpha);
  return out;
}

static RefTensor
softmax_layer (const RefCase *test)
{
  RefTensor out = ref_copy (&test->inputs[0]);

  softmax (&out);
  return out;
}

static const RefClass classes[] = {
  { "Activation", activation },
  { "ReLU", relu_layer },
  { "LeakyReLU", leaky_relu_layer },
  { "ELU", elu_layer },
  { "Softmax", softmax_layer },
  { "PReLU", prelu },
  { "BatchNormalization", batch_normalization },
  { "Rescaling", rescaling },
  { "Normalization", normalization },
  { "LayerScale", layer_scale },
  { "LayerNormalization", layer_normalization },
  { "GroupNormalization", group_normalization },
  { NULL, NULL },
};

static const Row rows[] = {
  { "Activation", "activation=linear", "7x9x5", 0, 0, 0 },
  { "Activation", "activation=relu", "7x9x5 | 1x1x1 | 33 | 7x3", 0, 0, 0 },
  { "Activation", "activation=relu6", "7x9x5", 0, 6, 0 },
  { "Activation", "activation=leaky_relu", "7x9x5", 0, 0, 0 },
  { "Activation", "activation=elu", "7x9x5", 0, 0, 0 },
  { "Activation", "activation=selu", "7x9x5", 0, 0, 0 },
  { "Activation", "activation=sigmoid", "7x9x5", 0, 6, 0 },
  { "Activation", "activation=hard_sigmoid", "7x9x5", 3, 4, 0 },
  { "Activation", "activation=hard_sigmoid", "7x9x5", 2, 4, 0 },
  { "Activation", "activation=tanh", "7x9x5 | 33", 0, 4, 0 },
  { "Activation", "activation=tanh", "7x9x5", 0, .01, 0 },
  { "Activation", "activation=softplus", "7x9x5", 0, 20, 0 },
  { "Activation", "activation=silu", "7x9x5", 0, 6, 0 },
  { "Activation", "activation=swish", "7x9x5", 2, 40, 0 },
  { "Activation", "activation=hard_silu", "7x9x5", 0, 5, 0 },
  { "Activation", "activation=hard_swish", "7x9x5", 2, 0, 0 },
  { "Activation", "activation=gelu", "7x9x5", 0, 5, 0 },
  { "Activation", "activation=gelu_tanh", "7x9x5", 0, 5, 0 },
  { "Activation", "activation=exponential", "7x9x5", 0, 5, 0 },
  { "Activation", "activation=softmax", "33 | 1x1x3 | 5x3x7", 0, 0, 0 },
  { "ReLU", "", "7x9x5", 0, 0, 0 },
  { "ReLU", "max_value=6", "7x9x5", 0, 8, 0 },
  { "ReLU", "max_value=4.5 negative_slope=0.1 threshold=0.75", "7x9x5", 0, 6, 0 },
  { "ReLU", "max_value=6 negative_slope=0.25", "7x9x5", 2, 8, 0 },
  { "ReLU", "max_value=null threshold=1", "7x9x5", 0, 0, 0 },
  { "LeakyReLU", "", "7x9x5", 0, 0, 0 },
  { "LeakyReLU", "negative_slope=0.1", "7x9x5", 0, 0, 0 },
  { "LeakyReLU", "alpha=0.05", "7x9x5", 2, 0, 0 },
  { "ELU", "", "7x9x5", 0, 0, 0 },
  { "ELU", "alpha=0.5", "7x9x5", 0, 0, 0 },
  { "PReLU", "", "7x9x5 | 33 | 5x7 | 1x1x8", 0, 0, 0 },
  { "PReLU", "shared_axes=1,2", "7x9x5 | 1x1x1 | 4x3x33", 0, 0, 0 },
  { "PReLU", "shared_axes=2,3", "7x9x5", 0, 0, 0 },
  { "PReLU", "shared_axes=1,2,3", "7x9x5", 0, 0, 0 },
  { "PReLU", "shared_axes=1", "7x9 | 33", 0, 0, 0 },
  { "Softmax", "", "1 | 3 | 33 | 1001 | 5x3x5", 0, 0, 0 },
  { "Softmax", "axis=-1", "33", 0, 30, 0 },
  { "Softmax", "axis=3", "5x3x8", 0, 0, 0 },

  { "BatchNormalization", "", "7x9x5 | 33 | 1x1x1 | 5x7", 0, 0, 0 },
  { "BatchNormalization", "scale=false epsilon=0.01", "7x9x8", 0, 0, 0 },
  { "BatchNormalization", "center=false axis=3", "7x9x3", 0, 0, 0 },
  { "BatchNormalization", "scale=false center=false", "7x9x33", 0, 0, 0 },
  { "Rescaling", "scale=0.0078125 offset=-1", "7x9x3", 0, 255, 0 },
  { "Rescaling", "scale=0.5,2,3 offset=1,2,-3", "7x9x3", 0, 0, 0 },
  { "Rescaling", "scale=3", "7x9x5", 0, 0, 0 },
  { "Normalization", "axis=-1", "7x9x3 | 33", 0, 0, 0 },
  { "Normalization", "axis=null", "7x9x3", 0, 0, 0 },
  { "Normalization", "axis=-1 mean=1,2,-3 variance=4,0.25,1", "7x9x3", 0, 0, 0 },
  { "Normalization", "axis=-1 invert=true", "7x9x5", 0, 0, 0 },

  { "LayerScale", "", "7x9x5 | 33 | 1x1x1", 0, 0, 0 },
  { "LayerNormalization", "", "7x9x5 | 33 | 1x1x3 | 5x7 | 2x3x301", 0, 0, 0 },
  { "LayerNormalization", "axis=3 epsilon=1e-6 scale=false", "7x9x8", 0, 20, 0 },
  { "LayerNormalization", "axis=-1 center=false", "7x9x33", 0, 0, 0 },
  { "GroupNormalization", "groups=3", "7x9x6 | 33 | 1x1x3 | 5x9", 0, 0, 0 },
  { "GroupNormalization", "groups=4 epsilon=0.01 scale=false", "7x9x8 | 19x21x20", 0, 0, 0 },
  { "GroupNormalization", "groups=1 center=false", "7x9x7", 0, 0, 0 },
  { "GroupNormalization", "groups=-1 axis=3", "7x9x5", 0, 0, 0 },
};

const RefFamily ref_values = { classes, rows, G_N_ELEMENTS (rows) };
