#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gradient of a depthwise convolution with respect to its input. */
#extension GL_GOOGLE_include_directive : enable
#include "depthwise_params.h"
#include "flat.glsl"
#include "vectors.glsl"

layout (constant_id = DEPTHWISE_BACKWARD_SINGLE) const uint SINGLE = 1;
layout (constant_id = DEPTHWISE_BACKWARD_HAS_RESIDUAL) const uint RESIDUAL = 0;

VECTORS (DEPTHWISE_BACKWARD_SOURCE, source); /* of the output */
VECTORS (DEPTHWISE_BACKWARD_WEIGHTS, weights); /* [output plane][tap] */
layout (set = 0, binding = DEPTHWISE_BACKWARD_TARGET) writeonly buffer Target { vec4 target[]; };
VECTORS (DEPTHWISE_BACKWARD_RESIDUAL, residual);

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  const uint x = item % in_w, y = item / in_w % in_h, plane = item / (in_w * in_h);
  const uint in_plane = plane % in_planes, n = plane / in_planes;
  const uint kw = kernel_w, size = out_h * out_w;
  const int row_y = int (stride_y), row_x = int (stride_x);
  vec4 sum = vec4 (0.);

  for (uint t = 0; t < taps; t++)
    {
      int sy = int (y) + before_y - int (t / kw * dilation_y);
      int sx = int (x) + before_x - int (t % kw * dilation_x);
      int oy = sy / row_y, ox = sx / row_x;
      bool inside = sy >= 0 && sx >= 0 && oy * row_y == sy && ox * row_x == sx && oy < int (out_h)
                    && ox < int (out_w);
      uint at = inside ? uint (oy) * out_w + uint (ox) : 0u;
      vec4 v = vec4 (0.);
      if (SINGLE != 0)
        v = LOAD (source, (n * out_planes + in_plane) * size + at)
            * LOAD (weights, in_plane * taps + t);
      else
        for (uint i = 0; i < 4; i++)
          for (uint m = 0; m < multiplier; m++)
            {
              uint o = min (in_plane * 4 + i, in_c - 1) * multiplier + m;
              v[i] += LOAD (source, (n * out_planes + o / 4) * size + at)[o % 4]
                      * LOAD (weights, o / 4 * taps + t)[o % 4];
            }
      sum += inside ? v : vec4 (0.);
    }
  if (RESIDUAL != 0)
    sum += LOAD (residual, item);
  if (flat_item () < items)
    target[item] = sum;
}
