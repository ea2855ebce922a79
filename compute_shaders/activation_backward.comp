#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gradient of an activation function, from its output where that suffices, else its input. */
#extension GL_GOOGLE_include_directive : enable
#include "activation.glsl"
#include "elementwise_params.h"
#include "flat.glsl"
#include "vectors.glsl"

layout (constant_id = 0) const uint ACTIVATION = 0;
layout (constant_id = 1) const uint FROM_OUTPUT = 0;

VECTORS (0, value);
VECTORS (1, gradient);
layout (set = 0, binding = 2) writeonly buffer Target { vec4 target[]; };

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  vec4 v = LOAD (value, item), derivative;

  if (FROM_OUTPUT != 0)
    derivative = derivative_from_output (ACTIVATION, alpha, max_value, v);
  else
    derivative = derivative_from_input (ACTIVATION, alpha, max_value, threshold, v);
  v = derivative * LOAD (gradient, item);
  if (flat_item () < items)
    target[item] = v;
}
