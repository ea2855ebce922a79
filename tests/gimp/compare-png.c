/* SPDX-License-Identifier: GPL-3.0-or-later */

/* compare-png A B [LEVELS [SHARE]]: succeeds when the colours of two pictures of one size differ by
 * at most LEVELS of 255 (default 0) on at least SHARE of the pixels (default 1). Alpha is compared
 * where both have it. */

#include "cnn.h"

#include <math.h>
#include <stdio.h>

/* Channel of R, G, B (0…2) or alpha (3), in levels. */
static double
level (const CnnImage *image, gsize pixel, int channel)
{
  gboolean gray = image->channels < 3;
  int at = channel == 3 ? image->channels - 1 : gray ? 0 : channel;
  return 255.0 * image->pixels[pixel * (gsize) image->channels + (gsize) at];
}

int
main (int argc, char **argv)
{
  if (argc < 3)
    {
      fprintf (stderr, "compare-png A B [LEVELS [SHARE]]\n");
      return 2;
    }
  double allowed = argc > 3 ? g_ascii_strtod (argv[3], NULL) : 0;
  double share = argc > 4 ? g_ascii_strtod (argv[4], NULL) : 1;
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnImage) a = cnn_image_load (argv[1], &error);
  g_autoptr (CnnImage) b = a != NULL ? cnn_image_load (argv[2], &error) : NULL;
  if (b == NULL)
    {
      fprintf (stderr, "%s\n", error->message);
      return 2;
    }
  if (a->width != b->width || a->height != b->height)
    {
      printf ("%d×%d against %d×%d\n", a->width, a->height, b->width, b->height);
      return 1;
    }

  int channels = a->channels % 2 == 0 && b->channels % 2 == 0 ? 4 : 3;
  gsize count = (gsize) a->width * (gsize) a->height, near = 0;
  double greatest = 0;
  for (gsize i = 0; i < count; i++)
    {
      double difference = 0;
      for (int channel = 0; channel < channels; channel++)
        difference = fmax (difference, fabs (level (a, i, channel) - level (b, i, channel)));
      greatest = fmax (greatest, difference);
      near += difference <= allowed + 1e-3;
    }
  gboolean good = (double) near >= share * (double) count;
  printf ("%s: %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT
          " pixels within %g levels, the greatest difference is %.1f\n",
          good ? "equal" : "different", near, count, allowed, greatest);
  return good ? 0 : 1;
}
