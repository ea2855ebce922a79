#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From sums of squares to the factor that makes a gradient as long as `rate`. */
#extension GL_GOOGLE_include_directive : enable
#include "ascent_params.h"
#include "flat.glsl"

layout (constant_id = STEP_LENGTH_NEXT_MOVE) const uint NEXT_MOVE = 0;

layout (set = 0, binding = STEP_LENGTH_SUMS) readonly buffer Sums { float sums[]; };
layout (set = 0, binding = STEP_LENGTH_FACTORS) writeonly buffer Factors { float factors[]; };
layout (set = 0, binding = STEP_LENGTH_MOVES) buffer Moves { vec4 moves[]; };

void
main ()
{
  const uint picture = min (flat_item (), pictures - 1);
  float sum = 0.0;

  for (uint i = 0; i < parts; i++)
    sum += sums[picture * parts + i];
  if (flat_item () < pictures)
    factors[picture] = rate / sqrt (max (sum, least));
  if (NEXT_MOVE != 0 && flat_item () == 0)
    moves[0].x += 1.0;
}
