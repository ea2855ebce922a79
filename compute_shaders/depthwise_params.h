/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DEPTHWISE_PARAMS_H
#define DEPTHWISE_PARAMS_H
#include "tail_params.h"

/* Specialization constants of depthwise, after the tail's. */
#define DEPTHWISE_SINGLE 3 /* multiplier 1 */
/* Bindings of depthwise, after the tail's. */
#define DEPTHWISE_SOURCE 3
#define DEPTHWISE_WEIGHTS 4
#define DEPTHWISE_TARGET 5

/* Specialization constants of depthwise_backward. */
#define DEPTHWISE_BACKWARD_SINGLE 0 /* multiplier 1 */
#define DEPTHWISE_BACKWARD_HAS_RESIDUAL 1
/* Bindings of depthwise_backward. */
#define DEPTHWISE_BACKWARD_SOURCE 0
#define DEPTHWISE_BACKWARD_WEIGHTS 1
#define DEPTHWISE_BACKWARD_TARGET 2
#define DEPTHWISE_BACKWARD_RESIDUAL 3

CNN_PARAMS (DepthwiseParams)
{
  uint items; /* vec4s to compute */
  uint in_planes, in_h, in_w;
  uint out_planes, out_h, out_w;
  uint taps, kernel_w, multiplier;
  int before_y, before_x;
  uint stride_y, stride_x, dilation_y, dilation_x;
  uint in_c;
  TailParams tail;
};
CNN_PARAMS_SIZE (DepthwiseParams, 84)
#endif
