#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sum of two tensors of one shape: where a value has several users, their gradients meet. */
#extension GL_GOOGLE_include_directive : enable
#include "accumulate_params.h"
#include "flat.glsl"

layout (set = 0, binding = 0, rgba32f) readonly uniform imageBuffer left;
layout (set = 0, binding = 1, rgba32f) readonly uniform imageBuffer right;
layout (set = 0, binding = 2) writeonly buffer Target { vec4 target[]; };

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  vec4 v = imageLoad (left, int (item)) + imageLoad (right, int (item));

  if (flat_item () < items)
    target[item] = v;
}
