/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Pictures on the host: files, resizing, colormaps. */

#include "array.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* sRGB-encoded values in 0…1, row-major, interleaved. Channels: 1 gray, 2 gray+alpha, 3 RGB,
 * 4 RGB+alpha, alpha straight. Reference counted. */
typedef struct
{
  int width, height, channels;
  float *pixels;
  gatomicrefcount references;
} CnnImage;

CnnImage *cnn_image_new (int width, int height, int channels, GError **error);
CnnImage *cnn_image_ref (CnnImage *image);
void cnn_image_unref (CnnImage *image);

/* Copies `part` to (x, y) of `image`, in which it must lie whole; both of the same channels. */
void cnn_image_paste (CnnImage *image, const CnnImage *part, int x, int y);

/* PNG or JPEG, told by the first bytes; JPEG with its EXIF orientation applied, gAMA and profiles
 * ignored (as Pillow). CNN_ERROR_FILE with the path. Transfer full. */
CnnImage *cnn_image_load (const char *path, GError **error);
/* 8-bit PNG of the image's channels. Written whole or not at all. */
gboolean cnn_image_save_png (const CnnImage *image, const char *path, GError **error);

/* The name of the standard input among photographs. */
#define CNN_STANDARD_INPUT "-"

/* Either of the two, by the first bytes; a damaged .npy by its name. The path may be a pipe, of
 * which at most 512 MB are read, or "-", the standard input. Waits for a pipe until there is
 * something, its end, or CNN_ERROR_CANCELLED. cancellable: may be NULL. One of photo, array is
 * set: transfer full. */
gboolean cnn_photo_load (const char *path, GCancellable *cancellable, CnnImage **photo,
                         CnnArray **array, GError **error);

/* NumPy's .npy, versions 1 to 3, little-endian float32, float64, float16 and uint8, C order; read
 * as float32. */
CnnArray *cnn_npy_load (const char *path, GError **error);
/* Whether the file is one by its first bytes; a damaged one by its name. */
gboolean cnn_npy_is (const char *path);
/* float32, version 1. Written whole or not at all. */
gboolean cnn_npy_save (const CnnArray *array, const char *path, GError **error);

/* Replaces the file by one that holds `data`, whole or not at all: a hidden file without a suffix
 * beside it gets its name when it is whole. A symbolic link stays one, what it points at is
 * replaced; the mode of a file that is replaced is kept. A device or a pipe is written to.
 * CNN_ERROR_FILE with the path. */
gboolean cnn_file_write (const char *path, gconstpointer data, gsize size, GError **error);
/* The path of the file that would be written, there or not: behind symbolic links. Transfer full.
 */
char *cnn_file_target (const char *path);
/* For a process that ends at once: removes what is being written, and nothing more is. */
void cnn_file_stop (void);

/* The image without alpha, composed over background (R, G, B in 0…1; NULL: white): 1 channel → 1,
 * else 3. Here and below an image that is so already is given back itself: transfer full, not to be
 * changed. */
CnnImage *cnn_image_flatten (const CnnImage *image, const float background[3], GError **error);
/* 3 channels from 1, or 1 from 3 by Pillow's "L" (R·19595 + G·38470 + B·7471 + 0x8000 >> 16, on
 * 8-bit values). */
CnnImage *cnn_image_convert (const CnnImage *image, int channels, GError **error);

typedef enum
{
  CNN_RESIZE_BILINEAR, /* Pillow's BILINEAR, antialiased */
  CNN_RESIZE_BICUBIC,  /* Pillow's BICUBIC (a = −0.5), antialiased */
  CNN_RESIZE_NEAREST,
  CNN_RESIZE_AREA /* Pillow's BOX */
} CnnResizeFilter;

/* Pillow's Image.resize of an 8-bit picture, to the bit: values are rounded to 8 bits first, and
 * after each pass. The same size gives the picture rounded to 8 bits. 1 or 3 channels. */
CnnImage *cnn_image_resize (const CnnImage *image, int width, int height, CnnResizeFilter resize,
                            GError **error);
/* The same as its (height, width, C) bytes. Transfer full. */
guint8 *cnn_image_resize_bytes (const CnnImage *image, int width, int height,
                                CnnResizeFilter resize, GError **error);
/* A smooth enlargement of a (h, w) map, bicubic (a = −0.5) with half-pixel centres, edges clamped,
 * the result clamped to the map's own range. Transfer full: (height, width). */
CnnArray *cnn_map_resize (const CnnArray *map, int width, int height, GError **error);

typedef enum
{
  CNN_COLORMAP_JET,
  CNN_COLORMAP_VIRIDIS,
  CNN_COLORMAP_INFERNO,
  CNN_COLORMAP_TURBO,
  CNN_COLORMAP_GRAY
} CnnColormap;

/* matplotlib's colour of entry 0…255: sRGB in 0…1. */
void cnn_colormap_color (CnnColormap colormap, int entry, float rgb[3]);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnImage, cnn_image_unref)

G_END_DECLS
