/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Downloads from servers that are slow, that lie, or that say what no server should; and a build
 * without downloads. One more is a row in `cases`, and perhaps a way in serve-files.py. */

#include "store-files.h"

#include <glib/gstdio.h>
#include <malloc.h>
#include <string.h>
#include <sys/stat.h>

static const CnnStoreGetOptions impatient = { .stall_seconds = 1 };

/* --- answers that are no good --- */

static void
test_odd (void)
{
  static const struct
  {
    Entry entry;
    const char *text;
    gint64 part; /* bytes that are kept; −1: nothing is left */
  } cases[] = {
    { { "one", "/away/0/", "right", 0 },
      "redirects to \"file:///etc/passwd\", which is not an address of http or https",
      -1 },
    { { "one", "/away/1/", "right", 0 }, "redirects to \"ftp://127.0.0.1/weights\"", -1 },
    { { "one", "/away/2/", "right", 0 }, "redirects to \"data:,weights\"", -1 },
    { { "one", "/away/3/", "right", 0 }, "redirects to \"http://[bad/weights\"", -1 },
    { { "one", "/away/4/", "right", 0 }, "xxx\", which is not an address", -1 },
    { { "one", "/circle/", "right", 0 }, "redirects more than 10 times", -1 },
    { { "one", "/headers/", "right", 0 }, "Too large response headers", -1 },
    { { "one", "/endless/404/", "right", 0 }, "404 (there is no such file)", -1 },
    { { "one", "/endless/503/", "right", 0 }, "503 (it has troubles", -1 },
    { { "one", "/endless/304/", "right", 0 }, "the server says 304", -1 },
    { { "one", "/unasked/", NULL, 0 }, "sends a part of the file", -1 },
    { { "one", "/length/7/", "right", 0 }, "wrong size", -1 },
    { { "one", "/length/-5/", "right", 0 }, "", -1 },
    { { "one", "/length/much/", "right", 0 }, "", -1 },
    { { "one", "/length/99999999999999999999/", "right", 0 }, "", -1 },
    /* a byte a time is no progress */
    { { "one", "/cut/1/", "right", 0 }, "was cut off", 3 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Fixture) fixture = { 0 };
      gint64 start = g_get_monotonic_time ();

      g_test_message ("case %u", i);
      set_up (&fixture, &cases[i].entry);
      refuse (&fixture, NULL, NULL, CNN_ERROR_FILE, cases[i].text);
      if (cases[i].part < 0)
        check_nothing (&fixture);
      else
        g_assert_cmpint (part_size (&fixture), ==, cases[i].part);
      g_assert_cmpint (g_get_monotonic_time () - start, <, 15 * G_TIME_SPAN_SECOND);
    }
}

/* Odd, but with the file all the same. */
static void
test_taken (void)
{
  static const struct
  {
    Entry entry;
    guint requests;
  } cases[] = {
    { { "one", "/chunked/", "right", SIZE }, 1 },
    { { "one", "/chunked/", NULL, 0 }, 1 },
    { { "one", "/trailer/", "right", SIZE }, 1 },
    { { "one", "/tags/1/", "right", SIZE }, 1 },
    /* ranges that end before the file does */
    { { "one", "/range/1000000/", NULL, 0 }, 3 },
    { { "one", "/range/2900000/", NULL, 0 }, 2 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Fixture) fixture = { 0 };

      g_test_message ("case %u", i);
      set_up (&fixture, &cases[i].entry);
      cnn_store_got_free (get (&fixture, NULL, NULL));
      g_assert_cmpuint (requests (), ==, cases[i].requests);
      check_only_file (&fixture);
    }
}

/* A range that ends early leaves a part, not a file: nothing but its size tells. */
static void
test_short_range (void)
{
  static const Entry entry = { "one", "/range/1000/", NULL, 0 };
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *note = NULL, *file = g_build_filename (files, "weights", NULL);
  g_autofree char *text = NULL, *bytes = NULL;

  set_up (&fixture, &entry);
  note = g_strconcat (fixture.part, ".from", NULL);
  text = g_strdup_printf ("%s\n\"r\"\n", fixture.model->url);
  g_mkdir_with_parents (folder, 0700);
  g_assert_true (g_file_get_contents (file, &bytes, NULL, NULL));
  g_assert_true (g_file_set_contents (fixture.part, bytes, SIZE - 100000, NULL));
  g_assert_true (g_file_set_contents (note, text, -1, NULL));
  refuse (&fixture, NULL, NULL, CNN_ERROR_FILE, "the server ended after");
  g_assert_cmpint (part_size (&fixture), <, SIZE);
}

/* --- slow ones --- */

/* What has come is kept, and the next download resumes there. */
static void
test_trickle (void)
{
  static const Entry entry = { "one", "/trickle/500000/", "right", 0 };
  g_auto (Fixture) fixture = { 0 };
  gint64 first, second;

  set_up (&fixture, &entry);
  refuse (&fixture, &impatient, NULL, CNN_ERROR_FILE,
          "has sent less than 1000 bytes a second for 1 seconds");
  first = part_size (&fixture);
  g_assert_cmpint (first, >=, 500000);
  g_assert_cmpuint (requests (), ==, 1);
  refuse (&fixture, &impatient, NULL, CNN_ERROR_FILE, "so that a later download resumes there");
  second = part_size (&fixture);
  g_assert_cmpint (second, >=, first + 500000);
}

/* Headers that trickle are no file. */
static void
test_silent (void)
{
  static const Entry entry = { "one", "/silent/", "right", 0 };
  g_auto (Fixture) fixture = { 0 };

  set_up (&fixture, &entry);
  refuse (&fixture, &impatient, NULL, CNN_ERROR_FILE, "has sent nothing of the file for 1 seconds");
  check_nothing (&fixture);
}

/* A pipe that never begins can be left. */
static void
test_from_pipe (void)
{
  static const Entry entry = { "one", "/whole/", "right", SIZE };
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *pipe = g_build_filename (home, "pipe", NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  const CnnProgress progress = { .cancellable = cancellable };
  const CnnStoreGetOptions options = { .from = pipe };

  set_up (&fixture, &entry);
  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  g_cancellable_cancel (cancellable);
  refuse (&fixture, &options, &progress, CNN_ERROR_CANCELLED, "cancelled");
  check_nothing (&fixture);
}

static gpointer
write_pipe (gpointer data)
{
  g_autofree char *file = g_build_filename (files, "weights", NULL), *bytes = NULL;
  FILE *pipe = g_fopen (data, "wb");
  gsize size;

  g_assert_nonnull (pipe);
  g_assert_true (g_file_get_contents (file, &bytes, &size, NULL));
  g_usleep (G_USEC_PER_SEC / 4);
  g_assert_cmpuint (fwrite (bytes, 1, size, pipe), ==, size);
  fclose (pipe);
  return NULL;
}

/* And one that begins late is read to its end. */
static void
test_from_late_pipe (void)
{
  static const Entry entry = { "one", "/whole/", "right", SIZE };
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *pipe = g_build_filename (home, "late", NULL);
  const CnnStoreGetOptions options = { .from = pipe };
  GThread *writer;

  set_up (&fixture, &entry);
  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  writer = g_thread_new ("writer", write_pipe, pipe);
  cnn_store_got_free (get (&fixture, &options, NULL));
  g_thread_join (writer);
  check_only_file (&fixture);
}

/* --- memory --- */

/* Each of a header that comes again and again was once kept. */
static void
test_repeated_headers (void)
{
  static const Entry entry = { "one", "/tags/2/", "right", SIZE };
  static const CnnStoreGetOptions again = { .force = TRUE };
  g_auto (Fixture) fixture = { 0 };
  size_t before;

  set_up (&fixture, &entry);
  cnn_store_got_free (get (&fixture, NULL, NULL));
  before = mallinfo2 ().uordblks;
  for (int i = 0; i < 20; i++)
    cnn_store_got_free (get (&fixture, &again, NULL));
  g_assert_cmpuint (mallinfo2 ().uordblks, <, before + 1000000);
}

/* --- a build without downloads --- */

/* What is not there is told how to get; a file that was got in another way is taken. */
static void
test_without_downloads (void)
{
  static const Entry entry = { "one", "/whole/", "right", SIZE };
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *file = g_build_filename (files, "weights", NULL);
  CnnStoreGetOptions options = { .from = file };

  if (cnn_store_has_downloads ())
    {
      g_test_skip ("this build has downloads");
      return;
    }
  set_up (&fixture, &entry);
  refuse (&fixture, NULL, NULL, CNN_ERROR_UNSUPPORTED, "was built without downloads");
  refuse (&fixture, NULL, NULL, CNN_ERROR_UNSUPPORTED, fixture.model->url);
  refuse (&fixture, NULL, NULL, CNN_ERROR_UNSUPPORTED, "convlens get-model one --from FILE");
  check_nothing (&fixture);
  cnn_store_got_free (get (&fixture, &options, NULL));
  check_only_file (&fixture);
}

static void
add_tests (void)
{
  add_download ("/downloads/odd", test_odd);
  add_download ("/downloads/taken", test_taken);
  add_download ("/downloads/short-range", test_short_range);
  add_download ("/downloads/trickle", test_trickle);
  add_download ("/downloads/silent", test_silent);
  add_download ("/downloads/repeated-headers", test_repeated_headers);
  g_test_add_func ("/downloads/from-pipe", test_from_pipe);
  g_test_add_func ("/downloads/from-late-pipe", test_from_late_pipe);
  g_test_add_func ("/downloads/without", test_without_downloads);
}

int
main (int argc, char **argv)
{
  return run_store_tests (argc, argv, add_tests);
}
