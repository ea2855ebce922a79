/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Heatmaps made into pictures. */

#include "cnn.h"

#include <string.h>

CnnImage *
cnn_grad_cam_paint (const CnnGradCam *cam, int width, int height, CnnColormap colormap,
                    GError **error)
{
  g_autoptr (CnnArray) heat = NULL;
  CnnImage *image;
  float colors[256][3];

  g_return_val_if_fail (cam != NULL, NULL);
  /* The image first: it refuses sizes that are none. */
  image = cnn_image_new (width, height, 3, error);
  if (image == NULL)
    return NULL;
  heat = cnn_map_resize (cam->heatmap, width, height, error);
  if (heat == NULL)
    {
      cnn_image_unref (image);
      return NULL;
    }

  for (int i = 0; i < 256; i++)
    cnn_colormap_color (colormap, i, colors[i]);
  for (gsize i = 0; i < (gsize) width * (gsize) height; i++)
    {
      /* matplotlib's rule: 256 bins of equal width, 1 in the last. */
      int entry = CLAMP ((int) (heat->data[i] * 256.0f), 0, 255);

      memcpy (image->pixels + 3 * i, colors[entry], sizeof colors[entry]);
    }
  return image;
}

CnnImage *
cnn_image_blend (const CnnImage *photo, const CnnImage *layer, float opacity, GError **error)
{
  CnnImage *image;

  g_return_val_if_fail (photo != NULL && (photo->channels == 1 || photo->channels == 3), NULL);
  g_return_val_if_fail (layer != NULL && (layer->channels == 3 || layer->channels == 4), NULL);
  if (photo->width != layer->width || photo->height != layer->height)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "a layer of %d×%d does not fit a picture of %d×%d", layer->width, layer->height,
                   photo->width, photo->height);
      return NULL;
    }
  image = cnn_image_new (photo->width, photo->height, 3, error);
  if (image == NULL)
    return NULL;
  for (gsize i = 0; i < (gsize) image->width * (gsize) image->height; i++)
    {
      const float *under = photo->pixels + i * (gsize) photo->channels;
      const float *over = layer->pixels + i * (gsize) layer->channels;
      float share = opacity * (layer->channels == 4 ? over[3] : 1.0f);

      for (int c = 0; c < 3; c++)
        {
          const float below = under[photo->channels == 3 ? c : 0];

          image->pixels[3 * i + c] = below + share * (over[c] - below);
        }
    }
  return image;
}

/* keras.utils.array_to_img: the range of the values stretched to 0…255, cut to whole numbers. The
 * image's values become those over 255. */
static void
stretch (CnnImage *image)
{
  gsize count = (gsize) image->width * (gsize) image->height * (gsize) image->channels;
  float *values = image->pixels;
  float low = values[0], high;

  for (gsize i = 1; i < count; i++)
    low = MIN (low, values[i]);
  high = 0;
  for (gsize i = 0; i < count; i++)
    {
      values[i] -= low;
      high = MAX (high, values[i]);
    }
  for (gsize i = 0; i < count; i++)
    {
      float value = high != 0 ? values[i] / high : values[i];

      values[i] = (float) (guint8) (value * 255.0f) / 255.0f;
    }
}

CnnImage *
cnn_grad_cam_book_picture (const CnnGradCam *cam, const CnnImage *photo, GError **error)
{
  const CnnArray *heat;
  g_autoptr (CnnImage) colors = NULL;
  CnnImage *picture;

  g_return_val_if_fail (cam != NULL && photo != NULL && photo->channels == 3, NULL);
  heat = cam->heatmap;
  colors = cnn_image_new ((int) heat->dims[1], (int) heat->dims[0], 3, error);
  if (colors == NULL)
    return NULL;
  for (gsize i = 0; i < cnn_array_count (heat); i++)
    cnn_colormap_color (CNN_COLORMAP_JET, (guint8) (255.0f * heat->data[i]),
                        colors->pixels + 3 * i);
  stretch (colors);

  picture = cnn_image_resize (colors, photo->width, photo->height, CNN_RESIZE_BICUBIC, error);
  if (picture == NULL)
    return NULL;
  for (gsize i = 0; i < (gsize) photo->width * (gsize) photo->height * 3; i++)
    {
      float level = (float) (int) (CLAMP (photo->pixels[i], 0.0f, 1.0f) * 255.0f + 0.5f);

      picture->pixels[i] = (float) (int) (picture->pixels[i] * 255.0f + 0.5f) * 0.4f + level;
    }
  stretch (picture);
  return picture;
}
