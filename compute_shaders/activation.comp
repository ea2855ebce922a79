#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An activation function, element by element. */
#extension GL_GOOGLE_include_directive : enable
#include "activation.glsl"
#include "elementwise_params.h"
#include "flat.glsl"

layout (constant_id = 0) const uint ACTIVATION = 0;

layout (set = 0, binding = 0, rgba32f) readonly uniform imageBuffer source;
layout (set = 0, binding = 1) writeonly buffer Target { vec4 target[]; };

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  vec4 v = activate (ACTIVATION, alpha, max_value, threshold, imageLoad (source, int (item)));

  if (flat_item () < items)
    target[item] = v;
}
