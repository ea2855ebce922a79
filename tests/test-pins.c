/* SPDX-License-Identifier: GPL-3.0-or-later */

/* pins.json, the checksums of earlier downloads: one is set, and all that are there can be read
 * again. */

#include "error.h"
#include "store_private.h"

#include <glib/gstdio.h>
#include <string.h>

static const struct
{
  const char *name;
  const char *before; /* the file, or NULL */
  const char *kept;   /* what "one" is, before and after */
  const char *error;  /* where nothing can be added */
} files[] = {
  { "none", NULL, NULL, NULL },
  { "empty", "{}", NULL, NULL },
  { "one", "{\"one\": \"sha256:1\"}", "sha256:1", NULL },
  { "name", "{\"\\\"\\\\ü\": \"sha256:2\", \"one\": \"sha256:1\"}", "sha256:1", NULL },
  /* json-glib writes some numbers so that it cannot read them */
  { "number", "{\"one\": \"sha256:1\", \"two\": 1e18}", "sha256:1", NULL },
  { "large-number", "{\"one\": \"sha256:1\", \"two\": -1e300}", "sha256:1", NULL },
  { "number-itself", "{\"one\": 1e18}", NULL, NULL },
  { "list", "{\"one\": \"sha256:1\", \"two\": [1e18, {\"three\": 1e18}]}", "sha256:1", NULL },
  { "null", "{\"one\": null}", NULL, NULL },
  { "control", "{\"one\": \"sha256:1\", \"two\": \"sha\\n256\"}", "sha256:1", "for \"two\"" },
  { "control-in-name", "{\"one\": \"sha256:1\", \"t\\two\": \"sha256:2\"}", "sha256:1", "for \"" },
  { "not-an-object", "[]", NULL, "cannot be read: not a JSON object" },
  { "no-json", "{", NULL, "cannot be read: pins.json" },
};

static void
check_pin (const char *folder, const char *name, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *checksum = NULL;

  g_assert_true (cnn_pins_get (folder, name, &checksum, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (checksum, ==, expected);
}

static void
test_pins (gconstpointer data)
{
  const guint i = GPOINTER_TO_UINT (data);
  g_autofree char *folder = g_dir_make_tmp ("convlens-pins-XXXXXX", NULL);
  g_autofree char *path = cnn_pins_path (folder), *after = NULL;
  g_autoptr (GError) error = NULL;
  const gboolean done = files[i].error == NULL;

  if (files[i].before != NULL)
    g_assert_true (g_file_set_contents (path, files[i].before, -1, NULL));
  if (files[i].kept != NULL)
    check_pin (folder, "one", files[i].kept);
  g_assert_cmpint (cnn_pins_set (folder, "new", "md5:3", &error), ==, done);
  if (done)
    {
      g_assert_no_error (error);
      check_pin (folder, "new", "md5:3");
      check_pin (folder, "one", files[i].kept);
      g_assert_true (cnn_pins_set (folder, "one", "md5:4", NULL));
      check_pin (folder, "one", "md5:4");
    }
  else
    {
      g_assert_error (error, CNN_ERROR, CNN_ERROR_FILE);
      g_assert_nonnull (strstr (error->message, files[i].error));
      g_assert_nonnull (strstr (error->message, path));
      /* and the file is as it was */
      g_assert_true (g_file_get_contents (path, &after, NULL, NULL));
      g_assert_cmpstr (after, ==, files[i].before);
    }
  g_unlink (path);
  g_rmdir (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = g_strdup_printf ("/pins/%s", files[i].name);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_pins);
    }
  return g_test_run ();
}
