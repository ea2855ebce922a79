/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hdf5_bytes.h"

#define MAX_NESTING 8
#define MAX_INTEGER 8
#define MAX_FLOAT 16
#define MAX_EXPONENT 32 /* bits; HDF5 takes them into 64 */

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
      /* dimensionality, permutation and sizes, of old: HDF5 takes any number of dimensions */
      if (version == 1 && (cnn_reader_number (reader, 1) != 0 || !cnn_reader_take (reader, 27)))
        return FALSE;
      if (reader->past || !take_type (reader, nesting + 1, &member) || offset > size
          || member > size - offset)
        return FALSE;
    }
  return n > 0;
}

static gboolean
take_enumeration (CnnReader *reader, int version, guint n, guint64 whole, int nesting)
{
  guint64 size;

  if (reader->left == 0 || (*reader->at & 15) != FIXED || !take_type (reader, nesting + 1, &size)
      || size != whole)
    return FALSE;
  for (guint i = 0; i < n; i++)
    if (!take_name (reader, version < 3 ? 8 : 1))
      return FALSE;
  return n == 0 || cnn_reader_take (reader, n * size) != NULL;
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

/* Where the bits of a number lie: HDF5 converts it by that, within its size or not. */
static gboolean
take_bits (CnnReader *reader, guint64 size, guint *precision)
{
  const guint offset = (guint) cnn_reader_number (reader, 2);

  *precision = (guint) cnn_reader_number (reader, 2);
  return !reader->past && *precision > 0 && offset + *precision <= 8 * size;
}

static gboolean
take_floating (CnnReader *reader, guint bits, guint64 size)
{
  const guint sign = bits >> 8 & 0xff;
  guint precision, exponent, exponents, mantissa, mantissas;

  if (!take_bits (reader, size, &precision))
    return FALSE;
  exponent = (guint) cnn_reader_number (reader, 1);
  exponents = (guint) cnn_reader_number (reader, 1);
  mantissa = (guint) cnn_reader_number (reader, 1);
  mantissas = (guint) cnn_reader_number (reader, 1);
  cnn_reader_take (reader, 4);
  /* the order of a VAX, which swaps pairs of bytes */
  if (reader->past || (bits & 0x40) != 0)
    return FALSE;
  return exponents > 0 && exponents <= MAX_EXPONENT && mantissas > 0 && sign < precision
         && exponent + exponents <= precision && mantissa + mantissas <= precision
         && (sign < exponent || sign >= exponent + exponents)
         && (sign < mantissa || sign >= mantissa + mantissas)
         && (exponent + exponents <= mantissa || mantissa + mantissas <= exponent);
}

static gboolean
take_type (CnnReader *reader, int nesting, guint64 *size)
{
  const guint head = (guint) cnn_reader_number (reader, 1);
  const guint bits = (guint) cnn_reader_number (reader, 3);
  const int version = (int) head >> 4;
  guint64 inner;
  guint precision;

  *size = cnn_reader_number (reader, 4);
  if (reader->past || *size == 0 || version < 1 || version > 3 || nesting > MAX_NESTING)
    return FALSE;
  switch (head & 15)
    {
    case FIXED:
    case BITS:
      return *size <= MAX_INTEGER && take_bits (reader, *size, &precision);
    case FLOATING:
      return *size <= MAX_FLOAT && take_floating (reader, bits, *size);
    case STRING:
    case REFERENCE:
      return TRUE;
    case OPAQUE:
      return (bits & 0xff) == 0 || cnn_reader_take (reader, bits & 0xff) != NULL;
    case COMPOUND:
      return take_compound (reader, version, bits & 0xffff, *size, nesting);
    case ENUMERATION:
      return take_enumeration (reader, version, bits & 0xffff, *size, nesting);
    case VARIABLE:
      /* a length, and a place in a global heap: HDF5 takes the size from here all the same */
      return *size == 16 && take_type (reader, nesting + 1, &inner);
    case ARRAY:
      return version >= 2 && take_array (reader, version, *size, nesting);
    default: /* times, which h5py does not write */
      return FALSE;
    }
}

gboolean
cnn_hdf5_take_type (CnnReader *reader)
{
  guint64 size;

  return take_type (reader, 0, &size);
}
