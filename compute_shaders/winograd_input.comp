#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bᵀ·d·B of 4×4 source pixels d that lie 2 apart, those outside of the picture 0. */
#extension GL_GOOGLE_include_directive : enable
#extension GL_EXT_control_flow_attributes : enable
#include "winograd_params.h"
#include "vectors.glsl"

layout (local_size_x = WINOGRAD_LOCAL) in;

VECTORS (0, source);
layout (set = 0, binding = 1) writeonly buffer Target { vec4 target[]; };

void
main ()
{
  const uint tile = min (gl_GlobalInvocationID.x, tiles - 1), plane = gl_WorkGroupID.y;
  const uint line = (first + tile) / tiles_x, picture = line / tiles_y;
  const int height = int (h), width = int (w);
  const int y = int (line - picture * tiles_y) * 2 - before_y;
  const int x = int (first + tile - line * tiles_x) * 2 - before_x;
  const int from = (int (picture * planes + plane) * height + y) * width + x;
  vec4 d[4][4];

  [[unroll]] for (int i = 0; i < 4; i++)
    {
      const bool row = y + i >= 0 && y + i < height;

      [[unroll]] for (int j = 0; j < 4; j++)
        {
          const bool inside = row && x + j >= 0 && x + j < width;
          const vec4 v = LOAD (source, inside ? from + i * width + j : 0);

          d[i][j] = inside ? v : vec4 (0.);
        }
    }
  [[unroll]] for (int i = 0; i < 4; i++)
    d[i] = vec4[] (d[i][0] - d[i][2], d[i][1] + d[i][2], d[i][2] - d[i][1], d[i][1] - d[i][3]);
  if (gl_GlobalInvocationID.x < tiles)
    {
      const uint to = plane * tiles + tile, step = planes * tiles;

      [[unroll]] for (int j = 0; j < 4; j++)
        {
          target[to + uint (j) * step] = d[0][j] - d[2][j];
          target[to + uint (4 + j) * step] = d[1][j] + d[2][j];
          target[to + uint (8 + j) * step] = d[2][j] - d[1][j];
          target[to + uint (12 + j) * step] = d[1][j] - d[3][j];
        }
    }
}
