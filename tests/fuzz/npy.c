/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A NumPy array. */

#include "fuzz.h"

#include "image.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *path = fuzz_file ("array.npy", data, size);
  g_autoptr (CnnArray) array = NULL;

  cnn_npy_is (path);
  array = cnn_npy_load (path, NULL);
  if (array != NULL)
    g_assert_cmpuint (cnn_array_count (array), <=, size);
  return 0;
}
