/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AFFINE_PARAMS_H
#define AFFINE_PARAMS_H
#include "params.h"

/* Specialization constants. */
#define AFFINE_ACTIVATION 0
#define AFFINE_HAS_RESIDUAL 1
/* Bindings. */
#define AFFINE_SOURCE 0
#define AFFINE_AFFINE 1
#define AFFINE_TARGET 2
#define AFFINE_RESIDUAL 3

CNN_PARAMS (AffineParams)
{
  uint items; /* vec4s */
  uint planes, pixels;
  float alpha, max_value, threshold;
};
CNN_PARAMS_SIZE (AffineParams, 24)
#endif
