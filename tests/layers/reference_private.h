/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the families of the reference share. */

#include "reference.h"

/* A layer by Keras' name; forward's data is new memory. A name of NULL ends a table. */
typedef struct
{
  const char *name;
  RefTensor (*forward) (const RefCase *test);
} RefClass;

/* A file's classes, and the cases that they are tested by. */
typedef struct
{
  const RefClass *classes;
  const Row *rows;
  guint n_rows;
} RefFamily;

extern const RefFamily ref_windows, ref_values, ref_places;

/* Of zeros, and with another's values; data is new memory. */
RefTensor ref_make (int rank, int n, int h, int w, int c);
RefTensor ref_copy (const RefTensor *in);

/* A parameter of n or (h, w). */
void ref_pair (const char *params, const char *key, int standard_h, int standard_w, int pair[2]);
/* TRUE where the parameter is this word. */
gboolean ref_is (const char *params, const char *key, const char *word);

double ref_clip (double x, double low, double high);

#define FOR_EACH(tensor, i0, i1, i2, i3)       \
  for (int i0 = 0; i0 < (tensor)->n; i0++)     \
    for (int i1 = 0; i1 < (tensor)->h; i1++)   \
      for (int i2 = 0; i2 < (tensor)->w; i2++) \
        for (int i3 = 0; i3 < (tensor)->c; i3++)
