#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A step uphill: picture + factor · source, or · (source − other). */
#extension GL_GOOGLE_include_directive : enable
#include "ascent_params.h"
#include "flat.glsl"
#include "vectors.glsl"

layout (constant_id = ASCEND_DIFFERENCE) const uint DIFFERENCE = 0;

layout (set = 0, binding = ASCEND_PICTURE) buffer Picture { vec4 picture[]; };
VECTORS (ASCEND_SOURCE, source);
VECTORS (ASCEND_OTHER, other);
layout (set = 0, binding = ASCEND_FACTORS) readonly buffer Factors { float factors[]; };

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  vec4 v = LOAD (source, item);

  if (DIFFERENCE != 0)
    v -= LOAD (other, item);
  if (flat_item () < items)
    picture[item] += factors[item / (items / pictures)] * v;
}
