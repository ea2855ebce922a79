/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether the messages of an object are as long as what they say (IV.A.2). HDF5 1.10 reads on,
 * beyond its memory, where they are not. Messages that neither Keras nor h5py ever writes are not
 * taken at all: what hangs on them (heaps of links, lists of chunks) is as little safe. */
#include "hdf5_bytes.h"

#define MAX_FILTERS 32
#define EXTERNAL_LINK 64

/* An object. */
typedef struct
{
  CnnHdf5 *file;
  guint64 seen; /* a bit for each type of message */
  guint n_filters;
  guint64 chunk;             /* bytes of each, unpacked, or 0 */
  guint64 smallest, largest; /* as they are stored */
} Object;

static gboolean
take_space (CnnReader *reader, guint64 *count)
{
  const int version = (int) cnn_reader_number (reader, 1);
  const guint rank = (guint) cnn_reader_number (reader, 1);
  const int flags = (int) cnn_reader_number (reader, 1);
  const int kind = (int) cnn_reader_number (reader, 1);

  *count = version == 2 && kind == 2 ? 0 : 1;
  if (version == 1)
    cnn_reader_take (reader, 4);
  for (guint i = 0; i < rank && !reader->past; i++)
    if (!g_uint64_checked_mul (count, *count, cnn_reader_number (reader, 8)))
      return FALSE;
  if ((flags & 1) != 0)
    cnn_reader_take (reader, 8 * (gsize) rank);
  return !reader->past && (version == 1 || version == 2) && rank <= H5S_MAX_RANK;
}

static gboolean
attribute_is_sound (CnnReader message)
{
  CnnAttribute attribute;
  CnnReader size;
  guint64 count, bytes;

  if (!cnn_hdf5_attribute (message, &attribute))
    return FALSE;
  size = attribute.type;
  cnn_reader_take (&size, 4);
  return cnn_hdf5_take_type (&attribute.type) && take_space (&attribute.space, &count)
         && g_uint64_checked_mul (&bytes, count, cnn_reader_number (&size, 4))
         && bytes <= attribute.values.left;
}

/* A size, and so many bytes. */
static gboolean
take_sized (CnnReader *reader)
{
  const guint32 size = (guint32) cnn_reader_number (reader, 4);

  /* negative: there are none */
  if (size <= G_MAXINT32)
    cnn_reader_take (reader, size);
  return !reader->past;
}

static gboolean
fill_is_sound (CnnReader message)
{
  const int version = (int) cnn_reader_number (&message, 1);
  int flags = (int) cnn_reader_number (&message, 1), defined;

  if (version == 3)
    return !message.past && ((flags & 0x20) == 0 || take_sized (&message));
  cnn_reader_take (&message, 1);
  defined = (int) cnn_reader_number (&message, 1);
  return (version == 1 || version == 2) && !message.past
         && ((version == 2 && defined == 0) || take_sized (&message));
}

/* It may be sound, but that is not known. */
static gboolean
is_unusual (CnnHdf5 *file)
{
  file->unusual = TRUE;
  return FALSE;
}

static gboolean
chunks_are_sound (Object *object, CnnReader message, guint rank, guint64 tree)
{
  object->chunk = 1;
  for (guint i = 0; i < rank; i++)
    if (!g_uint64_checked_mul (&object->chunk, object->chunk, cnn_reader_number (&message, 4)))
      return FALSE;
  return !message.past && object->chunk > 0 && object->chunk <= G_MAXUINT32 && rank >= 2
         && rank <= H5S_MAX_RANK + 1
         && cnn_hdf5_chunks_are_sound (object->file, tree, (int) rank, &object->smallest,
                                       &object->largest);
}

/* HDF5 has two lengths for a chunk that is not packed: what it should be, and what is read. */
static gboolean
chunks_have_their_size (const Object *object)
{
  return object->chunk == 0 || object->n_filters > 0
         || (object->smallest >= object->chunk && object->largest <= object->chunk);
}

static gboolean
layout_is_sound (Object *object, CnnReader message)
{
  const int version = (int) cnn_reader_number (&message, 1);
  int kind = (int) cnn_reader_number (&message, 1);
  guint rank = (guint) kind;
  guint64 address = CNN_HDF5_NOWHERE;

  if (version == 1 || version == 2)
    {
      kind = (int) cnn_reader_number (&message, 1);
      if (kind != H5D_COMPACT && kind != H5D_CONTIGUOUS && kind != H5D_CHUNKED)
        return FALSE;
      cnn_reader_take (&message, 5);
      if (kind != H5D_COMPACT)
        address = cnn_reader_number (&message, 8);
      if (kind == H5D_CHUNKED)
        return chunks_are_sound (object, message, rank, address);
      cnn_reader_take (&message, 4 * (gsize) rank);
      return !message.past && (kind != H5D_COMPACT || take_sized (&message));
    }
  /* version 4 is of files for the newest versions of HDF5 alone, and chunks and virtual datasets
   * are of new kinds there */
  if (version == 4 && kind != H5D_COMPACT && kind != H5D_CONTIGUOUS)
    return is_unusual (object->file);
  if (kind == H5D_CHUNKED)
    {
      rank = (guint) cnn_reader_number (&message, 1);
      address = cnn_reader_number (&message, 8);
      return version == 3 && chunks_are_sound (object, message, rank, address);
    }
  cnn_reader_take (&message, kind == H5D_COMPACT ? cnn_reader_number (&message, 2) : 16);
  return (version == 3 || version == 4) && kind <= H5D_CHUNKED && !message.past;
}

static gboolean
filters_are_sound (Object *object, CnnReader message)
{
  const int version = (int) cnn_reader_number (&message, 1);
  const int n = (int) cnn_reader_number (&message, 1);

  object->n_filters = (guint) n;
  if (version == 1)
    cnn_reader_take (&message, 6);
  for (int i = 0; i < n && !message.past; i++)
    {
      const int filter = (int) cnn_reader_number (&message, 2);
      gsize name = 0, values;

      if (version == 1 || filter >= 256)
        name = cnn_reader_number (&message, 2);
      cnn_reader_take (&message, 2);
      values = cnn_reader_number (&message, 2);
      cnn_reader_take (&message, name);
      if (version == 1)
        values += values % 2;
      cnn_reader_take (&message, 4 * values);
    }
  return !message.past && (version == 1 || version == 2) && n <= MAX_FILTERS;
}

/* Links, or attributes, are messages, or lie in a heap where there are many of them. */
static gboolean
is_without_heap (CnnHdf5 *file, CnnReader message, gsize counter)
{
  int flags;
  guint64 heap;

  cnn_reader_take (&message, 1);
  flags = (int) cnn_reader_number (&message, 1);
  cnn_reader_take (&message, (flags & 1) != 0 ? counter : 0);
  heap = cnn_reader_number (&message, 8);
  cnn_reader_take (&message, (flags & 2) != 0 ? 16 : 8);
  if (message.past)
    return FALSE;
  return heap == CNN_HDF5_NOWHERE || is_unusual (file);
}

static gboolean
link_is_sound (CnnReader message)
{
  int flags, kind = H5L_TYPE_HARD;
  guint64 length;

  cnn_reader_take (&message, 1);
  flags = (int) cnn_reader_number (&message, 1);
  if ((flags & 8) != 0)
    kind = (int) cnn_reader_number (&message, 1);
  cnn_reader_take (&message, ((flags & 4) != 0 ? 8 : 0) + ((flags & 0x10) != 0 ? 1 : 0));
  length = cnn_reader_number (&message, (gsize) 1 << (flags & 3));
  cnn_reader_take (&message, length);
  cnn_reader_take (&message, kind == H5L_TYPE_HARD ? 8 : cnn_reader_number (&message, 2));
  return !message.past && (flags & ~0x1f) == 0 && length > 0
         && (kind == H5L_TYPE_HARD || kind == H5L_TYPE_SOFT || kind == EXTERNAL_LINK);
}

static gboolean
other_files_are_sound (CnnHdf5 *file, CnnReader message)
{
  guint64 allocated, used, heap_size;

  cnn_reader_take (&message, 4);
  allocated = cnn_reader_number (&message, 2);
  used = cnn_reader_number (&message, 2);
  if (used > allocated
      || !cnn_hdf5_heap_is_sound (file, cnn_reader_number (&message, 8), &heap_size))
    return FALSE;
  for (guint64 i = 0; i < used; i++)
    {
      if (cnn_reader_number (&message, 8) >= heap_size)
        return FALSE;
      cnn_reader_take (&message, 16);
    }
  return !message.past;
}

static gboolean
group_is_sound (CnnReader message)
{
  int flags;

  cnn_reader_take (&message, 1);
  flags = (int) cnn_reader_number (&message, 1);
  cnn_reader_take (&message, ((flags & 1) != 0 ? 4 : 0) + ((flags & 2) != 0 ? 4 : 0));
  return !message.past;
}

static gboolean
may_repeat (int type)
{
  return type == CNN_MESSAGE_NOTHING || type == CNN_MESSAGE_LINK || type == CNN_MESSAGE_ATTRIBUTE
         || type == CNN_MESSAGE_CONTINUATION;
}

static gboolean
look (const CnnMessage *message, gpointer data)
{
  Object *object = data;
  CnnHdf5 *file = object->file;
  CnnReader body = message->body;
  guint64 count;

  /* of most there is one: HDF5 takes the first, which need not be what was looked at */
  if (!may_repeat (message->type))
    {
      if (message->type > 63 || (object->seen >> message->type & 1) != 0)
        return is_unusual (file);
      object->seen |= G_GUINT64_CONSTANT (1) << message->type;
    }
  /* a type that was given a name, which Keras' have not */
  if (message->shared)
    return is_unusual (file);
  switch ((CnnMessageType) message->type)
    {
    case CNN_MESSAGE_NOTHING:
    case CNN_MESSAGE_CONTINUATION: /* is looked at where it is followed */
      return TRUE;
    case CNN_MESSAGE_SPACE:
      return take_space (&body, &count);
    case CNN_MESSAGE_LINKS:
      return is_without_heap (file, body, 8);
    case CNN_MESSAGE_TYPE:
      return cnn_hdf5_take_type (&body);
    case CNN_MESSAGE_OLD_FILL:
      return take_sized (&body);
    case CNN_MESSAGE_FILL:
      return fill_is_sound (body);
    case CNN_MESSAGE_LINK:
      return link_is_sound (body);
    case CNN_MESSAGE_OTHER_FILES:
      return other_files_are_sound (file, body);
    case CNN_MESSAGE_LAYOUT:
      return layout_is_sound (object, body);
    case CNN_MESSAGE_GROUP:
      return group_is_sound (body);
    case CNN_MESSAGE_FILTERS:
      return filters_are_sound (object, body);
    case CNN_MESSAGE_ATTRIBUTE:
      return attribute_is_sound (body);
    case CNN_MESSAGE_TIME:
      return cnn_reader_take (&body, 8) != NULL;
    case CNN_MESSAGE_ATTRIBUTES:
      return is_without_heap (file, body, 2);
    case CNN_MESSAGE_REFERENCES:
      return cnn_reader_take (&body, 5) != NULL;
    case CNN_MESSAGE_SYMBOLS:
      {
        const guint64 tree = cnn_reader_number (&body, 8), heap = cnn_reader_number (&body, 8);

        return !body.past && cnn_hdf5_symbols_are_sound (file, tree, heap);
      }
    }
  return is_unusual (file);
}

gboolean
cnn_hdf5_is_sound (CnnHdf5 *file, guint64 address)
{
  Object object = { .file = file };

  if (g_hash_table_contains (file->sound, &address))
    return TRUE;
  if (!cnn_hdf5_each_message (file, address, look, &object) || !chunks_have_their_size (&object))
    return FALSE;
  g_hash_table_add (file->sound, g_memdup2 (&address, sizeof address));
  return TRUE;
}

/* II.A. Addresses and lengths have eight bytes in whatever Keras writes. */
char *
cnn_hdf5_check_file (CnnHdf5 *file)
{
  guint8 block[96] = { 0 };
  CnnReader reader = { block, sizeof block, FALSE };
  guint64 extension = CNN_HDF5_NOWHERE, end, root;
  int version;

  if (!cnn_hdf5_bytes (file, 0, MIN (sizeof block, file->size), block)
      || memcmp (block, "\x89HDF\r\n\x1a\n", 8) != 0)
    return g_strdup ("it does not begin as HDF5 does");
  version = block[8];
  cnn_reader_take (&reader, version < 2 ? 13 : 9);
  if (version > 3 || cnn_reader_number (&reader, 2) != 0x0808)
    return g_strdup ("it does not begin as Keras' files do");
  /* version 1 has four bytes more; the root stands in an entry of symbols, behind its name */
  cnn_reader_take (&reader, version == 0 ? 25 : version == 1 ? 29 : 9);
  if (version >= 2)
    extension = cnn_reader_number (&reader, 8);
  end = cnn_reader_number (&reader, 8);
  if (version < 2)
    {
      extension = cnn_reader_number (&reader, 8); /* of its driver */
      cnn_reader_take (&reader, 8);
    }
  root = cnn_reader_number (&reader, 8);
  if (end > file->size)
    return g_strdup_printf ("it is cut off, %" G_GUINT64_FORMAT " bytes of %" G_GUINT64_FORMAT,
                            file->size, end);
  if (extension != CNN_HDF5_NOWHERE)
    return g_strdup ("its first block says more than Keras writes");
  return cnn_hdf5_is_sound (file, root) ? NULL : g_strdup ("its root is not what it should be");
}
