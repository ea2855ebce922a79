#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every pixel's share of the gradient: the same for a mean; for a maximum, that of the pixels which
 * have it, divided equally as in TensorFlow. */
#extension GL_GOOGLE_include_directive : enable
#include "flat.glsl"
#include "global_pool_params.h"

layout (constant_id = 0) const uint MODE = GLOBAL_POOL_MEAN;

layout (set = 0, binding = 0, rgba32f) readonly uniform imageBuffer gradient;
layout (set = 0, binding = 1, rgba32f) readonly uniform imageBuffer source;
layout (set = 0, binding = 2, rgba32f) readonly uniform imageBuffer maximum_and_count;
layout (set = 0, binding = 3) writeonly buffer Target { vec4 target[]; };

void
main ()
{
  const uint item = min (flat_item (), items - 1), plane = item / (h * w);
  vec4 v = imageLoad (gradient, int (plane));

  if (MODE == GLOBAL_POOL_MEAN)
    v /= float (h * w);
  else
    v = mix (vec4 (0.0), v / imageLoad (maximum_and_count, int (2 * plane + 1)),
             equal (imageLoad (source, int (item)), imageLoad (maximum_and_count, int (2 * plane))));
  if (flat_item () < items)
    target[item] = v;
}
