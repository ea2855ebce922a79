#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The picture as the network gets to see it in this step: shifted, turned and scaled a little,
 * bilinear; what comes from outside of it is at rest. */
#extension GL_GOOGLE_include_directive : enable
#include "ascent_params.h"
#include "flat.glsl"
#include "vectors.glsl"

VECTORS (WARP_SOURCE, source);
layout (set = 0, binding = WARP_MOVES) readonly buffer Moves { vec4 moves[]; };
layout (set = 0, binding = WARP_TARGET) writeonly buffer Target { vec4 target[]; };
#include "warp.glsl"

vec4
pixel (int first, ivec2 at)
{
  const bool inside = at.x >= 0 && at.x < int (w) && at.y >= 0 && at.y < int (h);
  const vec4 v = LOAD (source, inside ? first + at.y * int (w) + at.x : first);

  return inside ? v : vec4 (rest);
}

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  const int first = int (item / (w * h) * (w * h));
  const Move move = present_move ();
  const vec2 place = place_of (move.there_x, move.there_y, vec2 (item % w, item / w % h));
  const vec2 low = floor (place), share = place - low;
  const ivec2 at = ivec2 (low);
  const vec4 top = mix (pixel (first, at), pixel (first, at + ivec2 (1, 0)), share.x);
  const vec4 bottom =
      mix (pixel (first, at + ivec2 (0, 1)), pixel (first, at + ivec2 (1, 1)), share.x);

  if (flat_item () < items)
    target[item] = mix (top, bottom, share.y);
}
