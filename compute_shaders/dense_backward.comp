#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gradient with respect to the input: four rows of the weights times the output's gradient. Parts after
 * the first add to what is there. */
#extension GL_GOOGLE_include_directive : enable
#include "dense_params.h"
#include "flat.glsl"
#include "vectors.glsl"

VECTORS (DENSE_BACKWARD_SOURCE, source); /* of the output */
VECTORS (DENSE_BACKWARD_WEIGHTS, weights);
layout (set = 0, binding = DENSE_BACKWARD_TARGET) buffer Target { vec4 target[]; };

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  const uint pixel = item % pixels, plane = item / pixels % in_planes;
  const uint n = item / (pixels * in_planes);
  const uint columns = min (blocks * DENSE_COLUMNS, out_planes - first_block * DENSE_COLUMNS);
  const uint from = (n * out_planes + first_block * DENSE_COLUMNS) * pixels + pixel;
  vec4 sum = vec4 (0.);

  for (uint c = 0; c < columns; c++)
    {
      vec4 g = LOAD (source, from + c * pixels);
      uint at = (c / DENSE_COLUMNS * in_planes + plane) * 4 * DENSE_COLUMNS + c % DENSE_COLUMNS;
      sum.x += dot (g, LOAD (weights, at));
      sum.y += dot (g, LOAD (weights, at + DENSE_COLUMNS));
      sum.z += dot (g, LOAD (weights, at + 2 * DENSE_COLUMNS));
      sum.w += dot (g, LOAD (weights, at + 3 * DENSE_COLUMNS));
    }
  if (flat_item () < items)
    target[item] = first_block == 0 ? sum : target[item] + sum;
}
