#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mean or maximum over all pixels; an invocation takes four channels. Sums go by rows, so that
 * rounding does not add up over a large picture. */
#extension GL_GOOGLE_include_directive : enable
#include "flat.glsl"
#include "global_pool_params.h"
#include "vectors.glsl"

layout (constant_id = GLOBAL_POOL_MODE) const uint MODE = GLOBAL_POOL_MEAN;

VECTORS (GLOBAL_POOL_SOURCE, source);
layout (set = 0, binding = GLOBAL_POOL_TARGET) writeonly buffer Target { vec4 target[]; };

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  uint at = item * h * w;
  vec4 sum = vec4 (0.0), largest = LOAD (source, at), count = vec4 (0.0);

  for (uint y = 0; y < h; y++)
    {
      vec4 row = vec4 (0.0);
      for (uint x = 0; x < w; x++, at++)
        {
          vec4 v = LOAD (source, at);
          if (MODE == GLOBAL_POOL_MEAN)
            row += v;
          if (MODE == GLOBAL_POOL_MAX_AND_COUNT)
            count = mix (count + vec4 (equal (v, largest)), vec4 (1.0), greaterThan (v, largest));
          if (MODE != GLOBAL_POOL_MEAN)
            largest = max (largest, v);
        }
      sum += row;
    }
  if (flat_item () >= items)
    return;
  if (MODE == GLOBAL_POOL_MAX_AND_COUNT)
    {
      target[2 * item] = largest;
      target[2 * item + 1] = count;
    }
  else
    target[item] = MODE == GLOBAL_POOL_MEAN ? sum / float (h * w) : largest;
}
