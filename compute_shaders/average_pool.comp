#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The mean of every window's real cells. */
#extension GL_GOOGLE_include_directive : enable
#include "flat.glsl"
#include "pool_params.h"
#include "vectors.glsl"

VECTORS (AVERAGE_POOL_SOURCE, source);
layout (set = 0, binding = AVERAGE_POOL_TARGET) writeonly buffer Target { vec4 target[]; };

void
main ()
{
  const int item = int (min (flat_item (), items - 1));
  const Place place = place_of (item, out_h, out_w);
  const int plane = place.plane;
  const int top = place.y * stride_h - before_y, left = place.x * stride_w - before_x;
  const int first_y = max (top, 0), end_y = min (top + kernel_h, in_h);
  const int first_x = max (left, 0), end_x = min (left + kernel_w, in_w);
  vec4 sum = vec4 (0.0);

  for (int y = first_y; y < end_y; y++)
    for (int x = first_x; x < end_x; x++)
      sum += LOAD (source, (plane * in_h + y) * in_w + x);
  if (flat_item () < items)
    target[item] = sum / float ((end_y - first_y) * (end_x - first_x));
}
