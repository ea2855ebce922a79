#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The epilogue alone. */
#extension GL_GOOGLE_include_directive : enable
#include "activation.glsl"
#include "affine_params.h"
#include "flat.glsl"
#include "vectors.glsl"

layout (constant_id = AFFINE_ACTIVATION) const uint ACTIVATION = 0;
layout (constant_id = AFFINE_HAS_RESIDUAL) const uint RESIDUAL = 0;

VECTORS (AFFINE_SOURCE, source);
VECTORS (AFFINE_AFFINE, affine);
layout (set = 0, binding = AFFINE_TARGET) writeonly buffer Target { vec4 target[]; };
VECTORS (AFFINE_RESIDUAL, residual);
#include "epilogue.glsl"

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  const uint plane = plane_of (item, pixels, planes);
  vec4 v = epilogue (LOAD (source, item), plane, planes, item);

  if (flat_item () < items)
    target[item] = v;
}
