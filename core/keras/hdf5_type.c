/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hdf5_bytes.h"

#define MAX_NESTING 8

enum
{
  FIXED,
  FLOATING,
  TIME,
  STRING,
  BITS,
  OPAQUE,
  COMPOUND,
  REFERENCE,
  ENUMERATION,
  VARIABLE,
  ARRAY
};

static gboolean take_type (CnnReader *reader, int nesting, guint64 *size);

/* A name with its NUL, filled up to a multiple of `unit`. */
static gboolean
take_name (CnnReader *reader, gsize unit)
{
  const guint8 *end = reader->left > 0 ? memchr (reader->at, '\0', reader->left) : NULL;
  gsize length = end != NULL ? (gsize) (end - reader->at) + 1 : 0;

  return end != NULL && cnn_reader_take (reader, (length + unit - 1) / unit * unit) != NULL;
}

static gboolean
take_compound (CnnReader *reader, int version, guint n, guint64 size, int nesting)
{
  gsize offset_bytes = 1;

  while (offset_bytes < 4 && size >> (8 * offset_bytes) != 0)
    offset_bytes++;
  for (guint i = 0; i < n; i++)
    {
      guint64 offset, member;

      if (!take_name (reader, version < 3 ? 8 : 1))
        return FALSE;
      offset = cnn_reader_number (reader, version < 3 ? 4 : offset_bytes);
      /* dimensionality, permutation and sizes, of old */
      if (version == 1)
        cnn_reader_take (reader, 28);
      if (reader->past || !take_type (reader, nesting + 1, &member) || offset > size
          || member > size - offset)
        return FALSE;
    }
  return n > 0;
}

static gboolean
take_enumeration (CnnReader *reader, int version, guint n, int nesting)
{
  guint64 size;

  if (!take_type (reader, nesting + 1, &size))
    return FALSE;
  for (guint i = 0; i < n; i++)
    if (!take_name (reader, version < 3 ? 8 : 1))
      return FALSE;
  return size <= 8 && (n == 0 || cnn_reader_take (reader, n * size) != NULL);
}

static gboolean
take_array (CnnReader *reader, int version, guint64 size, int nesting)
{
  const guint rank = (guint) cnn_reader_number (reader, 1);
  guint64 whole = 1, element;

  if (version < 3)
    cnn_reader_take (reader, 3);
  for (guint i = 0; i < rank; i++)
    if (!g_uint64_checked_mul (&whole, whole, cnn_reader_number (reader, 4)))
      return FALSE;
  if (version < 3)
    cnn_reader_take (reader, 4 * rank);
  return !reader->past && rank >= 1 && rank <= H5S_MAX_RANK
         && take_type (reader, nesting + 1, &element)
         && g_uint64_checked_mul (&whole, whole, element) && whole == size;
}

static gboolean
take_type (CnnReader *reader, int nesting, guint64 *size)
{
  const guint head = (guint) cnn_reader_number (reader, 1);
  const guint bits = (guint) cnn_reader_number (reader, 3);
  const int version = (int) head >> 4;
  guint64 inner;

  *size = cnn_reader_number (reader, 4);
  if (reader->past || *size == 0 || version < 1 || version > 3 || nesting > MAX_NESTING)
    return FALSE;
  switch (head & 15)
    {
    case FIXED:
    case BITS:
      return cnn_reader_take (reader, 4) != NULL;
    case FLOATING:
      return cnn_reader_take (reader, 12) != NULL;
    case TIME:
      return cnn_reader_take (reader, 2) != NULL;
    case STRING:
    case REFERENCE:
      return TRUE;
    case OPAQUE:
      return (bits & 0xff) == 0 || cnn_reader_take (reader, bits & 0xff) != NULL;
    case COMPOUND:
      return take_compound (reader, version, bits & 0xffff, *size, nesting);
    case ENUMERATION:
      return take_enumeration (reader, version, bits & 0xffff, nesting);
    case VARIABLE:
      /* a length, and a place in a global heap: HDF5 takes the size from here all the same */
      return *size == 16 && take_type (reader, nesting + 1, &inner);
    case ARRAY:
      return version >= 2 && take_array (reader, version, *size, nesting);
    default:
      return FALSE;
    }
}

gboolean
cnn_hdf5_take_type (CnnReader *reader)
{
  guint64 size;

  return take_type (reader, 0, &size);
}
