/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of a kernel that makes a layer's values: activation ((v − center) · scale + shift + residual),
 * the affine part per channel. The center is taken off first, as Keras' BatchNormalization does: where
 * the mean is large against the deviation, a sum that is scaled first loses digits. Or, of a kernel
 * that makes a gradient, the way back through such a tail in front of the layer, whose ReLU gave
 * `value`: (v + residual) · relu' · scale. What is missing leaves v as it is.
 *
 * To be included once the push constants are declared, a TailParams `tail` among them. `item` is the
 * vec4 of the target. */
#include "activation.glsl"
#include "tail_params.h"
#include "vectors.glsl"

layout (constant_id = TAIL_ACTIVATION) const uint ACTIVATION = 0;
layout (constant_id = TAIL_HAS_RESIDUAL) const uint RESIDUAL = 0;
layout (constant_id = TAIL_KIND) const uint TAIL = TAIL_OF_VALUES;

VECTORS (TAIL_AFFINE, affine);
VECTORS (TAIL_RESIDUAL, residual);
VECTORS (TAIL_VALUE, value);

/* Of a plane, loaded once for all of its pixels that an invocation ends. */
struct Tail
{
  vec4 center, scale, shift;
};

Tail
load_tail (uint plane, uint planes)
{
  const int at = int (plane * tail.has_affine), step = int (planes * tail.has_affine);
  const bool has = tail.has_affine != 0;

  return Tail (has ? LOAD (affine, at) : vec4 (0.),
               has ? LOAD (affine, step + at) : vec4 (1.),
               has ? LOAD (affine, 2 * step + at) : vec4 (0.));
}

vec4
apply_tail (Tail t, vec4 v, uint item)
{
  if (TAIL != TAIL_OF_VALUES)
    {
      if (RESIDUAL != 0)
        v += LOAD (residual, item);
      if (TAIL == TAIL_OF_GRADIENT_OF_RELU)
        v *= derivative_from_output (CNN_ACTIVATION_RELU, tail.activation.alpha,
                                     tail.activation.max_value, LOAD (value, item));
      return v * t.scale;
    }
  v = (v - t.center) * t.scale + t.shift;
  if (RESIDUAL != 0)
    v += LOAD (residual, item);
  return activate (ACTIVATION, NUMBERS_OF (tail.activation), v);
}
