/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AFFINE_PARAMS_H
#define AFFINE_PARAMS_H
#include "params.h"

/* specialization constant: 0 activation */
CNN_PARAMS (AffineParams)
{
  uint items; /* vec4s */
  uint planes, pixels;
  uint has_residual;
  float alpha, max_value, threshold;
};
#endif
