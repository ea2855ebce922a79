/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keras_private.h"

#include <zip.h>

#define PIECE (4 * 1024 * 1024)
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
  while (bytes != NULL && (n = zip_fread (entry, bytes + length, MIN (room - length, PIECE))) > 0)
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

gboolean
cnn_keras_zip_read (const char *path, GBytes **config, GBytes **metadata, GBytes **weights,
                    GError **error)
{
  g_autoptr (zip_t) zip = NULL;
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (GFileInfo) info =
      g_file_query_info (file, G_FILE_ATTRIBUTE_STANDARD_SIZE, G_FILE_QUERY_INFO_NONE, NULL, NULL);
  guint64 size = info != NULL ? (guint64) g_file_info_get_size (info) : 0;
  g_autoptr (GBytes) read_config = NULL, read_metadata = NULL, read_weights = NULL;
  int code = 0;

  zip = zip_open (path, ZIP_RDONLY, &code);
  if (zip == NULL)
    {
      zip_error_t problem;

      zip_error_init_with_code (&problem, code);
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "is a damaged zip archive: %s",
                   zip_error_strerror (&problem));
      zip_error_fini (&problem);
      return FALSE;
    }
  read_config = read_entry (zip, "config.json", size, MAX_TEXT, error);
  if (read_config == NULL)
    {
      g_prefix_error (error, "is a zip archive, but not of Keras: ");
      return FALSE;
    }
  read_metadata = read_entry (zip, "metadata.json", size, MAX_TEXT, NULL);
  if (zip_name_locate (zip, "model.weights.h5", 0) < 0)
    {
      gboolean npz = zip_name_locate (zip, "model.weights.npz", 0) >= 0;
      gboolean shards = zip_name_locate (zip, "model.weights.json", 0) >= 0;

      g_set_error (error, CNN_ERROR, npz || shards ? CNN_ERROR_UNSUPPORTED : CNN_ERROR_FILE, "%s",
                   npz      ? "keeps its weights as model.weights.npz; save it with HDF5 weights"
                   : shards ? "keeps its weights in several shards; save it in one"
                            : "holds no \"model.weights.h5\"");
      return FALSE;
    }
  read_weights = read_entry (zip, "model.weights.h5", size, MAX_WEIGHTS, error);
  if (read_weights == NULL)
    return FALSE;
  *config = g_steal_pointer (&read_config);
  *metadata = g_steal_pointer (&read_metadata);
  *weights = g_steal_pointer (&read_weights);
  return TRUE;
}
