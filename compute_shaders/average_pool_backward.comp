#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An element gathers its share of the gradients of the windows it is in. */
#extension GL_GOOGLE_include_directive : enable
#include "flat.glsl"
#include "pool_params.h"
#include "vectors.glsl"

VECTORS (AVERAGE_POOL_BACKWARD_GRADIENT, gradient);
layout (set = 0, binding = AVERAGE_POOL_BACKWARD_TARGET) writeonly buffer Target { vec4 target[]; };

void
main ()
{
  const int item = int (min (flat_item (), items - 1));
  const Place place = place_of (item, in_h, in_w);
  const int plane = place.plane, y = place.y + before_y, x = place.x + before_x;
  const int first_y = max (y - kernel_h + stride_h, 0) / stride_h;
  const int first_x = max (x - kernel_w + stride_w, 0) / stride_w;
  const int end_y = min (y / stride_h + 1, out_h), end_x = min (x / stride_w + 1, out_w);
  vec4 sum = vec4 (0.0);

  for (int oy = first_y; oy < end_y; oy++)
    for (int ox = first_x; ox < end_x; ox++)
      {
        int top = oy * stride_h - before_y, left = ox * stride_w - before_x;
        int rows = min (top + kernel_h, in_h) - max (top, 0);
        int columns = min (left + kernel_w, in_w) - max (left, 0);
        sum += LOAD (gradient, (plane * out_h + oy) * out_w + ox) / float (rows * columns);
      }
  if (flat_item () < items)
    target[item] = sum;
}
