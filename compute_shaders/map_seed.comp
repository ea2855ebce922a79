#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gradient of a unit's mean activation with respect to its layer: `value` at the cells of picture
 * n's unit that lie inside the border, 0 elsewhere. */
#extension GL_GOOGLE_include_directive : enable
#include "flat.glsl"
#include "map_seed_params.h"

layout (set = 0, binding = MAP_SEED_UNITS) readonly buffer Units { int units[]; };
layout (set = 0, binding = MAP_SEED_TARGET) writeonly buffer Target { vec4 target[]; };

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  const uint x = item % w, y = item / w % h, plane = item / (w * h);
  const uint n = plane / planes;
  const bool inside = x >= border && x + border < w && y >= border && y + border < h;
  const int lane = units[n] - int (plane % planes) * 4;

  if (flat_item () < items)
    target[item] = inside ? value * vec4 (equal (ivec4 (0, 1, 2, 3), ivec4 (lane))) : vec4 (0.0);
}
