/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "internal.h"

#include "dense_params.h"

typedef struct
{
  CnnLayer base;
  int units;
  gboolean use_bias;
} Dense;

static gboolean
configure (CnnLayer *layer, GError **error)
{
  if (((const Dense *) layer)->units >= 1)
    return TRUE;
  cnn_layer_set_error (layer, error, CNN_ERROR_MODEL, "units must be at least 1");
  return FALSE;
}

static gboolean
output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
              GError **error)
{
  (void) n_inputs;
  (void) error;
  *output = *inputs;
  output->c = ((const Dense *) layer)->units;
  return TRUE;
}

static int
weight_specs (const CnnLayer *layer, const CnnShape *inputs, CnnWeightSpec specs[CNN_MAX_WEIGHTS])
{
  const Dense *self = (const Dense *) layer;

  specs[0] = (CnnWeightSpec){ "kernel", 2, { inputs->c, self->units } };
  specs[1] = (CnnWeightSpec){ "bias", 1, { self->units } };
  return self->use_bias ? 2 : 1;
}

static void
add_bias (const CnnLayer *layer, int channels, CnnAffine *affine)
{
  cnn_bias_affine (layer, 1, channels, affine);
}

static guint
block_count (const CnnShape *output)
{
  return ((guint) cnn_shape_planes (output) + DENSE_COLUMNS - 1) / DENSE_COLUMNS;
}

static gsize
block_bytes (const CnnShape *input)
{
  return (gsize) cnn_shape_planes (input) * 4 * DENSE_COLUMNS * 4 * sizeof (float);
}

static void
pack (const CnnLayer *layer, const float *data, gsize first, gsize n, float *packed)
{
  const gint64 *dims = layer->weights[0]->dims;
  const gsize rows = ((gsize) dims[0] + 3) / 4 * 4, outputs = (gsize) dims[1];
  const gsize width = DENSE_COLUMNS * 4;

  for (gsize k = first / outputs; k < (first + n) / outputs; k++, data += outputs)
    for (gsize column = 0; column < outputs; column += width)
      memcpy (packed + (column / width * rows + k) * width, data + column,
              MIN (width, outputs - column) * sizeof (float));
}

/* Records one dispatch for as many blocks of weights as one binding may hold, until all are done.
 */
static gboolean
record (CnnLayer *layer, const CnnStep *step, gboolean backward, GError **error)
{
  const CnnShape *in = &step->input_shapes[0], *out = &step->output_shape;
  CnnDevice *device = cnn_commands_device (step->commands);
  const guint blocks = block_count (out);
  const gsize bytes = block_bytes (in);
  const CnnKernelTail tail = cnn_step_tail (step);
  const guint at_once = (guint) MAX (cnn_device_max_binding (device) / bytes, 1);
  CnnBuffer *weights = cnn_layer_device_weights (layer, 0, device, blocks * bytes, 0, pack, error);
  DenseParams params = {
    .in_planes = (guint) cnn_shape_planes (in),
    .out_planes = (guint) cnn_shape_planes (out),
    .pixels = (guint) (in->h * in->w),
    .tail = tail.params,
  };
  CnnDispatch dispatch = { .push = &params, .push_size = sizeof params };

  if (weights == NULL)
    return FALSE;
  if (backward)
    {
      dispatch.stem = "dense_backward";
      dispatch.bindings[DENSE_BACKWARD_SOURCE] = cnn_tensor_binding (step->grad_output);
      dispatch.bindings[DENSE_BACKWARD_TARGET] = cnn_tensor_binding (step->grad_inputs[0]);
      params.items = cnn_flat_vectors (in, dispatch.groups);
    }
  else
    {
      dispatch.stem = CNN_TAIL_STEM ("dense", tail);
      cnn_dispatch_set_tail (&dispatch, &tail);
      dispatch.bindings[DENSE_SOURCE] = cnn_tensor_binding (step->inputs[0]);
      dispatch.bindings[DENSE_TARGET] = cnn_tensor_binding (step->output);
      dispatch.groups[1] = 1;
      dispatch.groups[2] = (guint) in->n * params.pixels;
    }
  for (guint first = 0; first < blocks; first += at_once)
    {
      params.first_block = first;
      params.blocks = MIN (at_once, blocks - first);
      dispatch.bindings[backward ? DENSE_BACKWARD_WEIGHTS : DENSE_WEIGHTS] =
          (CnnBinding){ weights, first * bytes, params.blocks * bytes };
      dispatch.operations = 2. * (double) cnn_shape_count (out) * in->c * params.blocks / blocks;
      if (!backward)
        dispatch.groups[0] = params.blocks;
      if (!cnn_commands_dispatch (step->commands, &dispatch, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  return record (layer, step, FALSE, error);
}

static gboolean
backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  return record (layer, step, TRUE, error);
}

static const CnnParam params[] = {
  { "units", CNN_PARAM_INT, G_STRUCT_OFFSET (Dense, units), 0, NULL },
  { "use_bias", CNN_PARAM_BOOL, G_STRUCT_OFFSET (Dense, use_bias), TRUE, NULL },
  { "activation", CNN_PARAM_ACTIVATION, G_STRUCT_OFFSET (CnnLayer, activation), 0, NULL },
  { 0 },
};

const CnnLayerClass cnn_dense_class = {
  .name = "Dense",
  .instance_size = sizeof (Dense),
  .params = params,
  .flags = CNN_LAYER_TAIL,
  .configure = configure,
  .output_shape = output_shape,
  .weight_specs = weight_specs,
  .affine = add_bias,
  .forward = forward,
  .backward = backward,
};
