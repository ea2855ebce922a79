/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files that are written whole or not at all: what is replaced, what stays, and what a process that
 * ends at once leaves behind. */
#include "image.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder;

static char *
path_of (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static void
remove_folder (void)
{
  char *arguments[] = { "rm", "-rf", folder, NULL };

  g_spawn_sync (NULL, arguments, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
}

static void
link_to (const char *target, const char *name)
{
  g_autofree char *path = path_of (name);

  g_assert_cmpint (symlink (target, path), ==, 0);
}

static void
assert_target (const char *name, const char *wanted)
{
  g_autofree char *path = path_of (name), *all = path_of (wanted);
  g_autofree char *target = cnn_file_target (path);
  g_autofree char *plain = g_canonicalize_filename (target, NULL);

  g_assert_cmpstr (plain, ==, all);
}

static void
test_targets (void)
{
  g_autofree char *sub = path_of ("sub"), *absolute = path_of ("sub/absolute");

  g_assert_cmpint (g_mkdir (sub, 0700), ==, 0);
  link_to ("plain", "one");
  link_to ("one", "two");
  link_to ("../two", "sub/three");
  link_to (absolute, "four");
  link_to ("loop", "loop");
  assert_target ("plain", "plain");
  assert_target ("one", "plain");
  assert_target ("two", "plain");
  assert_target ("sub/three", "plain");
  assert_target ("four", "sub/absolute");
  assert_target ("loop", "loop");
}

/* How many files the folder holds that have not got a name of their own. */
static guint
count_unfinished (void)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  guint count = 0;

  while ((name = g_dir_read_name (dir)) != NULL)
    count += g_str_has_prefix (name, ".convlens-");
  return count;
}

static void
test_modes (void)
{
  static const struct
  {
    mode_t before, umask, after; /* before 0: there is no file */
  } rows[] = {
    { 0, 0022, 0644 },    { 0, 0077, 0600 },    { 0, 0000, 0666 },     { 0600, 0022, 0600 },
    { 0640, 0022, 0640 }, { 0666, 0077, 0666 }, { 04755, 0022, 0755 },
  };
  g_autofree char *path = path_of ("mode");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *text = NULL;
      GStatBuf info;
      mode_t old;

      g_unlink (path);
      if (rows[i].before != 0)
        {
          g_assert_true (g_file_set_contents (path, "old", -1, NULL));
          g_assert_cmpint (g_chmod (path, (int) rows[i].before), ==, 0);
        }
      old = umask (rows[i].umask);
      cnn_file_write (path, "new", 3, &error);
      umask (old);
      g_assert_no_error (error);
      g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
      g_assert_cmpstr (text, ==, "new");
      g_assert_cmpint (g_stat (path, &info), ==, 0);
      if ((info.st_mode & 07777) != rows[i].after)
        g_error ("row %u: mode %o", i, info.st_mode & 07777);
    }
  g_assert_cmpuint (count_unfinished (), ==, 0);
}

static void
test_refused (void)
{
  static const char *const names[] = { "sub", "none/file", "" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = path_of (names[i]);
      g_autoptr (GError) error = NULL;

      g_assert_false (cnn_file_write (path, "new", 3, &error));
      g_assert_nonnull (strstr (error->message, "cannot be written"));
      g_assert_cmpuint (count_unfinished (), ==, 0);
    }
}

static gpointer
write_for_ever (gpointer data)
{
  g_autofree char *path = path_of (data);
  g_autofree char *large = g_malloc0 (1 << 22);

  while (cnn_file_write (path, large, 1 << 22, NULL))
    ;
  return NULL;
}

/* In a process of its own, which then writes no more. */
static void
test_stop (void)
{
  g_autofree char *path = path_of ("stop-0");

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, 0);
      g_test_trap_assert_passed ();
      return;
    }
  for (int i = 0; i < 4; i++)
    g_thread_new (NULL, write_for_ever, g_strdup_printf ("stop-%d", i));
  g_usleep (50000);
  cnn_file_stop ();
  /* What ends at once leaves what is there now. */
  g_assert_cmpuint (count_unfinished (), ==, 0);
  g_assert_false (cnn_file_write (path, "new", 3, NULL));
  remove_folder ();
  _exit (0);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("convlens-files-XXXXXX", NULL);
  g_assert_nonnull (folder);
  g_test_add_func ("/files/targets", test_targets);
  g_test_add_func ("/files/modes", test_modes);
  g_test_add_func ("/files/refused", test_refused);
  g_test_add_func ("/files/stop", test_stop);
  status = g_test_run ();
  remove_folder ();
  g_free (folder);
  return status;
}
