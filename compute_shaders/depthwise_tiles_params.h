/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DEPTHWISE_TILES_PARAMS_H
#define DEPTHWISE_TILES_PARAMS_H
#include "params.h"

#define DEPTHWISE_TILE_WIDTH 4

/* Specialization constants. */
#define DEPTHWISE_TILES_LANES 0
#define DEPTHWISE_TILES_KERNEL 1 /* its sides */
#define DEPTHWISE_TILES_STRIDE 2
#define DEPTHWISE_TILES_UP 3 /* stride of a gradient */
#define DEPTHWISE_TILES_ACTIVATION 4
#define DEPTHWISE_TILES_HAS_RESIDUAL 5
#define DEPTHWISE_TILES_EPILOGUE 6
/* Bindings. */
#define DEPTHWISE_TILES_SOURCE 0
#define DEPTHWISE_TILES_WEIGHTS 1
#define DEPTHWISE_TILES_AFFINE 2
#define DEPTHWISE_TILES_TARGET 3
#define DEPTHWISE_TILES_RESIDUAL 4
#define DEPTHWISE_TILES_VALUE 5

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
CNN_PARAMS_SIZE (DepthwiseTilesParams, 76)
#endif
