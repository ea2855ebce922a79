/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "reference.h"

#include <math.h>
#include <string.h>

gsize
ref_count (const RefTensor *t)
{
  return (gsize) t->n * (gsize) t->h * (gsize) t->w * (gsize) t->c;
}

double *
ref_at (const RefTensor *t, int n, int y, int x, int c)
{
  return t->data + (((gsize) n * t->h + y) * t->w + x) * t->c + c;
}

static RefTensor
make (int rank, int n, int h, int w, int c)
{
  RefTensor t = { rank, n, h, w, c, NULL };

  t.data = g_new0 (double, ref_count (&t));
  return t;
}

/* --- parameters --- */

char *
ref_word (const char *params, const char *key, const char *standard)
{
  g_auto (GStrv) pairs = g_strsplit (params, " ", -1);
  const gsize length = strlen (key);

  for (char **pair = pairs; *pair != NULL; pair++)
    if (strncmp (*pair, key, length) == 0 && (*pair)[length] == '=')
      return g_strdup (*pair + length + 1);
  return g_strdup (standard);
}

int
ref_numbers (const char *params, const char *key, double *values, int most)
{
  g_autofree char *word = ref_word (params, key, NULL);
  g_auto (GStrv) parts = NULL;
  int n = 0;

  if (word == NULL)
    return 0;
  parts = g_strsplit (word, ",", -1);
  for (; parts[n] != NULL && n < most; n++)
    values[n] = strcmp (parts[n], "null") == 0    ? NAN
                : strcmp (parts[n], "true") == 0  ? 1.
                : strcmp (parts[n], "false") == 0 ? 0.
                                                  : g_ascii_strtod (parts[n], NULL);
  return n;
}

double
ref_number (const char *params, const char *key, double standard)
{
  double value;

  return ref_numbers (params, key, &value, 1) == 1 && !isnan (value) ? value : standard;
}

/* n or (h, w). */
static void
get_pair (const char *params, const char *key, int standard_h, int standard_w, int pair[2])
{
  double values[2] = { standard_h, standard_w };
  const int n = ref_numbers (params, key, values, 2);

  if (n == 1)
    values[1] = values[0];
  for (int i = 0; i < 2; i++)
    pair[i] = isnan (values[i]) ? (i == 0 ? standard_h : standard_w) : (int) values[i];
}

static gboolean
is_word (const char *params, const char *key, const char *word)
{
  g_autofree char *value = ref_word (params, key, NULL);

  return g_strcmp0 (value, word) == 0;
}

/* --- activations --- */

static double
sigmoid (double x)
{
  return 1. / (1. + exp (-x));
}

static double
clip (double x, double low, double high)
{
  return fmin (fmax (x, low), high);
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
    return clip (x, 0., 6.);
  if (IS ("leaky_relu"))
    return x > 0. ? x : .2 * x;
  if (IS ("elu"))
    return elu (x, 1.);
  if (IS ("selu"))
    return 1.05070098735548049342 * elu (x, 1.67326324235437728481);
  if (IS ("sigmoid"))
    return sigmoid (x);
  if (IS ("hard_sigmoid"))
    return keras_major < 3 ? clip (.2 * x + .5, 0., 1.) : clip (x + 3., 0., 6.) / 6.;
  if (IS ("tanh"))
    return tanh (x);
  if (IS ("softplus"))
    return x > 30. ? x : log1p (exp (x));
  if (IS ("swish") || IS ("silu"))
    return x * sigmoid (x);
  if (IS ("hard_swish") || IS ("hard_silu"))
    return x * clip (x + 3., 0., 6.) / 6.;
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

/* --- windows --- */

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
  const gboolean same = is_word (params, "padding", "same");

  get_pair (params, kernel_key, standard_kernel, standard_kernel, window->kernel);
  get_pair (params, "strides", pooling ? window->kernel[0] : 1, pooling ? window->kernel[1] : 1,
            window->stride);
  get_pair (params, "dilation_rate", 1, 1, window->dilation);
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

#define FOR_EACH(tensor, i0, i1, i2, i3)       \
  for (int i0 = 0; i0 < (tensor)->n; i0++)     \
    for (int i1 = 0; i1 < (tensor)->h; i1++)   \
      for (int i2 = 0; i2 < (tensor)->w; i2++) \
        for (int i3 = 0; i3 < (tensor)->c; i3++)

static RefTensor
pool (const RefCase *test, gboolean maximum)
{
  const RefTensor *in = &test->inputs[0];
  Window window;
  RefTensor out;

  get_window (test->params, "pool_size", 2, TRUE, in, &window);
  out = make (3, in->n, window.out[0], window.out[1], in->c);
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
global_pool (const RefCase *test, gboolean maximum)
{
  const RefTensor *in = &test->inputs[0];
  RefTensor out = make (ref_number (test->params, "keepdims", 0) != 0 ? 3 : 1, in->n, 1, 1, in->c);

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
  RefTensor out = make (3, in->n, window->out[0], window->out[1], filters);

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
  RefTensor out = make (3, in->n, window->out[0], window->out[1], in->c * multiplier);

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
  const gboolean same = is_word (test->params, "padding", "same");
  double more[2];
  const int n_more = ref_numbers (test->params, "output_padding", more, 2);
  int kernel[2], stride[2], dilation[2], before[2], side[2];
  RefTensor out;

  get_pair (test->params, "kernel_size", 1, 1, kernel);
  get_pair (test->params, "strides", 1, 1, stride);
  get_pair (test->params, "dilation_rate", 1, 1, dilation);
  for (int i = 0; i < 2; i++)
    {
      const int extent = (kernel[i] - 1) * dilation[i] + 1, least = (size[i] - 1) * stride[i];

      if (n_more > 0)
        side[i] = least + (same ? extent % 2 : extent) + (int) more[i % n_more];
      else
        side[i] = same ? size[i] * stride[i] : least + MAX (extent, stride[i]);
      before[i] = same ? MAX (least + extent - side[i], 0) / 2 : 0;
    }
  out = make (3, in->n, side[0], side[1], filters);
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
  RefTensor out = make (in->rank, in->n, in->h, in->w, units);

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

/* --- a scale and a shift for each channel --- */

static RefTensor
copy (const RefTensor *in)
{
  RefTensor out = make (in->rank, in->n, in->h, in->w, in->c);

  memcpy (out.data, in->data, ref_count (in) * sizeof (double));
  return out;
}

static RefTensor
batch_normalization (const RefCase *test)
{
  const gboolean scale = ref_number (test->params, "scale", 1) != 0;
  const gboolean center = ref_number (test->params, "center", 1) != 0;
  const double epsilon = ref_number (test->params, "epsilon", 1e-3);
  double *const *weights = test->weights;
  const double *gamma = scale ? *weights++ : NULL, *beta = center ? *weights++ : NULL;
  const double *mean = weights[0], *variance = weights[1];
  RefTensor out = copy (&test->inputs[0]);

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
  RefTensor out = copy (&test->inputs[0]);

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
  RefTensor out = copy (&test->inputs[0]);

  if (n_mean == 0)
    {
      n_mean = n_variance = is_word (test->params, "axis", "null") ? 1 : out.c;
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
  RefTensor out = copy (&test->inputs[0]);

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

static RefTensor
normalize_moments (const RefCase *test, gboolean groups)
{
  const gboolean scale = ref_number (test->params, "scale", 1) != 0;
  const gboolean center = ref_number (test->params, "center", 1) != 0;
  const double epsilon = ref_number (test->params, "epsilon", 1e-3);
  const double *gamma = scale ? test->weights[0] : NULL;
  const double *beta = center ? test->weights[scale ? 1 : 0] : NULL;
  RefTensor out = copy (&test->inputs[0]);
  int n_groups = (int) ref_number (test->params, "groups", 32);

  n_groups = n_groups == -1 ? out.c : n_groups;
  for (int n = 0; n < out.n; n++)
    if (groups)
      for (int g = 0; g < n_groups; g++)
        normalize (&out, n, 0, out.h * out.w, g * (out.c / n_groups), out.c / n_groups, epsilon);
    else
      for (int i = 0; i < out.h * out.w; i++)
        normalize (&out, n, i, 1, 0, out.c, epsilon);
  FOR_EACH (&out, n, y, x, c)
  {
    double *v = ref_at (&out, n, y, x, c);

    *v = *v * (gamma != NULL ? gamma[c] : 1.) + (beta != NULL ? beta[c] : 0.);
  }
  return out;
}

/* --- activations as layers --- */

static RefTensor
prelu (const RefCase *test)
{
  double shared[3];
  const int n_shared = ref_numbers (test->params, "shared_axes", shared, 3);
  RefTensor out = copy (&test->inputs[0]);
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
activation_layer (const RefCase *test)
{
  const char *class_name = test->class_name, *params = test->params;
  RefTensor out = copy (&test->inputs[0]);
  const gsize n = ref_count (&out);

  if (strcmp (class_name, "Activation") == 0)
    {
      g_autofree char *name = ref_word (params, "activation", "linear");

      g_assert_true (ref_activate (name, test->keras_major, &out));
    }
  else if (strcmp (class_name, "Softmax") == 0)
    softmax (&out);
  else
    for (gsize i = 0; i < n; i++)
      {
        double *v = out.data + i;

        if (strcmp (class_name, "ReLU") == 0)
          *v = relu (*v, ref_number (params, "max_value", INFINITY),
                     ref_number (params, "negative_slope", 0.),
                     ref_number (params, "threshold", 0.));
        else if (strcmp (class_name, "LeakyReLU") == 0)
          *v = relu (*v, INFINITY,
                     ref_number (params, "negative_slope", ref_number (params, "alpha", .3)), 0.);
        else
          *v = elu (*v, ref_number (params, "alpha", 1.));
      }
  return out;
}

/* --- values moved about --- */

static RefTensor
reshape (const RefCase *test)
{
  const RefTensor *in = &test->inputs[0];
  const int count = in->h * in->w * in->c;
  double target[3] = { -1. };
  const int rank = MAX (ref_numbers (test->params, "target_shape", target, 3), 1); /* or Flatten */
  int given = 1, sizes[3];
  RefTensor out;

  for (int i = 0; i < rank; i++)
    given *= target[i] > 0. ? (int) target[i] : 1;
  for (int i = 0; i < rank; i++)
    sizes[i] = target[i] > 0. ? (int) target[i] : count / given;
  out = make (rank, in->n, rank > 1 ? sizes[0] : 1, rank > 2 ? sizes[1] : 1, sizes[rank - 1]);
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
  out = make (rank, in->n, sizes[0], sizes[1], sizes[2]);
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
  RefTensor out = make (3, in->n, h, w, in->c);

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

static RefTensor
merge (const RefCase *test)
{
  const char *class_name = test->class_name;
  const double scale = ref_number (test->params, "scale", 1.);
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
  out = make (rank, test->inputs[0].n, h, w, c_out);
  FOR_EACH (&out, n, y, x, c)
  {
    double v = broadcast_at (&test->inputs[0], rank, n, y, x, c);

    for (int i = 1; i < test->n_inputs; i++)
      {
        const double term = broadcast_at (&test->inputs[i], rank, n, y, x, c);

        if (strcmp (class_name, "Multiply") == 0)
          v *= term;
        else if (strcmp (class_name, "Maximum") == 0)
          v = fmax (v, term);
        else if (strcmp (class_name, "Minimum") == 0)
          v = fmin (v, term);
        else if (strcmp (class_name, "Subtract") == 0)
          v -= term;
        else
          v += term * scale; /* Add, Average, CustomScaleLayer */
      }
    if (strcmp (class_name, "Average") == 0)
      v /= test->n_inputs;
    *ref_at (&out, n, y, x, c) = v;
  }
  return out;
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
  out = make (rank, first->n, axis == 0 ? size : first->h, axis == 1 ? size : first->w,
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
          const double clamped = clip (at, 0., in - 1);

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
  RefTensor out = make (3, in->n, h, w, in->c);

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
    frame = copy (&test->inputs[0]);
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

  get_pair (test->params, "size", 2, 2, size);
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

/* --- */

gboolean
ref_forward (const RefCase *test, RefTensor *output)
{
#define IS(name) (strcmp (test->class_name, name) == 0)
  if (IS ("Activation") || IS ("ReLU") || IS ("LeakyReLU") || IS ("ELU") || IS ("Softmax"))
    *output = activation_layer (test);
  else if (IS ("Add") || IS ("Subtract") || IS ("Average") || IS ("Multiply") || IS ("Maximum")
           || IS ("Minimum") || IS ("CustomScaleLayer"))
    *output = merge (test);
  else if (IS ("Concatenate"))
    *output = concatenate (test);
  else if (IS ("MaxPooling2D") || IS ("AveragePooling2D"))
    *output = pool (test, IS ("MaxPooling2D"));
  else if (IS ("GlobalMaxPooling2D") || IS ("GlobalAveragePooling2D"))
    *output = global_pool (test, IS ("GlobalMaxPooling2D"));
  else if (IS ("Conv2D"))
    *output = conv2d (test);
  else if (IS ("Conv2DTranspose"))
    *output = conv2d_transpose (test);
  else if (IS ("DepthwiseConv2D"))
    *output = depthwise_conv2d (test);
  else if (IS ("SeparableConv2D"))
    *output = separable_conv2d (test);
  else if (IS ("Dense"))
    *output = dense (test);
  else if (IS ("BatchNormalization"))
    *output = batch_normalization (test);
  else if (IS ("Rescaling"))
    *output = rescaling (test);
  else if (IS ("Normalization"))
    *output = normalization (test);
  else if (IS ("LayerScale"))
    *output = layer_scale (test);
  else if (IS ("LayerNormalization") || IS ("GroupNormalization"))
    *output = normalize_moments (test, IS ("GroupNormalization"));
  else if (IS ("PReLU"))
    *output = prelu (test);
  else if (IS ("Permute"))
    *output = permute (test);
  else if (IS ("UpSampling2D"))
    *output = up_sampling (test);
  else if (IS ("Flatten") || IS ("Reshape"))
    *output = reshape (test);
  else if (IS ("ZeroPadding2D"))
    *output = zero_padding (test);
  else if (IS ("Cropping2D"))
    *output = cropping (test);
  else if (IS ("CenterCrop"))
    *output = center_crop (test);
  else if (IS ("Resizing"))
    *output = resizing (test);
  else if (g_str_has_prefix (test->class_name, "Random") || IS ("ActivityRegularization")
           || g_str_has_suffix (test->class_name, "Dropout") || IS ("SpatialDropout2D")
           || IS ("GaussianNoise") || IS ("Identity") || IS ("StochasticDepth") || IS ("AugMix")
           || IS ("CutMix") || IS ("MixUp") || IS ("RandAugment") || IS ("Equalization")
           || IS ("Solarization"))
    *output = copy (&test->inputs[0]);
  else
    return FALSE;
  return TRUE;
#undef IS
}
