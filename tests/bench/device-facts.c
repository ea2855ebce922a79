/* SPDX-License-Identifier: GPL-3.0-or-later */

/* device-facts: what the device that CONVLENS_DEVICE names, or the best one, is and can do. */

#include "gpu.h"

#include <stdio.h>

int
main (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnDevice) device = cnn_device_open (NULL, &error);
  g_autofree char *facts = NULL;

  if (device == NULL)
    {
      fprintf (stderr, "%s\n", error->message); /* g_printerr would ask the locale */
      return 1;
    }
  facts = cnn_device_facts (device);
  fputs (facts, stdout);
  return 0;
}
