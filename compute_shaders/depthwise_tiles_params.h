/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DEPTHWISE_TILES_PARAMS_H
#define DEPTHWISE_TILES_PARAMS_H
#include "tail_params.h"

#define DEPTHWISE_TILE_WIDTH 4

/* Specialization constants, after the tail's. */
#define DEPTHWISE_TILES_LANES 3
#define DEPTHWISE_TILES_KERNEL 4 /* its sides */
#define DEPTHWISE_TILES_STRIDE 5
#define DEPTHWISE_TILES_UP 6 /* stride of a gradient */
/* Bindings, after the tail's. */
#define DEPTHWISE_TILES_SOURCE 3
#define DEPTHWISE_TILES_WEIGHTS 4
#define DEPTHWISE_TILES_TARGET 5

CNN_PARAMS (DepthwiseTilesParams)
{
  uint planes; /* of a picture */
  int in_h, in_w, out_h, out_w;
  int tiles;                  /* of all planes */
  int tiles_y, tiles_x, rows; /* of a plane; rows of a tile */
  int source_y, source_x;     /* what the first tile's window starts with */
  int target_y, target_x;     /* where the first tile starts */
  int first_tap, step_tap;
  TailParams tail;
};
CNN_PARAMS_SIZE (DepthwiseTilesParams, 76)
#endif
