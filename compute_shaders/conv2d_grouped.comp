#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Grouped convolution, one channel at a time: groups of any size, not on four-channel borders. */
#extension GL_GOOGLE_include_directive : enable
#include "conv2d_grouped_params.h"
#include "flat.glsl"
#include "tail.glsl"

layout (constant_id = CONV2D_GROUPED_BACKWARD) const uint BACKWARD = 0;

layout (set = 0, binding = CONV2D_GROUPED_SOURCE) readonly buffer Source { float source[]; };
/* Keras' kernel (kernel_h, kernel_w, in_c / groups, out_c) */
layout (set = 0, binding = CONV2D_GROUPED_WEIGHTS) readonly buffer Weights { float weights[]; };
layout (set = 0, binding = CONV2D_GROUPED_TARGET) writeonly buffer Target { vec4 target[]; };

uint
element (uint n, uint c, uint channels, uint y, uint x, uint h, uint w)
{
  return (((n * ((channels + 3) / 4) + c / 4) * h + y) * w + x) * 4 + c % 4;
}

float
forward (uint n, uint oc, uint y, uint x)
{
  uint in_group = in_c / groups, first = oc / (out_c / groups) * in_group;
  float sum = 0.;

  for (uint t = 0; t < kernel_h * kernel_w; t++)
    {
      int sy = int (y * stride_y + t / kernel_w * dilation_y) - before_y;
      int sx = int (x * stride_x + t % kernel_w * dilation_x) - before_x;
      if (sy >= 0 && sy < int (in_h) && sx >= 0 && sx < int (in_w))
        for (uint i = 0; i < in_group; i++)
          sum += source[element (n, first + i, in_c, uint (sy), uint (sx), in_h, in_w)]
                 * weights[(t * in_group + i) * out_c + oc];
    }
  return sum;
}

float
backward (uint n, uint ic, uint y, uint x)
{
  uint in_group = in_c / groups, out_group = out_c / groups, first = ic / in_group * out_group;
  float sum = 0.;

  for (uint t = 0; t < kernel_h * kernel_w; t++)
    {
      int sy = int (y) + before_y - int (t / kernel_w * dilation_y);
      int sx = int (x) + before_x - int (t % kernel_w * dilation_x);
      int oy = sy / int (stride_y), ox = sx / int (stride_x);
      if (sy >= 0 && sx >= 0 && oy * int (stride_y) == sy && ox * int (stride_x) == sx
          && oy < int (out_h) && ox < int (out_w))
        for (uint o = 0; o < out_group; o++)
          sum += source[element (n, first + o, out_c, uint (oy), uint (ox), out_h, out_w)]
                 * weights[(t * in_group + ic % in_group) * out_c + first + o];
    }
  return sum;
}

void
main ()
{
  const uint item = flat_item ();
  const uint h = BACKWARD != 0 ? in_h : out_h, w = BACKWARD != 0 ? in_w : out_w;
  const uint channels = BACKWARD != 0 ? in_c : out_c, planes = (channels + 3) / 4;
  if (item >= items)
    return;

  uint x = item % w, y = item / w % h, plane = item / (w * h) % planes, n = item / (w * h * planes);
  vec4 v = vec4 (0.);
  for (uint i = 0; i < 4; i++)
    if (plane * 4 + i < channels)
      v[i] = BACKWARD != 0 ? backward (n, plane * 4 + i, y, x) : forward (n, plane * 4 + i, y, x);
  target[item] = apply_tail (load_tail (plane, planes), v, item);
}
