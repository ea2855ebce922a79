/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CONV2D_GROUPED_PARAMS_H
#define CONV2D_GROUPED_PARAMS_H
#include "tail_params.h"

/* Specialization constants, after the tail's. */
#define CONV2D_GROUPED_BACKWARD 3
/* Bindings, after the tail's. */
#define CONV2D_GROUPED_SOURCE 3
#define CONV2D_GROUPED_WEIGHTS 4
#define CONV2D_GROUPED_TARGET 5

/* Sizes are the layer's own, both ways. */
CNN_PARAMS (Conv2dGroupedParams)
{
  uint items; /* vec4s to compute */
  uint in_c, in_h, in_w;
  uint out_c, out_h, out_w;
  uint kernel_h, kernel_w, groups;
  int before_y, before_x;
  uint stride_y, stride_x, dilation_y, dilation_x;
  TailParams tail;
};
CNN_PARAMS_SIZE (Conv2dGroupedParams, 80)
#endif
