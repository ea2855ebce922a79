#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An activation function, element by element. */
#extension GL_GOOGLE_include_directive : enable
#include "activation.glsl"
#include "elementwise_params.h"
#include "flat.glsl"
#include "vectors.glsl"

layout (constant_id = ACTIVATION_KIND) const uint ACTIVATION = 0;

VECTORS (ACTIVATION_SOURCE, source);
layout (set = 0, binding = ACTIVATION_TARGET) writeonly buffer Target { vec4 target[]; };

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  vec4 v = activate (ACTIVATION, NUMBERS_OF (activation), LOAD (source, item));

  if (flat_item () < items)
    target[item] = v;
}
