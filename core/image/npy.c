/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image.h"

#include "error.h"
#include "image_private.h"

#include <glib/gstdio.h>
#include <stdarg.h>
#include <string.h>

/* NumPy's format, https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html: the
 * magic, a version, the length of a header, the header as a Python dictionary, the values. */
#define MAGIC "\x93NUMPY"
#define MAGIC_SIZE 6

static void set_error (GError **error, const char *path, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

static void
set_error (GError **error, const char *path, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list list;

  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: %s", path, text);
}

gboolean
cnn_npy_is_data (const guint8 *data, gsize size)
{
  return size >= MAGIC_SIZE && memcmp (data, MAGIC, MAGIC_SIZE) == 0;
}

gboolean
cnn_npy_is (const char *path)
{
  char head[MAGIC_SIZE] = { 0 };
  FILE *file = g_fopen (path, "rb");
  gboolean magic = FALSE;

  if (file != NULL)
    {
      magic =
          fread (head, 1, MAGIC_SIZE, file) == MAGIC_SIZE && memcmp (head, MAGIC, MAGIC_SIZE) == 0;
      fclose (file);
    }
  return magic || g_str_has_suffix (path, ".npy");
}

static float
from_half (guint16 half)
{
  guint32 sign = (guint32) (half & 0x8000) << 16;
  guint32 exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;
  guint32 bits;
  float value;

  if (exponent == 0)
    {
      value = (float) fraction * (1.0f / 16777216.0f);
      return sign != 0 ? -value : value;
    }
  if (exponent == 31)
    bits = sign | 0x7f800000 | fraction << 13;
  else
    bits = sign | (exponent + 112) << 23 | fraction << 13;
  memcpy (&value, &bits, sizeof value);
  return value;
}

static void
read_floats (const guint8 *data, gsize count, float *values)
{
  memcpy (values, data, count * sizeof (float));
}

static void
read_doubles (const guint8 *data, gsize count, float *values)
{
  for (gsize i = 0; i < count; i++)
    {
      double value;

      memcpy (&value, data + i * sizeof value, sizeof value);
      values[i] = (float) value;
    }
}

static void
read_halves (const guint8 *data, gsize count, float *values)
{
  for (gsize i = 0; i < count; i++)
    values[i] = from_half ((guint16) (data[2 * i] | data[2 * i + 1] << 8));
}

static void
read_bytes (const guint8 *data, gsize count, float *values)
{
  for (gsize i = 0; i < count; i++)
    values[i] = data[i];
}

typedef struct
{
  const char *name;
  int size;
  void (*read) (const guint8 *data, gsize count, float *values);
} Type;

static const Type types[] = {
  { "<f4", 4, read_floats },
  { "<f8", 8, read_doubles },
  { "<f2", 2, read_halves },
  { "|u1", 1, read_bytes },
};

/* What follows `'key':` in the header, or NULL. */
static const char *
header_value (const char *header, const char *key)
{
  g_autofree char *quoted = g_strdup_printf ("'%s'", key);
  const char *at = strstr (header, quoted);

  if (at == NULL)
    return NULL;
  at += strlen (quoted);
  while (*at == ' ')
    at++;
  if (*at++ != ':')
    return NULL;
  while (*at == ' ')
    at++;
  return at;
}

static const Type *
parse_type (const char *header, const char *path, GError **error)
{
  const char *at = header_value (header, "descr");
  gsize length = at != NULL && *at == '\'' ? strcspn (at + 1, "'") : 0;
  g_autofree char *name =
      at != NULL ? g_utf8_make_valid (at + (length > 0), MIN (length, 16)) : NULL;

  for (gsize i = 0; length > 0 && i < G_N_ELEMENTS (types); i++)
    if (strcmp (types[i].name, name) == 0)
      return &types[i];
  if (length > 0)
    set_error (error, path,
               "the array's type is %s; float32, float64, float16 and uint8 can be read", name);
  else
    set_error (error, path, "the array is not of one plain type");
  return NULL;
}

/* The sizes of "(2, 3)" into dims; gives the rank or -1. */
static int
parse_shape (const char *header, gint64 *dims)
{
  const char *at = header_value (header, "shape");
  int rank = 0;

  if (at == NULL || *at++ != '(')
    return -1;
  for (;;)
    {
      char *end;

      at += strspn (at, " ");
      if (*at == ')')
        return rank;
      if (!g_ascii_isdigit (*at) || rank == CNN_MAX_RANK)
        return -1;
      dims[rank++] = g_ascii_strtoll (at, &end, 10);
      at = end + strspn (end, " ");
      if (*at == ',')
        at++;
      else if (*at != ')')
        return -1;
    }
}

static CnnArray *
parse (const char *path, const char *header, const guint8 *data, gsize size, GError **error)
{
  const Type *type = parse_type (header, path, error);
  const char *order = header_value (header, "fortran_order");
  gint64 dims[CNN_MAX_RANK];
  int rank = parse_shape (header, dims);
  g_autofree char *shape = rank >= 0 ? cnn_dims_to_string (rank, dims) : NULL;
  gsize bytes;
  CnnArray *array;

  if (type == NULL)
    return NULL;
  if (rank < 0)
    {
      set_error (error, path, "the array's shape cannot be read");
      return NULL;
    }
  if (order == NULL || !g_str_has_prefix (order, "False"))
    {
      set_error (error, path,
                 "the array is stored in Fortran order; save numpy.ascontiguousarray (…)");
      return NULL;
    }
  /* Compared with the file before anything is allocated on the header's word. */
  bytes = (gsize) type->size;
  for (int i = 0; i < rank; i++)
    if (!g_size_checked_mul (&bytes, bytes, (gsize) dims[i]))
      bytes = G_MAXSIZE;
  if (bytes > size)
    {
      set_error (error, path,
                 "is truncated: the header says %s of %s, the file has %" G_GSIZE_FORMAT
                 " bytes of values",
                 shape, type->name, size);
      return NULL;
    }
  array = cnn_array_new (rank, dims, path, error);
  if (array != NULL)
    type->read (data, cnn_array_count (array), array->data);
  return array;
}

CnnArray *
cnn_npy_load (const char *path, GError **error)
{
  gsize size = 0;
  g_autofree guint8 *data = cnn_file_read (path, &size, error);

  return data != NULL ? cnn_npy_decode (data, size, path, error) : NULL;
}

CnnArray *
cnn_npy_decode (const guint8 *data, gsize size, const char *path, GError **error)
{
  gsize start, length;
  g_autofree char *header = NULL;

  if (size < MAGIC_SIZE + 6 || !cnn_npy_is_data (data, size))
    {
      set_error (error, path, "is not a NumPy array (.npy)");
      return NULL;
    }
  if (data[6] < 1 || data[6] > 3)
    {
      set_error (error, path, ".npy version %d is not known", data[6]);
      return NULL;
    }
  length = (gsize) data[8] | (gsize) data[9] << 8;
  start = MAGIC_SIZE + 4;
  if (data[6] > 1)
    {
      length |= (gsize) data[10] << 16 | (gsize) data[11] << 24;
      start += 2;
    }
  if (length > size - start)
    {
      set_error (error, path, "is truncated");
      return NULL;
    }
  header = g_strndup ((const char *) data + start, length);
  return parse (path, header, data + start + length, size - start - length, error);
}

gboolean
cnn_npy_save (const CnnArray *array, const char *path, GError **error)
{
  gsize bytes = cnn_array_count (array) * sizeof (float);
  g_autoptr (GString) header = g_string_new ("{'descr': '<f4', 'fortran_order': False, 'shape': (");
  g_autofree guint8 *file = NULL;
  gsize length;

  for (int i = 0; i < array->rank; i++)
    g_string_append_printf (header, "%s%" G_GINT64_FORMAT, i > 0 ? ", " : "", array->dims[i]);
  g_string_append (header, array->rank == 1 ? ",), }" : "), }");
  /* The values begin at a multiple of 64. */
  while ((MAGIC_SIZE + 4 + header->len + 1) % 64 != 0)
    g_string_append_c (header, ' ');
  g_string_append_c (header, '\n');

  length = MAGIC_SIZE + 4 + header->len;
  file = g_try_malloc (length + bytes);
  if (file == NULL)
    {
      set_error (error, path, "no memory to write %" G_GSIZE_FORMAT " bytes", length + bytes);
      return FALSE;
    }
  memcpy (file, MAGIC "\x01\x00", MAGIC_SIZE + 2);
  file[8] = header->len & 0xff;
  file[9] = (guint8) (header->len >> 8);
  memcpy (file + 10, header->str, header->len);
  memcpy (file + length, array->data, bytes);
  return cnn_file_write (path, file, length + bytes, error);
}
