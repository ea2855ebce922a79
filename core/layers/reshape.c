/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layers that move values about: Flatten, Reshape, ZeroPadding2D, Cropping2D, CenterCrop. */
#include "internal.h"

#include "copy_region_params.h"
#include "reshape_params.h"

/* --- Flatten, Reshape --- */

typedef struct
{
  CnnLayer base;
  CnnInts target_shape; /* (H, W, C), at most one of them -1 */
} Reshape;

/* Elements of a picture; 0 where a size is unknown, -1 where there are too many. */
static gint64
count_elements (const CnnShape *shape)
{
  const double count = (double) shape->h * shape->w * shape->c;

  return count > G_MAXINT / 8 ? -1 : (gint64) count;
}

static gboolean
check_elements (const CnnLayer *layer, gint64 count, GError **error)
{
  if (count >= 0)
    return TRUE;
  cnn_layer_set_error (layer, error, CNN_ERROR_UNSUPPORTED, "has too many elements");
  return FALSE;
}

static gboolean
flatten_output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
                      GError **error)
{
  gint64 count;

  if (!cnn_layer_check_input (layer, inputs, n_inputs, 0, error))
    return FALSE;
  count = count_elements (inputs);
  if (!check_elements (layer, count, error))
    return FALSE;
  *output = cnn_shape_flat (inputs->n, (int) count);
  return TRUE;
}

static gboolean
reshape_configure (CnnLayer *layer, GError **error)
{
  const CnnInts *target = &((Reshape *) layer)->target_shape;
  int unknown = 0;

  if (target->n < 1 || target->n > 3)
    {
      cnn_layer_set_error (layer, error, CNN_ERROR_UNSUPPORTED,
                           "makes %d dimensions besides the batch; Convlens knows 1 to 3",
                           target->n);
      return FALSE;
    }
  for (int i = 0; i < target->n; i++)
    if (target->values[i] == -1)
      unknown++;
    else if (!cnn_layer_check_number (layer, "a size in target_shape", target->values[i], 1,
                                      G_MAXINT / 8, error))
      return FALSE;
  if (unknown <= 1)
    return TRUE;
  cnn_layer_set_error (layer, error, CNN_ERROR_MODEL, "target_shape has more than one -1");
  return FALSE;
}

static gboolean
reshape_output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
                      GError **error)
{
  const CnnInts *target = &((const Reshape *) layer)->target_shape;
  int sizes[3] = { 1, 1, 1 }, *open = NULL;
  double given = 1.;
  gint64 count;

  if (!cnn_layer_check_input (layer, inputs, n_inputs, 0, error))
    return FALSE;
  count = count_elements (inputs);
  if (!check_elements (layer, count, error))
    return FALSE;
  for (int i = 0; i < target->n; i++)
    {
      /* (C), (H, C) and (H, W, C) have their sizes at these places of (h, w, c). */
      int *size = sizes + (i == target->n - 1 ? 2 : i);

      *size = MAX (target->values[i], 0);
      if (*size == 0)
        open = size;
      else
        given *= *size;
    }
  if (open != NULL && count > 0 && given <= count && count % (gint64) given == 0)
    {
      *open = (int) (count / (gint64) given);
      given *= *open;
    }
  *output = (CnnShape){ target->n, inputs->n, sizes[0], sizes[1], sizes[2] };
  if (count == 0 || given == (double) count)
    return TRUE;
  else
    {
      g_autofree char *from = cnn_shape_to_string (inputs), *to = cnn_shape_to_string (output);

      cnn_layer_set_error (layer, error, CNN_ERROR_MODEL, "cannot make %s of %s", to, from);
      return FALSE;
    }
}

static gboolean
flatten_is_identity (const CnnLayer *layer, const CnnShape *input)
{
  (void) layer;
  return input->h == 1 && input->w == 1;
}

/* Where the channels stay, (y, x) stay in order too. */
static gboolean
reshape_is_identity (const CnnLayer *layer, const CnnShape *input)
{
  CnnShape output;

  return cnn_shape_known (input) && reshape_output_shape (layer, input, 1, &output, NULL)
         && output.c == input->c;
}

static gboolean
record_reshape (CnnCommands *commands, const CnnTensor *source, const CnnTensor *target,
                GError **error)
{
  CnnDispatch dispatch = {
    .stem = "reshape",
    .bindings = { [RESHAPE_SOURCE] = cnn_tensor_binding (source),
                  [RESHAPE_TARGET] = cnn_tensor_binding (target) },
  };
  ReshapeParams params = {
    .items = cnn_flat_vectors (&target->shape, dispatch.groups),
    .source_h = (guint) source->shape.h,
    .source_w = (guint) source->shape.w,
    .source_c = (guint) source->shape.c,
    .target_h = (guint) target->shape.h,
    .target_w = (guint) target->shape.w,
    .target_c = (guint) target->shape.c,
  };

  dispatch.push = &params;
  dispatch.push_size = sizeof params;
  return cnn_commands_dispatch (commands, &dispatch, error);
}

static gboolean
reshape_forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  (void) layer;
  return record_reshape (step->commands, step->inputs[0], step->output, error);
}

static gboolean
reshape_backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  (void) layer;
  return record_reshape (step->commands, step->grad_output, step->grad_inputs[0], error);
}

static const CnnParam reshape_params[] = {
  { "target_shape", CNN_PARAM_INTS, G_STRUCT_OFFSET (Reshape, target_shape), 0, NULL },
  { NULL },
};

const CnnLayerClass cnn_flatten_class = {
  .name = "Flatten",
  .instance_size = sizeof (CnnLayer),
  .flags = CNN_LAYER_RESHAPING,
  .output_shape = flatten_output_shape,
  .is_identity = flatten_is_identity,
  .forward = reshape_forward,
  .backward = reshape_backward,
};

const CnnLayerClass cnn_reshape_class = {
  .name = "Reshape",
  .instance_size = sizeof (Reshape),
  .params = reshape_params,
  .flags = CNN_LAYER_RESHAPING,
  .configure = reshape_configure,
  .output_shape = reshape_output_shape,
  .is_identity = reshape_is_identity,
  .forward = reshape_forward,
  .backward = reshape_backward,
};

/* --- regions --- */

gboolean
cnn_record_copy_region (CnnCommands *commands, const CnnTensor *source, const CnnTensor *target,
                        const CnnRegion *region, GError **error)
{
  const gsize items = (gsize) target->shape.n * (gsize) region->size[0] * (gsize) region->size[1]
                      * (gsize) region->size[2];
  CnnDispatch dispatch = {
    .stem = "copy_region",
    .bindings = { [COPY_REGION_SOURCE] = cnn_tensor_binding (source),
                  [COPY_REGION_TARGET] = cnn_tensor_binding (target) },
  };
  CopyRegionParams params = {
    .items = (guint) items,
    .target_h = target->shape.h,
    .target_w = target->shape.w,
    .target_planes = cnn_shape_planes (&target->shape),
    .first_y = region->first[0],
    .first_x = region->first[1],
    .first_plane = region->first[2],
    .h = region->size[0],
    .w = region->size[1],
    .planes = region->size[2],
    .source_h = source->shape.h,
    .source_w = source->shape.w,
    .source_c = source->shape.c,
    .shift_y = region->shift[0],
    .shift_x = region->shift[1],
    .shift_c = region->shift[2],
  };

  cnn_flat_groups (items, dispatch.groups);
  dispatch.push = &params;
  dispatch.push_size = sizeof params;
  return cnn_commands_dispatch (commands, &dispatch, error);
}

/* All of the target, from the source moved by (y, x). */
static gboolean
record_moved (CnnCommands *commands, const CnnTensor *source, const CnnTensor *target, int y, int x,
              GError **error)
{
  const CnnRegion region = {
    .size = { target->shape.h, target->shape.w, cnn_shape_planes (&target->shape) },
    .shift = { y, x, 0 },
  };

  return cnn_record_copy_region (commands, source, target, &region, error);
}

/* --- ZeroPadding2D, Cropping2D --- */

typedef struct
{
  CnnLayer base;
  int border[4]; /* top, bottom, left, right */
} Border;

static gboolean
border_configure (CnnLayer *layer, GError **error)
{
  const Border *self = (const Border *) layer;

  for (int i = 0; i < 4; i++)
    if (!cnn_layer_check_number (layer, "a border", self->border[i], 0, CNN_MAX_SIDE, error))
      return FALSE;
  return TRUE;
}

static gboolean
border_is_identity (const CnnLayer *layer, const CnnShape *input)
{
  const int *border = ((const Border *) layer)->border;

  (void) input;
  return border[0] + border[1] + border[2] + border[3] == 0;
}

static gboolean
padding_output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
                      GError **error)
{
  const int *border = ((const Border *) layer)->border;

  if (!cnn_layer_check_input (layer, inputs, n_inputs, 3, error))
    return FALSE;
  *output = *inputs;
  if (inputs->h != 0)
    output->h += border[0] + border[1];
  if (inputs->w != 0)
    output->w += border[2] + border[3];
  return TRUE;
}

static gboolean
cropping_output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs,
                       CnnShape *output, GError **error)
{
  const int *border = ((const Border *) layer)->border;

  if (!cnn_layer_check_input (layer, inputs, n_inputs, 3, error))
    return FALSE;
  *output = *inputs;
  if (inputs->h != 0)
    output->h -= border[0] + border[1];
  if (inputs->w != 0)
    output->w -= border[2] + border[3];
  if ((inputs->h == 0 || output->h > 0) && (inputs->w == 0 || output->w > 0))
    return TRUE;
  cnn_layer_set_error (layer, error, CNN_ERROR_MODEL, "crops all of %d×%d", inputs->h, inputs->w);
  return FALSE;
}

static gboolean
padding_forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  const int *border = ((const Border *) layer)->border;

  return record_moved (step->commands, step->inputs[0], step->output, -border[0], -border[2],
                       error);
}

static gboolean
padding_backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  const int *border = ((const Border *) layer)->border;

  return record_moved (step->commands, step->grad_output, step->grad_inputs[0], border[0],
                       border[2], error);
}

static gboolean
cropping_forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  const int *border = ((const Border *) layer)->border;

  return record_moved (step->commands, step->inputs[0], step->output, border[0], border[2], error);
}

static gboolean
cropping_backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  const int *border = ((const Border *) layer)->border;

  return record_moved (step->commands, step->grad_output, step->grad_inputs[0], -border[0],
                       -border[2], error);
}

static const CnnParam padding_params[] = {
  { "padding", CNN_PARAM_BORDER, G_STRUCT_OFFSET (Border, border), 1, NULL },
  { NULL },
};

static const CnnParam cropping_params[] = {
  { "cropping", CNN_PARAM_BORDER, G_STRUCT_OFFSET (Border, border), 0, NULL },
  { NULL },
};

const CnnLayerClass cnn_zero_padding2d_class = {
  .name = "ZeroPadding2D",
  .instance_size = sizeof (Border),
  .params = padding_params,
  .flags = CNN_LAYER_RESHAPING,
  .configure = border_configure,
  .output_shape = padding_output_shape,
  .is_identity = border_is_identity,
  .forward = padding_forward,
  .backward = padding_backward,
};

const CnnLayerClass cnn_cropping2d_class = {
  .name = "Cropping2D",
  .instance_size = sizeof (Border),
  .params = cropping_params,
  .flags = CNN_LAYER_RESHAPING,
  .configure = border_configure,
  .output_shape = cropping_output_shape,
  .is_identity = border_is_identity,
  .forward = cropping_forward,
  .backward = cropping_backward,
};

/* --- CenterCrop --- */

typedef struct
{
  CnnLayer base;
  int height, width;
} CenterCrop;

static gboolean
center_configure (CnnLayer *layer, GError **error)
{
  const CenterCrop *self = (const CenterCrop *) layer;

  return cnn_layer_check_number (layer, "height", self->height, 1, CNN_MAX_SIDE, error)
         && cnn_layer_check_number (layer, "width", self->width, 1, CNN_MAX_SIDE, error);
}

static gboolean
center_output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
                     GError **error)
{
  const CenterCrop *self = (const CenterCrop *) layer;

  if (!cnn_layer_check_input (layer, inputs, n_inputs, 3, error))
    return FALSE;
  *output = cnn_shape (inputs->n, self->height, self->width, inputs->c);
  return TRUE;
}

static gboolean
center_is_identity (const CnnLayer *layer, const CnnShape *input)
{
  const CenterCrop *self = (const CenterCrop *) layer;

  return input->h == self->height && input->w == self->width;
}

/* A picture that is smaller than the crop is cropped to its aspect ratio and enlarged. */
static gboolean
center_resizes (const CenterCrop *self, const CnnShape *input, CnnLayerResize *resize)
{
  *resize = (CnnLayerResize){ .height = self->height,
                              .width = self->width,
                              .method = CNN_LAYER_RESIZE_BILINEAR,
                              .crop_to_aspect_ratio = TRUE };
  return input->h < self->height || input->w < self->width;
}

static gboolean
center_forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  const CenterCrop *self = (const CenterCrop *) layer;
  const CnnShape *in = &step->input_shapes[0];
  CnnLayerResize resize;

  if (center_resizes (self, in, &resize))
    return cnn_layer_resize_forward (&resize, step, error);
  return record_moved (step->commands, step->inputs[0], step->output, (in->h - self->height) / 2,
                       (in->w - self->width) / 2, error);
}

static gboolean
center_backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  const CenterCrop *self = (const CenterCrop *) layer;
  const CnnShape *in = &step->input_shapes[0];
  CnnLayerResize resize;

  if (center_resizes (self, in, &resize))
    return cnn_layer_resize_backward (&resize, step, error);
  return record_moved (step->commands, step->grad_output, step->grad_inputs[0],
                       -((in->h - self->height) / 2), -((in->w - self->width) / 2), error);
}

static const CnnParam center_params[] = {
  { "height", CNN_PARAM_INT, G_STRUCT_OFFSET (CenterCrop, height), 0, NULL },
  { "width", CNN_PARAM_INT, G_STRUCT_OFFSET (CenterCrop, width), 0, NULL },
  { NULL },
};

const CnnLayerClass cnn_center_crop_class = {
  .name = "CenterCrop",
  .instance_size = sizeof (CenterCrop),
  .params = center_params,
  .flags = CNN_LAYER_RESHAPING,
  .configure = center_configure,
  .output_shape = center_output_shape,
  .is_identity = center_is_identity,
  .forward = center_forward,
  .backward = center_backward,
};
