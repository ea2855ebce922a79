/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory by lifetime: spans alive at one step never overlap, and room is used again. A row is one
 * set of spans { bytes, first step, last step } and the smallest arena that holds it. */
#include "schedule.h"

typedef struct
{
  const char *name;
  CnnSpan spans[6];
  guint n;
  gsize most; /* bytes the arena may take */
} Case;

static const Case cases[] = {
  { "/memory/one", { { 100, 0, 0, 0 } }, 1, 128 },
  { "/memory/chain",
    { { 64, 0, 1, 0 }, { 64, 1, 2, 0 }, { 64, 2, 3, 0 }, { 64, 3, 4, 0 } },
    4,
    128 },
  { "/memory/forever", { { 64, 0, CNN_FOREVER, 0 }, { 64, 1, 1, 0 }, { 64, 2, 2, 0 } }, 3, 128 },
  { "/memory/large-and-small",
    { { 1024, 0, 1, 0 }, { 64, 1, 2, 0 }, { 1024, 2, 3, 0 }, { 64, 3, 4, 0 } },
    4,
    1088 },
  { "/memory/shortcut",
    { { 256, 0, 4, 0 }, { 128, 1, 2, 0 }, { 128, 2, 3, 0 }, { 256, 3, 4, 0 }, { 64, 4, 5, 0 } },
    5,
    640 },
};

static void
test_place (gconstpointer data)
{
  const Case *row = data;
  CnnSpan spans[6];
  gsize total;

  for (guint i = 0; i < row->n; i++)
    spans[i] = row->spans[i];
  total = cnn_memory_place (spans, row->n, 64);
  g_assert_cmpuint (total, <=, row->most);
  for (guint i = 0; i < row->n; i++)
    {
      g_assert_cmpuint (spans[i].offset % 64, ==, 0);
      g_assert_cmpuint (spans[i].bytes, >=, row->spans[i].bytes);
      g_assert_cmpuint (spans[i].offset + spans[i].bytes, <=, total);
      for (guint j = 0; j < i; j++)
        if (spans[i].first <= spans[j].last && spans[j].first <= spans[i].last)
          g_assert_true (spans[i].offset >= spans[j].offset + spans[j].bytes
                         || spans[j].offset >= spans[i].offset + spans[i].bytes);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    g_test_add_data_func (cases[i].name, cases + i, test_place);
  return g_test_run ();
}
