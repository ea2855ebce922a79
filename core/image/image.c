/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image.h"

#include "error.h"
#include "image_private.h"

#include <string.h>

CnnImage *
cnn_image_new (int width, int height, int channels, GError **error)
{
  gsize bytes;
  float *pixels = NULL;
  CnnImage *image;

  g_assert (channels >= 1 && channels <= 4);
  if (width < 1 || height < 1)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT, "a picture cannot be %d×%d", width,
                   height);
      return NULL;
    }
  if (g_size_checked_mul (&bytes, (gsize) width, (gsize) height)
      && g_size_checked_mul (&bytes, bytes, (gsize) channels * sizeof (float)))
    pixels = g_try_malloc0 (bytes);
  if (pixels == NULL)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT, "no memory for a picture of %d×%d", width,
                   height);
      return NULL;
    }

  image = g_new0 (CnnImage, 1);
  image->width = width;
  image->height = height;
  image->channels = channels;
  image->pixels = pixels;
  g_atomic_ref_count_init (&image->references);
  return image;
}

CnnImage *
cnn_image_ref (CnnImage *image)
{
  if (image != NULL)
    g_atomic_ref_count_inc (&image->references);
  return image;
}

void
cnn_image_unref (CnnImage *image)
{
  if (image == NULL || !g_atomic_ref_count_dec (&image->references))
    return;
  g_free (image->pixels);
  g_free (image);
}

CnnImage *
cnn_image_new_for_file (const char *path, guint32 width, guint32 height, int channels,
                        GError **error)
{
  g_autoptr (GError) reason = NULL;
  CnnImage *image = NULL;

  if ((gint64) width * height > CNN_MAX_PIXELS)
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                 "%s: a picture of %u×%u is larger than %d million pixels", path, width, height,
                 (int) (CNN_MAX_PIXELS / 1000000));
  else if ((image = cnn_image_new ((int) width, (int) height, channels, &reason)) == NULL)
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: %s", path, reason->message);
  return image;
}

static CnnImage *
decode (const guint8 *data, gsize size, const char *path, GError **error)
{
  if (size >= 8 && memcmp (data, "\x89PNG\r\n\x1a\n", 8) == 0)
    return cnn_png_decode (data, size, path, error);
  if (size >= 3 && memcmp (data, "\xff\xd8\xff", 3) == 0)
    return cnn_jpeg_decode (data, size, path, error);
  if (size == 0)
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: the file is empty", path);
  else
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: neither a PNG nor a JPEG picture", path);
  return NULL;
}

CnnImage *
cnn_image_load (const char *path, GError **error)
{
  gsize size = 0;
  g_autofree guint8 *data = cnn_file_read (path, &size, error);

  return data != NULL ? decode (data, size, path, error) : NULL;
}

gboolean
cnn_photo_load (const char *path, GCancellable *cancellable, CnnImage **photo, CnnArray **array,
                GError **error)
{
  gsize size = 0;
  g_autofree guint8 *data = cnn_file_read_photo (path, cancellable, &size, error);
  const char *name = strcmp (path, CNN_STANDARD_INPUT) == 0 ? "standard input" : path;

  *photo = NULL;
  *array = NULL;
  if (data == NULL)
    return FALSE;
  if (cnn_npy_is_data (data, size) || g_str_has_suffix (path, ".npy"))
    *array = cnn_npy_decode (data, size, name, error);
  else
    *photo = decode (data, size, name, error);
  return *photo != NULL || *array != NULL;
}

void
cnn_to_bytes (const float *values, gsize count, guint8 *bytes)
{
  for (gsize i = 0; i < count; i++)
    bytes[i] = cnn_to_byte (values[i]);
}

void
cnn_from_bytes (const guint8 *bytes, gsize count, float *values)
{
  for (gsize i = 0; i < count; i++)
    values[i] = bytes[i] / 255.0f;
}

CnnImage *
cnn_image_flatten (const CnnImage *image, const float background[3], GError **error)
{
  static const float white[3] = { 1, 1, 1 };
  gboolean has_alpha = image->channels == 2 || image->channels == 4;
  gsize count = (gsize) image->width * image->height;
  CnnImage *flat;

  if (!has_alpha)
    return cnn_image_ref ((CnnImage *) image);
  flat = cnn_image_new (image->width, image->height, 3, error);
  if (flat == NULL)
    return NULL;
  if (background == NULL)
    background = white;
  for (gsize i = 0; i < count; i++)
    {
      const float *from = image->pixels + i * image->channels;
      float alpha = CLAMP (from[image->channels - 1], 0.0f, 1.0f);

      for (int c = 0; c < 3; c++)
        flat->pixels[3 * i + c] =
            alpha * from[image->channels == 4 ? c : 0] + (1.0f - alpha) * background[c];
    }
  return flat;
}

CnnImage *
cnn_image_convert (const CnnImage *image, int channels, GError **error)
{
  gsize count = (gsize) image->width * image->height;
  CnnImage *converted;

  g_assert (image->channels == 1 || image->channels == 3);
  g_assert (channels == 1 || channels == 3);
  if (channels == image->channels)
    return cnn_image_ref ((CnnImage *) image);
  converted = cnn_image_new (image->width, image->height, channels, error);
  if (converted == NULL)
    return NULL;
  if (channels == 3)
    for (gsize i = 0; i < 3 * count; i++)
      converted->pixels[i] = image->pixels[i / 3];
  else
    for (gsize i = 0; i < count; i++)
      {
        const float *rgb = image->pixels + 3 * i;
        guint32 luma = (cnn_to_byte (rgb[0]) * 19595u + cnn_to_byte (rgb[1]) * 38470u
                        + cnn_to_byte (rgb[2]) * 7471u + 0x8000u)
                       >> 16;

        converted->pixels[i] = (float) luma / 255.0f;
      }
  return converted;
}

void
cnn_image_paste (CnnImage *image, const CnnImage *part, int x, int y)
{
  const gsize channels = (gsize) image->channels, row = channels * (gsize) part->width;

  g_assert (part->channels == image->channels && x >= 0 && y >= 0 && part->width <= image->width - x
            && part->height <= image->height - y);
  for (int i = 0; i < part->height; i++)
    memcpy (image->pixels + channels * ((gsize) (y + i) * (gsize) image->width + (gsize) x),
            part->pixels + row * (gsize) i, row * sizeof (float));
}
