/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DEPTHWISE_TILES_PARAMS_H
#define DEPTHWISE_TILES_PARAMS_H
#include "params.h"

#define DEPTHWISE_TILE_WIDTH 4

/* specialization constants: 0 lanes, 1 sides of the kernel, 2 stride, 3 stride of a gradient,
 * 4 activation, 5 residual, 6 epilogue */
CNN_PARAMS (DepthwiseTilesParams)
{
  uint planes; /* of a picture */
  int in_h, in_w, out_h, out_w;
  int tiles;                  /* of all planes */
  int tiles_y, tiles_x, rows; /* of a plane; rows of a tile */
  int source_y, source_x;     /* what the first tile's window starts with */
  int target_y, target_x;     /* where the first tile starts */
  int first_tap, step_tap;
  uint has_affine;
  float alpha, max_value, threshold;
};
#endif
