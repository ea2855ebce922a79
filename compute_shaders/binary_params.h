/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BINARY_PARAMS_H
#define BINARY_PARAMS_H
#include "binary_operations.h"
#include "params.h"

/* specialization constants: 0 operation, 1 whether the operands' sizes differ. A size of 1 is
 * repeated to the result's. A sum is (left + right · right_weight) · scale. */
CNN_PARAMS (BinaryParams)
{
  uint items; /* vec4s of the result */
  uint h, w, c;
  uint a_h, a_w, a_c;
  uint b_h, b_w, b_c;
  float right_weight, scale;
};
#endif
