#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bᵀ·d·B of EDGE×EDGE source pixels d that lie SIZE apart, those outside of the picture 0. */
#extension GL_GOOGLE_include_directive : enable
#extension GL_EXT_control_flow_attributes : enable
#include "winograd_params.h"
#include "vectors.glsl"

layout (constant_id = WINOGRAD_INPUT_SIZE) const int SIZE = 2;
layout (local_size_x = WINOGRAD_LOCAL) in;

VECTORS (WINOGRAD_INPUT_SOURCE, source);
layout (set = 0, binding = WINOGRAD_INPUT_TARGET) writeonly buffer Target { vec4 target[]; };

const int EDGE = SIZE + 2;

/* Bᵀ·d of a row or column; of 6 elements, or 4. */
vec4[6]
transform (vec4 d[6])
{
  if (SIZE == 2)
    return vec4[] (d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3], vec4 (0.), vec4 (0.));

  const vec4 even_a = d[4] - 2. * d[2], odd_a = WINOGRAD_POINT_A * (d[3] - 2. * d[1]);
  const vec4 even_b = d[4] - .5 * d[2], odd_b = WINOGRAD_POINT_B * (d[3] - .5 * d[1]);

  return vec4[] ((d[0] + d[4]) - 2.5 * d[2], even_a + odd_a, even_a - odd_a, even_b + odd_b,
                 even_b - odd_b, (d[1] + d[5]) - 2.5 * d[3]);
}

void
main ()
{
  const uint tile = min (gl_GlobalInvocationID.x, tiles - 1), plane = gl_WorkGroupID.y;
  const uint line = (first + tile) / tiles_x, picture = line / tiles_y;
  const int height = int (h), width = int (w);
  const int y = int (line - picture * tiles_y) * SIZE - before_y;
  const int x = int (first + tile - line * tiles_x) * SIZE - before_x;
  const int from = (int (picture * planes + plane) * height + y) * width + x;
  vec4 columns[6][6];

  [[unroll]] for (int j = 0; j < EDGE; j++)
    {
      const bool column = x + j >= 0 && x + j < width;
      vec4 d[6];

      [[unroll]] for (int i = 0; i < EDGE; i++)
        {
          const bool inside = column && y + i >= 0 && y + i < height;
          const vec4 v = LOAD (source, inside ? from + i * width + j : 0);

          d[i] = inside ? v : vec4 (0.);
        }
      columns[j] = transform (d);
    }
  if (gl_GlobalInvocationID.x < tiles)
    {
      const uint to = plane * tiles + tile, step = planes * tiles;

      [[unroll]] for (int i = 0; i < EDGE; i++)
        {
          vec4 row[6];

          [[unroll]] for (int j = 0; j < EDGE; j++)
            row[j] = columns[j][i];
          row = transform (row);
          [[unroll]] for (int j = 0; j < EDGE; j++)
            target[to + uint (i * EDGE + j) * step] = row[j];
        }
    }
}
