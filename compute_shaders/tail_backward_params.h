/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TAIL_BACKWARD_PARAMS_H
#define TAIL_BACKWARD_PARAMS_H
#include "params.h"

/* specialization constants: 0 activation, 1 what its derivative follows from, 2 affine, 3 residual
 */
#define TAIL_NO_DERIVATIVE 0
#define TAIL_FROM_OUTPUT 1
#define TAIL_FROM_INPUT 2

CNN_PARAMS (TailBackwardParams)
{
  uint items; /* vec4s */
  uint planes, pixels;
  float alpha, max_value, threshold;
};
#endif
