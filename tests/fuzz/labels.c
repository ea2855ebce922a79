/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Labels: lines, or Keras' class index as JSON. */

#include "fuzz.h"

#include "network_private.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GPtrArray) labels = cnn_labels_read (fuzz_file ("labels", data, size), NULL);

  for (guint i = 0; labels != NULL && i < labels->len; i++)
    g_assert_true (g_utf8_validate (g_ptr_array_index (labels, i), -1, NULL));
  return 0;
}

size_t
LLVMFuzzerCustomMutator (uint8_t *data, size_t size, size_t most, unsigned seed)
{
  return fuzz_mutate_json (data, size, most, seed);
}
