/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hdf5_private.h"

#define MAX_BLOCK (16 * 1024 * 1024)
#define MAX_BLOCKS 1000
#define MAX_TEXT (64 * 1024 * 1024)

enum
{
  MESSAGE_ATTRIBUTE = 0x0c,
  MESSAGE_CONTINUATION = 0x10
};

/* Little-endian numbers in a block; reading past the end gives zeros and sets `past`. */
typedef struct
{
  const guint8 *at;
  gsize left;
  gboolean past;
} Reader;

static const guint8 *
take (Reader *reader, gsize n)
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

static guint64
take_number (Reader *reader, gsize n)
{
  const guint8 *bytes = take (reader, n);
  guint64 number = 0;

  while (bytes != NULL && n > 0)
    number = number << 8 | bytes[--n];
  return number;
}

static guint8 *
read_block (CnnHdf5 *file, guint64 offset, guint64 length)
{
  g_autofree guint8 *block = NULL;

  if (length == 0 || length > MAX_BLOCK || length > file->size || offset > file->size - length)
    return NULL;
  block = g_try_malloc (length);
  if (block == NULL || !cnn_hdf5_bytes (file, offset, length, block))
    return NULL;
  return g_steal_pointer (&block);
}

/* --- the attribute's bytes, in the header of its object --- */

typedef struct
{
  guint64 offset, length;
} Place;

typedef struct
{
  CnnHdf5 *file;
  const char *name;  /* NULL: look at all */
  int version;       /* of the header */
  gsize order_bytes; /* in each message of a version 2 header */
  GArray *places;    /* Place: blocks to look into */
  GBytes *found;
  gboolean unsound;
} Search;

static gsize
padded (gsize length, int version)
{
  return version == 1 ? (length + 7) & ~(gsize) 7 : length;
}

/* The classes of type that Keras' attributes have need so many bytes; others are HDF5's affair. */
static gboolean
type_is_sound (const guint8 *type, gsize length)
{
  static const gsize needed[16] = { [0] = 12, [1] = 20, [3] = 8, [9] = 16 };

  if (length < 8)
    return FALSE;
  if ((type[0] & 15) == 9)
    return length >= 16 && type_is_sound (type + 8, length - 8);
  return length >= needed[type[0] & 15];
}

static gboolean
space_is_sound (const guint8 *space, gsize length)
{
  gsize head = length > 0 && space[0] == 1 ? 8 : 4;

  return length >= head && (space[0] == 1 || space[0] == 2) && space[1] <= H5S_MAX_RANK
         && length >= head + (gsize) space[1] * 8 * ((space[2] & 1) != 0 ? 2 : 1);
}

static void
look_at_attribute (Search *search, Reader message, gboolean shared)
{
  int version = (int) take_number (&message, 1), flags = (int) take_number (&message, 1);
  gsize name_length, type_length, space_length;
  const guint8 *name, *type, *space;

  name_length = take_number (&message, 2);
  type_length = take_number (&message, 2);
  space_length = take_number (&message, 2);
  if (version == 3)
    take (&message, 1);
  name = take (&message, padded (name_length, version));
  type = take (&message, padded (type_length, version));
  space = take (&message, padded (space_length, version));
  if (shared)
    return;
  if (version < 1 || version > 3 || message.past || name_length == 0
      || memchr (name, '\0', name_length) == NULL
      || (version > 1 && flags != 0
              ? FALSE
              : !type_is_sound (type, type_length) || !space_is_sound (space, space_length)))
    search->unsound = TRUE;
  else if (search->name != NULL && strcmp ((const char *) name, search->name) == 0)
    search->found = g_bytes_new (message.at, message.left);
}

static void
look_at_block (Search *search, Place place)
{
  g_autofree guint8 *block = read_block (search->file, place.offset, place.length);
  Reader reader = { block, block != NULL ? place.length : 0, FALSE };

  /* the continuation of a version 2 header has a signature before and a checksum behind */
  if (search->version == 2 && reader.left >= 4 && memcmp (reader.at, "OCHK", 4) == 0)
    take (&reader, 4);
  while (reader.left > 0 && search->found == NULL && !search->unsound)
    {
      int type = (int) take_number (&reader, search->version == 1 ? 2 : 1);
      gsize size = take_number (&reader, 2);
      gboolean shared = (take_number (&reader, 1) & 2) != 0;
      Reader message = { NULL, size, FALSE };

      take (&reader, search->version == 1 ? 3 : search->order_bytes);
      message.at = take (&reader, size);
      if (reader.past)
        return;
      if (type == MESSAGE_ATTRIBUTE)
        look_at_attribute (search, message, shared);
      else if (type == MESSAGE_CONTINUATION && search->places->len < MAX_BLOCKS)
        {
          Place next = { take_number (&message, 8), 0 };

          next.length = take_number (&message, 8);
          if (!message.past)
            g_array_append_val (search->places, next);
        }
    }
}

static gboolean
find_first_block (Search *search, guint64 address, Place *place)
{
  guint8 head[64] = { 0 };
  Reader reader = { head, sizeof head, FALSE };
  int flags;

  if (address >= search->file->size
      || !cnn_hdf5_bytes (search->file, address, MIN (sizeof head, search->file->size - address),
                          head))
    return FALSE;
  if (memcmp (head, "OHDR", 4) != 0)
    {
      search->version = 1;
      take (&reader, 8);
      *place = (Place){ address + 16, take_number (&reader, 4) };
      return head[0] == 1;
    }
  search->version = 2;
  take (&reader, 5);
  flags = (int) take_number (&reader, 1);
  search->order_bytes = (flags & 4) != 0 ? 2 : 0;
  take (&reader, ((flags & 0x20) != 0 ? 16 : 0) + ((flags & 0x10) != 0 ? 4 : 0));
  place->length = take_number (&reader, (gsize) 1 << (flags & 3));
  place->offset = address + (guint64) (reader.at - head);
  return TRUE;
}

static gboolean
look (Search *search, hid_t object)
{
  g_autoptr (GArray) places = g_array_new (FALSE, FALSE, sizeof (Place));
  H5G_stat_t stat;
  Place first;

  if (H5Gget_objinfo (object, ".", FALSE, &stat) < 0
      || !find_first_block (search, (guint64) stat.objno[0], &first))
    return FALSE;
  search->places = places;
  g_array_append_val (places, first);
  for (guint i = 0; i < places->len && search->found == NULL && !search->unsound; i++)
    look_at_block (search, g_array_index (places, Place, i));
  return !search->unsound;
}

/* Addresses and lengths have eight bytes in whatever Keras writes. */
static gboolean
has_usual_sizes (CnnHdf5 *file)
{
  guint8 superblock[16];
  int at;

  if (!cnn_hdf5_bytes (file, 0, sizeof superblock, superblock))
    return FALSE;
  at = superblock[8] < 2 ? 13 : 9;
  return superblock[at] == 8 && superblock[at + 1] == 8;
}

gboolean
cnn_hdf5_attributes_are_sound (CnnHdf5 *file, hid_t object)
{
  Search search = { .file = file };

  return has_usual_sizes (file) && look (&search, object);
}

/* --- the strings themselves, in a global heap --- */

static gboolean
add_string (CnnHdf5 *file, guint64 heap, guint64 index, gsize length, GPtrArray *strings)
{
  guint8 head[16];
  g_autofree guint8 *block = NULL;
  Reader reader = { head, sizeof head, FALSE };
  guint64 size;

  if (length == 0)
    {
      g_ptr_array_add (strings, g_strdup (""));
      return TRUE;
    }
  if (!cnn_hdf5_bytes (file, heap, sizeof head, head) || memcmp (head, "GCOL\1", 5) != 0)
    return FALSE;
  take (&reader, 8);
  size = take_number (&reader, 8);
  block = read_block (file, heap, size);
  if (block == NULL)
    return FALSE;
  reader = (Reader){ block, size, FALSE };
  take (&reader, 16);
  while (reader.left >= 16)
    {
      guint64 number = take_number (&reader, 2), bytes;
      const guint8 *text;

      take (&reader, 6);
      bytes = take_number (&reader, 8);
      if (number == 0 || bytes > reader.left)
        return FALSE;
      text = take (&reader, MIN ((bytes + 7) & ~G_GUINT64_CONSTANT (7), reader.left));
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
cnn_hdf5_variable_strings (CnnHdf5 *file, hid_t object, const char *name, gsize n,
                           GPtrArray *strings)
{
  Search search = { .file = file, .name = name };
  g_autoptr (GBytes) bytes = NULL;
  Reader reader = { NULL, 0, FALSE };
  gsize total = 0;

  if (!has_usual_sizes (file) || !look (&search, object) || search.found == NULL)
    return FALSE;
  bytes = search.found;
  reader.at = g_bytes_get_data (bytes, &reader.left);
  if (reader.left / 16 < n)
    return FALSE;
  for (gsize i = 0; i < n; i++)
    {
      gsize length = take_number (&reader, 4);
      guint64 heap = take_number (&reader, 8), index = take_number (&reader, 4);

      total += length;
      if (total > MAX_TEXT || !add_string (file, heap, index, length, strings))
        return FALSE;
    }
  return TRUE;
}
