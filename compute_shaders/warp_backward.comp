#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gradient with respect to the picture from that of the moved one: every moved pixel that looked
 * here gives its share back. A move that scales by 0.8 or more and turns by 15° or less has them
 * within two pixels. With OPPONENT, red, green and blue are then weighted as their differences occur
 * in photographs. */
#extension GL_GOOGLE_include_directive : enable
#extension GL_EXT_control_flow_attributes : enable
#include "ascent_params.h"
#include "flat.glsl"
#include "vectors.glsl"

layout (constant_id = WARP_BACKWARD_OPPONENT) const uint OPPONENT = 0;

VECTORS (WARP_BACKWARD_SOURCE, source);
layout (set = 0, binding = WARP_BACKWARD_MOVES) readonly buffer Moves { vec4 moves[]; };
layout (set = 0, binding = WARP_BACKWARD_TARGET) writeonly buffer Target { vec4 target[]; };
#include "opponent.h"
#include "warp.glsl"

vec4
weighted (vec4 v)
{
  const float light = OPPONENT_LIGHT * (v.x + v.y + v.z) / 3.0;
  const float blue = OPPONENT_BLUE * (v.x - v.z) / 2.0;
  const float green = OPPONENT_GREEN * (v.x - 2.0 * v.y + v.z) / 6.0;

  return vec4 (light + blue + green, light - 2.0 * green, light - blue + green, v.w);
}

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  const vec2 here = vec2 (item % w, item / w % h);
  const int first = int (item / (w * h) * (w * h));
  const Move move = present_move ();
  const ivec2 middle = ivec2 (round (place_of (move.back_x, move.back_y, here)));
  vec4 sum = vec4 (0.0);

  for (int i = 0; i < 25; i++)
    {
      const ivec2 at = middle + ivec2 (i % 5 - 2, i / 5 - 2);
      const vec2 apart = abs (place_of (move.there_x, move.there_y, vec2 (at)) - here);
      const vec2 share = max (vec2 (0.0), 1.0 - apart);
      const bool inside = at.x >= 0 && at.x < int (w) && at.y >= 0 && at.y < int (h);
      const vec4 v = LOAD (source, inside ? first + at.y * int (w) + at.x : first);

      sum += (inside ? share.x * share.y : 0.0) * v;
    }
  if (OPPONENT != 0)
    sum = weighted (sum);
  if (flat_item () < items)
    target[item] = sum;
}
