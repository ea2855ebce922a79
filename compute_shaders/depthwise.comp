#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Depthwise convolution: output channel o reads input channel o / multiplier. */
#extension GL_GOOGLE_include_directive : enable
#include "depthwise_params.h"
#include "flat.glsl"
#include "tail.glsl"

layout (constant_id = DEPTHWISE_SINGLE) const uint SINGLE = 1;

VECTORS (DEPTHWISE_SOURCE, source);
VECTORS (DEPTHWISE_WEIGHTS, weights); /* [output plane][tap] */
layout (set = 0, binding = DEPTHWISE_TARGET) writeonly buffer Target { vec4 target[]; };

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  const uint x = item % out_w, y = item / out_w % out_h, plane = item / (out_w * out_h);
  const uint out_plane = plane % out_planes, n = plane / out_planes;
  const int top = int (y * stride_y) - before_y, left = int (x * stride_x) - before_x;
  const uint kw = kernel_w, end = (out_plane + 1) * taps;
  const int step_y = int (dilation_y), step_x = int (dilation_x), h = int (in_h), w = int (in_w);
  const uint size = in_h * in_w;
  const uint base = (n * in_planes + out_plane) * size;
  vec4 sum = vec4 (0.);
  int sy = top, sx = left;
  uint tap_x = 0;

  for (uint t = out_plane * taps; t < end; t++)
    {
      bool inside = sy >= 0 && sy < h && sx >= 0 && sx < w;
      uint at = inside ? uint (sy) * in_w + uint (sx) : 0u;
      vec4 v;
      if (SINGLE != 0)
        v = LOAD (source, base + at);
      else
        for (uint i = 0; i < 4; i++)
          {
            uint c = min ((out_plane * 4 + i) / multiplier, in_c - 1);
            v[i] = LOAD (source, (n * in_planes + c / 4) * size + at)[c % 4];
          }
      sum += LOAD (weights, t) * (inside ? v : vec4 (0.));
      tap_x++;
      bool next_row = tap_x == kw;
      tap_x = next_row ? 0 : tap_x;
      sx = next_row ? left : sx + step_x;
      sy += next_row ? step_y : 0;
    }
  sum = apply_tail (load_tail (out_plane, out_planes), sum, item);
  if (flat_item () < items)
    target[item] = sum;
}
