/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image.h"

#include "error.h"
#include "image_private.h"
#include "timing.h"

#include <png.h>
#include <setjmp.h>
#include <string.h>
#include <zlib.h>

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

/* What the simplified API does not let one choose: Paeth's filter and runs alone are four to nine
 * times as fast as what it does, and a photograph's file is of the same size. */
typedef struct
{
  png_structp png;
  png_infop info;
  GByteArray *file;
  guint8 *row;
  char message[128];
} Writer;

static void
on_error (png_structp png, png_const_charp message)
{
  Writer *writer = png_get_error_ptr (png);

  g_strlcpy (writer->message, message, sizeof writer->message);
  png_longjmp (png, 1);
}

static void
ignore_warning (png_structp png, png_const_charp message)
{
  (void) png;
  (void) message;
}

static void
on_data (png_structp png, png_bytep data, png_size_t size)
{
  Writer *writer = png_get_io_ptr (png);

  g_byte_array_append (writer->file, data, (guint) size);
}

/* FALSE with a message. Without a local that is owned, since longjmp leaves it behind. */
static gboolean
write_rows (Writer *writer, const CnnImage *image)
{
  static const int types[] = { PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GA, PNG_COLOR_TYPE_RGB,
                               PNG_COLOR_TYPE_RGBA };
  png_structp png = writer->png;

  if (setjmp (png_jmpbuf (png)))
    return FALSE;
  png_set_write_fn (png, writer, on_data, NULL);
  png_set_IHDR (png, writer->info, (png_uint_32) image->width, (png_uint_32) image->height, 8,
                types[image->channels - 1], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                PNG_FILTER_TYPE_DEFAULT);
  png_set_sRGB (png, writer->info, PNG_sRGB_INTENT_PERCEPTUAL);
  png_set_filter (png, PNG_FILTER_TYPE_BASE, PNG_FILTER_PAETH);
  png_set_compression_strategy (png, Z_RLE);
  png_write_info (png, writer->info);
  for (int y = 0; y < image->height; y++)
    {
      gsize count = (gsize) image->width * image->channels;

      cnn_to_bytes (image->pixels + y * count, count, writer->row);
      png_write_row (png, writer->row);
    }
  png_write_end (png, writer->info);
  return TRUE;
}

gboolean
cnn_image_save_png (const CnnImage *image, const char *path, GError **error)
{
  g_autoptr (GByteArray) file = g_byte_array_new ();
  g_autofree guint8 *row = g_malloc ((gsize) image->width * image->channels);
  Writer writer = { .file = file, .row = row, .message = "no memory" };
  gint64 start = cnn_timing_start ();
  gboolean done = FALSE;

  writer.png = png_create_write_struct (PNG_LIBPNG_VER_STRING, &writer, on_error, ignore_warning);
  writer.info = writer.png != NULL ? png_create_info_struct (writer.png) : NULL;
  if (writer.info != NULL)
    done = write_rows (&writer, image);
  png_destroy_write_struct (&writer.png, &writer.info);
  cnn_timing_stop (start, "packing a PNG");
  if (done)
    return cnn_file_write (path, file->data, file->len, error);
  g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s cannot be written: %s", path, writer.message);
  return FALSE;
}
