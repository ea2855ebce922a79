#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Convolution as a matrix product, pixels by output channels, of which a workgroup makes a tile. One
 * side of the tile lies along the lanes, WIDE vectors of it; the NARROW rows of the other are loaded
 * once a subgroup and passed round by shuffle. One flat loop over (tap, four input channels).
 * Where channels lie along the lanes, lane l is passed row l ^ n as its nth: between four lanes that
 * takes a software driver one instruction, where a broadcast takes it two or three.
 * CONV2D_SPREAD is a dense convolution for each phase, by those taps that meet it. */
#extension GL_GOOGLE_include_directive : enable
#extension GL_KHR_shader_subgroup_basic : enable
#extension GL_KHR_shader_subgroup_shuffle : enable
#extension GL_EXT_control_flow_attributes : enable
#include "conv2d_params.h"
#include "tail.glsl"

layout (constant_id = CONV2D_LANES) const uint LANES = 8;
layout (constant_id = CONV2D_MODE) const uint MODE = CONV2D_WINDOW;
layout (constant_id = CONV2D_CHANNELS_IN_LANES) const bool CHANNELS_IN_LANES = true;
layout (constant_id = CONV2D_NARROW) const uint NARROW = 28;
layout (constant_id = CONV2D_WIDE) const uint WIDE = 4;
layout (local_size_x_id = CONV2D_LANES) in;

VECTORS (CONV2D_SOURCE, source);
/* [channel tile][tap][input plane][channel of the tile] */
VECTORS (CONV2D_WEIGHTS, weights);
layout (set = 0, binding = CONV2D_TARGET) writeonly buffer Target { vec4 target[]; };

const uint CHANNELS = CHANNELS_IN_LANES ? WIDE * LANES : NARROW;
/* Weights are packed by tiles of channels, of which a workgroup makes one or several. */
const uint PACKED = CHANNELS < CONV2D_TILE_CHANNELS ? CHANNELS : CONV2D_TILE_CHANNELS;
const uint PIXELS = CHANNELS_IN_LANES ? NARROW : WIDE * LANES;
const uint NARROW_VECTORS = (NARROW + LANES - 1) / LANES;
const uint PIXEL_VECTORS = CHANNELS_IN_LANES ? NARROW_VECTORS : WIDE;
const uint WEIGHT_VECTORS = CHANNELS_IN_LANES ? WIDE : NARROW_VECTORS;
const uint WEIGHT_TILES = (CHANNELS + PACKED - 1) / PACKED;

/* How many pixels vector i of a tile has: as many as lanes, or in the last one a power of two from 4
 * on, which the lanes have again and again. */
uint
vector_length (uint i)
{
  return CHANNELS_IN_LANES ? min (NARROW - i * LANES, LANES) : LANES;
}

/* The taps of phase p: how many, which is the first, and its source row for the phase's pixel 0. */
struct Phase
{
  int taps, first, start;
};

Phase
phase_of (int p, int kernel, int before, int up, int every, int inverse, int dilation)
{
  int shared_part = up / every;
  int rest = before - p - (before - p) / up * up; /* that the distance of a tap leaves */
  Phase phase;

  rest += rest < 0 ? up : 0;
  phase.first = rest / shared_part * inverse % every;
  phase.taps = rest % shared_part == 0 ? max (kernel - phase.first + every - 1, 0) / every : 0;
  phase.start = (p - before + phase.first * shared_part * dilation) / up;
  return phase;
}

/* The output pixels that a workgroup's tile is one of: all, or those of a phase. */
struct Grid
{
  uint pixels, across;
  int phase_y, phase_x;
};

void
store (Grid grid, Tail t, uint out_plane, uint pixel, vec4 sum)
{
  uint item = pixel;

  if (MODE == CONV2D_SPREAD)
    {
      uint row = pixel / grid.across, column = pixel - row * grid.across;
      item = (row * uint (up_y) + uint (grid.phase_y)) * out_w + column * uint (up_x)
             + uint (grid.phase_x);
    }
  item += (gl_WorkGroupID.z * out_planes + out_plane) * out_h * out_w;
  if (pixel < grid.pixels && out_plane < out_planes)
    target[item] = apply_tail (t, sum, item);
}

vec4
shuffle (vec4 v, uint lane)
{
  return vec4 (subgroupShuffle (v.x, lane), subgroupShuffle (v.y, lane),
               subgroupShuffle (v.z, lane), subgroupShuffle (v.w, lane));
}

/* Lane l of four has channel l, and as v[n] that of pixel l ^ n; it comes to have pixel l, all four
 * channels. */
vec4
exchange (vec4 v)
{
  const uint lane = gl_SubgroupInvocationID;
  const bool odd = (lane & 1u) != 0, high = (lane & 2u) != 0;

  v = vec4 (v.x, subgroupShuffle (v.y, lane ^ 1u), subgroupShuffle (v.z, lane ^ 2u),
            subgroupShuffle (v.w, lane ^ 3u));
  v = odd ? v.yxwz : v;
  return high ? v.zwxy : v;
}

void
main ()
{
  const uint lane = gl_LocalInvocationID.x;
  const uint plane = in_h * in_w, planes = in_planes;
  const uint w = in_w;
  const int h_end = int (in_h), w_end = int (in_w);
  const int step_y = int (dilation_y), step_x = int (dilation_x);
  const uint first = gl_WorkGroupID.x * CHANNELS;
  uint tile = gl_WorkGroupID.y, kw = kernel_w;
  Grid grid = Grid (out_h * out_w, out_w, 0, 0);
  uint first_tap = 0, span = taps, skip_x = 0, skip_y = 0; /* taps walked over */
  int start_y = -before_y, start_x = -before_x;

  if (MODE == CONV2D_SPREAD)
    {
      /* neighbouring workgroups have different phases: the work is even along the grid */
      int phases_y = min (up_y, int (out_h)), phases_x = min (up_x, int (out_w));
      int number = int (tile) % (phases_y * phases_x), kernel_h = int (taps / kernel_w);

      tile /= uint (phases_y * phases_x);
      grid.phase_y = number / phases_x;
      grid.phase_x = number % phases_x;
      Phase v = phase_of (grid.phase_y, kernel_h, before_y, up_y, every_y, inverse_y, step_y);
      Phase h = phase_of (grid.phase_x, int (kw), before_x, up_x, every_x, inverse_x, step_x);
      start_y = v.start;
      start_x = h.start;
      grid.across = uint ((int (out_w) - grid.phase_x + up_x - 1) / up_x);
      grid.pixels = uint ((int (out_h) - grid.phase_y + up_y - 1) / up_y) * grid.across;
      first_tap = uint (v.first) * kw + uint (h.first);
      span = h.taps > 0 ? uint (v.taps * every_y) * kw : 0;
      skip_x = uint (every_x - 1) * planes * PACKED;
      skip_y = uint (every_y * int (kw) - h.taps * every_x) * planes * PACKED;
      kw = uint (h.taps);
    }
  const uint picture = gl_WorkGroupID.z * planes * plane;

  float acc[NARROW][WIDE];
  [[unroll]] for (int n = 0; n < NARROW; n++)
    [[unroll]] for (int v = 0; v < WIDE; v++)
      acc[n][v] = 0.;

  int y[PIXEL_VECTORS], x[PIXEL_VECTORS];
  uint flat_pixel[PIXEL_VECTORS];
  [[unroll]] for (int i = 0; i < PIXEL_VECTORS; i++)
    {
      uint within = uint (i) * LANES + lane % vector_length (uint (i));
      uint p = min (tile * PIXELS + within, grid.pixels - 1);
      uint row = p / grid.across, column = p - row * grid.across;
      flat_pixel[i] = p;
      y[i] = int (row * stride_y) + start_y;
      x[i] = int (column * stride_x) + start_x;
    }

  const uint matrix = gl_WorkGroupID.z * weights_step + first * taps * planes;
  uint at = matrix + first_tap * PACKED * planes + lane % PACKED;
  const uint end = matrix + (first_tap + span) * PACKED * planes;
  uint packed_tile[WEIGHT_TILES]; /* from the first one; where there is none, the first one again */
  [[unroll]] for (uint i = 0; i < WEIGHT_TILES; i++)
    packed_tile[i] = first + i * PACKED < out_planes * 4 ? i * PACKED * taps * planes : 0;
  uint base = picture, k4 = 0, tap_x = 0;
  int dy = 0, dx = 0;
  for (; at < end; at += PACKED)
    {
      vec4 narrow[NARROW_VECTORS], wide[WIDE];

      [[unroll]] for (int i = 0; i < PIXEL_VECTORS; i++)
        {
          vec4 v;

          if (MODE == CONV2D_POINTWISE)
            v = LOAD (source, base + flat_pixel[i]);
          else
            {
              int sy = y[i] + dy, sx = x[i] + dx;
              bool inside = sy >= 0 && sy < h_end && sx >= 0 && sx < w_end;
              v = LOAD (source, inside ? base + uint (sy) * w + uint (sx) : 0u);
              v = inside ? v : vec4 (0.);
            }
          if (CHANNELS_IN_LANES)
            narrow[i] = v;
          else
            wide[i] = v;
        }
      [[unroll]] for (int i = 0; i < WEIGHT_VECTORS; i++)
        {
          const uint within = uint (i) * LANES;
          vec4 v = LOAD (weights, at + packed_tile[within / PACKED] + within % PACKED);

          if (CHANNELS_IN_LANES)
            wide[i] = v;
          else
            narrow[i] = v;
        }

      [[unroll]] for (int n = 0; n < NARROW; n += 4)
        {
          const uint i = uint (n) / LANES, turn = uint (n) % LANES;
          vec4 far = narrow[i]; /* of the four lanes that have row l ^ n */

          if (CHANNELS_IN_LANES && LANES > 4)
            far = shuffle (far, gl_SubgroupInvocationID ^ turn);
          [[unroll]] for (int m = 0; m < 4; m++)
            {
              vec4 s = far;

              if (!CHANNELS_IN_LANES)
                s = shuffle (far, turn + m);
              else if (m != 0)
                s = shuffle (far, gl_SubgroupInvocationID ^ m);
              [[unroll]] for (int v = 0; v < WIDE; v++)
                /* four products first: a quarter of the roundings of the long sum */
                acc[n + m][v] +=
                    (s.x * wide[v].x + s.y * wide[v].y) + (s.z * wide[v].z + s.w * wide[v].w);
            }
        }

      base += plane;
      if (MODE != CONV2D_POINTWISE)
        {
          k4++;
          bool next_tap = k4 == planes;
          base = next_tap ? picture : base;
          k4 = next_tap ? 0 : k4;
          tap_x += next_tap ? 1 : 0;
          dx += next_tap ? step_x : 0;
          bool next_row = tap_x == kw;
          tap_x = next_row ? 0 : tap_x;
          dx = next_row ? 0 : dx;
          dy += next_row ? step_y : 0;
          if (MODE == CONV2D_SPREAD)
            at += (next_tap ? skip_x : 0) + (next_row ? skip_y : 0);
        }
    }

  if (CHANNELS_IN_LANES)
    [[unroll]] for (int v = 0; v < WIDE; v++)
      {
        const uint out_plane = (first + uint (v) * LANES + lane) / 4;
        const Tail t = load_tail (min (out_plane, out_planes - 1), out_planes);

        [[unroll]] for (int n = 0; n < NARROW; n += 4)
          {
            const uint i = uint (n) / LANES, row = (lane ^ uint (n) % LANES) % vector_length (i);

            store (grid, t, out_plane, tile * PIXELS + i * LANES + row,
                   exchange (vec4 (acc[n][v], acc[n + 1][v], acc[n + 2][v], acc[n + 3][v])));
          }
      }
  else
    [[unroll]] for (int n = 0; n < NARROW; n += 4)
      {
        const uint out_plane = (first + uint (n)) / 4;
        const Tail t = load_tail (min (out_plane, out_planes - 1), out_planes);

        [[unroll]] for (int v = 0; v < WIDE; v++)
          store (grid, t, out_plane, tile * PIXELS + uint (v) * LANES + lane,
                 vec4 (acc[n][v], acc[n + 1][v], acc[n + 2][v], acc[n + 3][v]));
      }
}
