#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The moments of each pixel's channels; an invocation takes a pixel. */
#extension GL_GOOGLE_include_directive : enable
#include "flat.glsl"
#include "normalize_params.h"
#include "vectors.glsl"

layout (constant_id = MOMENTS_BACKWARD) const uint BACKWARD = 0;

VECTORS (MOMENTS_SOURCE, source);
VECTORS (MOMENTS_GRADIENT, gradient);
VECTORS (MOMENTS_GAMMA, gamma);
layout (set = 0, binding = MOMENTS_TARGET) writeonly buffer Target { vec4 target[]; };

/* The mean over the channels of a sum that has a lane for every fourth. */
float
mean (vec4 sum)
{
  return ((sum.x + sum.y) + (sum.z + sum.w)) / float (channels);
}

vec4
real (uint plane, vec4 v)
{
  return mix (vec4 (0.0), v, lessThan (plane * 4 + uvec4 (0, 1, 2, 3), uvec4 (channels)));
}

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  const uint first = item / pixels * planes * pixels + item % pixels;
  vec4 sum = vec4 (0.0), product = vec4 (0.0), moment = vec4 (0.0);

  for (uint plane = 0, at = first; plane < planes; plane++, at += pixels)
    sum += real (plane, LOAD (source, at));
  moment.x = mean (sum);
  sum = vec4 (0.0);
  for (uint plane = 0, at = first; plane < planes; plane++, at += pixels)
    {
      vec4 v = real (plane, LOAD (source, at) - moment.x);
      sum += v * v;
    }
  moment.y = 1.0 / sqrt (mean (sum) + epsilon);
  if (BACKWARD != 0)
    {
      sum = vec4 (0.0);
      for (uint plane = 0, at = first; plane < planes; plane++, at += pixels)
        {
          vec4 h = real (plane, LOAD (gradient, at) * LOAD (gamma, plane));
          sum += h;
          product += h * real (plane, LOAD (source, at) - moment.x);
        }
      moment.z = mean (sum);
      moment.w = mean (product) * moment.y;
    }
  if (flat_item () < items)
    target[item] = moment;
}
