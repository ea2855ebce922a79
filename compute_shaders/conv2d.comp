#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Convolution as a matrix product. A lane holds TN pixels and all TM output channels of a tile; weights
 * are loaded once a subgroup and passed round by shuffle. One flat loop over (tap, four input
 * channels). CONV2D_SPREAD is a dense convolution for each phase, by those taps that meet it. */
#extension GL_GOOGLE_include_directive : enable
#extension GL_KHR_shader_subgroup_basic : enable
#extension GL_KHR_shader_subgroup_shuffle : enable
#extension GL_EXT_control_flow_attributes : enable
#include "activation.glsl"
#include "conv2d_params.h"

layout (constant_id = 0) const uint LANES = 8;
layout (constant_id = 1) const uint MODE = CONV2D_WINDOW;
layout (constant_id = 2) const uint ACTIVATION = 0;
layout (constant_id = 3) const uint TM = CONV2D_TILE_CHANNELS;
layout (constant_id = 4) const uint TN = CONV2D_TILE_VECTORS;
layout (local_size_x_id = 0) in;

layout (set = 0, binding = 0, rgba32f) readonly uniform imageBuffer source;
/* [channel tile][tap][input plane][channel] */
layout (set = 0, binding = 1, rgba32f) readonly uniform imageBuffer weights;
layout (set = 0, binding = 2, rgba32f) readonly uniform imageBuffer affine;
layout (set = 0, binding = 3) writeonly buffer Target { vec4 target[]; };
#include "conv2d_epilogue.glsl"

const uint LOADS = (TM + LANES - 1) / LANES;

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

void
main ()
{
  const uint lane = gl_LocalInvocationID.x;
  const uint plane = in_h * in_w, planes = in_planes;
  const uint z = zero, w = in_w;
  const int h_end = int (in_h), w_end = int (in_w);
  const int step_y = int (dilation_y), step_x = int (dilation_x);
  const uint first = gl_WorkGroupID.x * TM;
  uint tile = gl_WorkGroupID.y, across = out_w, pixels = out_h * out_w, kw = kernel_w;
  uint first_tap = 0, span = taps, skip_x = 0, skip_y = 0; /* taps walked over */
  int start_y = -before_y, start_x = -before_x, phase_y = 0, phase_x = 0;

  if (MODE == CONV2D_SPREAD)
    {
      /* neighbouring workgroups have different phases: the work is even along the grid */
      int phases_y = min (up_y, int (out_h)), phases_x = min (up_x, int (out_w));
      int number = int (tile) % (phases_y * phases_x), kernel_h = int (taps / kernel_w);

      tile /= uint (phases_y * phases_x);
      phase_y = number / phases_x;
      phase_x = number % phases_x;
      Phase v = phase_of (phase_y, kernel_h, before_y, up_y, every_y, inverse_y, step_y);
      Phase h = phase_of (phase_x, int (kw), before_x, up_x, every_x, inverse_x, step_x);
      start_y = v.start;
      start_x = h.start;
      across = uint ((int (out_w) - phase_x + up_x - 1) / up_x);
      pixels = uint ((int (out_h) - phase_y + up_y - 1) / up_y) * across;
      first_tap = uint (v.first) * kw + uint (h.first);
      span = h.taps > 0 ? uint (v.taps * every_y) * kw : 0;
      skip_x = uint (every_x - 1) * planes * TM;
      skip_y = uint (every_y * int (kw) - h.taps * every_x) * planes * TM;
      kw = uint (h.taps);
    }
  const uint picture = gl_WorkGroupID.z * planes * plane;

  float acc[TM][TN];
  [[unroll]] for (int m = 0; m < TM; m++)
    [[unroll]] for (int j = 0; j < TN; j++)
      acc[m][j] = 0.;

  int y[TN], x[TN];
  uint flat_pixel[TN];
  [[unroll]] for (int j = 0; j < TN; j++)
    {
      uint p = min (tile * (LANES * TN) + uint (j) * LANES + lane, pixels - 1);
      uint row = p / across, column = p - row * across;
      flat_pixel[j] = p;
      y[j] = int (row * stride_y) + start_y;
      x[j] = int (column * stride_x) + start_x;
    }

  uint at = (first * taps + first_tap * TM) * planes + (lane & (TM - 1));
  const uint end = (first * taps + (first_tap + span) * TM) * planes;
  uint base = picture, k4 = 0, tap_x = 0;
  int dy = 0, dx = 0;
  for (; at < end; at += TM)
    {
      vec4 a[LOADS], b[TN];

      [[unroll]] for (int j = 0; j < TN; j++)
        {
          if (MODE == CONV2D_POINTWISE)
            b[j] = imageLoad (source, int (base + flat_pixel[j]));
          else
            {
              int sy = y[j] + dy, sx = x[j] + dx;
              bool inside = sy >= 0 && sy < h_end && sx >= 0 && sx < w_end;
              vec4 v = imageLoad (source, int (inside ? base + uint (sy) * w + uint (sx) : 0u));
              b[j] = inside ? v : vec4 (0.);
            }
        }
      [[unroll]] for (int i = 0; i < LOADS; i++)
        a[i] = imageLoad (weights, int (at + uint (i) * LANES));

      [[unroll]] for (int m = 0; m < TM; m++)
        {
          vec4 s;
          [[unroll]] for (int c = 0; c < 4; c++)
            s[c] = subgroupShuffle (a[uint (m) / LANES][c], uint (m) % LANES + z);
          [[unroll]] for (int j = 0; j < TN; j++)
            /* four products first: a quarter of the roundings of the long sum */
            acc[m][j] += (s.x * b[j].x + s.y * b[j].y) + (s.z * b[j].z + s.w * b[j].w);
        }

      base += plane;
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

  if (MODE == CONV2D_SPREAD)
    [[unroll]] for (int j = 0; j < TN; j++)
      {
        uint row = flat_pixel[j] / across, column = flat_pixel[j] - row * across;
        flat_pixel[j] = (row * uint (up_y) + uint (phase_y)) * out_w + column * uint (up_x)
                        + uint (phase_x);
      }
  [[unroll]] for (int m4 = 0; m4 < TM / 4; m4++)
    {
      uint out_plane = first / 4 + uint (m4);
      if (out_plane < out_planes)
        {
          Epilogue e = load_epilogue (out_plane, out_planes);

          [[unroll]] for (int j = 0; j < TN; j++)
            {
              vec4 v = vec4 (acc[4 * m4][j], acc[4 * m4 + 1][j], acc[4 * m4 + 2][j],
                             acc[4 * m4 + 3][j]);
              v = apply_epilogue (e, v);
              if (tile * (LANES * TN) + uint (j) * LANES + lane < pixels)
                target[(gl_WorkGroupID.z * out_planes + out_plane) * out_h * out_w
                       + flat_pixel[j]] = v;
            }
        }
    }
}
