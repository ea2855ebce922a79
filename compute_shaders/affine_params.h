/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AFFINE_PARAMS_H
#define AFFINE_PARAMS_H
#include "tail_params.h"

/* Bindings, after the tail's. */
#define AFFINE_SOURCE 3
#define AFFINE_TARGET 4

CNN_PARAMS (AffineParams)
{
  uint items; /* vec4s */
  uint planes, pixels;
  TailParams tail;
};
CNN_PARAMS_SIZE (AffineParams, 28)
#endif
