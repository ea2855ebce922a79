/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hdf5_bytes.h"

#define MAX_BLOCK (16 * 1024 * 1024)
#define MAX_BLOCKS 1000

const guint8 *
cnn_reader_take (CnnReader *reader, gsize n)
{
  const guint8 *at = reader->at;

  if (n > reader->left)
    {
      reader->past = TRUE;
      reader->left = 0;
      return NULL;
    }
  reader->at += n;
  reader->left -= n;
  return at;
}

guint64
cnn_reader_number (CnnReader *reader, gsize n)
{
  const guint8 *bytes = cnn_reader_take (reader, n);
  guint64 number = 0;

  while (bytes != NULL && n > 0)
    number = number << 8 | bytes[--n];
  return number;
}

guint8 *
cnn_hdf5_block (CnnHdf5 *file, guint64 offset, guint64 length)
{
  g_autofree guint8 *block = NULL;

  if (length == 0 || length > MAX_BLOCK || length > file->size || offset > file->size - length)
    return NULL;
  block = g_try_malloc (length);
  if (block == NULL || !cnn_hdf5_bytes (file, offset, length, block))
    return NULL;
  return g_steal_pointer (&block);
}

/* --- the messages of a header --- */

typedef struct
{
  guint64 offset, length;
} HeaderPlace;

typedef struct
{
  CnnHdf5 *file;
  int version;
  gsize order_bytes; /* in each message of a version 2 header */
  GArray *places;    /* HeaderPlace: blocks of messages */
  CnnMessageLook look;
  gpointer data;
} HeaderWalk;

static gboolean
add_place (HeaderWalk *walk, CnnReader body)
{
  HeaderPlace place = { cnn_reader_number (&body, 8), 0 };

  place.length = cnn_reader_number (&body, 8);
  g_array_append_val (walk->places, place);
  /* more than that is a circle, in which HDF5 would go round for ever */
  return !body.past && walk->places->len <= MAX_BLOCKS;
}

static gboolean
each_in_block (HeaderWalk *walk, HeaderPlace place, gboolean first)
{
  g_autofree guint8 *block = cnn_hdf5_block (walk->file, place.offset, place.length);
  CnnReader reader = { block, block != NULL ? place.length : 0, FALSE };
  const gsize head = walk->version == 1 ? 8 : 4 + walk->order_bytes;

  if (block == NULL || (walk->version == 1 && place.length % 8 != 0))
    return FALSE;
  /* the continuation of a version 2 header has a signature before and a checksum behind */
  if (walk->version == 2 && !first)
    {
      if (place.length < 8 || memcmp (cnn_reader_take (&reader, 4), "OCHK", 4) != 0)
        return FALSE;
      reader.left -= 4;
    }
  while (reader.left >= head)
    {
      CnnMessage message;
      gsize size;

      message.type = (int) cnn_reader_number (&reader, walk->version == 1 ? 2 : 1);
      size = cnn_reader_number (&reader, 2);

      message.shared = (cnn_reader_number (&reader, 1) & 2) != 0;
      cnn_reader_take (&reader, walk->version == 1 ? 3 : walk->order_bytes);
      message.body = (CnnReader){ cnn_reader_take (&reader, size), size, FALSE };
      if (reader.past
          || (message.type == CNN_MESSAGE_CONTINUATION && !add_place (walk, message.body))
          || !walk->look (&message, walk->data))
        return FALSE;
    }
  return TRUE;
}

static gboolean
find_first_block (HeaderWalk *walk, guint64 address, HeaderPlace *place)
{
  guint8 head[64] = { 0 };
  CnnReader reader = { head, sizeof head, FALSE };
  int flags;

  if (address >= walk->file->size
      || !cnn_hdf5_bytes (walk->file, address, MIN (sizeof head, walk->file->size - address), head))
    return FALSE;
  if (memcmp (head, "OHDR", 4) != 0)
    {
      walk->version = 1;
      cnn_reader_take (&reader, 8);
      *place = (HeaderPlace){ address + 16, cnn_reader_number (&reader, 4) };
      return head[0] == 1;
    }
  walk->version = 2;
  cnn_reader_take (&reader, 5);
  flags = (int) cnn_reader_number (&reader, 1);
  walk->order_bytes = (flags & 4) != 0 ? 2 : 0;
  cnn_reader_take (&reader, ((flags & 0x20) != 0 ? 16 : 0) + ((flags & 0x10) != 0 ? 4 : 0));
  place->length = cnn_reader_number (&reader, (gsize) 1 << (flags & 3));
  place->offset = address + (guint64) (reader.at - head);
  return TRUE;
}

gboolean
cnn_hdf5_each_message (CnnHdf5 *file, guint64 address, CnnMessageLook look, gpointer data)
{
  g_autoptr (GArray) places = g_array_new (FALSE, FALSE, sizeof (HeaderPlace));
  HeaderWalk walk = { .file = file, .places = places, .look = look, .data = data };
  HeaderPlace first;

  if (!find_first_block (&walk, address, &first))
    return FALSE;
  /* a header without messages */
  if (walk.version == 2 && first.length == 0)
    return TRUE;
  g_array_append_val (places, first);
  for (guint i = 0; i < places->len; i++)
    if (!each_in_block (&walk, g_array_index (places, HeaderPlace, i), i == 0))
      return FALSE;
  return TRUE;
}

/* --- attributes --- */

static gsize
padded (gsize length, int version)
{
  return version == 1 ? (length + 7) & ~(gsize) 7 : length;
}

gboolean
cnn_hdf5_attribute (CnnReader message, CnnAttribute *attribute)
{
  int version = (int) cnn_reader_number (&message, 1),
      flags = (int) cnn_reader_number (&message, 1);
  gsize name_length = cnn_reader_number (&message, 2), type_length, space_length;
  const guint8 *name;

  type_length = cnn_reader_number (&message, 2);
  space_length = cnn_reader_number (&message, 2);
  if (version == 3)
    cnn_reader_take (&message, 1);
  name = cnn_reader_take (&message, padded (name_length, version));
  attribute->name = (const char *) name;
  attribute->type =
      (CnnReader){ cnn_reader_take (&message, padded (type_length, version)), type_length, FALSE };
  attribute->space = (CnnReader){ cnn_reader_take (&message, padded (space_length, version)),
                                  space_length, FALSE };
  attribute->values = message;
  /* flags: the type or the space lies elsewhere, which Keras never writes */
  return version >= 1 && version <= 3 && !message.past && (version == 1 || flags == 0)
         && name_length > 0 && memchr (name, '\0', name_length) != NULL;
}
