/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ELEMENTWISE_PARAMS_H
#define ELEMENTWISE_PARAMS_H
#include "params.h"

/* specialization constant: 0 activation */
CNN_PARAMS (ElementwiseParams)
{
  uint items; /* vec4s */
  float alpha, max_value, threshold;
};
#endif
