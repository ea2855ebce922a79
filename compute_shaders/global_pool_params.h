/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GLOBAL_POOL_PARAMS_H
#define GLOBAL_POOL_PARAMS_H
#include "params.h"

/* Modes. */
#define GLOBAL_POOL_MEAN 0
#define GLOBAL_POOL_MAX 1
#define GLOBAL_POOL_MAX_AND_COUNT 2 /* two vec4s: the maximum, and how many pixels have it */

/* Specialization constants of global_pool. */
#define GLOBAL_POOL_MODE 0
/* Bindings of global_pool. */
#define GLOBAL_POOL_SOURCE 0
#define GLOBAL_POOL_TARGET 1

/* Specialization constants of global_pool_backward. */
#define GLOBAL_POOL_BACKWARD_MODE 0
/* Bindings of global_pool_backward. */
#define GLOBAL_POOL_BACKWARD_GRADIENT 0
#define GLOBAL_POOL_BACKWARD_SOURCE 1
#define GLOBAL_POOL_BACKWARD_MAXIMUM_AND_COUNT 2
#define GLOBAL_POOL_BACKWARD_TARGET 3

CNN_PARAMS (GlobalPoolParams)
{
  uint items; /* forward: planes of all pictures; backward: vec4s of the input */
  uint h, w;
};
CNN_PARAMS_SIZE (GlobalPoolParams, 12)
#endif
