#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Depthwise convolution of a square kernel, multiplier 1, and its gradient. An invocation makes a tile
 * of DEPTHWISE_TILE_WIDTH columns: it walks down its source rows, each of them read once, and gives
 * every pixel to all sums that want it. With STRIDE s a turn reads s rows and ends one row of sums;
 * with UP s, the gradient of stride s, it reads one and ends s. A gradient of stride 1 is a
 * convolution by the reversed taps. */
#extension GL_GOOGLE_include_directive : enable
#extension GL_EXT_control_flow_attributes : enable
#include "depthwise_tiles_params.h"
#include "tail.glsl"

layout (constant_id = DEPTHWISE_TILES_LANES) const uint LANES = 8;
layout (constant_id = DEPTHWISE_TILES_KERNEL) const int KERNEL = 3;
layout (constant_id = DEPTHWISE_TILES_STRIDE) const int STRIDE = 1;
layout (constant_id = DEPTHWISE_TILES_UP) const int UP = 1;
layout (local_size_x_id = DEPTHWISE_TILES_LANES) in;

VECTORS (DEPTHWISE_TILES_SOURCE, source);
VECTORS (DEPTHWISE_TILES_WEIGHTS, weights); /* [plane][tap] */
layout (set = 0, binding = DEPTHWISE_TILES_TARGET) writeonly buffer Target { vec4 target[]; };

#define TX DEPTHWISE_TILE_WIDTH
const int TAPS = KERNEL * KERNEL;
/* turns before the first row is complete, rows of sums under way, source columns of a tile */
const int LEAD = UP > 1 ? (KERNEL - 1) / UP : (KERNEL + STRIDE - 1) / STRIDE - 1;
const int ROWS = UP > 1 ? KERNEL : LEAD + 1;
const int COLUMNS = UP > 1 ? TX / UP + LEAD : (TX - 1) * STRIDE + KERNEL;

void
main ()
{
  const int item = int (gl_GlobalInvocationID.x);
  const int tile = min (item, tiles - 1);
  const int line = tile / tiles_x, plane = line / tiles_y;
  const int tile_x = tile - line * tiles_x, tile_y = line - plane * tiles_y;
  const int h = in_h, w = in_w, down = out_h, across = out_w, step = step_tap;
  const int turns = rows / UP + LEAD;
  const int channels = plane % int (planes);
  const int to_x = target_x + tile_x * TX;
  int to_y = target_y + tile_y * rows - LEAD * UP;
  int y = source_y + (UP > 1 ? tile_y * (rows / UP) : tile_y * rows * STRIDE);
  const int x = source_x + (UP > 1 ? tile_x * (TX / UP) : tile_x * TX * STRIDE);
  int from = (plane * h + y) * w + x;
  int to = (plane * down + to_y) * across + to_x;
  const int end = to_y + turns * UP;

  bool reads[COLUMNS], writes[TX];
  [[unroll]] for (int c = 0; c < COLUMNS; c++)
    reads[c] = x + c >= 0 && x + c < w;
  [[unroll]] for (int c = 0; c < TX; c++)
    writes[c] = to_x + c >= 0 && to_x + c < across && item < tiles;

  vec4 taps[TAPS], sums[ROWS][TX];
  [[unroll]] for (int t = 0; t < TAPS; t++)
    taps[t] = LOAD (weights, channels * TAPS + first_tap + t * step);
  [[unroll]] for (int r = 0; r < ROWS; r++)
    [[unroll]] for (int c = 0; c < TX; c++)
      sums[r][c] = vec4 (0.);

  const Tail own = load_tail (uint (channels), planes);
  const int top = max (target_y + tile_y * rows, 0);
  for (; to_y < end; to_y += UP)
    {
      [[unroll]] for (int i = 0; i < STRIDE; i++)
        {
          vec4 row[COLUMNS];
          bool inside = y >= 0 && y < h;

          [[unroll]] for (int c = 0; c < COLUMNS; c++)
            {
              bool reading = inside && reads[c];
              vec4 v = LOAD (source, reading ? from + c : 0);
              row[c] = reading ? v : vec4 (0.);
            }
          [[unroll]] for (int r = 0; r < ROWS; r++)
            {
              int dy = UP > 1 ? r : i + STRIDE * (LEAD - r);

              if (dy < KERNEL)
                [[unroll]] for (int c = 0; c < TX; c++)
                  [[unroll]] for (int dx = 0; dx < KERNEL; dx++)
                    if (UP == 1)
                      sums[r][c] += taps[dy * KERNEL + dx] * row[c * STRIDE + dx];
                    else if ((c + (LEAD + 1) * UP - dx) % UP == 0)
                      sums[r][c] += taps[dy * KERNEL + dx] * row[(c + LEAD * UP - dx) / UP];
            }
          y++;
          from += w;
        }

      [[unroll]] for (int u = 0; u < UP; u++)
        if (to_y + u >= top && to_y + u < down)
          [[unroll]] for (int c = 0; c < TX; c++)
            {
              int item = writes[c] ? to + u * across + c : 0;
              vec4 v = apply_tail (own, sums[u][c], uint (item));

              if (writes[c])
                target[item] = v;
            }
      to += UP * across;

      [[unroll]] for (int r = 0; r < ROWS; r++)
        [[unroll]] for (int c = 0; c < TX; c++)
          sums[r][c] = r + UP < ROWS ? sums[min (r + UP, ROWS - 1)][c] : vec4 (0.);
    }
}
