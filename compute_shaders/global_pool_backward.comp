#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every pixel's share of the gradient: the same for a mean; for a maximum, that of the pixels which
 * have it, divided equally as in TensorFlow. */
#extension GL_GOOGLE_include_directive : enable
#include "flat.glsl"
#include "global_pool_params.h"
#include "vectors.glsl"

layout (constant_id = GLOBAL_POOL_BACKWARD_MODE) const uint MODE = GLOBAL_POOL_MEAN;

VECTORS (GLOBAL_POOL_BACKWARD_GRADIENT, gradient);
VECTORS (GLOBAL_POOL_BACKWARD_SOURCE, source);
VECTORS (GLOBAL_POOL_BACKWARD_MAXIMUM_AND_COUNT, maximum_and_count);
layout (set = 0, binding = GLOBAL_POOL_BACKWARD_TARGET) writeonly buffer Target { vec4 target[]; };

void
main ()
{
  const uint item = min (flat_item (), items - 1), plane = item / (h * w);
  vec4 v = LOAD (gradient, plane);

  if (MODE == GLOBAL_POOL_MEAN)
    v /= float (h * w);
  else
    v = mix (vec4 (0.0), v / LOAD (maximum_and_count, 2 * plane + 1),
             equal (LOAD (source, item), LOAD (maximum_and_count, 2 * plane)));
  if (flat_item () < items)
    target[item] = v;
}
