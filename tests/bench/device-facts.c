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
      g_printerr ("%s\n", error->message);
      return 1;
    }
  facts = cnn_device_facts (device);
  fputs (facts, stdout); /* g_print would ask the locale */
  return 0;
}
