/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image.h"

#include "image_private.h"

typedef struct
{
  double at, value;
} Stop;

/* A channel given by straight lines between stops, the last at 1. */
static double
between_stops (const Stop *stops, double at)
{
  while (stops[1].at < at && stops[1].at < 1)
    stops++;
  return stops[0].value
         + (at - stops[0].at) / (stops[1].at - stops[0].at) * (stops[1].value - stops[0].value);
}

static void
jet (int entry, float rgb[3])
{
  static const Stop stops[3][6] = {
    { { 0, 0 }, { .35, 0 }, { .66, 1 }, { .89, 1 }, { 1, .5 } },
    { { 0, 0 }, { .125, 0 }, { .375, 1 }, { .64, 1 }, { .91, 0 }, { 1, 0 } },
    { { 0, .5 }, { .11, 1 }, { .34, 1 }, { .65, 0 }, { 1, 0 } },
  };

  for (int c = 0; c < 3; c++)
    rgb[c] = (float) CLAMP (between_stops (stops[c], entry / 255.0), 0, 1);
}

void
cnn_colormap_color (CnnColormap colormap, int entry, float rgb[3])
{
  const guint32 *row = NULL;

  entry = CLAMP (entry, 0, 255);
  switch (colormap)
    {
    case CNN_COLORMAP_JET:
      jet (entry, rgb);
      return;
    case CNN_COLORMAP_GRAY:
      rgb[0] = rgb[1] = rgb[2] = (float) (entry / 255.0);
      return;
    case CNN_COLORMAP_VIRIDIS:
      row = cnn_viridis_data[entry];
      break;
    case CNN_COLORMAP_INFERNO:
      row = cnn_inferno_data[entry];
      break;
    case CNN_COLORMAP_TURBO:
      row = cnn_turbo_data[entry];
      break;
    }
  g_assert (row != NULL);
  for (int c = 0; c < 3; c++)
    rgb[c] = (float) (row[c] / 1e6);
}
