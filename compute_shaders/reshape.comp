#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The same numbers in Keras' order (y, x, c) under another shape. */
#extension GL_GOOGLE_include_directive : enable
#include "flat.glsl"
#include "reshape_params.h"

layout (set = 0, binding = RESHAPE_SOURCE) readonly buffer Source { float source[]; };
layout (set = 0, binding = RESHAPE_TARGET) writeonly buffer Target { vec4 target[]; };

void
main ()
{
  const uint item = flat_item ();
  const uint target_planes = (target_c + 3) / 4, source_planes = (source_c + 3) / 4;
  const uint pixel = item % (target_h * target_w);
  const uint plane = item / (target_h * target_w) % target_planes;
  const uint n = item / (target_h * target_w * target_planes);
  vec4 v = vec4 (0.0);

  if (item >= items)
    return;
  for (uint i = 0; i < 4; i++)
    if (plane * 4 + i < target_c)
      {
        const uint k = pixel * target_c + plane * 4 + i, c = k % source_c;
        v[i] = source[((n * source_planes + c / 4) * source_h * source_w + k / source_c) * 4
                      + c % 4];
      }
  target[item] = v;
}
