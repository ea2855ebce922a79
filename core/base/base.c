/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "array.h"
#include "error.h"
#include "progress.h"

G_DEFINE_QUARK (cnn_error, cnn_error)

char *
cnn_dims_to_string (int rank, const gint64 *dims)
{
  GString *text = g_string_new (rank == 0 ? "scalar" : NULL);

  for (int i = 0; i < rank; i++)
    {
      if (i > 0)
        g_string_append (text, "×");
      if (dims[i] > 0)
        g_string_append_printf (text, "%" G_GINT64_FORMAT, dims[i]);
      else
        g_string_append_c (text, '?');
    }
  return g_string_free (text, FALSE);
}

CnnArray *
cnn_array_new (int rank, const gint64 *dims, const char *what, GError **error)
{
  gsize count = 1, bytes;
  gboolean fits = rank >= 0 && rank <= CNN_MAX_RANK;
  float *data = NULL;
  CnnArray *array;

  for (int i = 0; fits && i < rank; i++)
    fits = dims[i] >= 0 && g_size_checked_mul (&count, count, (gsize) dims[i]);
  fits = fits && g_size_checked_mul (&bytes, MAX (count, 1), sizeof (float));
  if (fits)
    data = g_try_malloc0 (bytes);
  if (data == NULL)
    {
      g_autofree char *size = cnn_dims_to_string (CLAMP (rank, 0, CNN_MAX_RANK), dims);
      g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL, "%s: no memory for an array of %s", what,
                   size);
      return NULL;
    }

  array = g_new0 (CnnArray, 1);
  array->rank = rank;
  for (int i = 0; i < rank; i++)
    array->dims[i] = dims[i];
  array->data = data;
  g_atomic_ref_count_init (&array->references);
  return array;
}

CnnArray *
cnn_array_new_from (int rank, const gint64 *dims, CnnArraySource *source)
{
  CnnArray *array = g_new0 (CnnArray, 1);

  array->rank = rank;
  for (int i = 0; i < rank; i++)
    array->dims[i] = dims[i];
  array->source = source;
  g_atomic_ref_count_init (&array->references);
  return array;
}

gboolean
cnn_array_load (CnnArray *array, GError **error)
{
  const gsize n = cnn_array_count (array);
  g_autofree float *data = NULL;

  if (array->data != NULL)
    return TRUE;
  data = g_try_malloc_n (MAX (n, 1), sizeof (float));
  if (data == NULL)
    {
      g_autofree char *size = cnn_dims_to_string (array->rank, array->dims);

      g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL, "no memory for weights of %s", size);
      return FALSE;
    }
  if (!array->source->read (array->source, 0, n, data, error))
    return FALSE;
  array->data = g_steal_pointer (&data);
  return TRUE;
}

const float *
cnn_array_part (const CnnArray *array, gsize first, gsize n, float *room, GError **error)
{
  if (array->data != NULL)
    return array->data + first;
  return array->source->read (array->source, first, n, room, error) ? room : NULL;
}

CnnArray *
cnn_array_ref (CnnArray *array)
{
  if (array != NULL)
    g_atomic_ref_count_inc (&array->references);
  return array;
}

void
cnn_array_unref (CnnArray *array)
{
  if (array == NULL || !g_atomic_ref_count_dec (&array->references))
    return;
  if (array->source != NULL)
    array->source->free (array->source);
  g_free (array->data);
  g_free (array);
}

gsize
cnn_array_count (const CnnArray *array)
{
  gsize count = 1;

  for (int i = 0; i < array->rank; i++)
    count *= (gsize) array->dims[i];
  return count;
}

static gboolean
is_cancelled (GCancellable *cancellable, GError **error)
{
  if (!g_cancellable_is_cancelled (cancellable))
    return FALSE;
  g_set_error_literal (error, CNN_ERROR, CNN_ERROR_CANCELLED, "cancelled");
  return TRUE;
}

gboolean
cnn_cancelled (GError **error)
{
  return is_cancelled (g_cancellable_get_current (), error);
}

gboolean
cnn_progress_step (const CnnProgress *progress, double fraction, const char *what, GError **error)
{
  if (progress == NULL)
    return TRUE;
  if (is_cancelled (progress->cancellable, error))
    return FALSE;
  if (progress->update != NULL)
    progress->update (fraction, what, progress->data);
  return TRUE;
}
