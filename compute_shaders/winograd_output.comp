#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Aᵀ·m·A of EDGE×EDGE products m: a tile of SIZE×SIZE output pixels, those outside of the picture
 * left out. */
#extension GL_GOOGLE_include_directive : enable
#extension GL_EXT_control_flow_attributes : enable
#include "winograd_params.h"
#include "tail.glsl"

layout (constant_id = WINOGRAD_OUTPUT_SIZE) const int SIZE = 2;
layout (local_size_x = WINOGRAD_LOCAL) in;

VECTORS (WINOGRAD_OUTPUT_SOURCE, source);
layout (set = 0, binding = WINOGRAD_OUTPUT_TARGET) writeonly buffer Target { vec4 target[]; };

const int EDGE = SIZE + 2;

/* Aᵀ·m of a row or column: 4 pixels of 6 products, or 2 of 4. */
vec4[4]
transform (vec4 m[6])
{
  const vec4 even_a = m[1] + m[2], odd_a = m[1] - m[2];

  if (SIZE == 2)
    return vec4[] (m[0] + even_a, odd_a - m[3], vec4 (0.), vec4 (0.));

  const vec4 even_b = m[3] + m[4], odd_b = m[3] - m[4];
  const float a = WINOGRAD_POINT_A, b = WINOGRAD_POINT_B;

  return vec4[] (m[0] + (even_a + even_b), a * odd_a + b * odd_b, .5 * even_a + 2. * even_b,
                 (.5 * a * odd_a + 2. * b * odd_b) + m[5]);
}

void
main ()
{
  const uint tile = min (gl_GlobalInvocationID.x, tiles - 1), plane = gl_WorkGroupID.y;
  const uint line = (first + tile) / tiles_x, picture = line / tiles_y;
  const uint height = h, width = w;
  const uint y = (line - picture * tiles_y) * SIZE, x = (first + tile - line * tiles_x) * SIZE;
  const uint to = ((picture * planes + plane) * height + y) * width + x;
  const uint from = plane * tiles + tile, step = planes * tiles;
  const Tail t = load_tail (plane, planes);
  vec4 columns[6][4];

  [[unroll]] for (int j = 0; j < EDGE; j++)
    {
      vec4 m[6];

      [[unroll]] for (int i = 0; i < EDGE; i++)
        m[i] = LOAD (source, from + uint (EDGE * i + j) * step);
      columns[j] = transform (m);
    }
  [[unroll]] for (int i = 0; i < SIZE; i++)
    {
      vec4 m[6], v[4];

      [[unroll]] for (int j = 0; j < EDGE; j++)
        m[j] = columns[j][i];
      v = transform (m);
      [[unroll]] for (int j = 0; j < SIZE; j++)
        {
          const uint item = to + uint (i) * width + uint (j);

          if (gl_GlobalInvocationID.x < tiles && y + uint (i) < height && x + uint (j) < width)
            target[item] = apply_tail (t, v[j], item);
        }
    }
}
