#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
#extension GL_GOOGLE_include_directive : enable
#include "dense_params.h"
#include "tail.glsl"

layout (local_size_x = DENSE_COLUMNS, local_size_y = DENSE_SLICES) in;

VECTORS (DENSE_SOURCE, source);
VECTORS (DENSE_WEIGHTS, weights);
layout (set = 0, binding = DENSE_TARGET) writeonly buffer Target { vec4 target[]; };

shared vec4 parts[DENSE_SLICES][DENSE_COLUMNS];

void
main ()
{
  const uint column = gl_LocalInvocationID.x, slice = gl_LocalInvocationID.y;
  const uint n = gl_WorkGroupID.z / pixels, pixel = gl_WorkGroupID.z % pixels;
  const uint block = gl_WorkGroupID.x, step = DENSE_SLICES * 4 * DENSE_COLUMNS;
  uint at = (block * in_planes + slice) * 4 * DENSE_COLUMNS + column;
  uint from = (n * in_planes + slice) * pixels + pixel;
  const uint end = (block + 1) * in_planes * 4 * DENSE_COLUMNS, pitch = DENSE_SLICES * pixels;
  vec4 sum = vec4 (0.);

  for (; at < end; at += step, from += pitch)
    {
      vec4 v = LOAD (source, from);
      sum += (v.x * LOAD (weights, at) + v.y * LOAD (weights, at + DENSE_COLUMNS))
             + (v.z * LOAD (weights, at + 2 * DENSE_COLUMNS)
                + v.w * LOAD (weights, at + 3 * DENSE_COLUMNS));
    }
  parts[slice][column] = sum;
  barrier ();

  const uint plane = (first_block + block) * DENSE_COLUMNS + column;
  if (slice == 0 && plane < out_planes)
    {
      for (uint i = 1; i < DENSE_SLICES; i++)
        sum += parts[i][column];
      const uint item = (n * out_planes + plane) * pixels + pixel;
      target[item] = apply_tail (load_tail (plane, out_planes), sum, item);
    }
}
