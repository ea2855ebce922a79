#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Softmax over the channels of a pixel; an invocation takes a pixel. */
#extension GL_GOOGLE_include_directive : enable
#include "flat.glsl"
#include "math.glsl"
#include "softmax_params.h"
#include "vectors.glsl"

VECTORS (SOFTMAX_SOURCE, source);
layout (set = 0, binding = SOFTMAX_TARGET) writeonly buffer Target { vec4 target[]; };

vec4
exponentials (uint at, uint plane, float largest)
{
  vec4 v = LOAD (source, at) - largest;

  v = vec4 (exact_exp (v.x), exact_exp (v.y), exact_exp (v.z), exact_exp (v.w));
  return mix (vec4 (0.0), v, lessThan (plane * 4 + uvec4 (0, 1, 2, 3), uvec4 (channels)));
}

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  const uint first = item / pixels * planes * pixels + item % pixels;
  float largest = LOAD (source, first).x;
  vec4 sum = vec4 (0.0);

  for (uint plane = 0, at = first; plane < planes; plane++, at += pixels)
    {
      vec4 v = LOAD (source, at);
      v = mix (vec4 (largest), v, lessThan (plane * 4 + uvec4 (0, 1, 2, 3), uvec4 (channels)));
      largest = max (max (largest, max (v.x, v.y)), max (v.z, v.w));
    }
  for (uint plane = 0, at = first; plane < planes; plane++, at += pixels)
    sum += exponentials (at, plane, largest);
  const float total = (sum.x + sum.y) + (sum.z + sum.w);

  for (uint plane = 0, at = first; plane < planes; plane++, at += pixels)
    {
      vec4 v = exponentials (at, plane, largest) / total;
      if (flat_item () < items)
        target[at] = v;
    }
}
