/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GLOBAL_POOL_PARAMS_H
#define GLOBAL_POOL_PARAMS_H
#include "params.h"

/* specialization constant 0: what is computed */
#define GLOBAL_POOL_MEAN 0
#define GLOBAL_POOL_MAX 1
#define GLOBAL_POOL_MAX_AND_COUNT 2 /* two vec4s: the maximum, and how many pixels have it */

CNN_PARAMS (GlobalPoolParams)
{
  uint items; /* forward: planes of all pictures; backward: vec4s of the input */
  uint h, w;
};
#endif
