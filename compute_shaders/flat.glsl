/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernels over flat items: how an invocation finds its item. See cnn_flat_groups. */
#include "flat_params.h"

layout (local_size_x = FLAT_LOCAL) in;

uint
flat_item ()
{
  return gl_GlobalInvocationID.x + gl_GlobalInvocationID.y * (FLAT_GROUPS * FLAT_LOCAL);
}

/* a / b, by a division of floats, which a processor's vector unit has, and what that leaves over; for
 * quotients below 2^21. */
uint
quotient (uint a, uint b)
{
  uint q = uint (float (a) / float (b));
  int rest = int (a - q * b);

  return rest < 0 ? q - 1 : rest >= int (b) ? q + 1 : q;
}

/* a % b, with the same bound. */
uint
remainder_of (uint a, uint b)
{
  return a - quotient (a, b) * b;
}

/* The plane of a vec4 in a tensor of several pictures. */
uint
plane_of (uint item, uint pixels, uint planes)
{
  return remainder_of (quotient (item, pixels), planes);
}

/* Where a vec4 lies in planes of h by w. */
struct Place
{
  int plane, y, x;
};

Place
place_of (int item, int h, int w)
{
  const int plane = int (quotient (uint (item), uint (h * w))), pixel = item - plane * h * w;
  const int y = int (quotient (uint (pixel), uint (w)));

  return Place (plane, y, pixel - y * w);
}
