/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PReLU: a slope below 0 for each element, or shared along some axes. */
#include "internal.h"

#include "prelu_params.h"

typedef struct
{
  CnnLayer base;
  CnnInts shared_axes; /* counted from 1, the first after the batch */
} Prelu;

/* The slopes' sizes along the input's axes: 1 for one that shares them. */
static void
slope_dims (const Prelu *self, const CnnShape *input, gint64 dims[3])
{
  const gint64 sizes[3][3] = { { input->c },
                               { input->h, input->c },
                               { input->h, input->w, input->c } };

  memcpy (dims, sizes[input->rank - 1], sizeof sizes[0]);
  for (int i = 0; i < self->shared_axes.n; i++)
    dims[self->shared_axes.values[i] - 1] = 1;
}

static gboolean
output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
              GError **error)
{
  const Prelu *self = (const Prelu *) layer;
  const CnnArray *slopes = layer->weights[0];
  gint64 dims[3];

  if (!cnn_layer_same_shape (layer, inputs, n_inputs, output, error))
    return FALSE;
  for (int i = 0; i < self->shared_axes.n; i++)
    if (!cnn_layer_check_number (layer, "an axis in shared_axes", self->shared_axes.values[i], 1,
                                 inputs->rank, error))
      return FALSE;
  slope_dims (self, inputs, dims);
  for (int i = 0; slopes != NULL && i < inputs->rank; i++)
    if (dims[i] != 0 && slopes->dims[i] != dims[i])
      {
        g_autofree char *wants = cnn_dims_to_string (slopes->rank, slopes->dims);
        g_autofree char *gets = cnn_shape_to_string (inputs);

        cnn_layer_set_error (layer, error, CNN_ERROR_ARGUMENT,
                             "has slopes for %s only, and gets %s", wants, gets);
        return FALSE;
      }
  return TRUE;
}

static int
weight_specs (const CnnLayer *layer, const CnnShape *inputs, CnnWeightSpec specs[CNN_MAX_WEIGHTS])
{
  specs[0] = (CnnWeightSpec){ "alpha", inputs->rank, { 0 } };
  slope_dims ((const Prelu *) layer, inputs, specs[0].dims);
  return 1;
}

/* (h, w, c) of the slopes. */
static CnnShape
slope_shape (const CnnLayer *layer)
{
  const CnnArray *slopes = layer->weights[0];
  const int rank = slopes->rank;

  return cnn_shape (1, rank > 1 ? (int) slopes->dims[0] : 1, rank > 2 ? (int) slopes->dims[1] : 1,
                    (int) slopes->dims[rank - 1]);
}

static void
pack (const CnnLayer *layer, const float *data, gsize first, gsize n, float *packed)
{
  const CnnShape shape = slope_shape (layer);
  const gsize pixels = (gsize) shape.h * (gsize) shape.w, channels = (gsize) shape.c;

  for (gsize i = first; i < first + n; i++)
    {
      const gsize pixel = i / channels, c = i % channels;

      packed[(c / 4 * pixels + pixel) * 4 + c % 4] = data[i - first];
    }
}

static gboolean
record (CnnLayer *layer, const CnnStep *step, const CnnTensor *gradient, const CnnTensor *target,
        GError **error)
{
  const CnnShape *shape = &step->input_shapes[0], slopes = slope_shape (layer);
  CnnBuffer *weights = cnn_layer_device_weights (layer, 0, cnn_commands_device (step->commands),
                                                 cnn_shape_bytes (&slopes), 0, pack, error);
  const CnnBinding source = cnn_tensor_binding (step->inputs[0]);
  CnnDispatch dispatch = {
    .stem = "prelu",
    .constants = { [PRELU_BACKWARD] = gradient != NULL },
    .bindings = { [PRELU_SOURCE] = source,
                  [PRELU_GRADIENT] = gradient != NULL ? cnn_tensor_binding (gradient) : source,
                  [PRELU_TARGET] = cnn_tensor_binding (target) },
  };
  PreluParams params = {
    .items = cnn_flat_vectors (shape, dispatch.groups),
    .planes = (guint) cnn_shape_planes (shape),
    .h = (guint) shape->h,
    .w = (guint) shape->w,
    .slope_planes = (guint) cnn_shape_planes (&slopes),
    .slope_h = (guint) slopes.h,
    .slope_w = (guint) slopes.w,
    .spread = slopes.c == 1,
  };

  if (weights == NULL)
    return FALSE;
  dispatch.bindings[PRELU_SLOPES] = cnn_whole_buffer (weights);
  dispatch.push = &params;
  dispatch.push_size = sizeof params;
  return cnn_commands_dispatch (step->commands, &dispatch, error);
}

static gboolean
forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  return record (layer, step, NULL, step->output, error);
}

static gboolean
backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  return record (layer, step, step->grad_output, step->grad_inputs[0], error);
}

static const CnnParam params[] = {
  { "shared_axes", CNN_PARAM_INTS, G_STRUCT_OFFSET (Prelu, shared_axes), 0, NULL },
  { NULL },
};

const CnnLayerClass cnn_prelu_class = {
  .name = "PReLU",
  .instance_size = sizeof (Prelu),
  .params = params,
  .flags = CNN_LAYER_NEEDS_INPUTS,
  .output_shape = output_shape,
  .weight_specs = weight_specs,
  .forward = forward,
  .backward = backward,
};
