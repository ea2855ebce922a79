/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AFFINE_PARAMS_H
#define AFFINE_PARAMS_H
#include "params.h"

/* specialization constants: 0 activation, 1 residual */
CNN_PARAMS (AffineParams)
{
  uint items; /* vec4s */
  uint planes, pixels;
  float alpha, max_value, threshold;
};
#endif
