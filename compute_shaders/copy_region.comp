#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copies a box of a tensor to another place: padding, cropping, concatenating. */
#extension GL_GOOGLE_include_directive : enable
#include "copy_region_params.h"
#include "flat.glsl"
#include "vectors.glsl"

VECTORS (COPY_REGION_SOURCE, source);
layout (set = 0, binding = COPY_REGION_TARGET) buffer Target { vec4 target[]; };

void
main ()
{
  const int item = int (min (flat_item (), items - 1));
  const Place place = place_of (item, h, w);
  const int x = place.x + first_x, y = place.y + first_y;
  const int n = int (quotient (uint (place.plane), uint (planes)));
  const int plane = place.plane - n * planes + first_plane;
  const int at = ((n * target_planes + plane) * target_h + y) * target_w + x;
  const int from_y = y + shift_y, from_x = x + shift_x, from_c = plane * 4 + shift_c;
  const int source_planes = (source_c + 3) / 4, from_plane = from_c >> 2;
  const bool inside = from_y >= 0 && from_y < source_h && from_x >= 0 && from_x < source_w;
  const int pixel = (n * source_planes * source_h + clamp (from_y, 0, source_h - 1)) * source_w
                    + clamp (from_x, 0, source_w - 1);
  const int pitch = source_h * source_w;
  const ivec4 channel = from_c + ivec4 (0, 1, 2, 3);
  vec4 v = LOAD (source, pixel + clamp (from_plane, 0, source_planes - 1) * pitch);

  if ((from_c & 3) != 0)
    {
      vec4 next = LOAD (source, pixel + clamp (from_plane + 1, 0, source_planes - 1) * pitch);
      v = (from_c & 3) == 1   ? vec4 (v.yzw, next.x)
          : (from_c & 3) == 2 ? vec4 (v.zw, next.xy)
                              : vec4 (v.w, next.xyz);
    }
  v = mix (vec4 (0.0), v, lessThan (channel, ivec4 (source_c)));
  v = inside ? v : vec4 (0.0);
  if (flat_item () < items)
    target[at] = from_c < 0 ? mix (v, target[at], lessThan (channel, ivec4 (0))) : v;
}
