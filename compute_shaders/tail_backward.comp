#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gradient of an epilogue: of its activation function, from the output where that suffices, else
 * from the input, and of its affine part, either of which may be missing; plus another gradient. */
#extension GL_GOOGLE_include_directive : enable
#include "activation.glsl"
#include "flat.glsl"
#include "tail_backward_params.h"
#include "vectors.glsl"

layout (constant_id = 0) const uint ACTIVATION = 0;
layout (constant_id = 1) const uint DERIVATIVE = TAIL_NO_DERIVATIVE;
layout (constant_id = 2) const uint AFFINE = 0;
layout (constant_id = 3) const uint RESIDUAL = 0;

VECTORS (0, value);
VECTORS (1, gradient);
VECTORS (2, affine);
layout (set = 0, binding = 3) writeonly buffer Target { vec4 target[]; };
VECTORS (4, residual);

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  vec4 v = LOAD (gradient, item);

  if (DERIVATIVE == TAIL_FROM_OUTPUT)
    v *= derivative_from_output (ACTIVATION, alpha, max_value, LOAD (value, item));
  if (DERIVATIVE == TAIL_FROM_INPUT)
    v *= derivative_from_input (ACTIVATION, alpha, max_value, threshold,
                                LOAD (value, item));
  if (AFFINE != 0)
    v *= LOAD (affine, planes + plane_of (item, pixels, planes));
  if (RESIDUAL != 0)
    v += LOAD (residual, item);
  if (flat_item () < items)
    target[item] = v;
}
