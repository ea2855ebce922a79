/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A model's config: Keras' to_json(), for weights that fit the small model alone. */

#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  fuzz_open_model (fuzz_small_weights (), fuzz_file ("config.json", data, size));
  return 0;
}

size_t
LLVMFuzzerCustomMutator (uint8_t *data, size_t size, size_t most, unsigned seed)
{
  return fuzz_mutate_json (data, size, most, seed);
}
