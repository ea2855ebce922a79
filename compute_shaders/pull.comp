#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Draws a picture towards its neighbours' mean (a step down its total variation's square) and towards
 * rest (a step down its L2 norm). */
#extension GL_GOOGLE_include_directive : enable
#include "ascent_params.h"
#include "flat.glsl"
#include "vectors.glsl"

VECTORS (PULL_SOURCE, source);
layout (set = 0, binding = PULL_TARGET) writeonly buffer Target { vec4 target[]; };

vec4
pixel (int first, int y, int x)
{
  return LOAD (source,
                    first + clamp (y, 0, int (h) - 1) * int (w) + clamp (x, 0, int (w) - 1));
}

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  const int x = int (item % w), y = int (item / w % h), first = int (item / (w * h) * (w * h));
  const vec4 v = pixel (first, y, x);
  const vec4 near = 0.25
                    * (pixel (first, y - 1, x) + pixel (first, y + 1, x) + pixel (first, y, x - 1)
                       + pixel (first, y, x + 1));

  if (flat_item () < items)
    target[item] = v + smooth_share * (near - v) + calm_share * (rest - v);
}
