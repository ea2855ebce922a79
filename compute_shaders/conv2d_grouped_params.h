/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CONV2D_GROUPED_PARAMS_H
#define CONV2D_GROUPED_PARAMS_H
#include "params.h"

/* Specialization constants. */
#define CONV2D_GROUPED_BACKWARD 0
#define CONV2D_GROUPED_ACTIVATION 1
#define CONV2D_GROUPED_HAS_RESIDUAL 2
/* Bindings. */
#define CONV2D_GROUPED_SOURCE 0
#define CONV2D_GROUPED_WEIGHTS 1
#define CONV2D_GROUPED_AFFINE 2
#define CONV2D_GROUPED_TARGET 3
#define CONV2D_GROUPED_RESIDUAL 4

/* Sizes are the layer's own, both ways. */
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
CNN_PARAMS_SIZE (Conv2dGroupedParams, 76)
#endif
