/* SPDX-License-Identifier: GPL-3.0-or-later */

/* compare-npy A B TOLERANCE: succeeds when two arrays have one shape, no value of A is other than
 * finite, and none is further from B's than TOLERANCE times B's largest. */

#include "cnn.h"

#include <math.h>
#include <stdio.h>

static gboolean
same_shape (const CnnArray *a, const CnnArray *b)
{
  for (int i = 0; i < MIN (a->rank, b->rank); i++)
    if (a->dims[i] != b->dims[i])
      return FALSE;
  return a->rank == b->rank;
}

int
main (int argc, char **argv)
{
  if (argc != 4)
    {
      fprintf (stderr, "compare-npy A B TOLERANCE\n");
      return 2;
    }
  double tolerance = g_ascii_strtod (argv[3], NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnArray) a = cnn_npy_load (argv[1], &error);
  g_autoptr (CnnArray) b = a != NULL ? cnn_npy_load (argv[2], &error) : NULL;
  if (b == NULL)
    {
      fprintf (stderr, "%s\n", error->message);
      return 2;
    }
  if (!same_shape (a, b))
    {
      printf ("different: not of one shape\n");
      return 1;
    }

  double worst = 0, largest = 0;
  for (gsize i = 0; i < cnn_array_count (b); i++)
    {
      double off = fabs ((double) a->data[i] - b->data[i]);
      worst = isfinite (off) ? fmax (worst, off) : INFINITY;
      largest = fmax (largest, fabs ((double) b->data[i]));
    }
  gboolean good = worst <= tolerance * largest;
  printf ("%s: %.2g of %.3g\n", good ? "equal" : "different", worst, largest);
  return good ? 0 : 1;
}
