#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The source's axes in another order. */
#extension GL_GOOGLE_include_directive : enable
#include "flat.glsl"
#include "permute_params.h"

layout (set = 0, binding = PERMUTE_SOURCE) readonly buffer Source { float source[]; };
layout (set = 0, binding = PERMUTE_TARGET) writeonly buffer Target { vec4 target[]; };

void
main ()
{
  const uint item = flat_item ();
  const uint target_planes = (target_c + 3) / 4, source_planes = (source_c + 3) / 4;
  const uint line = item / target_w, box = line / target_h, n = box / target_planes;
  const uint x = item - line * target_w, y = line - box * target_h, plane = box - n * target_planes;
  vec4 v = vec4 (0.0);

  if (item >= items)
    return;
  for (uint i = 0; i < 4; i++)
    if (plane * 4 + i < target_c)
      {
        const uint k = y * step_h + x * step_w + (plane * 4 + i) * step_c, c = k % source_c;
        v[i] = source[((n * source_planes + c / 4) * source_pixels + k / source_c) * 4 + c % 4];
      }
  target[item] = v;
}
