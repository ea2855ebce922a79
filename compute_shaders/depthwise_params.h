/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DEPTHWISE_PARAMS_H
#define DEPTHWISE_PARAMS_H
#include "params.h"

/* specialization constants: 0 multiplier is 1; forward: 1 activation, 2 affine, 3 residual;
 * backward: 1 residual */
CNN_PARAMS (DepthwiseParams)
{
  uint items; /* vec4s to compute */
  uint in_planes, in_h, in_w;
  uint out_planes, out_h, out_w;
  uint taps, kernel_w, multiplier;
  int before_y, before_x;
  uint stride_y, stride_x, dilation_y, dilation_x;
  float alpha, max_value, threshold;
  uint in_c;
};
#endif
