#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The largest element of every window; cells of padding do not count. With INDICES, also where it is:
 * the cell's number in the window, of equal ones the first as in TensorFlow. */
#extension GL_GOOGLE_include_directive : enable
#include "flat.glsl"
#include "pool_params.h"
#include "vectors.glsl"

layout (constant_id = MAX_POOL_KEEPS_INDICES) const uint INDICES = 0;

VECTORS (MAX_POOL_SOURCE, source);
layout (set = 0, binding = MAX_POOL_TARGET) writeonly buffer Target { vec4 target[]; };
layout (set = 0, binding = MAX_POOL_INDICES) writeonly buffer Indices { vec4 indices[]; };

void
main ()
{
  const int item = int (min (flat_item (), items - 1));
  const Place place = place_of (item, out_h, out_w);
  const int plane = place.plane;
  const int top = place.y * stride_h - before_y, left = place.x * stride_w - before_x;
  const int first_y = max (top, 0), end_y = min (top + kernel_h, in_h);
  const int first_x = max (left, 0), end_x = min (left + kernel_w, in_w);
  vec4 largest = LOAD (source, (plane * in_h + first_y) * in_w + first_x);
  vec4 index = vec4 (float ((first_y - top) * kernel_w + first_x - left));

  for (int y = first_y; y < end_y; y++)
    for (int x = first_x; x < end_x; x++)
      {
        vec4 v = LOAD (source, (plane * in_h + y) * in_w + x);
        if (INDICES != 0)
          index = mix (index, vec4 (float ((y - top) * kernel_w + x - left)),
                       greaterThan (v, largest));
        largest = max (largest, v);
      }
  if (flat_item () < items)
    {
      target[item] = largest;
      if (INDICES != 0)
        indices[item] = index;
    }
}
