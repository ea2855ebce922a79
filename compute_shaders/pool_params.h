/* SPDX-License-Identifier: GPL-3.0-or-later */
/* max_pool, average_pool and their gradients. */
#ifndef POOL_PARAMS_H
#define POOL_PARAMS_H
#include "params.h"

CNN_PARAMS (PoolParams)
{
  uint items; /* vec4s to compute */
  int in_h, in_w, out_h, out_w;
  int kernel_h, kernel_w, stride_h, stride_w;
  int before_y, before_x; /* padding */
  /* max_pool_backward's epilogue */
  int planes, has_affine;
  float alpha, max_value;
};
#endif
