/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layers that scale and shift each channel: BatchNormalization at inference, Normalization,
 * Rescaling, and LayerScale of keras.applications' ConvNeXt. */
#include "internal.h"

#include "affine_params.h"

#include <math.h>

static gboolean
same_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
            GError **error)
{
  (void) layer;
  (void) n_inputs;
  (void) error;
  *output = *inputs;
  return TRUE;
}

static gboolean
forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  const CnnShape *shape = &step->output_shape;
  const CnnKernelTail tail = cnn_step_tail (step);
  CnnDispatch dispatch = {
    .stem = CNN_TAIL_STEM ("affine", tail),
    .bindings = { [AFFINE_SOURCE] = cnn_tensor_binding (step->inputs[0]),
                  [AFFINE_TARGET] = cnn_tensor_binding (step->output) },
  };
  AffineParams params = {
    .items = cnn_flat_vectors (shape, dispatch.groups),
    .planes = (guint) cnn_shape_planes (shape),
    .pixels = (guint) (shape->h * shape->w),
    .tail = tail.params,
  };

  (void) layer;
  cnn_dispatch_set_tail (&dispatch, &tail);
  dispatch.push = &params;
  dispatch.push_size = sizeof params;
  return cnn_commands_dispatch (step->commands, &dispatch, error);
}

static gboolean
backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  (void) layer;
  return cnn_tail_backward (NULL, step, error);
}

/* One number for all channels, or one a channel. */
static double
element (const CnnArray *array, int c, double standard)
{
  if (array == NULL)
    return standard;
  return array->data[cnn_array_count (array) == 1 ? 0 : c];
}

static gboolean
check_count (const CnnLayer *layer, const char *what, const CnnArray *array, int channels,
             GError **error)
{
  gsize count = array != NULL ? cnn_array_count (array) : 1;

  if (count == 1 || channels == 0 || count == (gsize) channels)
    return TRUE;
  cnn_layer_set_error (layer, error, CNN_ERROR_UNSUPPORTED,
                       "%s has %" G_GSIZE_FORMAT " numbers for %d channels", what, count, channels);
  return FALSE;
}

static gboolean
check_last_axis (const CnnLayer *layer, const CnnInts *axis, const CnnShape *input, GError **error)
{
  if (axis->n <= 0 || (axis->n == 1 && (axis->values[0] == -1 || axis->values[0] == input->rank)))
    return TRUE;
  cnn_layer_set_error (layer, error, CNN_ERROR_UNSUPPORTED,
                       "works along axis %d; Convlens knows the last axis, the channels, only",
                       axis->values[0]);
  return FALSE;
}

/* --- BatchNormalization --- */

typedef struct
{
  CnnLayer base;
  CnnInts axis;
  float epsilon;
  gboolean center, scale;
} BatchNormalization;

static gboolean
batch_output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
                    GError **error)
{
  return check_last_axis (layer, &((const BatchNormalization *) layer)->axis, inputs, error)
         && same_shape (layer, inputs, n_inputs, output, error);
}

static int
batch_weight_specs (const CnnLayer *layer, const CnnShape *inputs,
                    CnnWeightSpec specs[CNN_MAX_WEIGHTS])
{
  const BatchNormalization *self = (const BatchNormalization *) layer;
  const char *const names[] = { self->scale ? "gamma" : NULL, self->center ? "beta" : NULL,
                                "moving_mean", "moving_variance" };
  int n = 0;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i] != NULL)
      specs[n++] = (CnnWeightSpec){ names[i], 1, { inputs->c } };
  return n;
}

static void
batch_affine (const CnnLayer *layer, int channels, CnnAffine *affine)
{
  const BatchNormalization *self = (const BatchNormalization *) layer;
  CnnArray *const *variable = layer->weights;
  const CnnArray *gamma = self->scale ? *variable++ : NULL;
  const CnnArray *beta = self->center ? *variable++ : NULL;
  const CnnArray *mean = variable[0], *variance = variable[1];

  for (int c = 0; c < channels; c++)
    affine[c] = (CnnAffine){
      mean->data[c],
      element (gamma, c, 1.) / sqrt ((double) variance->data[c] + self->epsilon),
      element (beta, c, 0.),
    };
}

static const CnnParam batch_params[] = {
  { "axis", CNN_PARAM_INTS, G_STRUCT_OFFSET (BatchNormalization, axis), 0, NULL },
  { "epsilon", CNN_PARAM_FLOAT, G_STRUCT_OFFSET (BatchNormalization, epsilon), 1e-3, NULL },
  { "center", CNN_PARAM_BOOL, G_STRUCT_OFFSET (BatchNormalization, center), TRUE, NULL },
  { "scale", CNN_PARAM_BOOL, G_STRUCT_OFFSET (BatchNormalization, scale), TRUE, NULL },
  { 0 },
};

const CnnLayerClass cnn_batch_normalization_class = {
  .name = "BatchNormalization",
  .instance_size = sizeof (BatchNormalization),
  .params = batch_params,
  .flags = CNN_LAYER_TAIL | CNN_LAYER_ADDS_GRADIENT,
  .output_shape = batch_output_shape,
  .weight_specs = batch_weight_specs,
  .affine = batch_affine,
  .only_affine = TRUE,
  .forward = forward,
  .backward = backward,
};

/* --- Rescaling: x · scale + offset --- */

typedef struct
{
  CnnLayer base;
  CnnArray *scale, *offset;
} Rescaling;

static gboolean
rescaling_output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs,
                        CnnShape *output, GError **error)
{
  const Rescaling *self = (const Rescaling *) layer;

  return check_count (layer, "scale", self->scale, inputs->c, error)
         && check_count (layer, "offset", self->offset, inputs->c, error)
         && same_shape (layer, inputs, n_inputs, output, error);
}

static void
rescaling_affine (const CnnLayer *layer, int channels, CnnAffine *affine)
{
  const Rescaling *self = (const Rescaling *) layer;

  for (int c = 0; c < channels; c++)
    affine[c] = (CnnAffine){ 0., element (self->scale, c, 1.), element (self->offset, c, 0.) };
}

static const CnnParam rescaling_params[] = {
  { "scale", CNN_PARAM_FLOATS, G_STRUCT_OFFSET (Rescaling, scale), 0, NULL },
  { "offset", CNN_PARAM_FLOATS, G_STRUCT_OFFSET (Rescaling, offset), 0, NULL },
  { 0 },
};

const CnnLayerClass cnn_rescaling_class = {
  .name = "Rescaling",
  .instance_size = sizeof (Rescaling),
  .params = rescaling_params,
  .flags = CNN_LAYER_TAIL | CNN_LAYER_ADDS_GRADIENT | CNN_LAYER_SCALING,
  .output_shape = rescaling_output_shape,
  .affine = rescaling_affine,
  .only_affine = TRUE,
  .forward = forward,
  .backward = backward,
};

/* --- Normalization: (x − mean) / max (√variance, 1e-7), statistics in the config or as variables
 * --- */

typedef struct
{
  CnnLayer base;
  CnnInts axis;
  CnnArray *mean, *variance;
  gboolean invert;
} Normalization;

static gboolean
normalization_output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs,
                            CnnShape *output, GError **error)
{
  const Normalization *self = (const Normalization *) layer;

  return check_last_axis (layer, &self->axis, inputs, error)
         && check_count (layer, "mean", self->mean, inputs->c, error)
         && check_count (layer, "variance", self->variance, inputs->c, error)
         && same_shape (layer, inputs, n_inputs, output, error);
}

static int
normalization_weight_specs (const CnnLayer *layer, const CnnShape *inputs,
                            CnnWeightSpec specs[CNN_MAX_WEIGHTS])
{
  const Normalization *self = (const Normalization *) layer;

  if (self->mean != NULL)
    return 0;
  /* axis=None has one number for all; its variables are scalars */
  for (int i = 0; i < 2; i++)
    specs[i] =
        (CnnWeightSpec){ i == 0 ? "mean" : "variance", self->axis.n <= 0 ? 0 : 1, { inputs->c } };
  specs[2] = (CnnWeightSpec){ "count", 0, { 0 } };
  return 3;
}

static void
normalization_affine (const CnnLayer *layer, int channels, CnnAffine *affine)
{
  const Normalization *self = (const Normalization *) layer;
  const CnnArray *mean = self->mean != NULL ? self->mean : layer->weights[0];
  const CnnArray *variance = self->mean != NULL ? self->variance : layer->weights[1];

  for (int c = 0; c < channels; c++)
    {
      double deviation = MAX (sqrt (element (variance, c, 1.)), 1e-7);
      double m = element (mean, c, 0.);

      affine[c] =
          self->invert ? (CnnAffine){ 0., deviation, m } : (CnnAffine){ m, 1. / deviation, 0. };
    }
}

static const CnnParam normalization_params[] = {
  { "axis", CNN_PARAM_INTS, G_STRUCT_OFFSET (Normalization, axis), 0, NULL },
  { "mean", CNN_PARAM_FLOATS, G_STRUCT_OFFSET (Normalization, mean), 0, NULL },
  { "variance", CNN_PARAM_FLOATS, G_STRUCT_OFFSET (Normalization, variance), 0, NULL },
  { "invert", CNN_PARAM_BOOL, G_STRUCT_OFFSET (Normalization, invert), FALSE, NULL },
  { 0 },
};

const CnnLayerClass cnn_normalization_class = {
  .name = "Normalization",
  .instance_size = sizeof (Normalization),
  .params = normalization_params,
  .flags = CNN_LAYER_TAIL | CNN_LAYER_ADDS_GRADIENT | CNN_LAYER_SCALING,
  .output_shape = normalization_output_shape,
  .weight_specs = normalization_weight_specs,
  .affine = normalization_affine,
  .only_affine = TRUE,
  .forward = forward,
  .backward = backward,
};

/* --- LayerScale: x · gamma --- */

static int
layer_scale_weight_specs (const CnnLayer *layer, const CnnShape *inputs,
                          CnnWeightSpec specs[CNN_MAX_WEIGHTS])
{
  (void) layer;
  specs[0] = (CnnWeightSpec){ "gamma", 1, { inputs->c } };
  return 1;
}

static void
layer_scale_affine (const CnnLayer *layer, int channels, CnnAffine *affine)
{
  for (int c = 0; c < channels; c++)
    affine[c] = (CnnAffine){ 0., layer->weights[0]->data[c], 0. };
}

const CnnLayerClass cnn_layer_scale_class = {
  .name = "LayerScale",
  .instance_size = sizeof (CnnLayer),
  .flags = CNN_LAYER_TAIL | CNN_LAYER_ADDS_GRADIENT,
  .output_shape = same_shape,
  .weight_specs = layer_scale_weight_specs,
  .affine = layer_scale_affine,
  .only_affine = TRUE,
  .forward = forward,
  .backward = backward,
};
