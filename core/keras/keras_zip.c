/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keras_private.h"

#include "hdf5_private.h"

#include <unistd.h>
#include <zip.h>
#include <zlib.h>

#define PIECE (4 * 1024 * 1024)
#define SUM_PIECE (128 * 1024) /* fits into a processor's cache */
#define MAX_TEXT (16 * 1024 * 1024)
/* Weights hardly compress; a claim far beyond that is a bomb. */
#define MAX_RATIO 50
#define MAX_WEIGHTS (G_GUINT64_CONSTANT (8) << 30)

G_DEFINE_AUTOPTR_CLEANUP_FUNC (zip_t, zip_discard)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (zip_file_t, zip_fclose)

/* The buffer grows with what is really there, not with what the entry claims; only a stored entry,
 * whose claim the archive's own size bounds, gets its memory at once. */
static GBytes *
read_entry (zip_t *zip, const char *name, guint64 archive_size, guint64 limit, GError **error)
{
  g_autoptr (zip_file_t) entry = NULL;
  g_autofree guint8 *bytes = NULL;
  zip_int64_t index = zip_name_locate (zip, name, 0), n;
  gsize length = 0, room;
  zip_stat_t stat;

  if (index < 0 || zip_stat_index (zip, (zip_uint64_t) index, 0, &stat) != 0
      || (stat.valid & ZIP_STAT_SIZE) == 0)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "holds no \"%s\"", name);
      return NULL;
    }
  if (stat.size > limit || stat.size / MAX_RATIO > archive_size)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                   "\"%s\" claims %" G_GUINT64_FORMAT " bytes in a file of %" G_GUINT64_FORMAT,
                   name, (guint64) stat.size, archive_size);
      return NULL;
    }
  entry = zip_fopen_index (zip, (zip_uint64_t) index, 0);
  if (entry == NULL)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "\"%s\" cannot be read: %s", name,
                   zip_strerror (zip));
      return NULL;
    }

  room = stat.size <= archive_size ? (gsize) stat.size + 1 : PIECE;
  bytes = g_try_malloc (room);
  n = -1;
  while (bytes != NULL && !cnn_cancelled (NULL)
         && (n = zip_fread (entry, bytes + length, MIN (room - length, PIECE))) > 0)
    {
      length += (gsize) n;
      if (length > stat.size)
        break;
      if (length == room)
        {
          guint8 *larger = g_try_realloc (bytes, room = MIN (2 * room, (gsize) stat.size + 1));

          if (larger == NULL)
            break;
          bytes = larger;
        }
    }
  /* the last read, of nothing, is what checks the sum */
  if (bytes == NULL || n != 0 || length != stat.size)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "\"%s\" is damaged: %s", name,
                   bytes == NULL ? "no memory for it"
                   : n < 0       ? zip_file_strerror (entry)
                                 : "it is not as long as it claims");
      return NULL;
    }
  return g_bytes_new_take (g_steal_pointer (&bytes), length);
}

/* --- An entry that is stored as it is --- */

enum
{
  LOCAL_HEADER = 30,
  DIRECTORY_ENTRY = 46,
  DIRECTORY_END = 22,
  MAX_COMMENT = 65535
};

static guint32
number (const guint8 *bytes, int n)
{
  guint32 value = 0;

  while (n-- > 0)
    value = value << 8 | bytes[n];
  return value;
}

/* The archive's directory; NULL where it is not a plain one. */
static guint8 *
read_directory (const CnnFilePart *archive, gsize *length)
{
  const gsize n = MIN (archive->size, DIRECTORY_END + MAX_COMMENT);
  g_autofree guint8 *end = g_malloc (DIRECTORY_END + MAX_COMMENT), *directory = NULL;
  gsize at = n;

  if (n < DIRECTORY_END || !cnn_file_part_read (archive, archive->size - n, n, end))
    return NULL;
  for (at = n - DIRECTORY_END; at > 0 && memcmp (end + at, "PK\5\6", 4) != 0;)
    at--;
  if (memcmp (end + at, "PK\5\6", 4) != 0)
    return NULL;
  *length = number (end + at + 12, 4);
  if (*length > MAX_TEXT || *length > archive->size)
    return NULL;
  directory = g_try_malloc (MAX (*length, 1));
  return directory != NULL
                 && cnn_file_part_read (archive, number (end + at + 16, 4), *length, directory)
             ? g_steal_pointer (&directory)
             : NULL;
}

/* Where the bytes of a stored entry begin (PKWARE's APPNOTE, 4.3); 0 where it is not one, or has
 * anything unusual about it. libzip does not tell. */
static guint64
find_stored (const CnnFilePart *archive, const char *name, const zip_stat_t *stat)
{
  const gsize name_length = strlen (name);
  guint8 local[LOCAL_HEADER];
  g_autofree guint8 *directory = NULL;
  gsize length, at;
  guint64 start;

  if (stat->comp_method != ZIP_CM_STORE || stat->comp_size != stat->size
      || stat->encryption_method != ZIP_EM_NONE
      || (directory = read_directory (archive, &length)) == NULL)
    return 0;
  for (at = 0; at + DIRECTORY_ENTRY <= length && memcmp (directory + at, "PK\1\2", 4) == 0;
       at += DIRECTORY_ENTRY + number (directory + at + 28, 2) + number (directory + at + 30, 2)
             + number (directory + at + 32, 2))
    if (number (directory + at + 28, 2) == name_length
        && at + DIRECTORY_ENTRY + name_length <= length
        && memcmp (directory + at + DIRECTORY_ENTRY, name, name_length) == 0)
      break;
  if (at + DIRECTORY_ENTRY > length || memcmp (directory + at, "PK\1\2", 4) != 0)
    return 0;
  start = number (directory + at + 42, 4);
  if (!cnn_file_part_read (archive, start, sizeof local, local) || memcmp (local, "PK\3\4", 4) != 0)
    return 0;
  start += LOCAL_HEADER + number (local + 26, 2) + number (local + 28, 2);
  return start <= archive->size && stat->size <= archive->size - start ? start : 0;
}

static gboolean
find_weights (zip_t *zip, const char *path, const char *name, CnnKerasZip *found)
{
  CnnFilePart *archive = cnn_file_part_open (path, 0, G_MAXUINT64, NULL);
  zip_stat_t stat;

  if (archive != NULL && zip_stat (zip, name, 0, &stat) == 0
      && (~stat.valid
          & (ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_CRC | ZIP_STAT_COMP_METHOD
             | ZIP_STAT_ENCRYPTION_METHOD))
             == 0)
    {
      found->weights_offset = find_stored (archive, name, &stat);
      found->weights_size = stat.size;
      found->weights_sum = stat.crc;
    }
  cnn_file_part_unref (archive);
  return found->weights_offset != 0;
}

gboolean
cnn_keras_zip_check (const char *path, const CnnKerasZip *zip, GError **error)
{
  CnnFilePart *part = cnn_file_part_open (path, zip->weights_offset, zip->weights_size, error);
  g_autofree guint8 *piece = g_malloc (SUM_PIECE);
  guint32 sum = (guint32) crc32 (0, NULL, 0);
  gboolean good = part != NULL;

  for (guint64 at = 0; good && !cnn_cancelled (NULL) && at < zip->weights_size; at += SUM_PIECE)
    {
      const gsize n = (gsize) MIN (zip->weights_size - at, SUM_PIECE);

      good = cnn_file_part_read (part, at, n, piece);
      sum = (guint32) crc32 (sum, piece, (uInt) n);
    }
  cnn_file_part_unref (part);
  if (good && sum == zip->weights_sum)
    return TRUE;
  if (part != NULL && !cnn_cancelled (error))
    g_set_error_literal (error, CNN_ERROR, CNN_ERROR_FILE,
                         "\"model.weights.h5\" is damaged: CRC error");
  return FALSE;
}

void
cnn_keras_zip_clear (CnnKerasZip *zip)
{
  g_clear_pointer (&zip->config, g_bytes_unref);
  g_clear_pointer (&zip->metadata, g_bytes_unref);
  g_clear_pointer (&zip->weights, g_bytes_unref);
}

/* Which of two entries of one name is meant, every reader of zip has an opinion of its own. */
static gboolean
check_names (zip_t *zip, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  zip_int64_t n = zip_get_num_entries (zip, 0);

  for (zip_int64_t i = 0; i < n; i++)
    {
      const char *name = zip_get_name (zip, (zip_uint64_t) i, ZIP_FL_ENC_RAW);

      if (i % 1024 == 0 && cnn_cancelled (error))
        return FALSE;
      if (name != NULL && !g_hash_table_add (seen, (char *) name))
        {
          g_autofree char *start = cnn_text_cut (name, 200);
          g_autofree char *shown = cnn_text_from_file (start, strlen (start));

          g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                       "is a damaged zip archive: it has two entries \"%s\"", shown);
          return FALSE;
        }
    }
  return TRUE;
}

static zip_t *
open_archive (const char *path, guint64 *size, GError **error)
{
  int code = 0, fd = cnn_regular_open (path, size, error);
  zip_error_t problem;
  zip_t *zip;

  if (fd < 0)
    return NULL;
  zip = zip_fdopen (fd, 0, &code); /* takes it */
  if (zip != NULL)
    return zip;
  close (fd);
  zip_error_init_with_code (&problem, code);
  /* versions of libzip differ in what they call a file that ends too early */
  if (code == ZIP_ER_MEMORY || code == ZIP_ER_MULTIDISK)
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "cannot be read as a zip archive: %s",
                 zip_error_strerror (&problem));
  else
    g_set_error_literal (error, CNN_ERROR, CNN_ERROR_FILE,
                         "is a cut or damaged zip archive; copy or download it once more");
  zip_error_fini (&problem);
  return NULL;
}

gboolean
cnn_keras_zip_read (const char *path, CnnKerasZip *found, GError **error)
{
  static const char weights[] = "model.weights.h5";
  guint64 size = 0;
  g_autoptr (zip_t) zip = open_archive (path, &size, error);

  if (zip == NULL || !check_names (zip, error))
    return FALSE;
  found->config = read_entry (zip, "config.json", size, MAX_TEXT, error);
  if (found->config == NULL)
    {
      g_prefix_error (error, "is a zip archive, but not of Keras: ");
      return FALSE;
    }
  found->metadata = read_entry (zip, "metadata.json", size, MAX_TEXT, NULL);
  if (zip_name_locate (zip, weights, 0) < 0)
    {
      gboolean npz = zip_name_locate (zip, "model.weights.npz", 0) >= 0;
      gboolean shards = zip_name_locate (zip, "model.weights.json", 0) >= 0;

      g_set_error (error, CNN_ERROR, npz || shards ? CNN_ERROR_UNSUPPORTED : CNN_ERROR_FILE, "%s",
                   npz      ? "keeps its weights as model.weights.npz; save it with HDF5 weights"
                   : shards ? "keeps its weights in several shards; save it in one"
                            : "holds no \"model.weights.h5\"");
      return FALSE;
    }
  if (find_weights (zip, path, weights, found))
    return TRUE;
  found->weights = read_entry (zip, weights, size, MAX_WEIGHTS, error);
  return found->weights != NULL;
}
