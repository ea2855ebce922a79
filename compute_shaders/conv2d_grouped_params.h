/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CONV2D_GROUPED_PARAMS_H
#define CONV2D_GROUPED_PARAMS_H
#include "params.h"

/* specialization constants: 0 backward, 1 activation, 2 residual. Sizes are the layer's own,
 * both ways. */
CNN_PARAMS (Conv2dGroupedParams)
{
  uint items; /* vec4s to compute */
  uint in_c, in_h, in_w;
  uint out_c, out_h, out_w;
  uint kernel_h, kernel_w, groups;
  int before_y, before_x;
  uint stride_y, stride_x, dilation_y, dilation_x;
  float alpha, max_value, threshold;
};
#endif
