/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Matrix times vector, for each pixel. Weights lie as [block][row][column], a row being an input, a
 * column four outputs, a block DENSE_COLUMNS columns; a dispatch takes some of the blocks, so that
 * weights larger than a binding go in parts. */
#ifndef DENSE_PARAMS_H
#define DENSE_PARAMS_H
#include "params.h"

#define DENSE_COLUMNS 16
#define DENSE_SLICES 8 /* parts of the sum that are formed side by side */

/* specialization constants, forward: 0 activation, 1 residual */
CNN_PARAMS (DenseParams)
{
  uint in_planes, out_planes, pixels; /* vec4s of a pixel, pixels of a picture */
  uint first_block, blocks;
  uint items; /* backward: vec4s to compute */
  float alpha, max_value, threshold;
};
#endif
