/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fuzz.h"

#include "session.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

static char *folder;
static GHashTable *paths;

static void
remove_folder (void)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      g_remove (path);
    }
  g_rmdir (folder);
}

const char *
fuzz_folder (void)
{
  if (folder == NULL)
    {
      folder = g_strdup ("/dev/shm/convlens-fuzz-XXXXXX");
      if (g_mkdtemp (folder) == NULL)
        folder = g_dir_make_tmp ("convlens-fuzz-XXXXXX", NULL);
      g_assert_nonnull (folder);
      paths = g_hash_table_new (g_str_hash, g_str_equal);
      g_setenv ("CONVLENS_DATA_DIR", folder, TRUE);
      g_setenv ("XDG_DATA_HOME", folder, TRUE);
      /* What GLib calls a mistake of the program is one. */
      g_log_set_always_fatal (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING);
      atexit (remove_folder);
    }
  return folder;
}

const char *
fuzz_file (const char *name, const uint8_t *data, size_t size)
{
  const char *in = fuzz_folder ();
  char *path = g_hash_table_lookup (paths, name);
  int fd;

  if (path == NULL)
    {
      path = g_build_filename (in, name, NULL);
      g_hash_table_insert (paths, g_strdup (name), path);
    }
  fd = g_open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (write (fd, data, size), ==, (gssize) size);
  close (fd);
  return path;
}

const char *
fuzz_small_architecture (void)
{
  return FUZZ_SOURCE_DIR "/small.json";
}

const char *
fuzz_small_weights (void)
{
  return FUZZ_SOURCE_DIR "/small.weights-only.h5";
}

void
fuzz_open_model (const char *path, const char *architecture)
{
  const CnnOptions options = { .model = path, .architecture = architecture };
  g_autoptr (GPtrArray) layers = NULL;
  CnnSession *session;
  CnnFacts facts;

  fuzz_folder ();
  session = cnn_session_open (&options, FALSE, NULL, NULL);
  if (session == NULL)
    return;
  layers = cnn_session_layers (session, NULL);
  cnn_session_parameters (session);
  cnn_session_facts (session, &facts);
  for (int i = 0; i < cnn_model_count (session->network->model); i++)
    {
      const CnnLayer *layer = cnn_model_node (session->network->model, i)->layer;

      for (int j = 0; j < CNN_MAX_WEIGHTS; j++)
        if (layer->weights[j] != NULL)
          cnn_array_load (layer->weights[j], NULL);
    }
  cnn_session_unref (session);
}
