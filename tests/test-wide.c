/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Wide vectors on the software driver: which verdict makes a device of them, and what becomes of
 * the process that has to find one. That process is this program again, which does as it is told;
 * the real one is test-layers. Nothing is computed here, for with wide vectors a driver may crash.
 */
#include "gpu.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

static char *folder; /* the user's cache folder, of this test's own */

static CnnDevice *
open_device (void)
{
  g_autoptr (GError) error = NULL;
  CnnDevice *device = cnn_device_open ("llvmpipe", &error);

  g_assert_no_error (error);
  return device;
}

/* The device's lanes in a run that leaves behind what it leaves. */
static guint
run (void)
{
  CnnDevice *device = open_device ();
  guint lanes = cnn_device_subgroup_size (device);

  cnn_device_unref (device);
  return lanes;
}

/* The verdict's path; NULL where there is no file. */
static char *
find_verdict (void)
{
  g_autofree char *ours = g_build_filename (folder, "convlens", NULL);
  g_autoptr (GDir) files = g_dir_open (ours, 0, NULL);
  const char *name;

  while (files != NULL && (name = g_dir_read_name (files)) != NULL)
    if (g_str_has_prefix (name, "wide-"))
      return g_build_filename (ours, name, NULL);
  return NULL;
}

static gboolean
verdict_is (const char *wanted)
{
  g_autofree char *path = find_verdict (), *text = NULL;

  return path != NULL && g_file_get_contents (path, &text, NULL, NULL)
         && strcmp (text, wanted) == 0;
}

static void
forget_verdict (void)
{
  g_autofree char *path = find_verdict ();

  if (path != NULL)
    g_unlink (path);
}

/* Waits for the process that looks for the verdict: it leaves a file when it begins to end. */
static void
wait_for_child (void)
{
  g_autofree char *mark = g_build_filename (folder, "child-was-here", NULL);

  for (int i = 0; i < 1000 && !g_file_test (mark, G_FILE_TEST_EXISTS); i++)
    g_usleep (10000);
  g_assert_cmpint (g_unlink (mark), ==, 0);
}

static void
test_right (void)
{
  forget_verdict ();
  g_setenv ("TEST_WIDE_CHILD", "right", TRUE);
  g_assert_cmpuint (run (), ==, 8);
  wait_for_child ();
  g_assert_true (verdict_is ("right\n"));
  for (int i = 0; i < 2; i++)
    g_assert_cmpuint (run (), ==, 16);
  g_assert_true (verdict_is ("right\n"));
}

static void
test_crash (void)
{
  forget_verdict ();
  g_setenv ("TEST_WIDE_CHILD", "crash", TRUE);
  g_assert_cmpuint (run (), ==, 8);
  wait_for_child ();
  g_assert_true (verdict_is ("wrong\n"));
  g_assert_cmpuint (run (), ==, 8);
}

static void
test_another_driver (void)
{
  g_autofree char *path = NULL, *other = NULL;

  forget_verdict ();
  g_setenv ("TEST_WIDE_CHILD", "right", TRUE);
  run ();
  wait_for_child ();
  path = find_verdict ();
  other = g_strdup (path);
  g_assert_nonnull (other);
  other[strlen (other) - 1] = other[strlen (other) - 1] == '0' ? '1' : '0';
  g_assert_cmpint (g_rename (path, other), ==, 0);
  /* Where the tests are not installed, nothing is found out. */
  g_setenv ("CONVLENS_SELF_TEST", "/no/such/program", TRUE);
  g_assert_cmpuint (run (), ==, 8);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  g_unlink (other);
}

/* A wish of the user's own stands, and an ordinary processor is left as it is. */
static void
test_no_question (void)
{
  static const char *const cases[][3] = { { "wide", "256", "8" },
                                          { "wide", "128", "4" },
                                          { "wide,validate", NULL, "8" } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      forget_verdict ();
      g_setenv ("CONVLENS_DEBUG", cases[i][0], TRUE);
      if (cases[i][1] != NULL)
        g_setenv ("LP_NATIVE_VECTOR_WIDTH", cases[i][1], TRUE);
      g_assert_cmpuint (run (), ==, (guint) atoi (cases[i][2]));
      g_assert_null (find_verdict ());
      g_unsetenv ("LP_NATIVE_VECTOR_WIDTH");
    }
  g_setenv ("CONVLENS_DEBUG", "wide", TRUE);
}

/* What the process that looks for a verdict does here, in place of the layers. */
static int
be_child (const char *verdict)
{
  const gboolean right = strcmp (g_getenv ("TEST_WIDE_CHILD"), "right") == 0;
  const gboolean wide = cnn_device_subgroup_size (open_device ()) == 16;
  g_autofree char *mark = g_build_filename (g_getenv ("XDG_CACHE_HOME"), "child-was-here", NULL);

  if (right && wide)
    g_file_set_contents (verdict, "right\n", -1, NULL);
  g_file_set_contents (mark, "", -1, NULL);
  if (!right)
    abort ();
  return 0;
}

int
main (int argc, char **argv)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *ours = NULL;
  g_autoptr (CnnDevice) device = NULL;
  int result;

  if (g_getenv ("CONVLENS_TEST_VERDICT") != NULL)
    return be_child (g_getenv ("CONVLENS_TEST_VERDICT"));
  folder = g_dir_make_tmp ("convlens-wide-XXXXXX", NULL);
  g_setenv ("XDG_CACHE_HOME", folder, TRUE);
  g_setenv ("CONVLENS_DEBUG", "wide", TRUE);
  g_setenv ("CONVLENS_SELF_TEST", self, TRUE);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wide/no-question", test_no_question);
  g_test_add_func ("/wide/right", test_right);
  g_test_add_func ("/wide/crash", test_crash);
  g_test_add_func ("/wide/another-driver", test_another_driver);
  result = g_test_run ();
  forget_verdict ();
  ours = g_build_filename (folder, "convlens", NULL);
  g_rmdir (ours);
  g_rmdir (folder);
  return result;
}
