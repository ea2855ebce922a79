#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Takes off the mean and divides by the deviation, by moments of its pixel or of its channel's group;
 * or the gradient: (h - mean (h) - x mean (h x)) / deviation for h = g · gamma, x the result. */
#extension GL_GOOGLE_include_directive : enable
#include "flat.glsl"
#include "normalize_params.h"
#include "tail.glsl"

layout (constant_id = NORMALIZE_BACKWARD) const uint BACKWARD = 0;
layout (constant_id = NORMALIZE_GROUPS) const uint GROUPS = 0;

VECTORS (NORMALIZE_SOURCE, source);
VECTORS (NORMALIZE_GRADIENT, gradient);
VECTORS (NORMALIZE_MOMENTS, moments);
layout (set = 0, binding = NORMALIZE_TARGET) writeonly buffer Target { vec4 target[]; };

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  const uint box = item / pixels, n = box / planes, plane = box - n * planes;
  mat4 moment; /* a column for each lane */
  vec4 v = LOAD (source, item);

  if (GROUPS == 0)
    {
      moment[0] = LOAD (moments, n * pixels + item - box * pixels);
      moment = mat4 (moment[0], moment[0], moment[0], moment[0]);
    }
  else
    for (uint i = 0; i < 4; i++)
      moment[i] = LOAD (moments, n * groups
                                           + min (plane * 4 + i, channels - 1) / (channels / groups));
  moment = transpose (moment);
  v = (v - moment[0]) * moment[1];
  if (BACKWARD == 0)
    v = apply_tail (load_tail (plane, planes), v, item);
  else
    v = moment[1]
        * (LOAD (gradient, item) * LOAD (affine, plane) - moment[2]
           - v * moment[3]);
  if (flat_item () < items)
    target[item] = v;
}
