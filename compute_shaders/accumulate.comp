#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sum of two tensors of one shape: where a value has several users, their gradients meet. */
#extension GL_GOOGLE_include_directive : enable
#include "accumulate_params.h"
#include "flat.glsl"
#include "vectors.glsl"

VECTORS (ACCUMULATE_LEFT, left);
VECTORS (ACCUMULATE_RIGHT, right);
layout (set = 0, binding = ACCUMULATE_TARGET) writeonly buffer Target { vec4 target[]; };

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  vec4 v = LOAD (left, item) + LOAD (right, item);

  if (flat_item () < items)
    target[item] = v;
}
