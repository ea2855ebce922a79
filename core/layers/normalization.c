/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layers that normalize by the picture's own moments: LayerNormalization over the channels of each
 * pixel, GroupNormalization over all pixels of some channels. */
#include "internal.h"

#include "normalize_params.h"

#define MAX_GROUPS (1 << 15)

typedef struct
{
  CnnLayer base;
  CnnInts axis;
  float epsilon;
  gboolean center, scale, rms_scaling;
  int groups;   /* −1: as many as channels; 0: LayerNormalization */
  int channels; /* of the scale on the device */
} GroupNormalization;

static int
group_count (const CnnLayer *layer, const CnnShape *input)
{
  const int groups = ((const GroupNormalization *) layer)->groups;

  return groups == -1 ? input->c : groups;
}

static gboolean
layer_configure (CnnLayer *layer, GError **error)
{
  if (!((const GroupNormalization *) layer)->rms_scaling)
    return TRUE;
  cnn_layer_set_error (layer, error, CNN_ERROR_UNSUPPORTED, "rms_scaling is not supported");
  return FALSE;
}

static gboolean
layer_output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
                    GError **error)
{
  return cnn_layer_same_shape (layer, inputs, n_inputs, output, error)
         && cnn_layer_check_last_axis (layer, &((const GroupNormalization *) layer)->axis, inputs,
                                       error);
}

static gboolean
group_output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
                    GError **error)
{
  int groups;

  if (!layer_output_shape (layer, inputs, n_inputs, output, error))
    return FALSE;
  groups = group_count (layer, inputs);
  if (inputs->c == 0)
    return TRUE;
  if (!cnn_layer_check_number (layer, "the number of groups", groups, 1, MAX_GROUPS, error))
    return FALSE;
  if (inputs->c % groups == 0)
    return TRUE;
  cnn_layer_set_error (layer, error, CNN_ERROR_MODEL, "%d groups do not divide %d channels", groups,
                       inputs->c);
  return FALSE;
}

static int
weight_specs (const CnnLayer *layer, const CnnShape *inputs, CnnWeightSpec specs[CNN_MAX_WEIGHTS])
{
  const GroupNormalization *self = (const GroupNormalization *) layer;
  int n = 0;

  if (self->scale)
    specs[n++] = (CnnWeightSpec){ "gamma", 1, { inputs->c } };
  if (self->center)
    specs[n++] = (CnnWeightSpec){ "beta", 1, { inputs->c } };
  return n;
}

static void
get_affine (const CnnLayer *layer, int channels, CnnAffine *affine)
{
  const GroupNormalization *self = (const GroupNormalization *) layer;
  const CnnArray *gamma = self->scale ? layer->weights[0] : NULL;
  const CnnArray *beta = self->center ? layer->weights[self->scale ? 1 : 0] : NULL;

  for (int c = 0; c < channels; c++)
    affine[c] =
        (CnnAffine){ 0., gamma != NULL ? gamma->data[c] : 1., beta != NULL ? beta->data[c] : 0. };
}

/* gamma, as the kernels of the way back read it. */
static void
pack_scale (const CnnLayer *layer, const float *data, gsize first, gsize n, float *packed)
{
  const GroupNormalization *self = (const GroupNormalization *) layer;

  if (self->scale)
    memcpy (packed + first, data, n * sizeof (float));
  for (int c = 0; !self->scale && c < self->channels; c++)
    packed[c] = 1.f;
}

static gboolean
scratch_shape (const CnnLayer *layer, const CnnShape *inputs, CnnShape *scratch)
{
  const int groups = group_count (layer, inputs);

  *scratch = groups == 0 ? cnn_shape (inputs->n, inputs->h, inputs->w, 4)
                         : cnn_shape (inputs->n, 1, groups, 4);
  return TRUE;
}

/* The moments into the scratch tensor, then the result by them; backward by gamma, as packed. */
static gboolean
record (CnnLayer *layer, const CnnStep *step, CnnBuffer *gamma, const CnnTensor *target,
        GError **error)
{
  const CnnShape *shape = &step->input_shapes[0];
  const int groups = group_count (layer, shape);
  const gboolean backward = gamma != NULL;
  const CnnKernelTail tail = cnn_step_tail (step);
  const CnnBinding source = cnn_tensor_binding (step->inputs[0]);
  const CnnBinding gradient = backward ? cnn_tensor_binding (step->grad_output) : source;
  NormalizeParams params = {
    .pixels = (guint) (shape->h * shape->w),
    .planes = (guint) cnn_shape_planes (shape),
    .channels = (guint) shape->c,
    .groups = (guint) groups,
    .epsilon = ((const GroupNormalization *) layer)->epsilon,
    .tail = tail.params,
  };
  CnnDispatch moments = {
    .stem = groups == 0 ? "pixel_moments" : "group_moments",
    .constants = { [MOMENTS_BACKWARD] = (guint32) backward },
    .bindings = { [MOMENTS_SOURCE] = source,
                  [MOMENTS_GRADIENT] = gradient,
                  [MOMENTS_GAMMA] = backward ? cnn_whole_buffer (gamma) : source,
                  [MOMENTS_TARGET] = cnn_tensor_binding (step->scratch) },
    .push = &params,
    .push_size = sizeof params,
    .groups = { (guint) groups, (guint) shape->n, 1 },
  };
  CnnDispatch result = {
    .stem = "normalize",
    .constants = { [NORMALIZE_BACKWARD] = (guint32) backward, [NORMALIZE_GROUPS] = groups != 0 },
    .bindings = { [NORMALIZE_SOURCE] = source,
                  [NORMALIZE_GRADIENT] = gradient,
                  [NORMALIZE_MOMENTS] = cnn_tensor_binding (step->scratch),
                  [NORMALIZE_TARGET] = cnn_tensor_binding (target) },
    .push = &params,
    .push_size = sizeof params,
  };

  cnn_dispatch_set_tail (&result, &tail);
  if (backward)
    result.bindings[TAIL_AFFINE] = cnn_whole_buffer (gamma);
  if (groups == 0)
    {
      params.items = (guint) shape->n * params.pixels;
      cnn_flat_groups (params.items, moments.groups);
    }
  if (!cnn_commands_dispatch (step->commands, &moments, error))
    return FALSE;
  params.items = cnn_flat_vectors (shape, result.groups);
  return cnn_commands_dispatch (step->commands, &result, error);
}

static gboolean
forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  return record (layer, step, NULL, step->output, error);
}

static gboolean
backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  const CnnShape *shape = &step->input_shapes[0];
  const gsize bytes = (gsize) cnn_shape_planes (shape) * 4 * sizeof (float);
  CnnBuffer *gamma;

  ((GroupNormalization *) layer)->channels = shape->c;
  gamma =
      cnn_layer_device_weights (layer, 0, cnn_commands_device (step->commands), bytes,
                                ((GroupNormalization *) layer)->scale ? 0 : -1, pack_scale, error);
  return gamma != NULL && record (layer, step, gamma, step->grad_inputs[0], error);
}

#define NORMALIZATION_PARAMS                                                                     \
  { "axis", CNN_PARAM_INTS, G_STRUCT_OFFSET (GroupNormalization, axis), 0, NULL },               \
      { "epsilon", CNN_PARAM_FLOAT, G_STRUCT_OFFSET (GroupNormalization, epsilon), 1e-3, NULL }, \
      { "center", CNN_PARAM_BOOL, G_STRUCT_OFFSET (GroupNormalization, center), TRUE, NULL },    \
  {                                                                                              \
    "scale", CNN_PARAM_BOOL, G_STRUCT_OFFSET (GroupNormalization, scale), TRUE, NULL             \
  }

static const CnnParam layer_params[] = {
  NORMALIZATION_PARAMS,
  { "rms_scaling", CNN_PARAM_BOOL, G_STRUCT_OFFSET (GroupNormalization, rms_scaling), FALSE, NULL },
  { NULL },
};

static const CnnParam group_params[] = {
  NORMALIZATION_PARAMS,
  { "groups", CNN_PARAM_INT, G_STRUCT_OFFSET (GroupNormalization, groups), 32, NULL },
  { NULL },
};

const CnnLayerClass cnn_layer_normalization_class = {
  .name = "LayerNormalization",
  .instance_size = sizeof (GroupNormalization),
  .params = layer_params,
  .flags = CNN_LAYER_TAIL | CNN_LAYER_NEEDS_INPUTS,
  .configure = layer_configure,
  .output_shape = layer_output_shape,
  .weight_specs = weight_specs,
  .affine = get_affine,
  .scratch_shape = scratch_shape,
  .forward = forward,
  .backward = backward,
};

const CnnLayerClass cnn_group_normalization_class = {
  .name = "GroupNormalization",
  .instance_size = sizeof (GroupNormalization),
  .params = group_params,
  .flags = CNN_LAYER_TAIL | CNN_LAYER_NEEDS_INPUTS,
  .output_shape = group_output_shape,
  .weight_specs = weight_specs,
  .affine = get_affine,
  .scratch_shape = scratch_shape,
  .forward = forward,
  .backward = backward,
};
