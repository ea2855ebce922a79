#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sum, product or extreme of two operands, a size of 1 repeated. */
#extension GL_GOOGLE_include_directive : enable
#include "binary_params.h"
#include "flat.glsl"
#include "vectors.glsl"

layout (constant_id = BINARY_OPERATION) const uint OPERATION = BINARY_ADD;
layout (constant_id = BINARY_REPEAT) const uint REPEAT = 0;

VECTORS (BINARY_LEFT, left);
VECTORS (BINARY_RIGHT, right);
layout (set = 0, binding = BINARY_TARGET) writeonly buffer Target { vec4 target[]; };

/* The vec4 of an operand of the given size at this place of the result. */
uint
place (uint item, uint operand_h, uint operand_w, uint operand_c)
{
  const uint planes = (c + 3) / 4;
  const uint line = item / w, box = line / h, n = box / planes;
  const uint x = item - line * w, y = line - box * h, plane = box - n * planes;

  return ((n * ((operand_c + 3) / 4) + (operand_c == 1 ? 0 : plane)) * operand_h
          + (operand_h == 1 ? 0 : y))
             * operand_w
         + (operand_w == 1 ? 0 : x);
}

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  vec4 v, other;

  if (REPEAT == 0)
    {
      v = LOAD (left, item);
      other = LOAD (right, item);
    }
  else
    {
      v = LOAD (left, place (item, a_h, a_w, a_c));
      other = LOAD (right, place (item, b_h, b_w, b_c));
      v = a_c < c ? v.xxxx : v;
      other = b_c < c ? other.xxxx : other;
    }
  v = OPERATION == BINARY_MULTIPLY  ? v * other
      : OPERATION == BINARY_MAXIMUM ? max (v, other)
      : OPERATION == BINARY_MINIMUM ? min (v, other)
                                    : (v + other * right_weight) * scale;
  if (flat_item () < items)
    target[item] = v;
}
