/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BINARY_BACKWARD_PARAMS_H
#define BINARY_BACKWARD_PARAMS_H
#include "binary_operations.h"
#include "params.h"

#define BINARY_MAX_FACTORS 5

/* specialization constants: 0 how many factors, 1 whether sizes differ, 2 operation, 3 the
 * operand's place among the others */
CNN_PARAMS (BinaryBackwardParams)
{
  uint items;            /* vec4s of the operand whose gradient is computed */
  uint h, w, c;          /* of the result */
  uint in_h, in_w, in_c; /* of that operand */
  uint factor_h[BINARY_MAX_FACTORS], factor_w[BINARY_MAX_FACTORS], factor_c[BINARY_MAX_FACTORS];
  float scale; /* of the gradient */
};
#endif
