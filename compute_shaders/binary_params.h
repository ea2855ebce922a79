/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BINARY_PARAMS_H
#define BINARY_PARAMS_H
#include "binary_operations.h"
#include "params.h"

/* Specialization constants. */
#define BINARY_OPERATION 0
#define BINARY_REPEAT 1 /* whether the operands' sizes differ */
/* Bindings. */
#define BINARY_LEFT 0
#define BINARY_RIGHT 1
#define BINARY_TARGET 2

/* A size of 1 is repeated to the result's. A sum is (left + right · right_weight) · scale. */
CNN_PARAMS (BinaryParams)
{
  uint items; /* vec4s of the result */
  uint h, w, c;
  uint a_h, a_w, a_c;
  uint b_h, b_w, b_c;
  float right_weight, scale;
};
CNN_PARAMS_SIZE (BinaryParams, 48)
#endif
