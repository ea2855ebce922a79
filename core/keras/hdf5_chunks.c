/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The numbers of a dataset that lies in chunks. HDF5 1.10 takes an unpacked chunk to be as long as
 * it should be, and reads on beyond it where it is not; so it only brings them packed as they are.
 */
#include "hdf5_private.h"

#include <zlib.h>

#define PIECE (1024 * 1024) /* between looks at whether all this is still asked for */
#define MAX_FILTERS 8

typedef struct
{
  hid_t id;
  guint64 file_size;
  int rank;
  gsize element; /* bytes of a number */
  const gint64 *dims;
  hsize_t chunk[H5S_MAX_RANK]; /* its shape */
  gsize bytes;                 /* of a chunk */
  H5Z_filter_t filters[MAX_FILTERS];
  int n_filters;
  guint8 *packed, *unpacked, *spare;
  gsize packed_room;
} Chunks;

static void
chunks_clear (Chunks *chunks)
{
  g_clear_pointer (&chunks->packed, g_free);
  g_clear_pointer (&chunks->unpacked, g_free);
  g_clear_pointer (&chunks->spare, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Chunks, chunks_clear)

static gboolean
describe (Chunks *chunks)
{
  AUTO_ID plan = H5Dget_create_plist (chunks->id);
  gsize bytes = chunks->element;

  if (plan < 0 || H5Pget_chunk (plan, H5S_MAX_RANK, chunks->chunk) != chunks->rank)
    return FALSE;
  for (int i = 0; i < chunks->rank; i++)
    if (!g_size_checked_mul (&bytes, bytes, chunks->chunk[i]))
      return FALSE;
  chunks->bytes = bytes;
  chunks->n_filters = H5Pget_nfilters (plan);
  if (chunks->n_filters < 0 || chunks->n_filters > MAX_FILTERS)
    return FALSE;
  for (int i = 0; i < chunks->n_filters; i++)
    {
      unsigned flags, config;
      size_t n = 0;

      chunks->filters[i] = H5Pget_filter2 (plan, (unsigned) i, &flags, &n, NULL, 0, NULL, &config);
    }
  chunks->unpacked = g_try_malloc (MAX (bytes, 1));
  chunks->spare = g_try_malloc (MAX (bytes, 1));
  return chunks->unpacked != NULL && chunks->spare != NULL;
}

/* All chunks of the shape are there: a small file could claim any number of them. */
static gboolean
are_all_there (const Chunks *chunks)
{
  AUTO_ID space = H5Dget_space (chunks->id);
  hsize_t there = 0;
  guint64 needed = 1;

  for (int i = 0; i < chunks->rank; i++)
    {
      guint64 n = ((guint64) chunks->dims[i] + chunks->chunk[i] - 1) / chunks->chunk[i];

      if (!g_uint64_checked_mul (&needed, needed, n))
        return FALSE;
    }
  return H5Dget_num_chunks (chunks->id, space, &there) >= 0 && needed <= there;
}

/* Unpacks exactly a chunk. */
static gboolean
inflate_chunk (const guint8 *packed, gsize length, guint8 *bytes, gsize size)
{
  z_stream stream = { .next_in = (Bytef *) packed };
  int state = inflateInit (&stream);
  gsize left = size;

  if (state != Z_OK)
    return FALSE;
  stream.next_out = bytes;
  while (state == Z_OK && !cnn_cancelled (NULL))
    {
      uInt in = (uInt) MIN (length, PIECE), out = (uInt) MIN (left, PIECE);

      stream.avail_in = in;
      stream.avail_out = out;
      state = inflate (&stream, Z_NO_FLUSH);
      length -= in - stream.avail_in;
      left -= out - stream.avail_out;
      /* without room or input there is no way on */
      if (state == Z_OK && in == stream.avail_in && out == stream.avail_out)
        break;
    }
  inflateEnd (&stream);
  return state == Z_STREAM_END && left == 0;
}

/* Byte 0 of all numbers, then byte 1 of all, … */
static void
unshuffle (const guint8 *from, guint8 *to, gsize size, gsize element)
{
  const gsize n = size / element;

  for (gsize byte = 0; byte < element; byte++)
    for (gsize i = 0; i < n; i++)
      to[i * element + byte] = from[byte * n + i];
}

/* Into `unpacked`. */
static gboolean
read_chunk (Chunks *chunks, const hsize_t *offset)
{
  hsize_t stored = 0;
  guint32 skipped = 0;
  const guint8 *now;
  gsize length;

  if (H5Dget_chunk_storage_size (chunks->id, offset, &stored) < 0 || stored == 0
      || stored > chunks->file_size)
    return FALSE;
  if (stored > chunks->packed_room)
    {
      g_free (chunks->packed);
      chunks->packed_room = (gsize) stored;
      chunks->packed = g_try_malloc (chunks->packed_room);
    }
  if (chunks->packed == NULL
      || H5Dread_chunk (chunks->id, H5P_DEFAULT, offset, &skipped, chunks->packed) < 0)
    return FALSE;
  now = chunks->packed;
  length = (gsize) stored;
  for (int i = chunks->n_filters - 1; i >= 0; i--)
    {
      guint8 *to = now == chunks->unpacked ? chunks->spare : chunks->unpacked;

      if ((skipped >> i & 1) != 0)
        continue;
      if (chunks->filters[i] == H5Z_FILTER_DEFLATE)
        {
          if (!inflate_chunk (now, length, to, chunks->bytes))
            return FALSE;
          length = chunks->bytes;
        }
      else if (length == chunks->bytes)
        unshuffle (now, to, length, chunks->element);
      else
        return FALSE;
      now = to;
    }
  if (length != chunks->bytes)
    return FALSE;
  if (now == chunks->spare)
    {
      guint8 *other = chunks->unpacked;

      chunks->unpacked = chunks->spare;
      chunks->spare = other;
    }
  else if (now == chunks->packed)
    memcpy (chunks->unpacked, now, length);
  return TRUE;
}

/* The part of a chunk that lies within the dataset. */
static void
place_chunk (const Chunks *chunks, int axis, gint64 from, gint64 to, const hsize_t *offset,
             guint8 *numbers)
{
  const gint64 n = MIN ((gint64) chunks->chunk[axis], chunks->dims[axis] - (gint64) offset[axis]);

  from *= (gint64) chunks->chunk[axis];
  to = to * chunks->dims[axis] + (gint64) offset[axis];
  if (axis == chunks->rank - 1)
    memcpy (numbers + (gsize) to * chunks->element,
            chunks->unpacked + (gsize) from * chunks->element, (gsize) n * chunks->element);
  else
    for (gint64 i = 0; i < n && (axis > 0 || !cnn_cancelled (NULL)); i++)
      place_chunk (chunks, axis + 1, from + i, to + i, offset, numbers);
}

gboolean
cnn_hdf5_read_chunks (CnnHdf5 *file, hid_t dataset, gsize element, int rank, const gint64 *dims,
                      void *numbers)
{
  g_auto (Chunks) chunks = { .id = dataset, .file_size = file->size, .rank = rank, .dims = dims };
  hsize_t offset[H5S_MAX_RANK] = { 0 };
  int axis = 0;

  chunks.element = element;
  if (rank < 1 || !describe (&chunks) || !are_all_there (&chunks))
    return FALSE;
  while (axis >= 0)
    {
      if (cnn_cancelled (NULL) || !read_chunk (&chunks, offset))
        return FALSE;
      place_chunk (&chunks, 0, 0, 0, offset, numbers);
      for (axis = rank - 1; axis >= 0; axis--)
        {
          offset[axis] += chunks.chunk[axis];
          if ((gint64) offset[axis] < dims[axis])
            break;
          offset[axis] = 0;
        }
    }
  return TRUE;
}
