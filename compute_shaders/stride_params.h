/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef STRIDE_PARAMS_H
#define STRIDE_PARAMS_H
#include "params.h"

/* specialization constants: 0 spread, 1 residual */
CNN_PARAMS (StrideParams)
{
  uint items; /* vec4s of the target */
  int target_h, target_w, source_h, source_w;
  int stride_y, stride_x;
};
#endif
