/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A PNG. libpng ends at a chunk whose sum is wrong, so the sums are put right after most changes.
 */

#include "picture.h"

#include <string.h>
#include <zlib.h>

#define SIGNATURE_SIZE 8
#define CHUNK_FRAME 12 /* length, type, sum */

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  fuzz_open_picture (fuzz_file ("picture.png", data, size));
  return 0;
}

static void
put_sums_right (uint8_t *data, size_t size)
{
  size_t at = SIGNATURE_SIZE;

  while (at + CHUNK_FRAME <= size)
    {
      guint32 length, sum;

      memcpy (&length, data + at, sizeof length);
      length = GUINT32_FROM_BE (length);
      if (length > size - at - CHUNK_FRAME)
        break;
      sum = (guint32) crc32 (0, data + at + 4, length + 4);
      sum = GUINT32_TO_BE (sum);
      memcpy (data + at + 8 + length, &sum, sizeof sum);
      at += CHUNK_FRAME + length;
    }
}

size_t
LLVMFuzzerCustomMutator (uint8_t *data, size_t size, size_t most, unsigned seed)
{
  size = LLVMFuzzerMutate (data, size, most);
  if (seed % 8 != 0)
    put_sums_right (data, size);
  return size;
}
