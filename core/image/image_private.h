/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the image room's files share. */

#include "image.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* The most pixels that a file may ask for: a few bytes of PNG can claim any size. */
#define CNN_MAX_PIXELS ((gint64) 1 << 27)

/* The bytes of a regular file. CNN_ERROR_FILE with the path. Transfer full. */
guint8 *cnn_file_read (const char *path, gsize *size, GError **error);
/* The same of a file or a pipe, of which up to 512 MB are read; "-" is the standard input.
 * CNN_ERROR_CANCELLED also while it waits. */
guint8 *cnn_file_read_photo (const char *path, GCancellable *cancellable, gsize *size,
                             GError **error);

/* An image for a file that claims this size; CNN_ERROR_FILE with the path where that is absurd. */
CnnImage *cnn_image_new_for_file (const char *path, guint32 width, guint32 height, int channels,
                                  GError **error);

/* Decoders of a whole file in memory; `path` is for messages. Transfer full. */
CnnArray *cnn_npy_decode (const guint8 *data, gsize size, const char *path, GError **error);
gboolean cnn_npy_is_data (const guint8 *data, gsize size);
CnnImage *cnn_png_decode (const guint8 *data, gsize size, const char *path, GError **error);
CnnImage *cnn_jpeg_decode (const guint8 *data, gsize size, const char *path, GError **error);

/* Values of 0…1 as 0…255, to nearest; out of range is clipped, NaN is 0. */
static inline guint8
cnn_to_byte (float value)
{
  float scaled = value * 255.0f + 0.5f;

  if (!(scaled > 0.0f))
    return 0;
  return scaled >= 255.0f ? 255 : (guint8) scaled;
}

void cnn_to_bytes (const float *values, gsize count, guint8 *bytes);
void cnn_from_bytes (const guint8 *bytes, gsize count, float *values);

/* matplotlib's own tables, 256 entries of R, G, B in millionths. */
extern const guint32 cnn_viridis_data[256][3];
extern const guint32 cnn_inferno_data[256][3];
extern const guint32 cnn_turbo_data[256][3];

G_END_DECLS
