#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* x, times a slope where it is negative; or its gradient, 0 at 0 as in TensorFlow. */
#extension GL_GOOGLE_include_directive : enable
#include "flat.glsl"
#include "prelu_params.h"
#include "vectors.glsl"

layout (constant_id = PRELU_BACKWARD) const uint BACKWARD = 0;

VECTORS (PRELU_SOURCE, source);
VECTORS (PRELU_SLOPES, slopes);
VECTORS (PRELU_GRADIENT, gradient);
layout (set = 0, binding = PRELU_TARGET) writeonly buffer Target { vec4 target[]; };

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  const uint line = item / w, box = line / h, n = box / planes;
  const uint x = item - line * w, y = line - box * h, plane = box - n * planes;
  const uint at = (min (plane, slope_planes - 1) * slope_h + min (y, slope_h - 1)) * slope_w
                  + min (x, slope_w - 1);
  vec4 v = LOAD (source, item), slope = LOAD (slopes, at);

  slope = spread != 0 ? slope.xxxx : slope;
  if (BACKWARD == 0)
    v *= mix (vec4 (1.0), slope, lessThan (v, vec4 (0.0)));
  else
    v = LOAD (gradient, item)
        * mix (mix (vec4 (0.0), slope, lessThan (v, vec4 (0.0))), vec4 (1.0),
               greaterThan (v, vec4 (0.0)));
  if (flat_item () < items)
    target[item] = v;
}
