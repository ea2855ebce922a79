/* SPDX-License-Identifier: GPL-3.0-or-later */
/* max_pool, average_pool and their gradients. */
#ifndef POOL_PARAMS_H
#define POOL_PARAMS_H
#include "tail_params.h"

/* Bindings of average_pool. */
#define AVERAGE_POOL_SOURCE 0
#define AVERAGE_POOL_TARGET 1

/* Bindings of average_pool_backward. */
#define AVERAGE_POOL_BACKWARD_GRADIENT 0
#define AVERAGE_POOL_BACKWARD_TARGET 1

/* Specialization constants of max_pool. */
#define MAX_POOL_KEEPS_INDICES 0
/* Bindings of max_pool. */
#define MAX_POOL_SOURCE 0
#define MAX_POOL_TARGET 1
#define MAX_POOL_INDICES 2

/* Specialization constants of max_pool_backward, after the tail's. */
#define MAX_POOL_BACKWARD_KERNEL 3
#define MAX_POOL_BACKWARD_STRIDE 4
/* Bindings of max_pool_backward, after the tail's. */
#define MAX_POOL_BACKWARD_INDICES 3
#define MAX_POOL_BACKWARD_GRADIENT 4
#define MAX_POOL_BACKWARD_TARGET 5

CNN_PARAMS (PoolParams)
{
  uint items; /* vec4s to compute */
  int in_h, in_w, out_h, out_w;
  int kernel_h, kernel_w, stride_h, stride_w;
  int before_y, before_x; /* padding */
  uint planes;            /* max_pool_backward */
  TailParams tail;        /* max_pool_backward */
};
CNN_PARAMS_SIZE (PoolParams, 64)
#endif
