/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor.h"

#include <string.h>

CnnShape
cnn_shape (int n, int h, int w, int c)
{
  return (CnnShape){ 3, n, h, w, c };
}

CnnShape
cnn_shape_flat (int n, int c)
{
  return (CnnShape){ 1, n, 1, 1, c };
}

gboolean
cnn_shape_equal (const CnnShape *a, const CnnShape *b)
{
  return a->rank == b->rank && a->n == b->n && a->h == b->h && a->w == b->w && a->c == b->c;
}

gboolean
cnn_shape_known (const CnnShape *shape)
{
  return shape->n > 0 && shape->h > 0 && shape->w > 0 && shape->c > 0;
}

gsize
cnn_shape_count (const CnnShape *shape)
{
  return (gsize) shape->n * (gsize) shape->h * (gsize) shape->w * (gsize) shape->c;
}

int
cnn_shape_planes (const CnnShape *shape)
{
  return (shape->c + 3) / 4;
}

gsize
cnn_shape_bytes (const CnnShape *shape)
{
  return (gsize) shape->n * (gsize) shape->h * (gsize) shape->w * (gsize) cnn_shape_planes (shape)
         * 4 * sizeof (float);
}

char *
cnn_shape_to_string (const CnnShape *shape)
{
  const gint64 sizes[3] = { shape->h, shape->rank == 2 ? shape->c : shape->w, shape->c };
  const gint64 flat = shape->c;

  return shape->rank == 1 ? cnn_dims_to_string (1, &flat) : cnn_dims_to_string (shape->rank, sizes);
}

CnnTensor *
cnn_tensor_new (CnnDevice *device, const CnnShape *shape, const char *label, GError **error)
{
  g_autoptr (CnnBuffer) buffer = cnn_buffer_new (device, cnn_shape_bytes (shape), label, error);

  return buffer != NULL ? cnn_tensor_new_view (buffer, 0, shape) : NULL;
}

CnnTensor *
cnn_tensor_new_view (CnnBuffer *buffer, gsize offset, const CnnShape *shape)
{
  CnnTensor *self = g_new0 (CnnTensor, 1);

  self->buffer = cnn_buffer_ref (buffer);
  self->offset = offset;
  self->shape = *shape;
  return self;
}

void
cnn_tensor_free (CnnTensor *self)
{
  if (self == NULL)
    return;
  cnn_buffer_unref (self->buffer);
  g_free (self);
}

CnnBinding
cnn_tensor_binding (const CnnTensor *self)
{
  return (CnnBinding){ self->buffer, self->offset, cnn_shape_bytes (&self->shape) };
}

/* Walks the two layouts side by side: four channels of all pixels at a time. */
static void
pack (const CnnShape *shape, const float *values, float *packed)
{
  const gsize pixels = (gsize) shape->h * (gsize) shape->w;
  const gsize c = (gsize) shape->c;

  for (int n = 0; n < shape->n; n++, values += pixels * c)
    for (gsize first = 0; first < c; first += 4)
      for (gsize p = 0; p < pixels; p++, packed += 4)
        for (gsize i = 0; i < 4; i++)
          packed[i] = first + i < c ? values[p * c + first + i] : 0.f;
}

static void
unpack (const CnnShape *shape, const float *packed, float *values)
{
  const gsize pixels = (gsize) shape->h * (gsize) shape->w;
  const gsize c = (gsize) shape->c;

  for (int n = 0; n < shape->n; n++, values += pixels * c)
    for (gsize first = 0; first < c; first += 4)
      for (gsize p = 0; p < pixels; p++, packed += 4)
        for (gsize i = 0; i < 4 && first + i < c; i++)
          values[p * c + first + i] = packed[i];
}

gboolean
cnn_tensor_upload (CnnTensor *self, const float *values, GError **error)
{
  const gsize bytes = cnn_shape_bytes (&self->shape);
  char *mapped = cnn_buffer_mapped (self->buffer);
  g_autofree float *packed = NULL;

  if (mapped != NULL)
    {
      pack (&self->shape, values, (float *) (gpointer) (mapped + self->offset));
      return TRUE;
    }
  packed = g_malloc (bytes);
  pack (&self->shape, values, packed);
  return cnn_buffer_write (self->buffer, self->offset, packed, bytes, error);
}

gboolean
cnn_tensor_download (const CnnTensor *self, float *values, GError **error)
{
  const gsize bytes = cnn_shape_bytes (&self->shape);
  const char *mapped = cnn_buffer_mapped (self->buffer);
  g_autofree float *packed = NULL;

  if (mapped != NULL)
    {
      unpack (&self->shape, (const float *) (gconstpointer) (mapped + self->offset), values);
      return TRUE;
    }
  packed = g_malloc (bytes);
  if (!cnn_buffer_read (self->buffer, self->offset, packed, bytes, error))
    return FALSE;
  unpack (&self->shape, packed, values);
  return TRUE;
}
