/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nearest.h"

#include <string.h>

#define LONGEST 200 /* bytes; the work grows with the product of both lengths */
#define TELLING 3   /* bytes, from which on a part tells the whole; and for each of which, a slip */

static guint
edits (const char *a, const char *b)
{
  gsize n = strlen (a), m = strlen (b), width = m + 1;
  g_autofree guint *table = g_new (guint, (n + 1) * width);

  for (gsize i = 0; i <= n; i++)
    for (gsize j = 0; j <= m; j++)
      {
        guint best = i == 0 ? (guint) j : (guint) i;

        if (i > 0 && j > 0)
          {
            guint changed = table[(i - 1) * width + j - 1] + (a[i - 1] != b[j - 1]);

            best = 1 + MIN (table[(i - 1) * width + j], table[i * width + j - 1]);
            best = MIN (best, changed);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
              best = MIN (best, table[(i - 2) * width + j - 2] + 1);
          }
        table[i * width + j] = best;
      }
  return table[n * width + m];
}

guint
cnn_nearest_distance (const char *typed, const char *name)
{
  gsize length = strlen (typed), other = strlen (name);
  guint distance;

  if (length == 0 || length > LONGEST || other > LONGEST)
    return G_MAXUINT;
  if (MIN (length, other) >= TELLING
      && (strstr (name, typed) != NULL || strstr (typed, name) != NULL))
    return 0;
  distance = edits (typed, name);
  return distance <= MAX (1, length / TELLING) ? distance : G_MAXUINT;
}

GArray *
cnn_nearest_choose (const guint *distances, guint count, guint most)
{
  GArray *chosen = g_array_new (FALSE, FALSE, sizeof (guint));

  while (chosen->len < most)
    {
      guint best = count;

      for (guint i = 0; i < count; i++)
        {
          gboolean taken = FALSE;

          for (guint k = 0; k < chosen->len && !taken; k++)
            taken = g_array_index (chosen, guint, k) == i;
          if (!taken && distances[i] != G_MAXUINT
              && (best == count || distances[i] < distances[best]))
            best = i;
        }
      if (best == count)
        break;
      g_array_append_val (chosen, best);
    }
  return chosen;
}
