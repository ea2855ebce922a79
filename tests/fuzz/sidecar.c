/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A sidecar, <file>.json, of the small model's weights. */

#include "fuzz.h"

static const char *
small_weights (void)
{
  g_autofree char *bytes = NULL;
  gsize size;

  if (!g_file_get_contents (fuzz_small_weights (), &bytes, &size, NULL))
    g_error ("%s is not there", fuzz_small_weights ());
  return fuzz_file ("small.h5", (uint8_t *) bytes, size);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const char *weights = NULL;

  if (weights == NULL)
    weights = small_weights ();
  fuzz_file ("small.h5.json", data, size);
  fuzz_open_model (weights, fuzz_small_architecture ());
  fuzz_open_model (weights, NULL); /* it may be the architecture itself, or name one */
  return 0;
}

size_t
LLVMFuzzerCustomMutator (uint8_t *data, size_t size, size_t most, unsigned seed)
{
  return fuzz_mutate_json (data, size, most, seed);
}
