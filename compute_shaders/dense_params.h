/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Matrix times vector, for each pixel. Weights lie as [block][row][column], a row being an input, a
 * column four outputs, a block DENSE_COLUMNS columns; a dispatch takes some of the blocks, so that
 * weights larger than a binding go in parts. */
#ifndef DENSE_PARAMS_H
#define DENSE_PARAMS_H
#include "tail_params.h"

#define DENSE_COLUMNS 16
#define DENSE_SLICES 8 /* parts of the sum that are formed side by side */

/* Bindings of dense, after the tail's. */
#define DENSE_SOURCE 3
#define DENSE_WEIGHTS 4
#define DENSE_TARGET 5

/* Bindings of dense_backward. */
#define DENSE_BACKWARD_SOURCE 0
#define DENSE_BACKWARD_WEIGHTS 1
#define DENSE_BACKWARD_TARGET 2

/* specialization constants, forward: 0 activation, 1 residual */
CNN_PARAMS (DenseParams)
{
  uint in_planes, out_planes, pixels; /* vec4s of a pixel, pixels of a picture */
  uint first_block, blocks;
  uint items; /* backward: vec4s to compute */
  TailParams tail;
};
CNN_PARAMS_SIZE (DenseParams, 40)
#endif
