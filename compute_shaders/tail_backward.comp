#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gradient of a tail: of its activation function, from the output where that suffices, else
 * from the input, and of its affine part, either of which may be missing; plus another gradient. */
#extension GL_GOOGLE_include_directive : enable
#include "activation.glsl"
#include "flat.glsl"
#include "tail_backward_params.h"
#include "vectors.glsl"

layout (constant_id = TAIL_BACKWARD_ACTIVATION) const uint ACTIVATION = 0;
layout (constant_id = TAIL_BACKWARD_DERIVATIVE) const uint DERIVATIVE = TAIL_NO_DERIVATIVE;
layout (constant_id = TAIL_BACKWARD_HAS_AFFINE) const uint AFFINE = 0;
layout (constant_id = TAIL_BACKWARD_HAS_RESIDUAL) const uint RESIDUAL = 0;

VECTORS (TAIL_BACKWARD_VALUE, value);
VECTORS (TAIL_BACKWARD_GRADIENT, gradient);
VECTORS (TAIL_BACKWARD_AFFINE, affine);
layout (set = 0, binding = TAIL_BACKWARD_TARGET) writeonly buffer Target { vec4 target[]; };
VECTORS (TAIL_BACKWARD_RESIDUAL, residual);

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  vec4 v = LOAD (gradient, item);

  if (DERIVATIVE == TAIL_FROM_OUTPUT)
    v *= derivative_from_output (ACTIVATION, activation.alpha, activation.max_value,
                                 LOAD (value, item));
  if (DERIVATIVE == TAIL_FROM_INPUT)
    v *= derivative_from_input (ACTIVATION, NUMBERS_OF (activation), LOAD (value, item));
  if (AFFINE != 0)
    v *= LOAD (affine, planes + plane_of (item, pixels, planes));
  if (RESIDUAL != 0)
    v += LOAD (residual, item);
  if (flat_item () < items)
    target[item] = v;
}
