/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The checksums of earlier downloads, pins.json: read, added to, and read again. */

#include "fuzz.h"

#include "store_private.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *folder = fuzz_folder ();
  g_autofree char *known = NULL, *added = NULL;

  fuzz_file ("pins.json", data, size);
  cnn_pins_get (folder, "mobilenet_1_0", &known, NULL);
  if (cnn_pins_set (folder, "other", "sha256:0", NULL))
    {
      g_assert_true (cnn_pins_get (folder, "other", &added, NULL));
      g_assert_cmpstr (added, ==, "sha256:0");
    }
  return 0;
}

size_t
LLVMFuzzerCustomMutator (uint8_t *data, size_t size, size_t most, unsigned seed)
{
  return fuzz_mutate_json (data, size, most, seed);
}
