/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image.h"

#include "error.h"
#include "image_private.h"

#include <png.h>
#include <string.h>

#define SIGNATURE_SIZE 8
#define CHUNK_FRAME 12 /* length, type, checksum */

static guint32
big_endian_32 (const guint8 *bytes)
{
  return (guint32) bytes[0] << 24 | (guint32) bytes[1] << 16 | (guint32) bytes[2] << 8 | bytes[3];
}

/* The file with nothing but its pixels. libpng's simplified API would apply gAMA, cHRM and
 * profiles, which Pillow, and so every Keras user, ignores; and text is of no use here. */
static GByteArray *
only_pixels (const guint8 *data, gsize size)
{
  static const char kept[][5] = { "IHDR", "PLTE", "tRNS", "IDAT", "IEND" };
  GByteArray *result = g_byte_array_sized_new ((guint) size);
  gsize at = SIGNATURE_SIZE;

  g_byte_array_append (result, data, SIGNATURE_SIZE);
  while (size - at >= CHUNK_FRAME)
    {
      gsize length = (gsize) big_endian_32 (data + at) + CHUNK_FRAME;

      /* The rest of a truncated file is for libpng to complain about. */
      length = MIN (length, size - at);
      for (gsize i = 0; i < G_N_ELEMENTS (kept); i++)
        if (memcmp (data + at + 4, kept[i], 4) == 0)
          g_byte_array_append (result, data + at, (guint) length);
      at += length;
    }
  return result;
}

CnnImage *
cnn_png_decode (const guint8 *data, gsize size, const char *path, GError **error)
{
  g_autoptr (GByteArray) pixels = only_pixels (data, size);
  g_autoptr (CnnImage) image = NULL;
  g_autofree guint8 *bytes = NULL;
  png_image png = { .version = PNG_IMAGE_VERSION };
  gsize count;
  int channels;

  if (!png_image_begin_read_from_memory (&png, pixels->data, pixels->len))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: damaged PNG: %s", path, png.message);
      return NULL;
    }

  png.format &= PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_ALPHA;
  png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  channels = (int) PNG_IMAGE_PIXEL_CHANNELS (png.format);
  image = cnn_image_new_for_file (path, png.width, png.height, channels, error);
  if (image == NULL)
    {
      png_image_free (&png);
      return NULL;
    }
  count = (gsize) png.width * png.height * channels;
  bytes = g_try_malloc (count);
  if (bytes == NULL)
    {
      png_image_free (&png);
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: no memory for a picture of %d×%d", path,
                   image->width, image->height);
      return NULL;
    }
  if (!png_image_finish_read (&png, NULL, bytes, 0, NULL))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: damaged PNG: %s", path, png.message);
      return NULL;
    }
  cnn_from_bytes (bytes, count, image->pixels);
  return g_steal_pointer (&image);
}

gboolean
cnn_image_save_png (const CnnImage *image, const char *path, GError **error)
{
  static const png_uint_32 formats[] = { PNG_FORMAT_GRAY, PNG_FORMAT_GA, PNG_FORMAT_RGB,
                                         PNG_FORMAT_RGBA };
  png_image png = { .version = PNG_IMAGE_VERSION,
                    .width = (png_uint_32) image->width,
                    .height = (png_uint_32) image->height,
                    .format = formats[image->channels - 1] };
  gsize count = (gsize) image->width * image->height * image->channels;
  g_autofree guint8 *bytes = g_try_malloc (count);
  g_autofree guint8 *file = NULL;
  png_alloc_size_t size = 0;

  if (bytes == NULL)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: no memory to write a picture of %d×%d",
                   path, image->width, image->height);
      return FALSE;
    }
  cnn_to_bytes (image->pixels, count, bytes);

  /* The size that no picture of this kind exceeds, so that it is compressed once only. */
  size = PNG_IMAGE_PNG_SIZE_MAX (png);
  file = g_try_malloc (size);
  if (file == NULL || !png_image_write_to_memory (&png, file, &size, 0, bytes, 0, NULL))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s cannot be written: %s", path,
                   file == NULL ? "no memory" : png.message);
      return FALSE;
    }
  return cnn_file_write (path, file, size, error);
}
