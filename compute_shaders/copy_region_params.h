/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef COPY_REGION_PARAMS_H
#define COPY_REGION_PARAMS_H
#include "params.h"

/* Bindings. */
#define COPY_REGION_SOURCE 0
#define COPY_REGION_TARGET 1

/* Writes a region of the target: all of `h` × `w` pixels from (first_y, first_x), `planes` from
 * first_plane. What is at (y, x, c) comes from (y + shift_y, x + shift_x, c + shift_c) of the
 * source; outside of it is 0, but a channel before the source's first keeps what the target has. */
CNN_PARAMS (CopyRegionParams)
{
  uint items; /* vec4s of the region, in all pictures */
  int target_h, target_w, target_planes;
  int first_y, first_x, first_plane;
  int h, w, planes;
  int source_h, source_w, source_c;
  int shift_y, shift_x, shift_c;
};
CNN_PARAMS_SIZE (CopyRegionParams, 64)
#endif
