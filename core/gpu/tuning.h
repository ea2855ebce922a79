/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What is chosen for speed alone, by kind of device or by the shape of the work, with what was
 * measured. No other file asks what a device is, and none has such a figure of its own. What the
 * parts of a tile are stands in the shader that has them. */

#include "gpu.h"

G_BEGIN_DECLS

/* --- By kind of device --- */

typedef struct
{
  const char *kind;
  /* which it is */
  gboolean software;             /* its kernels run on the processor; FALSE: or not */
  guint least_lanes, most_lanes; /* of a subgroup */
  gboolean repeated;             /* in commands that run often (cnn_commands_set_repeated); FALSE:
                                  * or not */
  /* what it gets */
  gboolean reads_storage; /* kernels read vectors from storage buffers, not from texel buffers */
  guint pixels;           /* of a tile of conv2d, whose channels lie along the lanes; 0: its
                           * pixels do, `vectors` of them */
  guint two_tiles;        /* with pixels: a tile has twice the channels, where that adds so many
                           * per cent of empty ones at most; 0: never */
  guint vectors, few_vectors; /* the latter where the tile has few channels, as a picture has */
} CnnTuning;

/* The first kind that fits. Transfer none. */
const CnnTuning *cnn_tuning_find (gboolean software, guint lanes, gboolean repeated);
const CnnTuning *cnn_device_tuning (const CnnDevice *device, gboolean repeated);

/* --- By shape --- */

/* When Winograd's convolution is taken in place of conv2d. */
typedef struct
{
  int size;           /* pixels along the side of a tile */
  int least_channels; /* of input and output */
  int least_tiles;    /* of a map */
} CnnWinogradTuning;
#define CNN_N_WINOGRAD_TUNINGS 2
extern const CnnWinogradTuning cnn_winograd_tunings[CNN_N_WINOGRAD_TUNINGS]; /* best first */
/* Bytes of its weights, which are one binding: more is too much for some devices. */
#define CNN_WINOGRAD_MOST_BYTES ((gint64) 128 << 20)
/* Bytes of transformed tiles at a time. More are not faster, much less read all weights again for a
 * few tiles. */
#define CNN_WINOGRAD_CHUNK_BYTES ((gsize) 8 << 20)

/* Rows of a tile of a depthwise convolution. */
#define CNN_DEPTHWISE_TILE_ROWS 32

G_END_DECLS
