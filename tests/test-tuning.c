/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which kind of device gets what: a row is a device as core/gpu/tuning.c tells kinds apart, and
 * what it gets. */
#include "tuning.h"

static const struct
{
  const char *name;
  gboolean software;
  guint lanes;
  gboolean repeated;
  gboolean reads_storage;
  guint pixels, two_tiles;
} rows[] = {
  { "software-4", TRUE, 4, FALSE, FALSE, 0, 0 },
  { "software-4-repeated", TRUE, 4, TRUE, FALSE, 0, 0 },
  { "software-8", TRUE, 8, FALSE, FALSE, 28, 0 },
  { "software-8-repeated", TRUE, 8, TRUE, FALSE, 28, 0 },
  { "software-16", TRUE, 16, FALSE, FALSE, 0, 0 },
  { "software-16-repeated", TRUE, 16, TRUE, FALSE, 52, 10 },
  { "gpu-8", FALSE, 8, TRUE, FALSE, 0, 0 },
  { "gpu-16", FALSE, 16, TRUE, FALSE, 0, 0 },
  { "gpu-32", FALSE, 32, FALSE, TRUE, 0, 0 },
  { "gpu-64-repeated", FALSE, 64, TRUE, TRUE, 0, 0 },
  { "gpu-128", FALSE, 128, FALSE, TRUE, 0, 0 },
  { "software-32", TRUE, 32, FALSE, TRUE, 0, 0 },
};

static void
test_row (gconstpointer data)
{
  const guint i = GPOINTER_TO_UINT (data);
  const CnnTuning *tuning = cnn_tuning_find (rows[i].software, rows[i].lanes, rows[i].repeated);

  g_test_message ("%s", tuning->kind);
  g_assert_cmpint (tuning->reads_storage, ==, rows[i].reads_storage);
  g_assert_cmpuint (tuning->pixels, ==, rows[i].pixels);
  g_assert_cmpuint (tuning->two_tiles, ==, rows[i].two_tiles);
  g_assert_cmpuint (tuning->vectors, ==, 4);
  g_assert_cmpuint (tuning->few_vectors, ==, 8);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_set_nonfatal_assertions ();
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = g_strconcat ("/tuning/", rows[i].name, NULL);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_row);
    }
  return g_test_run ();
}
