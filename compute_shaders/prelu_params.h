/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PRELU_PARAMS_H
#define PRELU_PARAMS_H
#include "params.h"

/* specialization constant 0: whether the result is the gradient. Slopes have a place for every
 * channel, row and column, or one along a side that shares them. */
CNN_PARAMS (PreluParams)
{
  uint items; /* vec4s */
  uint planes, h, w;
  uint slope_planes, slope_h, slope_w;
  uint spread; /* 1 where all channels share one slope */
};
#endif
