/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image.h"

#include "error.h"
#include "image_private.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

/* A progressive file may repeat its scans without end, each of which costs time by the picture's
 * size and a few bytes of the file; no honest one has this many, or this many of a huge picture. */
#define MAX_SCANS 200
#define HONEST_SCANS 20
#define MAX_SCANNED_PIXELS ((gint64) 1 << 31)
#define EXIF_MARKER (JPEG_APP0 + 1)
#define EXIF_ORIENTATION 0x0112

/* Everything that lives while libjpeg may longjmp; nothing there cleans up after itself. */
typedef struct
{
  struct jpeg_decompress_struct jpeg;
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  jmp_buf failed;
  char message[JMSG_LENGTH_MAX];
  guint8 *row;
  int orientation;
} JpegReader;

static void
on_error (j_common_ptr jpeg)
{
  JpegReader *reader = jpeg->client_data;

  reader->errors.format_message (jpeg, reader->message);
  longjmp (reader->failed, 1);
}

/* libjpeg fills the rest of a truncated picture with gray and only warns. */
static void
on_message (j_common_ptr jpeg, int level)
{
  if (level < 0 && jpeg->err->msg_code == JWRN_JPEG_EOF)
    on_error (jpeg);
}

static void
ignore_message (j_common_ptr jpeg)
{
  (void) jpeg;
}

static void
on_progress (j_common_ptr jpeg)
{
  JpegReader *reader = jpeg->client_data;
  const int scans = reader->jpeg.input_scan_number;
  const gint64 pixels = (gint64) reader->jpeg.image_width * reader->jpeg.image_height;

  if (scans > MAX_SCANS || (scans > HONEST_SCANS && scans * pixels > MAX_SCANNED_PIXELS))
    {
      g_strlcpy (reader->message, "too many scans", sizeof reader->message);
      longjmp (reader->failed, 1);
    }
}

static guint32
exif_number (const guint8 *bytes, int size, gboolean big_endian)
{
  guint32 value = 0;

  for (int i = 0; i < size; i++)
    value |= (guint32) bytes[i] << 8 * (big_endian ? size - 1 - i : i);
  return value;
}

/* The orientation tag (1…8) in the first directory of an EXIF block; 1 where there is none. */
static int
exif_orientation (const guint8 *data, gsize size)
{
  gboolean big_endian;
  guint32 at, entries;

  if (size < 14 || memcmp (data, "Exif\0\0", 6) != 0)
    return 1;
  data += 6;
  size -= 6;
  big_endian = data[0] == 'M';
  at = exif_number (data + 4, 4, big_endian);
  if (at > size - 2)
    return 1;
  entries = exif_number (data + at, 2, big_endian);
  at += 2;
  for (guint32 i = 0; i < entries && size - at >= 12; i++, at += 12)
    if (exif_number (data + at, 2, big_endian) == EXIF_ORIENTATION)
      {
        guint32 orientation = exif_number (data + at + 8, 2, big_endian);
        return orientation >= 1 && orientation <= 8 ? (int) orientation : 1;
      }
  return 1;
}

/* A row of the file as floats. CMYK comes inverted, as Photoshop writes it and Pillow assumes. */
static void
convert_row (const guint8 *row, int width, int components, float *pixels)
{
  if (components != 4)
    {
      cnn_from_bytes (row, (gsize) width * components, pixels);
      return;
    }
  for (int x = 0; x < width; x++)
    for (int c = 0; c < 3; c++)
      {
        guint32 product = (255u - row[4 * x + c]) * row[4 * x + 3] + 128;
        int value = row[4 * x + 3] - (int) (((product >> 8) + product) >> 8);

        pixels[3 * x + c] = (float) MAX (value, 0) / 255.0f;
      }
}

/* Reads the picture as it lies in the file. FALSE: libjpeg's message is in reader->message, or
 * error is set. Without a local that is owned, since longjmp leaves it behind. */
static gboolean
read_pixels (JpegReader *reader, const guint8 *data, gsize size, const char *path, CnnImage **image,
             GError **error)
{
  struct jpeg_decompress_struct *jpeg = &reader->jpeg;

  if (setjmp (reader->failed))
    return FALSE;

  jpeg_create_decompress (jpeg);
  jpeg->progress = &reader->progress;
  jpeg_mem_src (jpeg, data, (unsigned long) size);
  jpeg_save_markers (jpeg, EXIF_MARKER, 0xffff);
  jpeg_read_header (jpeg, TRUE);
  for (jpeg_saved_marker_ptr marker = jpeg->marker_list; marker != NULL; marker = marker->next)
    if (marker->marker == EXIF_MARKER && reader->orientation == 1)
      reader->orientation = exif_orientation (marker->data, marker->data_length);

  if (jpeg->jpeg_color_space == JCS_YCCK || jpeg->jpeg_color_space == JCS_CMYK)
    jpeg->out_color_space = JCS_CMYK;
  else
    jpeg->out_color_space = jpeg->num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  *image = cnn_image_new_for_file (path, jpeg->image_width, jpeg->image_height,
                                   jpeg->num_components == 1 ? 1 : 3, error);
  if (*image == NULL)
    return FALSE;

  jpeg_start_decompress (jpeg);
  reader->row = g_malloc ((gsize) jpeg->output_width * jpeg->output_components);
  while (jpeg->output_scanline < jpeg->output_height)
    {
      gsize y = jpeg->output_scanline;

      jpeg_read_scanlines (jpeg, &reader->row, 1);
      convert_row (reader->row, (*image)->width, jpeg->output_components,
                   (*image)->pixels + y * (*image)->width * (*image)->channels);
    }
  jpeg_finish_decompress (jpeg);
  return TRUE;
}

/* EXIF's orientation n says where the file's first row and column belong. */
static CnnImage *
turn (const CnnImage *image, int orientation, GError **error)
{
  gboolean swapped = orientation >= 5;
  gboolean flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  gboolean flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  int width = image->width, height = image->height, channels = image->channels;
  CnnImage *turned =
      cnn_image_new (swapped ? height : width, swapped ? width : height, channels, error);

  if (turned == NULL)
    return NULL;
  for (int y = 0; y < turned->height; y++)
    for (int x = 0; x < turned->width; x++)
      {
        int from_x = swapped ? y : x, from_y = swapped ? x : y;

        from_x = flip_x ? width - 1 - from_x : from_x;
        from_y = flip_y ? height - 1 - from_y : from_y;
        memcpy (turned->pixels + ((gsize) y * turned->width + x) * channels,
                image->pixels + ((gsize) from_y * width + from_x) * channels,
                channels * sizeof (float));
      }
  return turned;
}

CnnImage *
cnn_jpeg_decode (const guint8 *data, gsize size, const char *path, GError **error)
{
  g_autofree JpegReader *reader = g_new0 (JpegReader, 1);
  g_autoptr (CnnImage) image = NULL;
  CnnImage *read = NULL;
  gboolean done;

  reader->orientation = 1;
  reader->jpeg.err = jpeg_std_error (&reader->errors);
  reader->jpeg.client_data = reader;
  reader->errors.error_exit = on_error;
  reader->errors.emit_message = on_message;
  reader->errors.output_message = ignore_message;
  reader->progress.progress_monitor = on_progress;

  done = read_pixels (reader, data, size, path, &read, error);
  image = read;
  jpeg_destroy_decompress (&reader->jpeg);
  g_free (reader->row);
  if (!done && reader->message[0] != '\0')
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: damaged JPEG: %s", path, reader->message);
  if (!done)
    return NULL;
  return reader->orientation == 1 ? g_steal_pointer (&image)
                                  : turn (image, reader->orientation, error);
}
