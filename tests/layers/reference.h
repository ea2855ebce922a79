/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Keras' layers written down plainly: double precision, (N, H, W, C), no thought for speed. Nothing
 * here knows how core/ does it. */

#include <glib.h>

#define REFERENCE_MAX_INPUTS 8
#define REFERENCE_MAX_WEIGHTS 5

/* A class, its parameters as "name=value name=value" (lists by commas, true, false, null), and its
 * inputs as "7x9x5": several inputs divided by a space, several cases by " | ". What is 0 is left
 * to the test: the scale of the input's values (2), the seed. */
typedef struct
{
  const char *class_name, *params, *inputs;
  double scale;
  guint32 seed;
} Row;

/* All rows of all families from 0 on; NULL after the last one. */
const Row *ref_row (guint n);
/* The path of a row's test. Transfer full. */
char *ref_row_path (guint n);

/* rank as in Keras without the batch; sizes that a rank lacks are 1: (C) is 1×1×C, (H, C) is H×1×C.
 */
typedef struct
{
  int rank, n, h, w, c;
  double *data;
} RefTensor;

typedef struct
{
  const char *class_name;
  const char *params; /* "filters=8 strides=2,1 padding=same" */
  int n_inputs;
  RefTensor inputs[REFERENCE_MAX_INPUTS];
  double *weights[REFERENCE_MAX_WEIGHTS]; /* in Keras' order */
} RefCase;

static inline gsize
ref_count (const RefTensor *t)
{
  return (gsize) t->n * (gsize) t->h * (gsize) t->w * (gsize) t->c;
}

static inline double *
ref_at (const RefTensor *t, int n, int y, int x, int c)
{
  return t->data + (((gsize) n * t->h + y) * t->w + x) * t->c + c;
}

/* Values of a parameter: its numbers ("null" is NAN, "true" 1, "false" 0) into values, giving their
 * count, 0 where it is not there; or the word as it stands, to be freed. */
int ref_numbers (const char *params, const char *key, double *values, int most);
double ref_number (const char *params, const char *key, double standard);
char *ref_word (const char *params, const char *key, const char *standard);

/* Applies an activation by its function's name, in place. FALSE for a name it does not know. */
gboolean ref_activate (const char *name, RefTensor *tensor);

/* The layer's output without its activation; data is new memory. FALSE for an unknown class. */
gboolean ref_forward (const RefCase *test, RefTensor *output);
