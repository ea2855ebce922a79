/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A .keras archive whose every byte may be wrong; keras-zip.c changes what is in one. */

#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  fuzz_open_model (fuzz_file ("model.keras", data, size), NULL);
  return 0;
}
