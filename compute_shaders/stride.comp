#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every stride-th pixel; or with SPREAD its gradient: each pixel goes to its place among zeros, plus
 * another gradient. */
#extension GL_GOOGLE_include_directive : enable
#include "flat.glsl"
#include "stride_params.h"
#include "vectors.glsl"

layout (constant_id = STRIDE_SPREAD) const uint SPREAD = 0;
layout (constant_id = STRIDE_HAS_RESIDUAL) const uint RESIDUAL = 0;

VECTORS (STRIDE_SOURCE, source);
layout (set = 0, binding = STRIDE_TARGET) writeonly buffer Target { vec4 target[]; };
VECTORS (STRIDE_RESIDUAL, residual);

void
main ()
{
  const int item = int (min (flat_item (), items - 1));
  const Place place = place_of (item, target_h, target_w);
  const int plane = place.plane, y = place.y, x = place.x;
  vec4 v;

  if (SPREAD == 0)
    v = LOAD (source, (plane * source_h + y * stride_y) * source_w + x * stride_x);
  else
    {
      const int from_y = int (quotient (uint (y), uint (stride_y)));
      const int from_x = int (quotient (uint (x), uint (stride_x)));
      const bool there = from_y * stride_y == y && from_x * stride_x == x;

      v = LOAD (source, there ? (plane * source_h + from_y) * source_w + from_x : 0);
      v = there ? v : vec4 (0.);
    }
  if (RESIDUAL != 0)
    v += LOAD (residual, item);
  if (flat_item () < items)
    target[item] = v;
}
