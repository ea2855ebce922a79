/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "schedule.h"

static int
compare_sizes (gconstpointer a, gconstpointer b, gpointer data)
{
  const CnnSpan *spans = data, *x = spans + *(const guint *) a, *y = spans + *(const guint *) b;

  return x->bytes != y->bytes ? (x->bytes < y->bytes ? 1 : -1) : x->first - y->first;
}

static int
compare_offsets (gconstpointer a, gconstpointer b, gpointer data)
{
  const CnnSpan *spans = data;
  gsize x = spans[*(const guint *) a].offset, y = spans[*(const guint *) b].offset;

  return x < y ? -1 : x > y;
}

gsize
cnn_memory_place (CnnSpan *spans, guint n, gsize alignment)
{
  g_autofree guint *order = g_new (guint, n + 1);
  g_autoptr (GArray) placed = g_array_new (FALSE, FALSE, sizeof (guint)); /* by offset */
  gsize total = 0;

  for (guint i = 0; i < n; i++)
    order[i] = i;
  g_qsort_with_data (order, (int) n, sizeof *order, compare_sizes, spans);
  for (guint i = 0; i < n; i++)
    {
      CnnSpan *span = spans + order[i];
      gsize at = 0;

      span->bytes = (span->bytes + alignment - 1) / alignment * alignment;
      for (guint j = 0; j < placed->len; j++)
        {
          const CnnSpan *other = spans + g_array_index (placed, guint, j);

          if (other->first > span->last || other->last < span->first)
            continue;
          if (other->offset >= at + span->bytes)
            break;
          at = MAX (at, other->offset + other->bytes);
        }
      span->offset = at;
      total = MAX (total, at + span->bytes);
      g_array_append_val (placed, order[i]);
      g_array_sort_with_data (placed, compare_offsets, spans);
    }
  return total;
}
