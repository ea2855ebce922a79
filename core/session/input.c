/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What goes into the model: an array as it is, or a photograph made ready for it. */

#include "session_private.h"

#include <string.h>

/* A model for any size, and nobody who names one: the photograph's own, up to this. Larger ones
 * are seldom what a model has learned from, and a software driver takes minutes over them. */
#define LARGEST_OWN_SIZE 1024

const CnnShape *
cnn_session_own_shape (const CnnSession *self)
{
  return &cnn_model_node (self->network->model, self->network->model->input)->shape;
}

static gboolean
same_shape (const CnnShape *a, const CnnShape *b)
{
  return a->n == b->n && a->h == b->h && a->w == b->w && a->c == b->c;
}

/* Takes `input` as what the model gets from now on. */
static gboolean
take_input (CnnSession *self, CnnArray *input, const CnnShape *shape, GError **error)
{
  int node = self->network->model->input;
  CnnShape *shapes = cnn_model_shapes (self->network->model, shape, error);

  if (shapes == NULL)
    return FALSE;
  if (self->shapes == NULL || !same_shape (&self->shapes[node], &shapes[node]))
    cnn_session_forget_plan (self);
  g_free (self->shapes);
  self->shapes = shapes;
  cnn_array_ref (input);
  cnn_array_unref (self->input);
  self->input = input;
  self->has_run = FALSE;
  self->microseconds = 0;
  return TRUE;
}

gboolean
cnn_session_set_input (CnnSession *self, const CnnArray *input, GError **error)
{
  const CnnShape *own;
  CnnShape shape = { .n = 1, .h = 1, .w = 1 };
  const gint64 *dims;
  int rank;
  g_autoptr (CnnArray) copy = NULL;

  g_return_val_if_fail (self != NULL && input != NULL, FALSE);
  own = cnn_session_own_shape (self);
  dims = input->dims;
  rank = input->rank;
  /* A batch of one, as Keras' predict takes it, is the same thing. */
  if (rank == own->rank + 1 && dims[0] == 1)
    {
      dims++;
      rank--;
    }
  for (int i = 0; i < rank; i++)
    if (rank != own->rank || dims[i] < 1 || dims[i] > G_MAXINT)
      {
        g_autofree char *wants = cnn_shape_to_string (own);
        g_autofree char *gets = cnn_dims_to_string (input->rank, input->dims);

        g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT, "%s takes an input of %s, not %s",
                     self->name, wants, gets);
        return FALSE;
      }
  shape.rank = rank;
  shape.c = rank > 0 ? (int) dims[rank - 1] : 1;
  if (rank > 1)
    shape.h = (int) dims[0];
  if (rank > 2)
    shape.w = (int) dims[1];
  if (!cnn_check_finite (input, "the input", error))
    return FALSE;

  copy = cnn_array_new (rank, dims, "the input", error);
  if (copy == NULL)
    return FALSE;
  memcpy (copy->data, input->data, cnn_array_count (input) * sizeof (float));
  if (!take_input (self, copy, &shape, error))
    return FALSE;
  g_clear_pointer (&self->photo, cnn_image_unref);
  g_clear_pointer (&self->fitting, cnn_image_unref);
  g_clear_pointer (&self->size_warning, g_free); /* which was a photograph's */
  cnn_session_update_warning (self);
  return TRUE;
}

/* The size that the photograph gets before the model sees it. */
static void
find_input_size (CnnSession *self, const CnnImage *photo, int *width, int *height)
{
  const CnnShape *own = cnn_session_own_shape (self);
  double shrink = 1;

  g_clear_pointer (&self->size_warning, g_free);
  *width = self->wanted_width > 0 ? self->wanted_width : own->w;
  *height = self->wanted_height > 0 ? self->wanted_height : own->h;
  if (*width == 0)
    *width = self->network->default_width;
  if (*height == 0)
    *height = self->network->default_height;
  if (*width == 0 || *height == 0)
    {
      shrink = MIN (1, LARGEST_OWN_SIZE / (double) MAX (photo->width, photo->height));
      if (*width == 0)
        *width = MAX (1, (int) (photo->width * shrink + 0.5));
      if (*height == 0)
        *height = MAX (1, (int) (photo->height * shrink + 0.5));
      self->size_warning = g_strdup_printf (
          "The model takes pictures of any size; this one was given to it at %d×%d.", *width,
          *height);
    }
  cnn_session_update_warning (self);
}

/* keras.applications' preprocess_input on 0…255, in place, with float32 steps as there. */
static void
preprocess (CnnPreprocess kind, float *values, gsize pixels, int channels)
{
  static const float bgr_mean[3] = { 103.939f, 116.779f, 123.68f };
  static const float mean[3] = { 0.485f, 0.456f, 0.406f },
                     deviation[3] = { 0.229f, 0.224f, 0.225f };
  gsize count = pixels * (gsize) channels;

  switch (kind)
    {
    case CNN_PREPROCESS_AUTO:
    case CNN_PREPROCESS_NONE:
      break;
    case CNN_PREPROCESS_TF:
      for (gsize i = 0; i < count; i++)
        values[i] = values[i] / 127.5f - 1.0f;
      break;
    case CNN_PREPROCESS_UNIT:
      for (gsize i = 0; i < count; i++)
        values[i] /= 255.0f;
      break;
    case CNN_PREPROCESS_CAFFE:
      for (gsize i = 0; i < count; i += 3)
        {
          float red = values[i];

          values[i] = values[i + 2] - bgr_mean[0];
          values[i + 1] -= bgr_mean[1];
          values[i + 2] = red - bgr_mean[2];
        }
      break;
    case CNN_PREPROCESS_TORCH:
      for (gsize i = 0; i < count; i++)
        values[i] = (values[i] / 255.0f - mean[i % 3]) / deviation[i % 3];
      break;
    }
}

/* What the model gets for a photograph without alpha and of its channels. Transfer full. */
static CnnArray *
make_input (const CnnSession *self, const CnnImage *photo, int width, int height,
            CnnResizeFilter resize, GError **error)
{
  int channels = photo->channels;
  g_autofree guint8 *resized = cnn_image_resize_bytes (photo, width, height, resize, error);
  g_autoptr (CnnArray) input = NULL;
  gsize count;

  if (resized == NULL)
    return NULL;
  input = cnn_array_new (3, (gint64[]){ height, width, channels }, "the input", error);
  if (input == NULL)
    return NULL;
  count = cnn_array_count (input);
  for (gsize i = 0; i < count; i++)
    input->data[i] = resized[i];
  preprocess (self->network->preprocess, input->data, count / (gsize) channels, channels);
  return g_steal_pointer (&input);
}

static gboolean
input_from_photo (CnnSession *self, const CnnImage *photo, CnnResizeFilter resize, GError **error)
{
  int width, height;
  g_autoptr (CnnArray) input = NULL;
  CnnShape shape;

  find_input_size (self, photo, &width, &height);
  shape = cnn_shape (1, height, width, photo->channels);
  input = make_input (self, photo, width, height, resize, error);
  if (input == NULL || !take_input (self, input, &shape, error))
    return FALSE;
  self->resized = resize;
  return TRUE;
}

static gboolean
takes_photos (const CnnSession *self, GError **error)
{
  const CnnShape *own = cnn_session_own_shape (self);
  CnnPreprocess kind = self->network->preprocess;

  if (own->rank != 3 || (own->c != 0 && own->c != 1 && own->c != 3))
    {
      g_autofree char *wants = cnn_shape_to_string (own);

      g_set_error (error, CNN_ERROR, CNN_ERROR_UNSUPPORTED,
                   "%s takes an input of %s, which a photograph is not; give it as an .npy file",
                   self->name, wants);
      return FALSE;
    }
  if (own->c == 1 && (kind == CNN_PREPROCESS_CAFFE || kind == CNN_PREPROCESS_TORCH))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "preprocess %s is for models with 3 channels, %s has 1",
                   kind == CNN_PREPROCESS_CAFFE ? "caffe" : "torch", self->name);
      return FALSE;
    }
  return TRUE;
}

/* A photograph without alpha in the channels of the model. Transfer full. */
static CnnImage *
fit_photo (const CnnSession *self, const CnnImage *flat, GError **error)
{
  return cnn_image_convert (flat, cnn_session_own_shape (self)->c == 1 ? 1 : 3, error);
}

gboolean
cnn_session_set_photo (CnnSession *self, const CnnImage *photo, GError **error)
{
  g_autoptr (CnnImage) flat = NULL;
  g_autoptr (CnnImage) fitting = NULL;
  g_autoptr (CnnImage) colored = NULL;

  g_return_val_if_fail (self != NULL && photo != NULL, FALSE);
  if (!takes_photos (self, error)
      || (flat = cnn_image_flatten (photo, self->background, error)) == NULL
      || (fitting = fit_photo (self, flat, error)) == NULL)
    return FALSE;
  colored = fitting->channels == 3 ? cnn_image_ref (fitting) : cnn_image_convert (flat, 3, error);
  if (colored == NULL || !input_from_photo (self, fitting, self->resize, error))
    return FALSE;
  cnn_image_unref (self->photo);
  cnn_image_unref (self->fitting);
  self->photo = g_steal_pointer (&colored);
  self->fitting = g_steal_pointer (&fitting);
  return TRUE;
}

const CnnImage *
cnn_session_photo (const CnnSession *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->photo;
}

CnnArray *
cnn_session_photo_input (const CnnSession *self, const CnnImage *photo, int width, int height,
                         GError **error)
{
  g_autoptr (CnnImage) flat = NULL;
  g_autoptr (CnnImage) fitting = NULL;

  if (!takes_photos (self, error)
      || (flat = cnn_image_flatten (photo, self->background, error)) == NULL
      || (fitting = fit_photo (self, flat, error)) == NULL)
    return NULL;
  return make_input (self, fitting, width, height, self->resize, error);
}

gboolean
cnn_session_prepare (CnnSession *self, CnnResizeFilter resize, GError **error)
{
  if (self->input == NULL)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT, "there is no picture to look at");
      return FALSE;
    }
  if (self->fitting == NULL || self->resized == resize)
    return TRUE;
  return input_from_photo (self, self->fitting, resize, error);
}
