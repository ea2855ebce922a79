/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PRELU_PARAMS_H
#define PRELU_PARAMS_H
#include "params.h"

/* Specialization constants. */
#define PRELU_BACKWARD 0 /* whether the result is the gradient */
/* Bindings. */
#define PRELU_SOURCE 0
#define PRELU_SLOPES 1
#define PRELU_GRADIENT 2
#define PRELU_TARGET 3

/* Slopes have a place for every channel, row and column, or one along a side that shares them. */
CNN_PARAMS (PreluParams)
{
  uint items; /* vec4s */
  uint planes, h, w;
  uint slope_planes, slope_h, slope_w;
  uint spread; /* 1 where all channels share one slope */
};
CNN_PARAMS_SIZE (PreluParams, 32)
#endif
