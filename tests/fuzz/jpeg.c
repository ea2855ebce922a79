/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A JPEG, with EXIF or without. */

#include "picture.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  fuzz_open_picture (fuzz_file ("picture.jpg", data, size));
  return 0;
}
