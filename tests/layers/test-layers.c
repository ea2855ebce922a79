/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every layer class: forward on the device against a plain C reference in double (reference-*.c),
 * and backward against central differences of that reference. A class needs a function and a row in
 * `classes` and one or more in `rows` of its family's reference-*.c; one without a row fails the
 * test. Each row runs with one picture and with two, for these as if they were to be run often, on
 * sound values in the midst of guards and meaningless lanes; a class with a tail runs with and
 * without one. What random numbers do not meet, ties and kinks, is in tables of its own in kinks.c.
 *
 * With --perf as its first argument
 * it measures how long kernels take instead; see perf.c. */
#include "harness.h"

#include <string.h>

static void
test_row (gconstpointer data)
{
  const Row *row = data;

  run_row (row, cnn_layer_class_find (row->class_name));
}

static void
test_every_class_has_a_row (void)
{
  for (const CnnLayerClass *const *klass = cnn_layer_classes (); *klass != NULL; klass++)
    {
      gboolean found = FALSE;

      for (guint i = 0; ref_row (i) != NULL; i++)
        found = found || strcmp (ref_row (i)->class_name, (*klass)->name) == 0;
      if (!found)
        g_test_fail_printf ("class %s has no row in reference-*.c", (*klass)->name);
      g_assert_true (cnn_layer_class_find ((*klass)->name) == *klass);
    }
}

/* What --perf measures is taken by the layers. */
static void
test_perf_rows (void)
{
  for (guint i = 0; i < n_perf_rows; i++)
    {
      const Row *row = &perf_rows[i].row;
      g_autoptr (GError) error = NULL;
      g_autoptr (CnnLayer) layer = make_layer (row->class_name, row->params, 3);
      g_auto (GStrv) texts = g_strsplit (row->inputs, " ", -1);
      CnnShape inputs[REFERENCE_MAX_INPUTS], output;
      int n = 0;

      for (; texts[n] != NULL; n++)
        inputs[n] = shape_of (texts[n], 1);
      layer->klass->output_shape (layer, inputs, n, &output, &error);
      g_assert_no_error (error);
      g_assert_true (cnn_shape_known (&output));
    }
}

/* Whoever asks for a driver or for a width of it, to have all rows run there, says what must come
 * of it. */
static void
test_lanes (void)
{
  const char *wanted = g_getenv ("CONVLENS_TEST_LANES");
  guint lanes = cnn_device_subgroup_size (device);

  g_test_message ("%s, %u lanes", cnn_device_name (device), lanes);
  if (wanted != NULL)
    g_assert_cmpuint (lanes, ==, g_ascii_strtoull (wanted, NULL, 10));
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int result;

  if (argc > 1 && strcmp (argv[1], "--perf") == 0)
    return perf_main (argc, argv);
  g_test_init (&argc, &argv, NULL);
  g_test_set_nonfatal_assertions ();
  device = cnn_device_open (NULL, &error);
  if (device == NULL)
    {
      g_printerr ("%s\n", error->message);
      return 1;
    }
  g_test_add_func ("/layers/lanes", test_lanes);
  g_test_add_func ("/layers/every-class-has-a-row", test_every_class_has_a_row);
  g_test_add_func ("/layers/perf-rows", test_perf_rows);
  add_refusals ();
  add_kinks ();
  for (guint i = 0; ref_row (i) != NULL; i++)
    {
      g_autofree char *path = ref_row_path (i);

      g_test_add_data_func (path, ref_row (i), test_row);
    }
  for (guint i = 0; i < n_winograd_rows; i++)
    {
      g_autofree char *path =
          g_strdup_printf ("/layers/winograd/%d %s", (int) i, winograd_rows[i].params);

      g_test_add_data_func (path, &winograd_rows[i], test_winograd_row);
    }
  result = g_test_run ();
  cnn_device_unref (device);
  return result;
}
