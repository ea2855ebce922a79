#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An element gathers the gradients of the windows that chose it; `indices` are max_pool's. With a
 * constant STRIDE an item is a square of STRIDE by STRIDE elements, which few windows meet; a STRIDE
 * of 0 takes any window, element by element. */
#extension GL_GOOGLE_include_directive : enable
#extension GL_EXT_control_flow_attributes : enable
#include "flat.glsl"
#include "pool_params.h"
#include "tail.glsl"

layout (constant_id = MAX_POOL_BACKWARD_KERNEL) const int KERNEL = 0;
layout (constant_id = MAX_POOL_BACKWARD_STRIDE) const int STRIDE = 0;

VECTORS (MAX_POOL_BACKWARD_INDICES, indices);
VECTORS (MAX_POOL_BACKWARD_GRADIENT, gradient);
layout (set = 0, binding = MAX_POOL_BACKWARD_TARGET) writeonly buffer Target { vec4 target[]; };

const int SIDE = STRIDE > 0 ? STRIDE : 1;
const int WINDOWS = (KERNEL + SIDE - 1) / SIDE; /* along a side, that meet a square */

void
store (int item, Tail t, vec4 v)
{
  target[item] = TAIL == TAIL_OF_VALUES ? v : apply_tail (t, v, uint (item));
}

Tail
tail_of (int plane)
{
  return load_tail (remainder_of (uint (plane), planes), planes);
}

void
gather_square (int item)
{
  const int rest_y = before_y % SIDE, rest_x = before_x % SIDE;
  const int across = (in_w + rest_x + SIDE - 1) / SIDE, down = (in_h + rest_y + SIDE - 1) / SIDE;
  const Place place = place_of (item, down, across);
  const int plane = place.plane, square_y = place.y, square_x = place.x;
  const int y = square_y * SIDE - rest_y, x = square_x * SIDE - rest_x;
  const Tail t = tail_of (plane);
  vec4 sums[SIDE * SIDE];

  [[unroll]] for (int i = 0; i < SIDE * SIDE; i++)
    sums[i] = vec4 (0.0);
  [[unroll]] for (int i = 0; i < WINDOWS * WINDOWS; i++)
    {
      int first_y = i / WINDOWS * SIDE, first_x = i % WINDOWS * SIDE; /* cell of the corner */
      int oy = square_y + before_y / SIDE - i / WINDOWS;
      int ox = square_x + before_x / SIDE - i % WINDOWS;
      bool inside = oy >= 0 && oy < out_h && ox >= 0 && ox < out_w;
      int at = inside ? (plane * out_h + oy) * out_w + ox : 0;
      vec4 index = inside ? LOAD (indices, at) : vec4 (-1.0), v = LOAD (gradient, at);

      [[unroll]] for (int j = 0; j < SIDE * SIDE; j++)
        {
          int dy = first_y + j / SIDE, dx = first_x + j % SIDE;

          if (dy < KERNEL && dx < KERNEL)
            sums[j] += mix (vec4 (0.0), v, equal (index, vec4 (float (dy * KERNEL + dx))));
        }
    }
  [[unroll]] for (int j = 0; j < SIDE * SIDE; j++)
    {
      int to_y = y + j / SIDE, to_x = x + j % SIDE;

      if (to_y >= 0 && to_y < in_h && to_x >= 0 && to_x < in_w && flat_item () < items)
        store ((plane * in_h + to_y) * in_w + to_x, t, sums[j]);
    }
}

void
gather_element (int item)
{
  const Place place = place_of (item, in_h, in_w);
  const int plane = place.plane, y = place.y + before_y, x = place.x + before_x;
  const int first_y = max (y - kernel_h + stride_h, 0) / stride_h;
  const int first_x = max (x - kernel_w + stride_w, 0) / stride_w;
  const int end_y = min (y / stride_h + 1, out_h), end_x = min (x / stride_w + 1, out_w);
  vec4 sum = vec4 (0.0);

  for (int oy = first_y; oy < end_y; oy++)
    for (int ox = first_x; ox < end_x; ox++)
      {
        int at = (plane * out_h + oy) * out_w + ox;
        float cell = float ((y - oy * stride_h) * kernel_w + x - ox * stride_w);
        sum += mix (vec4 (0.0), LOAD (gradient, at),
                    equal (LOAD (indices, at), vec4 (cell)));
      }
  if (flat_item () < items)
    store (item, tail_of (plane), sum);
}

void
main ()
{
  const int item = int (min (flat_item (), items - 1));

  if (STRIDE != 0)
    gather_square (item);
  else
    gather_element (item);
}
