/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BINARY_BACKWARD_PARAMS_H
#define BINARY_BACKWARD_PARAMS_H
#include "binary_operations.h"
#include "params.h"

#define BINARY_MAX_FACTORS 5

/* Specialization constants. */
#define BINARY_BACKWARD_FACTORS 0 /* how many */
#define BINARY_BACKWARD_REPEAT 1  /* whether sizes differ */
#define BINARY_BACKWARD_OPERATION 2
#define BINARY_BACKWARD_PLACE 3 /* of the operand among the others */
/* Bindings. */
#define BINARY_BACKWARD_GRADIENT 0
#define BINARY_BACKWARD_FACTOR_0 1
#define BINARY_BACKWARD_FACTOR_1 2
#define BINARY_BACKWARD_FACTOR_2 3
#define BINARY_BACKWARD_FACTOR_3 4
#define BINARY_BACKWARD_FACTOR_4 5
#define BINARY_BACKWARD_TARGET 6
#define BINARY_BACKWARD_OPERAND 7

CNN_PARAMS (BinaryBackwardParams)
{
  uint items;            /* vec4s of the operand whose gradient is computed */
  uint h, w, c;          /* of the result */
  uint in_h, in_w, in_c; /* of that operand */
  uint factor_h[BINARY_MAX_FACTORS], factor_w[BINARY_MAX_FACTORS], factor_c[BINARY_MAX_FACTORS];
  float scale; /* of the gradient */
};
CNN_PARAMS_SIZE (BinaryBackwardParams, 92)
#endif
