/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Softmax over the channels: the layer Softmax, and the activation of that name. */
#include "internal.h"

#include "softmax_params.h"

typedef struct
{
  CnnLayer base;
  CnnInts axis;
} Softmax;

static gboolean
record (CnnCommands *commands, CnnDispatch *dispatch, const CnnShape *shape, GError **error)
{
  const guint pixels = (guint) (shape->h * shape->w);
  SoftmaxParams params = {
    .items = (guint) shape->n * pixels,
    .pixels = pixels,
    .planes = (guint) cnn_shape_planes (shape),
    .channels = (guint) shape->c,
  };

  cnn_flat_groups (params.items, dispatch->groups);
  dispatch->push = &params;
  dispatch->push_size = sizeof params;
  return cnn_commands_dispatch (commands, dispatch, error);
}

gboolean
cnn_softmax_forward (const CnnStep *step, GError **error)
{
  CnnDispatch dispatch = {
    .stem = "softmax",
    .bindings = { [SOFTMAX_SOURCE] = cnn_tensor_binding (step->inputs[0]),
                  [SOFTMAX_TARGET] = cnn_tensor_binding (step->output) },
  };

  return record (step->commands, &dispatch, &step->output->shape, error);
}

gboolean
cnn_softmax_backward (const CnnStep *step, GError **error)
{
  CnnDispatch dispatch = {
    .stem = "softmax_backward",
    .bindings = { [SOFTMAX_BACKWARD_VALUE] = cnn_tensor_binding (step->output),
                  [SOFTMAX_BACKWARD_GRADIENT] = cnn_tensor_binding (step->grad_output),
                  [SOFTMAX_BACKWARD_TARGET] = cnn_tensor_binding (step->grad_inputs[0]) },
  };

  return record (step->commands, &dispatch, &step->output->shape, error);
}

static gboolean
configure (CnnLayer *layer, GError **error)
{
  (void) error;
  layer->activation.kind = CNN_ACTIVATION_SOFTMAX;
  return TRUE;
}

static gboolean
output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
              GError **error)
{
  return cnn_layer_same_shape (layer, inputs, n_inputs, output, error)
         && cnn_layer_check_last_axis (layer, &((const Softmax *) layer)->axis, inputs, error);
}

static gboolean
forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  (void) layer;
  return cnn_softmax_forward (step, error);
}

static gboolean
backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  (void) layer;
  return cnn_softmax_backward (step, error);
}

static const CnnParam params[] = {
  { "axis", CNN_PARAM_INTS, G_STRUCT_OFFSET (Softmax, axis), 0, NULL },
  { NULL },
};

const CnnLayerClass cnn_softmax_class = {
  .name = "Softmax",
  .instance_size = sizeof (Softmax),
  .params = params,
  .flags = CNN_LAYER_ACTIVATION | CNN_LAYER_NEEDS_INPUTS | CNN_LAYER_NEEDS_OUTPUT,
  .configure = configure,
  .output_shape = output_shape,
  .forward = forward,
  .backward = backward,
};
