/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "array.h"
#include "gpu.h"

G_BEGIN_DECLS

/* The size of a tensor: N pictures of H×W pixels of C channels. rank counts the sizes that
 * Keras has besides the batch: 3 for (H, W, C); 2 for (H, C), then W is 1; 1 for (C), then H and W
 * are 1. A size of 0 is not known yet (a model for any picture size). */
typedef struct
{
  int rank;
  int n, h, w, c;
} CnnShape;

CnnShape cnn_shape (int n, int h, int w, int c); /* rank 3 */
CnnShape cnn_shape_flat (int n, int c);          /* rank 1 */
gboolean cnn_shape_equal (const CnnShape *a, const CnnShape *b);
/* No size is 0. */
gboolean cnn_shape_known (const CnnShape *shape);
/* Elements that Keras counts: n·h·w·c. */
gsize cnn_shape_count (const CnnShape *shape);
/* vec4 planes of a picture: ⌈c / 4⌉. */
int cnn_shape_planes (const CnnShape *shape);
/* Bytes on the device. */
gsize cnn_shape_bytes (const CnnShape *shape);
/* "37×37×256", "1000"; "?" for a size that is not known. Transfer full. */
char *cnn_shape_to_string (const CnnShape *shape);

/* A tensor on the device, NC4HW4: element (n, y, x, c) is float
 * ((((n·⌈C/4⌉ + c/4)·H + y)·W + x)·4 + c%4). The lanes past C hold finite, meaningless numbers.
 * A tensor is a view: it owns a reference to the buffer, several may share one. */
typedef struct
{
  CnnShape shape;
  CnnBuffer *buffer;
  gsize offset; /* bytes */
} CnnTensor;

/* A tensor with a buffer of its own. Transfer full. */
CnnTensor *cnn_tensor_new (CnnDevice *device, const CnnShape *shape, const char *label,
                           GError **error);
/* A view of a part of a buffer; takes a reference to it. Transfer full. */
CnnTensor *cnn_tensor_new_view (CnnBuffer *buffer, gsize offset, const CnnShape *shape);
void cnn_tensor_free (CnnTensor *tensor);
CnnBinding cnn_tensor_binding (const CnnTensor *tensor);

/* Copies values in Keras' order (n, y, x, c) to the device and back. */
gboolean cnn_tensor_upload (CnnTensor *tensor, const float *values, GError **error);
gboolean cnn_tensor_download (const CnnTensor *tensor, float *values, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnTensor, cnn_tensor_free)

G_END_DECLS
