#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gradient of an operand of a sum, a product or an extreme: the result's, for a product times the
 * other operands (FACTORS of them), for an extreme where the operand is the first that has it; summed
 * over the sizes that were repeated. */
#extension GL_GOOGLE_include_directive : enable
#include "binary_backward_params.h"
#include "flat.glsl"
#include "vectors.glsl"

layout (constant_id = BINARY_BACKWARD_FACTORS) const uint FACTORS = 0;
layout (constant_id = BINARY_BACKWARD_REPEAT) const uint REPEAT = 0;
layout (constant_id = BINARY_BACKWARD_OPERATION) const uint OPERATION = BINARY_ADD;
layout (constant_id = BINARY_BACKWARD_PLACE) const uint PLACE = 0;

VECTORS (BINARY_BACKWARD_GRADIENT, gradient);
VECTORS (BINARY_BACKWARD_FACTOR_0, factor_0);
VECTORS (BINARY_BACKWARD_FACTOR_1, factor_1);
VECTORS (BINARY_BACKWARD_FACTOR_2, factor_2);
VECTORS (BINARY_BACKWARD_FACTOR_3, factor_3);
VECTORS (BINARY_BACKWARD_FACTOR_4, factor_4);
layout (set = 0, binding = BINARY_BACKWARD_TARGET) writeonly buffer Target { vec4 target[]; };
VECTORS (BINARY_BACKWARD_OPERAND, operand);

uint
place (uint n, uint plane, uint y, uint x, uint size_h, uint size_w, uint size_c)
{
  return ((n * ((size_c + 3) / 4) + (size_c == 1 ? 0 : plane)) * size_h + (size_h == 1 ? 0 : y))
             * size_w
         + (size_w == 1 ? 0 : x);
}

/* Factor i of a product; or 0 where the operand, `own`, is not what an extreme takes. */
vec4
factor (uint i, vec4 f, vec4 own)
{
  f = REPEAT != 0 && factor_c[i] < c ? f.xxxx : f;
  if (OPERATION == BINARY_MULTIPLY)
    return f;
  f = OPERATION == BINARY_MAXIMUM ? own - f : f - own;
  return i < PLACE ? vec4 (greaterThan (f, vec4 (0.0))) : vec4 (greaterThanEqual (f, vec4 (0.0)));
}

#define FACTOR(i, image)                                                                          \
  if (FACTORS > i)                                                                                \
    v *= factor (i,                                                                               \
                 LOAD (image, REPEAT == 0 ? at                                          \
                                                    : place (n, plane, y, x, factor_h[i],         \
                                                             factor_w[i], factor_c[i])),         \
                 own);

/* The gradient at item `at` of the result, which is (n, plane, y, x), times the factors there. */
vec4
product (uint at, uint n, uint plane, uint y, uint x)
{
  vec4 v = LOAD (gradient, at) * scale, own = vec4 (0.0);

  if (OPERATION >= BINARY_MAXIMUM)
    {
      own = LOAD (operand,
                       REPEAT == 0 ? at : place (n, plane, y, x, in_h, in_w, in_c));
      own = REPEAT != 0 && in_c < c ? own.xxxx : own;
    }
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
