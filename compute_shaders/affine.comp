#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tail alone. */
#extension GL_GOOGLE_include_directive : enable
#include "affine_params.h"
#include "flat.glsl"
#include "tail.glsl"

VECTORS (AFFINE_SOURCE, source);
layout (set = 0, binding = AFFINE_TARGET) writeonly buffer Target { vec4 target[]; };

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  const uint plane = plane_of (item, pixels, planes);
  vec4 v = apply_tail (load_tail (plane, planes), LOAD (source, item), item);

  if (flat_item () < items)
    target[item] = v;
}
