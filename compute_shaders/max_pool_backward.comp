#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An element gathers the gradients of the windows that chose it; `indices` are max_pool's. */
#extension GL_GOOGLE_include_directive : enable
#include "flat.glsl"
#include "pool_params.h"

layout (set = 0, binding = 0, rgba32f) readonly uniform imageBuffer indices;
layout (set = 0, binding = 1, rgba32f) readonly uniform imageBuffer gradient;
layout (set = 0, binding = 2) writeonly buffer Target { vec4 target[]; };

void
main ()
{
  const int item = int (min (flat_item (), items - 1));
  const int line = item / in_w, plane = line / in_h;
  const int y = line - plane * in_h + before_y, x = item - line * in_w + before_x;
  const int first_y = max (y - kernel_h + stride_h, 0) / stride_h;
  const int first_x = max (x - kernel_w + stride_w, 0) / stride_w;
  const int end_y = min (y / stride_h + 1, out_h), end_x = min (x / stride_w + 1, out_w);
  vec4 sum = vec4 (0.0);

  for (int oy = first_y; oy < end_y; oy++)
    for (int ox = first_x; ox < end_x; ox++)
      {
        int at = (plane * out_h + oy) * out_w + ox;
        float cell = float ((y - oy * stride_h) * kernel_w + x - ox * stride_w);
        sum += mix (vec4 (0.0), imageLoad (gradient, at),
                    equal (imageLoad (indices, at), vec4 (cell)));
      }
  if (flat_item () < items)
    target[item] = sum;
}
