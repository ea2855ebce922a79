/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define CNN_MAX_RANK 6

/* Where numbers lie that are read when they are asked for; the head of its maker's own struct. */
typedef struct _CnnArraySource CnnArraySource;
struct _CnnArraySource
{
  gboolean (*read) (CnnArraySource *source, gsize first, gsize n, float *data, GError **error);
  void (*free) (CnnArraySource *source);
};

/* A row-major float32 array on the host: weights as Keras has them, a model's input or
 * output as (H, W, C), an .npy file. Reference counted; the data belongs to the array. */
typedef struct _CnnArray
{
  int rank;
  gint64 dims[CNN_MAX_RANK];
  float *data;            /* NULL where there is a source, before cnn_array_load */
  CnnArraySource *source; /* or NULL */
  gatomicrefcount references;
} CnnArray;

/* A new array of zeros. Sizes whose product overflows or cannot be allocated give NULL and
 * CNN_ERROR_MODEL with `what` in the message. Transfer full. */
CnnArray *cnn_array_new (int rank, const gint64 *dims, const char *what, GError **error);
/* An array whose numbers stay where they are until it is loaded. Takes the source. Transfer full.
 */
CnnArray *cnn_array_new_from (int rank, const gint64 *dims, CnnArraySource *source);
/* Sees to it that the data is there; FALSE where it cannot be read or has no room. */
gboolean cnn_array_load (CnnArray *array, GError **error);
/* Elements first … first + n − 1: where they are, or read into `room` for n of them. NULL where
 * they cannot be read. Transfer none. */
const float *cnn_array_part (const CnnArray *array, gsize first, gsize n, float *room,
                             GError **error);
CnnArray *cnn_array_ref (CnnArray *array);
void cnn_array_unref (CnnArray *array);
gsize cnn_array_count (const CnnArray *array);

/* "3×3×64×128", for messages. A zero (unknown) size reads "?". Transfer full. */
char *cnn_dims_to_string (int rank, const gint64 *dims);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnArray, cnn_array_unref)

G_END_DECLS
