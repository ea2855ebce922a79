#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Aᵀ·m·A of 4×4 products m: a tile of 2×2 output pixels, those outside of the picture left out. */
#extension GL_GOOGLE_include_directive : enable
#extension GL_EXT_control_flow_attributes : enable
#include "activation.glsl"
#include "winograd_params.h"
#include "vectors.glsl"

layout (constant_id = 0) const uint ACTIVATION = 0;
layout (constant_id = 1) const uint RESIDUAL = 0;
layout (local_size_x = WINOGRAD_LOCAL) in;

VECTORS (0, source);
VECTORS (1, affine);
layout (set = 0, binding = 2) writeonly buffer Target { vec4 target[]; };
VECTORS (3, residual);
#include "conv2d_epilogue.glsl"

void
main ()
{
  const uint tile = min (gl_GlobalInvocationID.x, tiles - 1), plane = gl_WorkGroupID.y;
  const uint line = (first + tile) / tiles_x, picture = line / tiles_y;
  const uint height = h, width = w;
  const uint y = (line - picture * tiles_y) * 2, x = (first + tile - line * tiles_x) * 2;
  const uint to = ((picture * planes + plane) * height + y) * width + x;
  const uint from = plane * tiles + tile, step = planes * tiles;
  const Epilogue e = load_epilogue (plane, planes);
  vec4 rows[2][4];

  [[unroll]] for (int j = 0; j < 4; j++)
    {
      vec4 m[4];

      [[unroll]] for (int i = 0; i < 4; i++)
        m[i] = LOAD (source, from + uint (4 * i + j) * step);
      rows[0][j] = m[0] + (m[1] + m[2]);
      rows[1][j] = (m[1] - m[2]) - m[3];
    }
  [[unroll]] for (int i = 0; i < 2; i++)
    {
      const vec4 v[] = vec4[] (rows[i][0] + (rows[i][1] + rows[i][2]),
                               (rows[i][1] - rows[i][2]) - rows[i][3]);

      [[unroll]] for (int j = 0; j < 2; j++)
        {
          const uint item = to + uint (i) * width + uint (j);

          if (gl_GlobalInvocationID.x < tiles && y + uint (i) < height && x + uint (j) < width)
            target[item] = apply_epilogue (e, v[j], item);
        }
    }
}
