/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layers of several inputs: Add, Subtract, Average, Multiply, Maximum, Minimum, Concatenate, and
 * CustomScaleLayer of keras.applications' InceptionResNetV2. */
#include "internal.h"

#include "binary_backward_params.h"
#include "binary_params.h"

static gboolean
check_several (const CnnLayer *layer, int n_inputs, int most, GError **error)
{
  if (n_inputs >= 2 && n_inputs <= most)
    return TRUE;
  cnn_layer_set_error (layer, error, CNN_ERROR_UNSUPPORTED,
                       "has %d inputs; Convlens takes 2 to %d here", n_inputs, most);
  return FALSE;
}

/* --- element by element --- */

/* The shape as one of `rank`: Keras puts the missing sizes of 1 first. The memory is the same. */
static CnnShape
with_rank (const CnnShape *shape, int rank)
{
  if (shape->rank == 2 && rank == 3)
    return cnn_shape (shape->n, 1, shape->h, shape->c);
  return (CnnShape){ rank, shape->n, shape->h, shape->w, shape->c };
}

/* One side of two operands together: an unknown one makes it unknown; -1 where they do not fit. */
static int
common_side (int a, int b)
{
  if (a == 0 || b == 0)
    return 0;
  if (a == 1)
    return b;
  return b == 1 || a == b ? a : -1;
}

static gboolean
common_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
              GError **error)
{
  int rank = 1;

  for (int i = 0; i < n_inputs; i++)
    rank = MAX (rank, inputs[i].rank);
  *output = with_rank (inputs, rank);
  for (int i = 1; i < n_inputs; i++)
    {
      const CnnShape input = with_rank (inputs + i, rank), before = *output;

      output->h = common_side (before.h, input.h);
      output->w = common_side (before.w, input.w);
      output->c = common_side (before.c, input.c);
      if (output->h < 0 || output->w < 0 || output->c < 0)
        {
          g_autofree char *first = cnn_shape_to_string (&before);
          g_autofree char *second = cnn_shape_to_string (&inputs[i]);

          cnn_layer_set_error (layer, error, CNN_ERROR_MODEL,
                               "its inputs do not fit together: %s and %s", first, second);
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
sum_output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
                  GError **error)
{
  return check_several (layer, n_inputs, CNN_MAX_INPUTS, error)
         && common_shape (layer, inputs, n_inputs, output, error);
}

/* Of layers whose gradient needs all inputs at once. */
static gboolean
few_output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
                  GError **error)
{
  return check_several (layer, n_inputs, BINARY_MAX_FACTORS + 1, error)
         && common_shape (layer, inputs, n_inputs, output, error);
}

static gboolean
pair_output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
                   GError **error)
{
  return check_several (layer, n_inputs, 2, error)
         && common_shape (layer, inputs, n_inputs, output, error);
}

/* A sum is (left + right · right_weight) · scale. */
static gboolean
record_binary (CnnCommands *commands, guint32 operation, float right_weight, float scale,
               const CnnTensor *left, const CnnTensor *right, const CnnTensor *target,
               GError **error)
{
  const CnnShape *out = &target->shape;
  const CnnShape a = with_rank (&left->shape, out->rank), b = with_rank (&right->shape, out->rank);
  CnnDispatch dispatch = {
    .stem = "binary",
    .constants = { [BINARY_OPERATION] = operation,
                   [BINARY_REPEAT] = !cnn_shape_equal (&a, out) || !cnn_shape_equal (&b, out) },
    .bindings = { [BINARY_LEFT] = cnn_tensor_binding (left),
                  [BINARY_RIGHT] = cnn_tensor_binding (right),
                  [BINARY_TARGET] = cnn_tensor_binding (target) },
  };
  BinaryParams params = {
    .items = cnn_flat_vectors (out, dispatch.groups),
    .h = (guint) out->h,
    .w = (guint) out->w,
    .c = (guint) out->c,
    .a_h = (guint) a.h,
    .a_w = (guint) a.w,
    .a_c = (guint) a.c,
    .b_h = (guint) b.h,
    .b_w = (guint) b.w,
    .b_c = (guint) b.c,
    .right_weight = right_weight,
    .scale = scale,
  };

  dispatch.push = &params;
  dispatch.push_size = sizeof params;
  return cnn_commands_dispatch (commands, &dispatch, error);
}

/* The first two into the output, then each further one onto it; the last one scales. */
static gboolean
record_all (const CnnStep *step, guint32 operation, float right_weight, float scale, GError **error)
{
  const CnnTensor *left = step->inputs[0];

  for (int i = 1; i < step->n_inputs; i++, left = step->output)
    if (!record_binary (step->commands, operation, right_weight,
                        i == step->n_inputs - 1 ? scale : 1.f, left, step->inputs[i], step->output,
                        error))
      return FALSE;
  return TRUE;
}

/* The gradient of input `which`, `scale` times the output's; of a product or an extreme it depends
 * on all other inputs. */
static gboolean
record_binary_backward (const CnnStep *step, int which, guint32 operation, float scale,
                        GError **error)
{
  const gboolean sum = operation == BINARY_ADD;
  const gboolean extreme = operation == BINARY_MAXIMUM || operation == BINARY_MINIMUM;
  const CnnShape *out = &step->output_shape;
  const CnnShape in = with_rank (&step->input_shapes[which], out->rank);
  const CnnBinding gradient = cnn_tensor_binding (step->grad_output);
  CnnDispatch dispatch = {
    .stem = "binary_backward",
    .constants = { [BINARY_BACKWARD_OPERATION] = operation,
                   [BINARY_BACKWARD_PLACE] = (guint32) which },
    .bindings = { [BINARY_BACKWARD_GRADIENT] = gradient,
                  [BINARY_BACKWARD_TARGET] = cnn_tensor_binding (step->grad_inputs[which]),
                  [BINARY_BACKWARD_OPERAND] =
                      extreme ? cnn_tensor_binding (step->inputs[which]) : gradient },
  };
  BinaryBackwardParams params = {
    .items = cnn_flat_vectors (&in, dispatch.groups),
    .h = (guint) out->h,
    .w = (guint) out->w,
    .c = (guint) out->c,
    .in_h = (guint) in.h,
    .in_w = (guint) in.w,
    .in_c = (guint) in.c,
    .scale = scale,
  };
  CnnBinding *factors = dispatch.bindings + BINARY_BACKWARD_FACTOR_0;
  gboolean repeat = !cnn_shape_equal (&in, out);
  guint n = 0;

  for (int i = 0; i < BINARY_MAX_FACTORS; i++)
    factors[i] = gradient;
  for (int i = 0; !sum && i < step->n_inputs; i++)
    {
      const CnnShape factor = with_rank (&step->input_shapes[i], out->rank);

      if (i == which)
        continue;
      repeat = repeat || !cnn_shape_equal (&factor, out);
      params.factor_h[n] = (guint) factor.h;
      params.factor_w[n] = (guint) factor.w;
      params.factor_c[n] = (guint) factor.c;
      factors[n++] = cnn_tensor_binding (step->inputs[i]);
    }
  dispatch.constants[BINARY_BACKWARD_FACTORS] = n;
  dispatch.constants[BINARY_BACKWARD_REPEAT] = (guint32) repeat;
  dispatch.push = &params;
  dispatch.push_size = sizeof params;
  return cnn_commands_dispatch (step->commands, &dispatch, error);
}

/* `first_scale` is of the first input, `scale` of the others. */
static gboolean
record_all_backward (const CnnStep *step, guint32 operation, float first_scale, float scale,
                     GError **error)
{
  for (int i = 0; i < step->n_inputs; i++)
    if (step->grad_inputs[i] != NULL
        && !record_binary_backward (step, i, operation, i == 0 ? first_scale : scale, error))
      return FALSE;
  return TRUE;
}

static float
mean_of (const CnnStep *step)
{
  return 1.f / (float) step->n_inputs;
}

typedef struct
{
  CnnLayer base;
  float scale;
} CustomScale;

#define SCALE(layer) (((const CustomScale *) (layer))->scale)

#define FORWARD(name, operation, right_weight, scale)                                   \
  static gboolean name##_forward (CnnLayer *layer, const CnnStep *step, GError **error) \
  {                                                                                     \
    (void) layer;                                                                       \
    return record_all (step, operation, right_weight, scale, error);                    \
  }
#define BACKWARD(name, operation, first_scale, scale)                                    \
  static gboolean name##_backward (CnnLayer *layer, const CnnStep *step, GError **error) \
  {                                                                                      \
    (void) layer;                                                                        \
    return record_all_backward (step, operation, first_scale, scale, error);             \
  }
#define MERGE_CLASS(symbol, keras_name, shape, needs) \
  const CnnLayerClass cnn_##symbol##_class = {        \
    .name = keras_name,                               \
    .instance_size = sizeof (CnnLayer),               \
    .flags = needs,                                   \
    .output_shape = shape##_output_shape,             \
    .forward = symbol##_forward,                      \
    .backward = symbol##_backward,                    \
  }

FORWARD (add, BINARY_ADD, 1.f, 1.f)
BACKWARD (add, BINARY_ADD, 1.f, 1.f)
FORWARD (subtract, BINARY_ADD, -1.f, 1.f)
BACKWARD (subtract, BINARY_ADD, 1.f, -1.f)
FORWARD (average, BINARY_ADD, 1.f, mean_of (step))
BACKWARD (average, BINARY_ADD, mean_of (step), mean_of (step))
FORWARD (multiply, BINARY_MULTIPLY, 1.f, 1.f)
BACKWARD (multiply, BINARY_MULTIPLY, 1.f, 1.f)
FORWARD (maximum, BINARY_MAXIMUM, 1.f, 1.f)
BACKWARD (maximum, BINARY_MAXIMUM, 1.f, 1.f)
FORWARD (minimum, BINARY_MINIMUM, 1.f, 1.f)
BACKWARD (minimum, BINARY_MINIMUM, 1.f, 1.f)
FORWARD (custom_scale, BINARY_ADD, SCALE (layer), 1.f)
BACKWARD (custom_scale, BINARY_ADD, 1.f, SCALE (layer))

MERGE_CLASS (add, "Add", sum, CNN_LAYER_SUM);
MERGE_CLASS (subtract, "Subtract", pair, 0);
MERGE_CLASS (average, "Average", sum, 0);
MERGE_CLASS (multiply, "Multiply", few, CNN_LAYER_NEEDS_INPUTS);
MERGE_CLASS (maximum, "Maximum", few, CNN_LAYER_NEEDS_INPUTS);
MERGE_CLASS (minimum, "Minimum", few, CNN_LAYER_NEEDS_INPUTS);

static const CnnParam custom_scale_params[] = {
  { "scale", CNN_PARAM_FLOAT, G_STRUCT_OFFSET (CustomScale, scale), 1, NULL },
  { NULL },
};

const CnnLayerClass cnn_custom_scale_class = {
  .name = "CustomScaleLayer",
  .instance_size = sizeof (CustomScale),
  .params = custom_scale_params,
  .output_shape = pair_output_shape,
  .forward = custom_scale_forward,
  .backward = custom_scale_backward,
};

/* --- Concatenate --- */

typedef struct
{
  CnnLayer base;
  int axis; /* Keras': 0 is the batch, negative from the end */
} Concatenate;

/* The axis among y, x and c, or -1 for one that a value of this rank does not have. */
static int
find_axis (const Concatenate *self, int rank)
{
  const int axis = self->axis < 0 ? self->axis + rank + 1 : self->axis;

  if (axis < 1 || axis > rank)
    return -1;
  return axis == rank ? 2 : axis - 1;
}

static int *
side (CnnShape *shape, int axis)
{
  return axis == 0 ? &shape->h : axis == 1 ? &shape->w : &shape->c;
}

static gboolean
concatenate_output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs,
                          CnnShape *output, GError **error)
{
  const Concatenate *self = (const Concatenate *) layer;
  gint64 sum = 0;
  gboolean known = TRUE;
  int axis;

  if (!check_several (layer, n_inputs, CNN_MAX_INPUTS, error))
    return FALSE;
  axis = find_axis (self, inputs->rank);
  if (axis < 0)
    {
      cnn_layer_set_error (layer, error, CNN_ERROR_UNSUPPORTED,
                           "concatenates along axis %d of values with %d dimensions", self->axis,
                           inputs->rank + 1);
      return FALSE;
    }
  *output = *inputs;
  for (int i = 0; i < n_inputs; i++)
    {
      CnnShape input = inputs[i];
      const int size = *side (&input, axis);

      sum += size;
      known = known && size != 0;
      *side (&input, axis) = 0;
      *side (output, axis) = 0;
      if (input.rank == output->rank && (input.h == output->h || input.h * output->h == 0)
          && (input.w == output->w || input.w * output->w == 0)
          && (input.c == output->c || input.c * output->c == 0))
        {
          output->h = MAX (output->h, input.h);
          output->w = MAX (output->w, input.w);
          output->c = MAX (output->c, input.c);
          continue;
        }
      else
        {
          g_autofree char *first = cnn_shape_to_string (inputs);
          g_autofree char *second = cnn_shape_to_string (&inputs[i]);

          cnn_layer_set_error (layer, error, CNN_ERROR_MODEL,
                               "its inputs do not fit together: %s and %s", first, second);
          return FALSE;
        }
    }
  if (!cnn_layer_check_number (layer, "the size together", sum, 0, G_MAXINT / 8, error))
    return FALSE;
  *side (output, axis) = known ? (int) sum : 0;
  return TRUE;
}

static gboolean
concatenate_forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  const int axis = find_axis ((const Concatenate *) layer, step->output_shape.rank);
  int offset = 0;

  for (int i = 0; i < step->n_inputs; i++)
    {
      CnnShape in = step->input_shapes[i];
      CnnRegion region = { .size = { in.h, in.w, cnn_shape_planes (&in) } };

      region.shift[axis] = -offset;
      region.first[axis] = offset;
      if (axis == 2)
        {
          region.first[2] = offset / 4;
          region.size[2] = (offset + in.c - 1) / 4 - offset / 4 + 1;
        }
      if (!cnn_record_copy_region (step->commands, step->inputs[i], step->output, &region, error))
        return FALSE;
      offset += *side (&in, axis);
    }
  return TRUE;
}

static gboolean
concatenate_backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  const int axis = find_axis ((const Concatenate *) layer, step->output_shape.rank);
  int offset = 0;

  for (int i = 0; i < step->n_inputs; i++)
    {
      CnnShape in = step->input_shapes[i];
      CnnRegion region = { .size = { in.h, in.w, cnn_shape_planes (&in) } };

      region.shift[axis] = offset;
      if (step->grad_inputs[i] != NULL
          && !cnn_record_copy_region (step->commands, step->grad_output, step->grad_inputs[i],
                                      &region, error))
        return FALSE;
      offset += *side (&in, axis);
    }
  return TRUE;
}

static const CnnParam concatenate_params[] = {
  { "axis", CNN_PARAM_INT, G_STRUCT_OFFSET (Concatenate, axis), -1, NULL },
  { NULL },
};

const CnnLayerClass cnn_concatenate_class = {
  .name = "Concatenate",
  .instance_size = sizeof (Concatenate),
  .params = concatenate_params,
  .output_shape = concatenate_output_shape,
  .forward = concatenate_forward,
  .backward = concatenate_backward,
};
