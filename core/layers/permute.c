/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "internal.h"

#include "permute_params.h"

typedef struct
{
  CnnLayer base;
  CnnInts dims; /* which axis of the input, counted from 1, each of the output's is */
} Permute;

static gboolean
configure (CnnLayer *layer, GError **error)
{
  const CnnInts *dims = &((const Permute *) layer)->dims;
  guint seen = 0;

  if (!cnn_layer_check_number (layer, "the number of dims", dims->n, 1, 3, error))
    return FALSE;
  for (int i = 0; i < dims->n; i++)
    if (!cnn_layer_check_number (layer, "one of dims", dims->values[i], 1, dims->n, error))
      return FALSE;
    else
      seen |= 1u << dims->values[i];
  if (seen == (2u << dims->n) - 2)
    return TRUE;
  cnn_layer_set_error (layer, error, CNN_ERROR_MODEL, "dims has an axis twice");
  return FALSE;
}

/* The sizes that a value of this rank has, in Keras' order. */
static void
get_sizes (const CnnShape *shape, int sizes[3])
{
  const int all[3][3] = { { shape->c, 1, 1 },
                          { shape->h, shape->c, 1 },
                          { shape->h, shape->w, shape->c } };

  memcpy (sizes, all[shape->rank - 1], sizeof all[0]);
}

static gboolean
output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
              GError **error)
{
  const CnnInts *dims = &((const Permute *) layer)->dims;
  int sizes[3];

  if (!cnn_layer_check_input (layer, inputs, n_inputs, dims->n, error))
    return FALSE;
  get_sizes (inputs, sizes);
  *output = *inputs;
  output->c = sizes[dims->values[dims->n - 1] - 1];
  if (dims->n >= 2)
    output->h = sizes[dims->values[0] - 1];
  if (dims->n == 3)
    output->w = sizes[dims->values[1] - 1];
  return TRUE;
}

static gboolean
is_identity (const CnnLayer *layer, const CnnShape *input)
{
  const CnnInts *dims = &((const Permute *) layer)->dims;

  (void) input;
  for (int i = 0; i < dims->n; i++)
    if (dims->values[i] != i + 1)
      return FALSE;
  return TRUE;
}

static gboolean
record (CnnCommands *commands, const CnnTensor *source, const CnnTensor *target,
        const CnnInts *dims, GError **error)
{
  const CnnShape *from = &source->shape, *to = &target->shape;
  CnnDispatch dispatch = {
    .stem = "permute",
    .bindings = { [PERMUTE_SOURCE] = cnn_tensor_binding (source),
                  [PERMUTE_TARGET] = cnn_tensor_binding (target) },
  };
  PermuteParams params = {
    .items = cnn_flat_vectors (to, dispatch.groups),
    .target_h = (guint) to->h,
    .target_w = (guint) to->w,
    .target_c = (guint) to->c,
    .source_pixels = (guint) (from->h * from->w),
    .source_c = (guint) from->c,
  };
  guint steps[3] = { 1, 1, 1 };
  int sizes[3];

  get_sizes (from, sizes);
  for (int i = dims->n - 2; i >= 0; i--)
    steps[i] = steps[i + 1] * (guint) sizes[i + 1];
  params.step_c = steps[dims->values[dims->n - 1] - 1];
  if (dims->n >= 2)
    params.step_h = steps[dims->values[0] - 1];
  if (dims->n == 3)
    params.step_w = steps[dims->values[1] - 1];
  dispatch.push = &params;
  dispatch.push_size = sizeof params;
  return cnn_commands_dispatch (commands, &dispatch, error);
}

static gboolean
forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  return record (step->commands, step->inputs[0], step->output, &((Permute *) layer)->dims, error);
}

static gboolean
backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  const CnnInts *dims = &((Permute *) layer)->dims;
  CnnInts back = *dims;

  for (int i = 0; i < dims->n; i++)
    back.values[dims->values[i] - 1] = i + 1;
  return record (step->commands, step->grad_output, step->grad_inputs[0], &back, error);
}

static const CnnParam params[] = {
  { "dims", CNN_PARAM_INTS, G_STRUCT_OFFSET (Permute, dims), 0, NULL },
  { NULL },
};

const CnnLayerClass cnn_permute_class = {
  .name = "Permute",
  .instance_size = sizeof (Permute),
  .params = params,
  .flags = CNN_LAYER_RESHAPING,
  .configure = configure,
  .output_shape = output_shape,
  .is_identity = is_identity,
  .forward = forward,
  .backward = backward,
};
