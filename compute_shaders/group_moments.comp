#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The moments of each group of channels over all pixels; a workgroup takes a group. */
#extension GL_GOOGLE_include_directive : enable
#include "normalize_params.h"
#include "vectors.glsl"

#define LANES 64
layout (local_size_x = LANES) in;
layout (constant_id = MOMENTS_BACKWARD) const uint BACKWARD = 0;

VECTORS (MOMENTS_SOURCE, source);
VECTORS (MOMENTS_GRADIENT, gradient);
VECTORS (MOMENTS_GAMMA, gamma);
layout (set = 0, binding = MOMENTS_TARGET) writeonly buffer Target { vec4 target[]; };

shared vec4 sums[LANES];

/* The mean over the group of a sum that every lane has a part of. */
float
mean (vec4 part)
{
  float total;

  barrier ();
  sums[gl_LocalInvocationID.x] = part;
  barrier ();
  for (uint step = LANES / 2; step > 0; step /= 2)
    {
      if (gl_LocalInvocationID.x < step)
        sums[gl_LocalInvocationID.x] += sums[gl_LocalInvocationID.x + step];
      barrier ();
    }
  total = (sums[0].x + sums[0].y) + (sums[0].z + sums[0].w);
  return total / (float (channels / groups) * float (pixels));
}

void
main ()
{
  const uint n = gl_WorkGroupID.y, group = gl_WorkGroupID.x, lane = gl_LocalInvocationID.x;
  const uint first = group * (channels / groups), end = first + channels / groups;
  vec4 moment = vec4 (0.0);

  for (uint pass = 0; pass < (BACKWARD != 0 ? 3 : 2); pass++)
    {
      vec4 sum = vec4 (0.0), product = vec4 (0.0);
      for (uint plane = first / 4; plane < (end + 3) / 4; plane++)
        {
          const uvec4 channel = plane * 4 + uvec4 (0, 1, 2, 3);
          const vec4 mask = vec4 (greaterThanEqual (channel, uvec4 (first)))
                            * vec4 (lessThan (channel, uvec4 (end)));
          vec4 part = vec4 (0.0), h;
          for (uint i = lane; i < pixels; i += LANES)
            {
              const int at = int ((n * planes + plane) * pixels + i);
              vec4 v = (LOAD (source, at) - moment.x) * mask;
              if (pass == 0)
                part += v;
              else if (pass == 1)
                part += v * v;
              else
                {
                  h = LOAD (gradient, at) * LOAD (gamma, plane) * mask;
                  part += h;
                  product += h * v;
                }
            }
          sum += part;
        }
      if (pass == 0)
        moment.x = mean (sum);
      else if (pass == 1)
        moment.y = 1.0 / sqrt (mean (sum) + epsilon);
      else
        {
          moment.z = mean (sum);
          moment.w = mean (product) * moment.y;
        }
    }
  if (lane == 0)
    target[n * groups + group] = moment;
}
