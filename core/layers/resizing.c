/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Resizing: tf.image.resize with half-pixel centres. Rows and columns are sums of few source pixels
 * each, by tables that are made here in TensorFlow's float32 steps, so that a sample that falls on
 * an edge falls to the same side. The gradient is the same kernel with the tables transposed. */
#include "internal.h"

#include "resample_params.h"

#include <float.h>
#include <math.h>

/* --- tables of one axis --- */

/* Target cell i is the sum of source cells first[i] … first[i] + count[i] − 1 by weights[i·most …].
 */
typedef struct
{
  int n, most;
  int *first, *count;
  float *weights;
} Table;

static Table *
table_new (int n, int most)
{
  Table *table = g_new0 (Table, 1);

  table->n = n;
  table->most = most;
  table->first = g_new0 (int, n);
  table->count = g_new0 (int, n);
  table->weights = g_new0 (float, (gsize) n *(gsize) most);
  return table;
}

static void
table_free (Table *table)
{
  g_free (table->first);
  g_free (table->count);
  g_free (table->weights);
  g_free (table);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Table, table_free)

/* Adds to a weight; sources of a target come in ascending order, one may come again. */
static void
table_add (Table *table, int target, int source, float weight)
{
  float *weights = table->weights + (gsize) target * (gsize) table->most;

  if (table->count[target] == 0)
    table->first[target] = source;
  g_assert (source >= table->first[target] && source - table->first[target] < table->most);
  weights[source - table->first[target]] += weight;
  table->count[target] = MAX (table->count[target], source - table->first[target] + 1);
}

static Table *
table_transpose (const Table *table, int sources)
{
  g_autofree int *first = g_new (int, sources);
  g_autofree int *last = g_new (int, sources);
  Table *transposed;
  int most = 1;

  for (int s = 0; s < sources; s++)
    {
      first[s] = table->n;
      last[s] = -1;
    }
  for (int t = 0; t < table->n; t++)
    for (int i = 0; i < table->count[t]; i++)
      {
        const int s = table->first[t] + i;

        first[s] = MIN (first[s], t);
        last[s] = t;
        most = MAX (most, t - first[s] + 1);
      }
  transposed = table_new (sources, most);
  for (int t = 0; t < table->n; t++)
    for (int i = 0; i < table->count[t]; i++)
      table_add (transposed, table->first[t] + i, t,
                 table->weights[(gsize) t * (gsize) table->most + (gsize) i]);
  return transposed;
}

/* --- interpolation --- */

/* A kernel function of scale_and_translate; x ≥ 0. */
static float
lanczos (float x, float radius)
{
  const float pi = 3.14159265359f;

  if (x >= radius)
    return 0.f;
  if (x <= 1e-3f)
    return 1.f;
  return radius * sinf (pi * x) * sinf (pi * x / radius) / (pi * pi * x * x);
}

static float
kernel_lanczos3 (float x)
{
  return lanczos (x, 3.f);
}

static float
kernel_lanczos5 (float x)
{
  return lanczos (x, 5.f);
}

static float
kernel_gaussian (float x)
{
  const float sigma = .5f;

  return x >= 1.5f ? 0.f : expf (-x * x / (2.f * sigma * sigma));
}

static float
kernel_triangle (float x)
{
  return MAX (1.f - x, 0.f);
}

/* Piecewise cubics: Keys with a = −1/2, Mitchell and Netravali with B = C = 1/3. */
static float
kernel_keys (float x)
{
  if (x >= 2.f)
    return 0.f;
  if (x >= 1.f)
    return ((-.5f * x + 2.5f) * x - 4.f) * x + 2.f;
  return (1.5f * x - 2.5f) * x * x + 1.f;
}

static float
kernel_mitchell (float x)
{
  if (x >= 2.f)
    return 0.f;
  if (x >= 1.f)
    return ((-7.f / 18.f * x + 2.f) * x - 10.f / 3.f) * x + 16.f / 9.f;
  return (7.f / 6.f * x - 2.f) * x * x + 8.f / 9.f;
}

typedef struct
{
  float (*function) (float x);
  float radius;
} Kernel;

static const Kernel kernels[] = {
  [CNN_LAYER_RESIZE_BILINEAR] = { kernel_triangle, 1.f }, /* with antialias */
  [CNN_LAYER_RESIZE_BICUBIC] = { kernel_keys, 2.f },      /* with antialias */
  [CNN_LAYER_RESIZE_LANCZOS3] = { kernel_lanczos3, 3.f },
  [CNN_LAYER_RESIZE_LANCZOS5] = { kernel_lanczos5, 5.f },
  [CNN_LAYER_RESIZE_GAUSSIAN] = { kernel_gaussian, 1.5f },
  [CNN_LAYER_RESIZE_MITCHELL] = { kernel_mitchell, 2.f },
};

/* Weights of a kernel around each sample, made to sum to 1; antialias widens it when shrinking. */
static Table *
table_spans (int in, int out, const Kernel *kernel, gboolean antialias)
{
  const float scale = (float) out / (float) in, inverse = 1.f / scale;
  const float widening = antialias ? MAX (inverse, 1.f) : 1.f;
  const float radius = kernel->radius * widening;
  Table *table = table_new (out, MIN (2 * (int) ceilf (radius) + 1, in));

  for (int t = 0; t < out; t++)
    {
      const float sample = ((float) t + .5f) * inverse;
      const int first = CLAMP ((int) ceilf (sample - radius - .5f), 0, in - 1);
      const int last = CLAMP ((int) floorf (sample + radius - .5f), 0, in - 1);
      float sum = 0.f;

      if (sample < 0.f || sample > (float) in)
        continue;
      for (int s = first; s <= last; s++)
        sum += kernel->function (fabsf (((float) s + .5f - sample) / widening));
      if (fabsf (sum) < 1000.f * FLT_MIN)
        continue;
      for (int s = first; s <= last; s++)
        table_add (table, t, s,
                   kernel->function (fabsf (((float) s + .5f - sample) / widening)) / sum);
    }
  return table;
}

static Table *
table_nearest (int in, int out)
{
  const float scale = (float) in / (float) out;
  Table *table = table_new (out, 1);

  for (int t = 0; t < out; t++)
    table_add (table, t, CLAMP ((int) floorf (((float) t + .5f) * scale), 0, in - 1), 1.f);
  return table;
}

static Table *
table_bilinear (int in, int out)
{
  const float scale = (float) in / (float) out;
  Table *table = table_new (out, 2);

  for (int t = 0; t < out; t++)
    {
      const float sample = ((float) t + .5f) * scale - .5f;
      const float below = floorf (sample), part = sample - below;
      const int upper = MIN ((int) below + 1, in - 1), lower = MIN (MAX ((int) below, 0), upper);

      table_add (table, t, lower, 1.f - part);
      table_add (table, t, upper, part);
    }
  return table;
}

/* TensorFlow rounds a sample's position to 1/1024 of a pixel. Outside of the picture weights are 0,
 * the others are made to sum to 1. */
static Table *
table_bicubic (int in, int out)
{
  const float scale = (float) in / (float) out;
  Table *table = table_new (out, 4);

  for (int t = 0; t < out; t++)
    {
      const float sample = ((float) t + .5f) * scale - .5f;
      const int base = (int) floorf (sample);
      const float part = (float) lrintf ((sample - (float) base) * 1024.f) / 1024.f;
      float weights[4], sum = 0.f;

      for (int i = 0; i < 4; i++)
        {
          const int source = base - 1 + i;

          weights[i] =
              source >= 0 && source < in ? kernel_keys (fabsf ((float) (i - 1) - part)) : 0.f;
          sum += weights[i];
        }
      for (int i = 0; i < 4; i++)
        if (base - 1 + i >= 0 && base - 1 + i < in)
          table_add (table, t, base - 1 + i, weights[i] / sum);
    }
  return table;
}

/* Every target cell is the mean of the source's stretch under it, cells cut by its ends in part. */
static Table *
table_area (int in, int out)
{
  const float scale = (float) in / (float) out;
  Table *table = table_new (out, MIN ((int) ceilf (scale) + 2, in));

  for (int t = 0; t < out; t++)
    {
      const float low = (float) t * scale, high = (float) (t + 1) * scale;
      const int first = (int) floorf (low), last = (int) ceilf (high) - 1;

      for (int s = first; s <= last; s++)
        {
          const float covered = MIN ((float) (s + 1), high) - MAX ((float) s, low);

          table_add (table, t, MIN (s, in - 1), covered / scale);
        }
    }
  return table;
}

static Table *
table_for (int in, int out, const CnnLayerResize *resize)
{
  switch ((CnnLayerResizeMethod) resize->method)
    {
    case CNN_LAYER_RESIZE_NEAREST:
      return table_nearest (in, out);
    case CNN_LAYER_RESIZE_AREA:
      return table_area (in, out);
    case CNN_LAYER_RESIZE_BILINEAR:
      if (!resize->antialias)
        return table_bilinear (in, out);
      break;
    case CNN_LAYER_RESIZE_BICUBIC:
      if (!resize->antialias)
        return table_bicubic (in, out);
      break;
    default:
      break;
    }
  return table_spans (in, out, &kernels[resize->method], resize->antialias);
}

/* --- aspect ratio --- */

/* The picture that is resized: `size` cells of which cell 0 is cell `start` of the input; cells
 * outside of the input are filled. */
typedef struct
{
  int start, size;
} Frame;

/* The side that goes with the other one in the target's aspect ratio, as TensorFlow rounds it. */
static int
fitting_side (int other, int target, int target_other)
{
  return (int) ((float) ((gint64) other * target) / (float) target_other);
}

static void
frames (const CnnLayerResize *resize, const CnnShape *in, Frame frame[2])
{
  const int sides[2] = { in->h, in->w };
  const int fitting[2] = { fitting_side (in->w, resize->height, resize->width),
                           fitting_side (in->h, resize->width, resize->height) };

  for (int i = 0; i < 2; i++)
    {
      frame[i] = (Frame){ 0, sides[i] };
      if (resize->crop_to_aspect_ratio)
        {
          frame[i].size = MAX (MIN (sides[i], fitting[i]), 1);
          frame[i].start = (sides[i] - frame[i].size) / 2;
        }
      else if (resize->pad_to_aspect_ratio)
        {
          /* Both ends get the same, so an odd cell is left out. */
          const int each = (MAX (sides[i], fitting[i]) - sides[i]) / 2;

          frame[i] = (Frame){ -each, sides[i] + 2 * each };
        }
    }
}

/* The table of an axis from the input's own cells: those of the padding are left out. */
static Table *
table_in_frame (const CnnLayerResize *resize, const Frame *frame, gboolean same_size, int in,
                int out)
{
  g_autoptr (Table) whole =
      same_size ? table_nearest (out, out) : table_for (frame->size, out, resize);
  Table *table = table_new (out, whole->most);

  for (int t = 0; t < out; t++)
    for (int i = 0; i < whole->count[t]; i++)
      {
        const int source = frame->start + whole->first[t] + i;

        if (source >= 0 && source < in)
          table_add (table, t, source, whole->weights[(gsize) t * (gsize) whole->most + (gsize) i]);
      }
  return table;
}

static void
tables_for (const CnnLayerResize *resize, const CnnShape *in, Table *tables[2])
{
  const int in_sides[2] = { in->h, in->w }, out_sides[2] = { resize->height, resize->width };
  Frame frame[2];
  gboolean same_size;

  frames (resize, in, frame);
  same_size = frame[0].size == out_sides[0] && frame[1].size == out_sides[1];
  for (int i = 0; i < 2; i++)
    tables[i] = table_in_frame (resize, &frame[i], same_size, in_sides[i], out_sides[i]);
}

/* --- recording --- */

static CnnBuffer *
upload_table (CnnDevice *device, const Table *table, guint *pitch, GError **error)
{
  const gsize step = (gsize) table->most + RESAMPLE_HEAD, n = (gsize) table->n * step;
  g_autofree guint32 *numbers = g_new0 (guint32, n);
  g_autoptr (CnnBuffer) buffer = NULL;

  for (int t = 0; t < table->n; t++)
    {
      guint32 *row = numbers + (gsize) t * step;
      const float *weights = table->weights + (gsize) t * (gsize) table->most;
      float sum = 0.f;

      for (int i = 0; i < table->count[t]; i++)
        sum += weights[i];
      row[0] = (guint32) table->first[t];
      row[1] = (guint32) table->count[t];
      memcpy (row + 2, &sum, sizeof sum);
      memcpy (row + RESAMPLE_HEAD, weights, (gsize) table->most * sizeof *weights);
    }
  *pitch = (guint) step;
  buffer = cnn_buffer_new (device, n * sizeof *numbers, "resize table", error);
  if (buffer == NULL || !cnn_buffer_write (buffer, 0, numbers, n * sizeof *numbers, error))
    return NULL;
  return g_steal_pointer (&buffer);
}

static gboolean
record (CnnCommands *commands, const CnnTensor *source, const CnnTensor *target, const Table *rows,
        const Table *columns, float fill, GError **error)
{
  CnnDevice *device = cnn_commands_device (commands);
  CnnDispatch dispatch = { .stem = "resample" };
  ResampleParams params = {
    .items = cnn_flat_vectors (&target->shape, dispatch.groups),
    .source_h = (guint) source->shape.h,
    .source_w = (guint) source->shape.w,
    .target_h = (guint) target->shape.h,
    .target_w = (guint) target->shape.w,
    .fill = fill,
  };
  g_autoptr (CnnBuffer) rows_buffer = upload_table (device, rows, &params.pitch_y, error);
  g_autoptr (CnnBuffer) columns_buffer =
      rows_buffer != NULL ? upload_table (device, columns, &params.pitch_x, error) : NULL;

  if (columns_buffer == NULL)
    return FALSE;
  dispatch.bindings[RESAMPLE_SOURCE] = cnn_tensor_binding (source);
  dispatch.bindings[RESAMPLE_ROWS] = cnn_whole_buffer (rows_buffer);
  dispatch.bindings[RESAMPLE_COLUMNS] = cnn_whole_buffer (columns_buffer);
  dispatch.bindings[RESAMPLE_TARGET] = cnn_tensor_binding (target);
  dispatch.push = &params;
  dispatch.push_size = sizeof params;
  return cnn_commands_dispatch (commands, &dispatch, error);
}

gboolean
cnn_layer_resize_forward (const CnnLayerResize *resize, const CnnStep *step, GError **error)
{
  Table *tables[2];
  gboolean good;

  tables_for (resize, &step->input_shapes[0], tables);
  good = record (step->commands, step->inputs[0], step->output, tables[0], tables[1],
                 resize->pad_to_aspect_ratio ? resize->fill_value : 0.f, error);
  table_free (tables[0]);
  table_free (tables[1]);
  return good;
}

gboolean
cnn_layer_resize_backward (const CnnLayerResize *resize, const CnnStep *step, GError **error)
{
  const CnnShape *in = &step->input_shapes[0];
  Table *tables[2];
  g_autoptr (Table) rows = NULL;
  g_autoptr (Table) columns = NULL;

  tables_for (resize, in, tables);
  rows = table_transpose (tables[0], in->h);
  columns = table_transpose (tables[1], in->w);
  table_free (tables[0]);
  table_free (tables[1]);
  return record (step->commands, step->grad_output, step->grad_inputs[0], rows, columns, 0.f,
                 error);
}

/* --- the layer --- */

typedef struct
{
  CnnLayer base;
  CnnLayerResize resize;
  int fill_mode;
} Resizing;

static gboolean
configure (CnnLayer *layer, GError **error)
{
  const CnnLayerResize *resize = &((const Resizing *) layer)->resize;

  if (!cnn_layer_check_number (layer, "height", resize->height, 1, CNN_MAX_SIDE, error)
      || !cnn_layer_check_number (layer, "width", resize->width, 1, CNN_MAX_SIDE, error))
    return FALSE;
  if (!resize->crop_to_aspect_ratio || !resize->pad_to_aspect_ratio)
    return TRUE;
  cnn_layer_set_error (layer, error, CNN_ERROR_MODEL,
                       "both crop_to_aspect_ratio and pad_to_aspect_ratio are set");
  return FALSE;
}

static gboolean
output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
              GError **error)
{
  const CnnLayerResize *resize = &((const Resizing *) layer)->resize;

  if (!cnn_layer_check_input (layer, inputs, n_inputs, 3, error))
    return FALSE;
  *output = cnn_shape (inputs->n, resize->height, resize->width, inputs->c);
  return TRUE;
}

static gboolean
is_identity (const CnnLayer *layer, const CnnShape *input)
{
  const CnnLayerResize *resize = &((const Resizing *) layer)->resize;

  return input->h == resize->height && input->w == resize->width;
}

static gboolean
forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  return cnn_layer_resize_forward (&((const Resizing *) layer)->resize, step, error);
}

static gboolean
backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  return cnn_layer_resize_backward (&((const Resizing *) layer)->resize, step, error);
}

const char *const cnn_layer_resize_methods[] = {
  "bilinear", "nearest",  "bicubic",       "area", "lanczos3",
  "lanczos5", "gaussian", "mitchellcubic", NULL
}; /* CnnLayerResizeMethod */
static const char *const fill_modes[] = { "constant", NULL };

#define FIELD(name) G_STRUCT_OFFSET (Resizing, resize.name)

static const CnnParam params[] = {
  { "height", CNN_PARAM_INT, FIELD (height), 0, NULL },
  { "width", CNN_PARAM_INT, FIELD (width), 0, NULL },
  { "interpolation", CNN_PARAM_CHOICE, FIELD (method), CNN_LAYER_RESIZE_BILINEAR,
    cnn_layer_resize_methods },
  { "crop_to_aspect_ratio", CNN_PARAM_BOOL, FIELD (crop_to_aspect_ratio), FALSE, NULL },
  { "pad_to_aspect_ratio", CNN_PARAM_BOOL, FIELD (pad_to_aspect_ratio), FALSE, NULL },
  { "fill_mode", CNN_PARAM_CHOICE, G_STRUCT_OFFSET (Resizing, fill_mode), 0, fill_modes },
  { "fill_value", CNN_PARAM_FLOAT, FIELD (fill_value), 0, NULL },
  { "antialias", CNN_PARAM_BOOL, FIELD (antialias), FALSE, NULL },
  { NULL },
};

const CnnLayerClass cnn_resizing_class = {
  .name = "Resizing",
  .instance_size = sizeof (Resizing),
  .params = params,
  .flags = CNN_LAYER_RESHAPING,
  .configure = configure,
  .output_shape = output_shape,
  .is_identity = is_identity,
  .forward = forward,
  .backward = backward,
};
