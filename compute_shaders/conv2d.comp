#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Convolution as a matrix product. A lane holds CONV2D_TILE_VECTORS pixels and all of a tile's output
 * channels; weights are loaded once a subgroup and passed round by shuffle. One flat loop over
 * (tap, four input channels). */
#extension GL_GOOGLE_include_directive : enable
#extension GL_KHR_shader_subgroup_basic : enable
#extension GL_KHR_shader_subgroup_shuffle : enable
#extension GL_EXT_control_flow_attributes : enable
#include "activation.glsl"
#include "conv2d_params.h"

layout (constant_id = 0) const uint LANES = 8;
layout (constant_id = 1) const uint MODE = CONV2D_WINDOW;
layout (constant_id = 2) const uint ACTIVATION = 0;
layout (constant_id = 3) const uint AFFINE = 1;
layout (local_size_x_id = 0) in;

layout (set = 0, binding = 0, rgba32f) readonly uniform imageBuffer source;
/* [channel tile][tap][input plane][channel] */
layout (set = 0, binding = 1, rgba32f) readonly uniform imageBuffer weights;
layout (set = 0, binding = 2, rgba32f) readonly uniform imageBuffer affine;
layout (set = 0, binding = 3) writeonly buffer Target { vec4 target[]; };
#include "epilogue.glsl"

#define TM CONV2D_TILE_CHANNELS
#define TN CONV2D_TILE_VECTORS
const uint LOADS = (TM + LANES - 1) / LANES;

void
main ()
{
  const uint lane = gl_LocalInvocationID.x;
  const uint pixels = out_h * out_w, plane = in_h * in_w, planes = in_planes;
  const uint z = zero, w = in_w, kw = kernel_w;
  const int h_end = int (in_h * (MODE == CONV2D_SPREAD ? up_y : 1));
  const int w_end = int (in_w * (MODE == CONV2D_SPREAD ? up_x : 1));
  const int step_y = int (dilation_y), step_x = int (dilation_x);
  const uint first = gl_WorkGroupID.x * TM;
  const uint picture = gl_WorkGroupID.z * planes * plane;

  float acc[TM][TN];
  [[unroll]] for (int m = 0; m < TM; m++)
    [[unroll]] for (int j = 0; j < TN; j++)
      acc[m][j] = 0.;

  int y[TN], x[TN];
  uint flat_pixel[TN];
  [[unroll]] for (int j = 0; j < TN; j++)
    {
      uint p = min (gl_WorkGroupID.y * (LANES * TN) + uint (j) * LANES + lane, pixels - 1);
      flat_pixel[j] = p;
      y[j] = int (p / out_w * stride_y) - before_y;
      x[j] = int (p % out_w * stride_x) - before_x;
    }

  uint at = first * taps * planes + (lane & (TM - 1));
  const uint end = (first + TM) * taps * planes;
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
              if (MODE == CONV2D_SPREAD)
                {
                  int qy = sy / int (up_y), qx = sx / int (up_x);
                  inside = inside && qy * int (up_y) == sy && qx * int (up_x) == sx;
                  sy = qy;
                  sx = qx;
                }
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
    }

  [[unroll]] for (int m4 = 0; m4 < TM / 4; m4++)
    {
      uint out_plane = first / 4 + uint (m4);
      if (out_plane < out_planes)
        {
          [[unroll]] for (int j = 0; j < TN; j++)
            {
              vec4 v = vec4 (acc[4 * m4][j], acc[4 * m4 + 1][j], acc[4 * m4 + 2][j],
                             acc[4 * m4 + 3][j]);
              if (AFFINE != 0)
                v = epilogue (v, out_plane, out_planes);
              if (gl_WorkGroupID.y * (LANES * TN) + uint (j) * LANES + lane < pixels)
                target[(gl_WorkGroupID.z * out_planes + out_plane) * pixels + flat_pixel[j]] = v;
            }
        }
    }
}
