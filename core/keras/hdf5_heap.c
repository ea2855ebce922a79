/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Strings of variable length in a global heap (HDF5 File Format Specification III.E), read here and
 * not by libhdf5: it trusts the lengths and indices that a file gives for them, so that a damaged
 * one makes it write beyond its memory (Debian 12's 1.10.8). Keras has its layers' names in such
 * attributes, which makes them the first thing that is read of a stranger's file. */

#include "hdf5_bytes.h"

#define MAX_TEXT (64 * 1024 * 1024)

typedef struct
{
  const char *name;
  GBytes *values;
} Search;

static gboolean
look (const CnnMessage *message, gpointer data)
{
  Search *search = data;
  CnnAttribute attribute;

  if (message->type != CNN_MESSAGE_ATTRIBUTE || !cnn_hdf5_attribute (message->body, &attribute)
      || strcmp (attribute.name, search->name) != 0)
    return TRUE;
  search->values = g_bytes_new (attribute.values.at, attribute.values.left);
  return FALSE;
}

static gboolean
add_string (CnnHdf5 *file, guint64 heap, guint64 index, gsize length, GPtrArray *strings)
{
  guint8 head[16];
  g_autofree guint8 *block = NULL;
  CnnReader reader = { head, sizeof head, FALSE };
  guint64 size;

  if (length == 0)
    {
      g_ptr_array_add (strings, g_strdup (""));
      return TRUE;
    }
  if (!cnn_hdf5_bytes (file, heap, sizeof head, head) || memcmp (head, "GCOL\1", 5) != 0)
    return FALSE;
  cnn_reader_take (&reader, 8);
  size = cnn_reader_number (&reader, 8);
  block = cnn_hdf5_block (file, heap, size);
  if (block == NULL)
    return FALSE;
  reader = (CnnReader){ block, size, FALSE };
  cnn_reader_take (&reader, 16);
  while (reader.left >= 16)
    {
      guint64 number = cnn_reader_number (&reader, 2), bytes;
      const guint8 *text;

      cnn_reader_take (&reader, 6);
      bytes = cnn_reader_number (&reader, 8);
      if (number == 0 || bytes > reader.left)
        return FALSE;
      text = cnn_reader_take (&reader, MIN ((bytes + 7) & ~G_GUINT64_CONSTANT (7), reader.left));
      if (number == index)
        {
          if (bytes < length)
            return FALSE;
          g_ptr_array_add (strings, cnn_text_from_file ((const char *) text,
                                                        strnlen ((const char *) text, length)));
          return TRUE;
        }
    }
  return FALSE;
}

gboolean
cnn_hdf5_variable_strings (CnnHdf5 *file, guint64 address, const char *name, gsize n,
                           GPtrArray *strings)
{
  Search search = { .name = name };
  g_autoptr (GBytes) bytes = NULL;
  CnnReader reader = { NULL, 0, FALSE };
  gsize total = 0;

  cnn_hdf5_each_message (file, address, look, &search);
  bytes = search.values;
  if (bytes == NULL)
    return FALSE;
  reader.at = g_bytes_get_data (bytes, &reader.left);
  if (reader.left / 16 < n)
    return FALSE;
  for (gsize i = 0; i < n; i++)
    {
      gsize length = cnn_reader_number (&reader, 4);
      guint64 heap = cnn_reader_number (&reader, 8), index = cnn_reader_number (&reader, 4);

      total += length;
      if (total > MAX_TEXT || !add_string (file, heap, index, length, strings))
        return FALSE;
    }
  return TRUE;
}
