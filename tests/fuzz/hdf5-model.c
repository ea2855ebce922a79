/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A whole model in HDF5, as Keras 1 and 2 have it. */

#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  fuzz_open_model (fuzz_file ("model.h5", data, size), NULL);
  return 0;
}
