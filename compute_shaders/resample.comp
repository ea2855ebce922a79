#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Weighted sums of source pixels, rows and columns apart, by tables. The gradient is the same with
 * the tables transposed. */
#extension GL_GOOGLE_include_directive : enable
#include "flat.glsl"
#include "resample_params.h"
#include "vectors.glsl"

VECTORS (RESAMPLE_SOURCE, source);
layout (set = 0, binding = RESAMPLE_ROWS) readonly buffer Rows { uint rows[]; };
layout (set = 0, binding = RESAMPLE_COLUMNS) readonly buffer Columns { uint columns[]; };
layout (set = 0, binding = RESAMPLE_TARGET) writeonly buffer Target { vec4 target[]; };

void
main ()
{
  const uint item = min (flat_item (), items - 1);
  const uint line = item / target_w, plane = line / target_h;
  const uint row = (line - plane * target_h) * pitch_y;
  const uint column = (item - line * target_w) * pitch_x;
  const uint first_x = columns[column], n_x = columns[column + 1], n_y = rows[row + 1];
  uint from = (plane * source_h + rows[row]) * source_w + first_x;
  vec4 sum = vec4 (0.0);

  for (uint y = 0; y < n_y; y++, from += source_w)
    {
      vec4 part = vec4 (0.0);
      for (uint x = 0; x < n_x; x++)
        part += uintBitsToFloat (columns[column + RESAMPLE_HEAD + x])
                * LOAD (source, from + x);
      sum += uintBitsToFloat (rows[row + RESAMPLE_HEAD + y]) * part;
    }
  sum += fill * (1.0 - uintBitsToFloat (rows[row + 2]) * uintBitsToFloat (columns[column + 2]));
  if (flat_item () < items)
    target[item] = sum;
}
