/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "picture.h"

#include "image.h"

void
fuzz_open_picture (const char *path)
{
  static const float white[] = { 1, 1, 1 };
  g_autoptr (CnnImage) image = cnn_image_load (path, NULL), flat = NULL, gray = NULL;

  if (image == NULL)
    return;
  g_assert_cmpint (image->width, >, 0);
  g_assert_cmpint (image->height, >, 0);
  flat = cnn_image_flatten (image, white, NULL);
  g_assert_nonnull (flat);
  gray = cnn_image_convert (flat, 1, NULL);
  g_assert_nonnull (gray);
}
