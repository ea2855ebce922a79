/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation and activation_backward. */
#ifndef ELEMENTWISE_PARAMS_H
#define ELEMENTWISE_PARAMS_H
#include "params.h"

/* specialization constants: 0 activation; backward: 1 whether the value is the function's output */
CNN_PARAMS (ElementwiseParams)
{
  uint items; /* vec4s */
  float alpha, max_value, threshold;
};
#endif
