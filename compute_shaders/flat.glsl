/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernels over flat items: how an invocation finds its item. See cnn_flat_groups. */
#define FLAT_LOCAL 64
#define FLAT_GROUPS 32768u
layout (local_size_x = FLAT_LOCAL) in;

uint
flat_item ()
{
  return gl_GlobalInvocationID.x + gl_GlobalInvocationID.y * (FLAT_GROUPS * FLAT_LOCAL);
}
