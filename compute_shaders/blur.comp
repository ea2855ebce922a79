#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One direction of the B3-spline blur with holes (à trous): 1 4 6 4 1 over 16, edges mirrored. */
#extension GL_GOOGLE_include_directive : enable
#include "ascent_params.h"
#include "flat.glsl"
#include "vectors.glsl"

VECTORS (BLUR_SOURCE, source);
layout (set = 0, binding = BLUR_TARGET) writeonly buffer Target { vec4 target[]; };

int
mirrored (int at, int size)
{
  at = abs (at);
  at = at >= size ? 2 * (size - 1) - at : at;
  return clamp (at, 0, size - 1);
}

vec4
tap (uint plane, int y, int x)
{
  return LOAD (source,
                    int (plane * h * w) + mirrored (y, int (h)) * int (w) + mirrored (x, int (w)));
}

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  const int x = int (item % w), y = int (item / w % h);
  const uint plane = item / (w * h);
  vec4 v = 0.375 * tap (plane, y, x);

  v += 0.25 * (tap (plane, y - hole_y, x - hole_x) + tap (plane, y + hole_y, x + hole_x));
  v += 0.0625
       * (tap (plane, y - 2 * hole_y, x - 2 * hole_x) + tap (plane, y + 2 * hole_y, x + 2 * hole_x));
  if (flat_item () < items)
    target[item] = v;
}
