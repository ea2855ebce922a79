/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store-files.h"

#include <glib/gstdio.h>
#include <string.h>

char *home, *files, *data_dir, *log_path, *md5, *folder;
int port;
static GSubprocess *server;

void
write_registry (const Entry *entries, guint n)
{
  GString *text = g_string_new ("{ \"models\": [");
  g_autofree char *path = g_build_filename (data_dir, "models.json", NULL);

  for (guint i = 0; i < n; i++)
    {
      const Entry *entry = &entries[i];
      const char *checksum = g_strcmp0 (entry->checksum, "right") == 0 ? md5 : entry->checksum;
      g_autofree char *sum = checksum != NULL ? g_strdup_printf ("\"%s\"", checksum) : NULL;

      g_string_append_printf (
          text,
          "%s{ \"name\": \"%s\", \"alias\": null, \"keras\": \"k\", \"architecture\": \"vgg16\", "
          "\"top\": true, \"url\": \"http://127.0.0.1:%d%sweights\", \"file\": \"%s.h5\", "
          "\"checksum\": %s, \"size\": %s%.0" G_GINT64_FORMAT ", \"parameters\": %d, "
          "\"input_size\": 32, \"preprocess\": \"tf\", \"classes\": 1000, \"labels\": \"imagenet\", "
          "\"licence\": \"MIT\" }",
          i > 0 ? ", " : "", entry->name, port, entry->way, entry->name, sum != NULL ? sum : "null",
          entry->size > 0 ? "" : "null", entry->size, SIZE / 4);
    }
  g_string_append (text, "] }");
  g_assert_true (g_file_set_contents (path, text->str, -1, NULL));
  g_string_free (text, TRUE);
}

void
fixture_clear (Fixture *fixture)
{
  cnn_store_free (fixture->store);
  g_free (fixture->path);
  g_free (fixture->part);
}

void
set_up (Fixture *fixture, const Entry *entry)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      g_unlink (path);
    }
  g_unlink (log_path);
  write_registry (entry, 1);
  fixture->store = cnn_store_open (&error);
  g_assert_no_error (error);
  g_assert_cmpstr (cnn_store_folder (fixture->store), ==, folder);
  fixture->model = cnn_store_find (fixture->store, entry->name);
  g_assert_nonnull (fixture->model);
  fixture->path = cnn_store_path (fixture->store, fixture->model);
  fixture->part = g_strconcat (fixture->path, ".part", NULL);
}

CnnStoreGot *
get (Fixture *fixture, const CnnStoreGetOptions *options, const CnnProgress *progress)
{
  g_autoptr (GError) error = NULL;
  CnnStoreGot *got = cnn_store_get (fixture->store, fixture->model, options, progress, &error);

  g_assert_no_error (error);
  g_assert_nonnull (got);
  return got;
}

void
refuse (Fixture *fixture, const CnnStoreGetOptions *options, const CnnProgress *progress, int code,
        const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnStoreGot) got =
      cnn_store_get (fixture->store, fixture->model, options, progress, &error);

  g_assert_null (got);
  g_assert_error (error, CNN_ERROR, code);
  if (strstr (error->message, text) == NULL)
    g_error ("\"%s\" does not say \"%s\"", error->message, text);
  g_test_message ("%s", error->message);
}

void
check_whole (const char *path)
{
  g_autofree char *want = NULL, *have = NULL, *source = g_build_filename (files, "weights", NULL);
  gsize wanted, has;

  g_assert_true (g_file_get_contents (source, &want, &wanted, NULL));
  g_assert_true (g_file_get_contents (path, &have, &has, NULL));
  g_assert_cmpmem (have, has, want, wanted);
}

void
check_only_file (const Fixture *fixture)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  check_whole (fixture->path);
  while ((name = g_dir_read_name (dir)) != NULL)
    if (strcmp (name, "pins.json") != 0 && strcmp (name, fixture->model->file) != 0)
      g_error ("%s was left", name);
}

void
check_nothing (const Fixture *fixture)
{
  g_autofree char *note = g_strconcat (fixture->part, ".from", NULL);

  g_assert_false (g_file_test (fixture->path, G_FILE_TEST_EXISTS));
  g_assert_false (g_file_test (fixture->part, G_FILE_TEST_EXISTS));
  g_assert_false (g_file_test (note, G_FILE_TEST_EXISTS));
}

gint64
part_size (const Fixture *fixture)
{
  GStatBuf info;

  g_assert_false (g_file_test (fixture->path, G_FILE_TEST_EXISTS));
  return g_stat (fixture->part, &info) == 0 ? info.st_size : -1;
}

guint
requests (void)
{
  g_autofree char *text = NULL;
  guint n = 0;

  if (g_file_get_contents (log_path, &text, NULL, NULL))
    for (const char *c = text; *c != '\0'; c++)
      n += *c == '\n';
  return n;
}

static void
start_server (void)
{
  g_autofree char *script = g_build_filename (g_getenv ("G_TEST_SRCDIR"), "serve-files.py", NULL);
  g_autofree char *port_file = g_build_filename (home, "port", NULL), *text = NULL;
  g_autoptr (GError) error = NULL;

  log_path = g_build_filename (home, "log", NULL);
  server = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE, &error, "python3", script, files,
                             port_file, log_path, NULL);
  g_assert_no_error (error);
  for (int i = 0; i < 300 && !g_file_get_contents (port_file, &text, NULL, NULL); i++)
    g_usleep (100 * 1000);
  g_assert_nonnull (text);
  port = atoi (text);
}

static void
make_files (void)
{
  g_autofree guint8 *bytes = g_malloc (SIZE);
  g_autofree char *path = NULL, *sum = NULL;
  g_autoptr (GRand) random = g_rand_new_with_seed (7);

  home = g_dir_make_tmp ("convlens-store-XXXXXX", NULL);
  files = g_build_filename (home, "files", NULL);
  data_dir = g_build_filename (home, "data", NULL);
  folder = g_build_filename (home, "share", "convlens", "models", NULL);
  path = g_build_filename (files, "weights", NULL);
  g_mkdir_with_parents (files, 0700);
  g_mkdir_with_parents (data_dir, 0700);
  for (int i = 0; i < SIZE; i++)
    bytes[i] = (guint8) g_rand_int (random);
  memcpy (bytes, "\x89HDF\r\n\x1a\n", 8);
  g_assert_true (g_file_set_contents (path, (char *) bytes, SIZE, NULL));
  sum = g_compute_checksum_for_data (G_CHECKSUM_MD5, bytes, SIZE);
  md5 = g_strconcat ("md5:", sum, NULL);
}

static void
skip_download (void)
{
  g_test_skip ("this build is without downloads");
}

void
add_download (const char *path, GTestFunc run)
{
  g_test_add_func (path, cnn_store_has_downloads () ? run : skip_download);
}

int
run_store_tests (int argc, char **argv, void (*add) (void))
{
  g_autofree char *share = NULL, *remove = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  make_files ();
  share = g_build_filename (home, "share", NULL);
  g_setenv ("XDG_DATA_HOME", share, TRUE);
  g_setenv ("CONVLENS_DATA_DIR", data_dir, TRUE);
  g_setenv ("no_proxy", "*", TRUE);
  start_server ();

  add ();
  status = g_test_run ();

  g_output_stream_close (g_subprocess_get_stdin_pipe (server), NULL, NULL);
  g_subprocess_wait (server, NULL, NULL);
  g_object_unref (server);
  remove = g_strdup_printf ("rm -rf '%s'", home);
  return system (remove) != 0 ? 1 : status;
}
