/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Opening a model ends soon after it has been cancelled, whatever it is busy with. Each file keeps
 * one part of the reader busy. */

#include "error.h"
#include "keras-files.h"
#include "network.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Seconds of the processor's time, since the machine may be busy otherwise. Sanitizers take several
 * times as long for whatever they look at. */
#if defined __SANITIZE_ADDRESS__
#define SOON 1.
#else
#define SOON 0.2
#endif
#define AT_ONCE 5 /* by the clock, for what would wait */
#define MOMENTS 3

/* A list of numbers as long as JSON may be. */
static void
write_long_json (const char *path)
{
  g_autoptr (GString) config = g_string_new (NULL);

  for (int i = 0; i < 1000000; i++)
    g_string_append (config, i > 0 ? ",1.5" : "1.5");
  g_string_prepend (config, "{'class_name': 'Functional', 'config': {'name': [");
  g_string_append (config, "]}}");
  write_keras (path, g_strdelimit (config->str, "'", '"'), NULL);
}

static void
write_many_layers (const char *path)
{
  g_autoptr (GString) config = g_string_new (
      "{'class_name': 'Functional', 'config': {'name': 'm', 'layers': [{'class_name': 'InputLayer',"
      " 'name': 'l0', 'config': {'batch_shape': [null, 8, 8, 3]}, 'inbound_nodes': []}");

  for (int i = 1; i < 19000; i++)
    g_string_append_printf (config,
                            ", {'class_name': 'BatchNormalization', 'name': 'l%d', 'config': {},"
                            " 'inbound_nodes': [[['l%d', 0, 0, {}]]]}",
                            i, i - 1);
  g_string_append (config,
                   "], 'input_layers': [['l0', 0, 0]], 'output_layers': [['l18999', 0, 0]]}}");
  write_keras (path, g_strdelimit (config->str, "'", '"'), NULL);
}

/* Hundreds of megabytes of weights, all of them a hole in the file. */
static void
write_long_weights (const char *path)
{
  static const char name[] = "model.weights.h5", config_name[] = "config.json";
  const guint32 size = 300u * 1024 * 1024;
  g_autofree char *config = small_text (small_config, NULL, NULL), *whole = NULL;
  g_autofree guint8 *bytes = NULL;
  gsize length, end;
  int file;

  /* a sound archive is cut open before its directory, behind which the hole cannot be seen */
  write_keras (path, config, NULL);
  g_assert_true (g_file_get_contents (path, &whole, &length, NULL));
  bytes = g_memdup2 (whole, length);
  for (end = 0; memcmp (bytes + end, "PK\1\2", 4) != 0;)
    end++;
  for (gsize at = 0; at + 46 < length; at++)
    {
      const gboolean local = memcmp (bytes + at, "PK\3\4", 4) == 0;
      const gboolean entry = memcmp (bytes + at, "PK\1\2", 4) == 0;
      const gsize name_at = at + (local ? 30 : 46), sizes = at + (local ? 18 : 20);
      const guint32 little = GUINT32_TO_LE (size);

      if ((local || entry) && memcmp (bytes + name_at, name, strlen (name)) == 0)
        {
          memcpy (bytes + sizes, &little, 4);
          memcpy (bytes + sizes + 4, &little, 4);
        }
      if (memcmp (bytes + at, "PK\1\2", 4) == 0)
        g_assert_true (memcmp (bytes + name_at, "meta", 4) == 0
                       || memcmp (bytes + name_at, config_name, strlen (config_name)) == 0
                       || memcmp (bytes + name_at, name, strlen (name)) == 0);
    }
  {
    const guint32 directory = GUINT32_TO_LE ((guint32) end + size);

    memcpy (bytes + length - 22 + 16, &directory, 4);
  }
  file = g_open (path, O_WRONLY | O_TRUNC, 0600);
  g_assert_cmpint (write (file, bytes, end), ==, (gssize) end);
  g_assert_cmpint (lseek (file, (off_t) end + size, SEEK_SET), >=, 0);
  g_assert_cmpint (write (file, bytes + end, length - end), ==, (gssize) (length - end));
  close (file);
}

#define UNITS 4000000

/* Numbers that are packed tight, in one piece. */
static void
with_packed_weights (hid_t file)
{
  static const hsize_t dims[] = { 4, UNITS };
  hid_t creation = H5Pcreate (H5P_DATASET_CREATE), space = H5Screate_simple (2, dims, NULL);
  g_autofree float *zeros = g_new0 (float, 4 * UNITS);
  hid_t dataset;

  H5Pset_chunk (creation, 2, dims);
  H5Pset_deflate (creation, 1);
  H5Ldelete (file, "model_weights/dense/dense/kernel:0", H5P_DEFAULT);
  dataset = H5Dcreate2 (file, "model_weights/dense/dense/kernel:0", H5T_IEEE_F32LE, space,
                        H5P_DEFAULT, creation, H5P_DEFAULT);
  g_assert_cmpint (H5Dwrite (dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros), >=,
                   0);
  H5Dclose (dataset);
  H5Sclose (space);
  H5Pclose (creation);
  write_strings (file, "model_weights/dense", "weight_names",
                 (const char *const[]){ "dense/kernel:0", NULL });
}

static void
write_packed_weights (const char *path)
{
  g_autofree char *units = g_strdup_printf ("'units': %d, 'use_bias': false", UNITS);
  g_autofree char *config = small_text (small_config, "'units': 2", units);

  write_h5 (path, LEGACY, config, with_packed_weights);
}

static const struct
{
  const char *name;
  void (*write) (const char *path);
} files[] = {
  { "many-layers", write_many_layers },
  { "long-weights", write_long_weights },
  { "packed-weights", write_packed_weights },
  { "long-json", write_long_json }, /* leaves its work to a thread, which would count for others */
};

typedef struct
{
  GCancellable *cancellable;
  double after;
  double at, busy_at; /* when it was cancelled */
} Timer;

static double
seconds (clockid_t clock)
{
  struct timespec now;

  g_assert_cmpint (clock_gettime (clock, &now), ==, 0);
  return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static gpointer
cancel_later (gpointer data)
{
  Timer *timer = data;

  g_usleep ((gulong) (timer->after * 1e6));
  timer->at = seconds (CLOCK_MONOTONIC);
  timer->busy_at = seconds (CLOCK_PROCESS_CPUTIME_ID);
  g_cancellable_cancel (timer->cancellable);
  return NULL;
}

/* Seconds that the program worked on after it was cancelled; 0 where it had ended before. */
static double
time_to_end (const char *path, double after)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Timer timer = { .cancellable = cancellable, .after = after };
  const CnnProgress progress = { .cancellable = cancellable };
  g_autoptr (GError) error = NULL;
  CnnNetwork *network;
  GThread *thread;
  double end, busy_end;

  thread = g_thread_new ("timer", cancel_later, &timer);
  network = cnn_network_open (path, NULL, CNN_PREPROCESS_AUTO, NULL, &progress, &error);
  end = seconds (CLOCK_MONOTONIC);
  busy_end = seconds (CLOCK_PROCESS_CPUTIME_ID);
  cnn_network_free (network);
  g_thread_join (thread);
  if (!g_error_matches (error, CNN_ERROR, CNN_ERROR_CANCELLED))
    {
      g_assert_cmpfloat (busy_end, <=, timer.busy_at + SOON);
      return 0;
    }
  g_assert_cmpfloat (end - timer.at, <=, AT_ONCE);
  return busy_end - timer.busy_at;
}

static void
test_cancel (gconstpointer data)
{
  const guint i = GPOINTER_TO_UINT (data);
  g_autofree char *name = g_strdup_printf ("%s.keras", files[i].name), *path = new_path (name);
  g_autoptr (CnnNetwork) network = NULL;
  g_autoptr (GError) error = NULL;
  gint64 start;
  double whole;

  files[i].write (path);
  start = g_get_monotonic_time ();
  network = cnn_network_open (path, NULL, CNN_PREPROCESS_AUTO, NULL, NULL, &error);
  whole = (double) (g_get_monotonic_time () - start) / 1e6;
  g_test_message ("the whole takes %.3f s: %s", whole, error != NULL ? error->message : "opened");
  for (int moment = 0; moment < MOMENTS; moment++)
    {
      const double after = whole * moment / MOMENTS;
      const double took = time_to_end (path, after);

      g_test_message ("cancelled after %.3f s: %.3f s more", after, took);
      g_assert_cmpfloat (took, <=, SOON);
    }
  g_unlink (path);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = g_strdup_printf ("/cancel/%s", files[i].name);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_cancel);
    }
  status = g_test_run ();
  remove_folder ();
  return status;
}
