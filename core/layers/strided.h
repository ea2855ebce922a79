/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "convolution.h"

/* Convolution of 1×1 kernels with strides as one without them on the pixels that it takes: both
 * ways conv2d reads no more than it uses, by the kernel that most layers have. */

gboolean cnn_strided_suits (const CnnConvolution *convolution);
/* The pixels that are taken. */
CnnShape cnn_strided_scratch (const CnnShape *input, const CnnShape *output);
gboolean cnn_record_strided (CnnCommands *commands, const CnnTensor *source,
                             const CnnTensor *target, const CnnTensor *scratch, CnnBuffer *weights,
                             const CnnWindow *window, const CnnKernelTail *tail, GError **error);
/* `window` is the convolution's; of the tail there may be a residual. */
gboolean cnn_record_strided_backward (CnnCommands *commands, const CnnTensor *grad_output,
                                      const CnnTensor *grad_input, const CnnTensor *scratch,
                                      CnnBuffer *weights, const CnnWindow *window,
                                      const CnnKernelTail *tail, GError **error);
