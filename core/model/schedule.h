/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/* Room in the arena for the steps first…last, both included. */
typedef struct
{
  gsize bytes;
  int first, last;
  gsize offset; /* set by cnn_memory_place */
} CnnSpan;

#define CNN_FOREVER G_MAXINT

/* Places spans so that those alive at one step do not overlap: largest first, each at the lowest
 * free offset (a multiple of `alignment`). Gives the arena's size in bytes. */
gsize cnn_memory_place (CnnSpan *spans, guint n, gsize alignment);
