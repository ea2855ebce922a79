/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "strided.h"

#include "stride_params.h"

gboolean
cnn_strided_suits (const CnnConvolution *convolution)
{
  return convolution->groups == 1 && convolution->kernel_size[0] == 1
         && convolution->kernel_size[1] == 1
         && (convolution->strides[0] > 1 || convolution->strides[1] > 1);
}

CnnShape
cnn_strided_scratch (const CnnShape *input, const CnnShape *output)
{
  return cnn_shape (input->n, output->h, output->w, input->c);
}

static gboolean
record_stride (CnnCommands *commands, const CnnTensor *source, const CnnTensor *target,
               const CnnWindow *window, gboolean spread, const CnnKernelTail *tail, GError **error)
{
  const CnnKernelTail none = cnn_kernel_tail (NULL, source), *end = tail != NULL ? tail : &none;
  CnnDispatch dispatch = {
    .stem = "stride",
    .constants = { [STRIDE_SPREAD] = (guint32) spread,
                   [STRIDE_HAS_RESIDUAL] = end->constants[TAIL_HAS_RESIDUAL] },
    .bindings = { [STRIDE_SOURCE] = cnn_tensor_binding (source),
                  [STRIDE_TARGET] = cnn_tensor_binding (target),
                  [STRIDE_RESIDUAL] = end->bindings[TAIL_RESIDUAL] },
  };
  StrideParams params = {
    .items = cnn_flat_vectors (&target->shape, dispatch.groups),
    .target_h = target->shape.h,
    .target_w = target->shape.w,
    .source_h = source->shape.h,
    .source_w = source->shape.w,
    .stride_y = window->stride[0],
    .stride_x = window->stride[1],
  };

  dispatch.push = &params;
  dispatch.push_size = sizeof params;
  return cnn_commands_dispatch (commands, &dispatch, error);
}

gboolean
cnn_record_strided (CnnCommands *commands, const CnnTensor *source, const CnnTensor *target,
                    const CnnTensor *scratch, CnnBuffer *weights, const CnnWindow *window,
                    const CnnKernelTail *tail, GError **error)
{
  return record_stride (commands, source, scratch, window, FALSE, NULL, error)
         && cnn_record_conv2d (commands, scratch, target, weights, 0, &cnn_pointwise_window, tail,
                               error);
}

gboolean
cnn_record_strided_backward (CnnCommands *commands, const CnnTensor *grad_output,
                             const CnnTensor *grad_input, const CnnTensor *scratch,
                             CnnBuffer *weights, const CnnWindow *window, const CnnKernelTail *tail,
                             GError **error)
{
  return cnn_record_conv2d (commands, grad_output, scratch, weights, 0, &cnn_pointwise_window, NULL,
                            error)
         && record_stride (commands, scratch, grad_input, window, TRUE, tail, error);
}
