#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From softmax's output y and its gradient g: y (g - sum (g y)). */
#extension GL_GOOGLE_include_directive : enable
#include "flat.glsl"
#include "softmax_params.h"
#include "vectors.glsl"

VECTORS (SOFTMAX_BACKWARD_VALUE, value);
VECTORS (SOFTMAX_BACKWARD_GRADIENT, gradient);
layout (set = 0, binding = SOFTMAX_BACKWARD_TARGET) writeonly buffer Target { vec4 target[]; };

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  const uint first = item / pixels * planes * pixels + item % pixels;
  vec4 sum = vec4 (0.0);

  for (uint plane = 0, at = first; plane < planes; plane++, at += pixels)
    {
      vec4 v = LOAD (value, at) * LOAD (gradient, at);
      sum += mix (vec4 (0.0), v, lessThan (plane * 4 + uvec4 (0, 1, 2, 3), uvec4 (channels)));
    }
  const float total = (sum.x + sum.y) + (sum.z + sum.w);

  for (uint plane = 0, at = first; plane < planes; plane++, at += pixels)
    {
      vec4 v = LOAD (value, at) * (LOAD (gradient, at) - total);
      if (flat_item () < items)
        target[at] = v;
    }
}
