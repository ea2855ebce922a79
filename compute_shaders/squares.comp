#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sums of squares, `parts` of them a picture: of `source`, or of its difference to `other`. */
#extension GL_GOOGLE_include_directive : enable
#include "ascent_params.h"
#include "flat.glsl"
#include "vectors.glsl"

layout (constant_id = SQUARES_DIFFERENCE) const uint DIFFERENCE = 0;

VECTORS (SQUARES_SOURCE, source);
VECTORS (SQUARES_OTHER, other);
layout (set = 0, binding = SQUARES_SUMS) writeonly buffer Sums { float sums[]; };

void
main ()
{
  const uint item = min (flat_item (), pictures * parts - 1);
  const uint part = item % parts, pixels = h * w, vectors = (channels + 3) / 4 * pixels;
  const uint base = item / parts * vectors, step = parts, c = channels;
  float sum = 0.0;

  for (uint i = part; i < vectors; i += step)
    {
      vec4 v = LOAD (source, base + i);
      if (DIFFERENCE != 0)
        v -= LOAD (other, base + i);
      uvec4 channel = i / pixels * 4 + uvec4 (0, 1, 2, 3);
      v = mix (vec4 (0.0), v, lessThan (channel, uvec4 (c)));
      sum += dot (v, v);
    }
  if (flat_item () < pictures * parts)
    sums[item] = sum;
}
