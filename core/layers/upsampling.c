/* SPDX-License-Identifier: GPL-3.0-or-later */
/* UpSampling2D: Resizing by whole factors. */
#include "internal.h"

typedef struct
{
  CnnLayer base;
  int size[2]; /* h, w */
  int method;  /* CnnLayerResizeMethod */
} UpSampling;

static gboolean
configure (CnnLayer *layer, GError **error)
{
  const UpSampling *self = (const UpSampling *) layer;

  return cnn_layer_check_number (layer, "size", self->size[0], 1, CNN_MAX_SIDE, error)
         && cnn_layer_check_number (layer, "size", self->size[1], 1, CNN_MAX_SIDE, error);
}

static gboolean
output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
              GError **error)
{
  const UpSampling *self = (const UpSampling *) layer;
  const gint64 h = (gint64) inputs->h * self->size[0], w = (gint64) inputs->w * self->size[1];

  if (!cnn_layer_check_input (layer, inputs, n_inputs, 3, error)
      || !cnn_layer_check_number (layer, "the height", h, 0, CNN_MAX_SIDE, error)
      || !cnn_layer_check_number (layer, "the width", w, 0, CNN_MAX_SIDE, error))
    return FALSE;
  *output = cnn_shape (inputs->n, (int) h, (int) w, inputs->c);
  return TRUE;
}

static gboolean
is_identity (const CnnLayer *layer, const CnnShape *input)
{
  const UpSampling *self = (const UpSampling *) layer;

  (void) input;
  return self->size[0] == 1 && self->size[1] == 1;
}

static CnnLayerResize
resize_of (const CnnLayer *layer, const CnnStep *step)
{
  return (CnnLayerResize){ .height = step->output_shape.h,
                           .width = step->output_shape.w,
                           .method = ((const UpSampling *) layer)->method };
}

static gboolean
forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  const CnnLayerResize resize = resize_of (layer, step);

  return cnn_layer_resize_forward (&resize, step, error);
}

static gboolean
backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  const CnnLayerResize resize = resize_of (layer, step);

  return cnn_layer_resize_backward (&resize, step, error);
}

static const CnnParam params[] = {
  { "size", CNN_PARAM_SIZE, G_STRUCT_OFFSET (UpSampling, size), 2, NULL },
  { "interpolation", CNN_PARAM_CHOICE, G_STRUCT_OFFSET (UpSampling, method),
    CNN_LAYER_RESIZE_NEAREST, cnn_layer_resize_methods },
  { NULL },
};

const CnnLayerClass cnn_up_sampling2d_class = {
  .name = "UpSampling2D",
  .instance_size = sizeof (UpSampling),
  .params = params,
  .flags = CNN_LAYER_RESHAPING,
  .configure = configure,
  .output_shape = output_shape,
  .is_identity = is_identity,
  .forward = forward,
  .backward = backward,
};
