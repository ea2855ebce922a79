#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gradient of an operand of a sum or a product: the result's, times the other operands
 * (FACTORS of them), summed over the sizes that were repeated. */
#extension GL_GOOGLE_include_directive : enable
#include "binary_backward_params.h"
#include "flat.glsl"

layout (constant_id = 0) const uint FACTORS = 0;
layout (constant_id = 1) const uint REPEAT = 0;

layout (set = 0, binding = 0, rgba32f) readonly uniform imageBuffer gradient;
layout (set = 0, binding = 1, rgba32f) readonly uniform imageBuffer factor_0;
layout (set = 0, binding = 2, rgba32f) readonly uniform imageBuffer factor_1;
layout (set = 0, binding = 3, rgba32f) readonly uniform imageBuffer factor_2;
layout (set = 0, binding = 4, rgba32f) readonly uniform imageBuffer factor_3;
layout (set = 0, binding = 5, rgba32f) readonly uniform imageBuffer factor_4;
layout (set = 0, binding = 6) writeonly buffer Target { vec4 target[]; };

uint
place (uint n, uint plane, uint y, uint x, uint size_h, uint size_w, uint size_c)
{
  return ((n * ((size_c + 3) / 4) + (size_c == 1 ? 0 : plane)) * size_h + (size_h == 1 ? 0 : y))
             * size_w
         + (size_w == 1 ? 0 : x);
}

#define FACTOR(i, image)                                                                          \
  if (FACTORS > i)                                                                                \
    {                                                                                             \
      vec4 f = imageLoad (                                                                        \
          image,                                                                                  \
          int (REPEAT == 0 ? at : place (n, plane, y, x, factor_h[i], factor_w[i], factor_c[i]))); \
      v *= REPEAT != 0 && factor_c[i] < c ? f.xxxx : f;                                           \
    }

/* The gradient at item `at` of the result, which is (n, plane, y, x), times the factors there. */
vec4
product (uint at, uint n, uint plane, uint y, uint x)
{
  vec4 v = imageLoad (gradient, int (at));

  FACTOR (0, factor_0)
  FACTOR (1, factor_1)
  FACTOR (2, factor_2)
  FACTOR (3, factor_3)
  FACTOR (4, factor_4)
  return v;
}

void
main ()
{
  const uint item = min (flat_item (), items - 1), in_planes = (in_c + 3) / 4;
  vec4 sum = vec4 (0.0);

  if (REPEAT == 0)
    sum = product (item, 0, 0, 0, 0);
  else
    {
      const uint line = item / in_w, box = line / in_h, n = box / in_planes;
      const uint x = item - line * in_w, y = line - box * in_h, plane = box - n * in_planes;
      const bool all_planes = in_c < c, all_rows = in_h < h, all_columns = in_w < w;
      const uint end_plane = all_planes ? (c + 3) / 4 : plane + 1;
      const uint end_y = all_rows ? h : y + 1, end_x = all_columns ? w : x + 1;

      for (uint p = all_planes ? 0 : plane; p < end_plane; p++)
        for (uint row = all_rows ? 0 : y; row < end_y; row++)
          {
            const uint at = ((n * ((c + 3) / 4) + p) * h + row) * w;
            vec4 part = vec4 (0.0);
            for (uint column = all_columns ? 0 : x; column < end_x; column++)
              part += product (at + column, n, p, row, column);
            sum += mix (vec4 (0.0), part, lessThan (p * 4 + uvec4 (0, 1, 2, 3), uvec4 (c)));
          }
      if (all_planes)
        sum = vec4 ((sum.x + sum.y) + (sum.z + sum.w), 0.0, 0.0, 0.0);
    }
  if (flat_item () < items)
    target[item] = sum;
}
