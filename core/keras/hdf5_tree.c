/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Trees (III.A.1), symbols (III.B, III.C) and local heaps (III.D). HDF5 goes down a tree as far as
 * it leads, also in a circle, and reads names in a heap until there is a NUL. */
#include "hdf5_bytes.h"

enum
{
  SYMBOLS,
  CHUNKS
};

#define MAX_LEVEL 16

typedef struct
{
  CnnHdf5 *file;
  int kind;
  int rank; /* of chunks */
  guint64 smallest, largest;
  guint64 heap_size; /* of symbols */
  GHashTable *seen;  /* guint64: nodes, each of which has one parent */
} TreeWalk;

static gboolean
symbol_is_sound (const TreeWalk *walk, CnnReader *reader)
{
  const guint64 name = cnn_reader_number (reader, 8);
  guint64 kind, target;

  cnn_reader_take (reader, 8);
  kind = cnn_reader_number (reader, 4);
  cnn_reader_take (reader, 4);
  target = cnn_reader_number (reader, 4);
  cnn_reader_take (reader, 12);
  return !reader->past && name < walk->heap_size
         && (kind <= 1 || (kind == 2 && target < walk->heap_size));
}

static gboolean
symbols_are_sound (const TreeWalk *walk, guint64 address)
{
  guint8 head[8];
  g_autofree guint8 *block = NULL;
  CnnReader reader;
  guint n;

  if (!cnn_hdf5_bytes (walk->file, address, sizeof head, head) || memcmp (head, "SNOD\1", 5) != 0)
    return FALSE;
  n = head[6] | (guint) head[7] << 8;
  if (n == 0)
    return TRUE;
  block = cnn_hdf5_block (walk->file, address + sizeof head, 40 * (guint64) n);
  reader = (CnnReader){ block, 40 * (gsize) n, FALSE };
  for (guint i = 0; block != NULL && i < n; i++)
    if (!symbol_is_sound (walk, &reader))
      return FALSE;
  return block != NULL;
}

static gboolean
is_new (TreeWalk *walk, guint64 address)
{
  return g_hash_table_add (walk->seen, g_memdup2 (&address, sizeof address));
}

/* What lies behind a key of a leaf. */
static gboolean
leaf_is_sound (TreeWalk *walk, const guint8 *key, guint64 address)
{
  CnnReader reader = { key, 8, FALSE };
  guint64 size;

  if (walk->kind == SYMBOLS)
    return is_new (walk, address) && symbols_are_sound (walk, address);
  size = cnn_reader_number (&reader, 4);
  walk->smallest = MIN (walk->smallest, size);
  walk->largest = MAX (walk->largest, size);
  return size <= walk->file->size && address <= walk->file->size - size;
}

static gboolean
node_is_sound (TreeWalk *walk, guint64 address, int parent_level)
{
  const gsize key_size = walk->kind == SYMBOLS ? 8 : 8 + 8 * (gsize) walk->rank;
  guint8 head[24];
  g_autofree guint8 *block = NULL;
  CnnReader reader;
  int level;
  guint n;

  if (!is_new (walk, address) || cnn_cancelled (NULL)
      || !cnn_hdf5_bytes (walk->file, address, sizeof head, head) || memcmp (head, "TREE", 4) != 0
      || head[4] != walk->kind)
    return FALSE;
  level = head[5];
  n = head[6] | (guint) head[7] << 8;
  if (parent_level < 0 ? level > MAX_LEVEL : level != parent_level - 1)
    return FALSE;
  if (n == 0)
    return TRUE;
  reader = (CnnReader){ NULL, n * (key_size + 8) + key_size, FALSE };
  reader.at = block = cnn_hdf5_block (walk->file, address + sizeof head, reader.left);
  if (block == NULL)
    return FALSE;
  for (guint i = 0; i < n; i++)
    {
      const guint8 *key = cnn_reader_take (&reader, key_size);
      CnnReader name = { key, 8, FALSE };
      guint64 child = cnn_reader_number (&reader, 8);

      if (walk->kind == SYMBOLS && cnn_reader_number (&name, 8) >= walk->heap_size)
        return FALSE;
      if (!(level > 0 ? node_is_sound (walk, child, level) : leaf_is_sound (walk, key, child)))
        return FALSE;
    }
  return walk->kind != SYMBOLS || cnn_reader_number (&reader, 8) < walk->heap_size;
}

static gboolean
tree_is_sound (TreeWalk *walk, guint64 address)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);

  walk->seen = seen;
  return node_is_sound (walk, address, -1);
}

/* The list of free places in a heap ends, and stays in it. */
static gboolean
free_list_is_sound (const guint8 *heap, guint64 size, guint64 at)
{
  for (guint64 left = size / 16; at != 1; left--)
    {
      CnnReader reader;
      guint64 next;

      if (left == 0 || at > size || size - at < 16)
        return FALSE;
      reader = (CnnReader){ heap + at, 16, FALSE };
      next = cnn_reader_number (&reader, 8);
      if (cnn_reader_number (&reader, 8) > size - at)
        return FALSE;
      at = next;
    }
  return TRUE;
}

gboolean
cnn_hdf5_heap_is_sound (CnnHdf5 *file, guint64 heap, guint64 *size)
{
  guint8 head[32];
  CnnReader reader = { head, sizeof head, FALSE };
  g_autofree guint8 *names = NULL;
  guint64 free_place;

  if (!cnn_hdf5_bytes (file, heap, sizeof head, head) || memcmp (head, "HEAP\0", 5) != 0)
    return FALSE;
  cnn_reader_take (&reader, 8);
  *size = cnn_reader_number (&reader, 8);
  free_place = cnn_reader_number (&reader, 8);
  names = cnn_hdf5_block (file, cnn_reader_number (&reader, 8), *size);
  /* HDF5 fills up with NULs, so that a heap ends with one in any case */
  return names != NULL && names[*size - 1] == '\0' && free_list_is_sound (names, *size, free_place);
}

gboolean
cnn_hdf5_symbols_are_sound (CnnHdf5 *file, guint64 tree, guint64 heap)
{
  TreeWalk walk = { .file = file, .kind = SYMBOLS };

  return cnn_hdf5_heap_is_sound (file, heap, &walk.heap_size) && tree_is_sound (&walk, tree);
}

gboolean
cnn_hdf5_chunks_are_sound (CnnHdf5 *file, guint64 tree, int rank, guint64 *smallest,
                           guint64 *largest)
{
  TreeWalk walk = { .file = file, .kind = CHUNKS, .rank = rank, .smallest = G_MAXUINT64 };
  const gboolean sound = tree == CNN_HDF5_NOWHERE || tree_is_sound (&walk, tree);

  *smallest = walk.smallest;
  *largest = walk.largest;
  return sound;
}
