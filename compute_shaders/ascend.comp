#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A step uphill: picture + factor · source, or · (source − other). */
#extension GL_GOOGLE_include_directive : enable
#include "ascent_params.h"
#include "flat.glsl"

layout (constant_id = 0) const uint DIFFERENCE = 0;

layout (set = 0, binding = 0) buffer Picture { vec4 picture[]; };
layout (set = 0, binding = 1, rgba32f) readonly uniform imageBuffer source;
layout (set = 0, binding = 2, rgba32f) readonly uniform imageBuffer other;
layout (set = 0, binding = 3) readonly buffer Factors { float factors[]; };

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  vec4 v = imageLoad (source, int (item));

  if (DIFFERENCE != 0)
    v -= imageLoad (other, int (item));
  if (flat_item () < items)
    picture[item] += factors[item / (items / pictures)] * v;
}
