/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a kernel ends with, and the gradient of it. */
#include "internal.h"

#include "tail_backward_params.h"

#include <math.h>

ActivationParams
cnn_activation_params (const CnnActivation *activation)
{
  return (ActivationParams){ activation->alpha, activation->max_value, activation->threshold };
}

/* A linear activation becomes a ReLU of slope 1 without ceiling, which gives the same to the last
 * bit: one kernel less to be made ready. */
static CnnKernelTail
make (guint32 kind, CnnActivation activation, CnnBinding affine, const CnnTensor *residual,
      const CnnTensor *value, const CnnTensor *other)
{
  if (activation.kind == CNN_ACTIVATION_LINEAR)
    activation = (CnnActivation){ CNN_ACTIVATION_RELU, 1.f, INFINITY, 0.f };
  return (CnnKernelTail){
    .constants = { [TAIL_ACTIVATION] = activation.kind,
                   [TAIL_HAS_RESIDUAL] = residual != NULL,
                   [TAIL_KIND] = kind },
    .bindings = { [TAIL_AFFINE] = affine.buffer != NULL ? affine : cnn_tensor_binding (other),
                  [TAIL_RESIDUAL] = cnn_tensor_binding (residual != NULL ? residual : other),
                  [TAIL_VALUE] = cnn_tensor_binding (value != NULL ? value : other) },
    .params = { .has_affine = affine.buffer != NULL,
                .activation = cnn_activation_params (&activation) },
  };
}

CnnKernelTail
cnn_kernel_tail (const CnnTail *tail, const CnnTensor *other)
{
  const CnnTail none = { .residual = NULL }, *t = tail != NULL ? tail : &none;

  return make (TAIL_OF_VALUES, t->activation, t->affine, t->residual, NULL, other);
}

static CnnKernelTail
gradient_tail (const CnnGradientTail *tail, const CnnTensor *other)
{
  const CnnGradientTail none = { .residual = NULL }, *t = tail != NULL ? tail : &none;
  const guint32 kind = t->value != NULL           ? TAIL_OF_GRADIENT_OF_RELU
                       : t->affine.buffer != NULL ? TAIL_OF_GRADIENT
                                                  : TAIL_OF_VALUES;

  return make (kind, t->activation, t->affine, t->residual, t->value, other);
}

CnnKernelTail
cnn_step_tail (const CnnStep *step)
{
  return step->grad_output != NULL ? gradient_tail (step->gradient_tail, step->grad_output)
                                   : cnn_kernel_tail (step->tail, step->inputs[0]);
}

void
cnn_dispatch_set_tail (CnnDispatch *dispatch, const CnnKernelTail *tail)
{
  memcpy (dispatch->constants, tail->constants, sizeof tail->constants);
  memcpy (dispatch->bindings, tail->bindings, sizeof tail->bindings);
}

gboolean
cnn_tail_backward (const CnnActivation *activation, const CnnStep *step, GError **error)
{
  const CnnActivation own = activation != NULL ? *activation : (CnnActivation){ 0 };
  const CnnKernelTail tail = cnn_step_tail (step);
  const CnnBinding gradient = cnn_tensor_binding (step->grad_output);
  const CnnShape *shape = &step->output_shape;
  const gboolean has_affine = step->affine.buffer != NULL;
  CnnDispatch dispatch = {
    .stem = "tail_backward",
    .constants = { [TAIL_BACKWARD_ACTIVATION] = own.kind,
                   [TAIL_BACKWARD_DERIVATIVE] = TAIL_NO_DERIVATIVE,
                   [TAIL_BACKWARD_HAS_AFFINE] = (guint32) has_affine,
                   [TAIL_BACKWARD_HAS_RESIDUAL] = tail.constants[TAIL_HAS_RESIDUAL] },
    .bindings = { [TAIL_BACKWARD_VALUE] = gradient,
                  [TAIL_BACKWARD_GRADIENT] = gradient,
                  [TAIL_BACKWARD_AFFINE] = has_affine ? step->affine : gradient,
                  [TAIL_BACKWARD_TARGET] = cnn_tensor_binding (step->grad_inputs[0]),
                  [TAIL_BACKWARD_RESIDUAL] = tail.bindings[TAIL_RESIDUAL] },
  };
  const TailBackwardParams params = {
    .items = cnn_flat_vectors (shape, dispatch.groups),
    .planes = (guint) cnn_shape_planes (shape),
    .pixels = (guint) (shape->h * shape->w),
    .activation = cnn_activation_params (&own),
  };

  if (activation != NULL)
    {
      const gboolean from_output = cnn_activation_derives_from_output (activation);

      dispatch.constants[TAIL_BACKWARD_DERIVATIVE] =
          from_output ? TAIL_FROM_OUTPUT : TAIL_FROM_INPUT;
      dispatch.bindings[TAIL_BACKWARD_VALUE] =
          cnn_tensor_binding (from_output ? step->output : step->inputs[0]);
    }
  dispatch.push = &params;
  dispatch.push_size = sizeof params;
  return cnn_commands_dispatch (step->commands, &dispatch, error);
}

void
cnn_bias_affine (const CnnLayer *layer, int index, int channels, CnnAffine *affine)
{
  const CnnArray *bias = layer->weights[index];

  for (int c = 0; c < channels; c++)
    affine[c] = (CnnAffine){ 0., 1., bias != NULL ? bias->data[c] : 0. };
}
