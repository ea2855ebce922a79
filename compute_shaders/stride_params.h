/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef STRIDE_PARAMS_H
#define STRIDE_PARAMS_H
#include "params.h"

/* Specialization constants. */
#define STRIDE_SPREAD 0
#define STRIDE_HAS_RESIDUAL 1
/* Bindings. */
#define STRIDE_SOURCE 0
#define STRIDE_TARGET 1
#define STRIDE_RESIDUAL 2

CNN_PARAMS (StrideParams)
{
  uint items; /* vec4s of the target */
  int target_h, target_w, source_h, source_w;
  int stride_y, stride_x;
};
CNN_PARAMS_SIZE (StrideParams, 28)
#endif
