/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Weights alone in HDF5, groups named after layers, for the small model. */

#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  fuzz_open_model (fuzz_file ("model.weights.h5", data, size), fuzz_small_architecture ());
  return 0;
}
