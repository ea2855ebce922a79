/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MaxPooling2D, AveragePooling2D, GlobalMaxPooling2D, GlobalAveragePooling2D. */
#include "internal.h"

#include "global_pool_params.h"
#include "pool_params.h"

/* --- windows --- */

typedef struct
{
  CnnLayer base;
  int pool_size[2], strides[2]; /* h, w */
  int same;                     /* index in paddings */
} Pooling;

static gboolean
pool_configure (CnnLayer *layer, GError **error)
{
  Pooling *self = (Pooling *) layer;

  for (int i = 0; i < 2; i++)
    {
      if (self->strides[i] == 0)
        self->strides[i] = self->pool_size[i];
      if (!cnn_layer_check_number (layer, "pool_size", self->pool_size[i], 1, CNN_MAX_SIDE, error)
          || !cnn_layer_check_number (layer, "strides", self->strides[i], 1, CNN_MAX_SIDE, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
pool_output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
                   GError **error)
{
  const Pooling *self = (const Pooling *) layer;
  int before;

  if (!cnn_layer_check_input (layer, inputs, n_inputs, 3, error))
    return FALSE;
  *output = *inputs;
  output->h =
      cnn_window_size (inputs->h, self->pool_size[0], self->strides[0], 1, self->same, &before);
  output->w =
      cnn_window_size (inputs->w, self->pool_size[1], self->strides[1], 1, self->same, &before);
  if (output->h >= 0 && output->w >= 0)
    return TRUE;
  cnn_layer_set_error (layer, error, CNN_ERROR_MODEL, "a window of %d×%d does not fit into %d×%d",
                       self->pool_size[0], self->pool_size[1], inputs->h, inputs->w);
  return FALSE;
}

/* Records what computes every vec4 of `shape`. */
static gboolean
record_pool (const Pooling *self, const CnnStep *step, CnnDispatch *dispatch, const CnnShape *shape,
             GError **error)
{
  const CnnShape *in = &step->input_shapes[0], *out = &step->output_shape;
  PoolParams params = {
    .items = cnn_flat_vectors (shape, dispatch->groups),
    .in_h = in->h,
    .in_w = in->w,
    .out_h = out->h,
    .out_w = out->w,
    .kernel_h = self->pool_size[0],
    .kernel_w = self->pool_size[1],
    .stride_h = self->strides[0],
    .stride_w = self->strides[1],
    .planes = (guint) cnn_shape_planes (in),
    .tail = cnn_step_tail (step).params,
  };

  cnn_window_size (in->h, self->pool_size[0], self->strides[0], 1, self->same, &params.before_y);
  cnn_window_size (in->w, self->pool_size[1], self->strides[1], 1, self->same, &params.before_x);
  dispatch->push = &params;
  dispatch->push_size = sizeof params;
  return cnn_commands_dispatch (step->commands, dispatch, error);
}

/* For each output, the number of the window's cell that is the largest. */
static gboolean
max_memo_shape (const CnnLayer *layer, const CnnShape *inputs, CnnShape *memo)
{
  return pool_output_shape (layer, inputs, 1, memo, NULL);
}

static gboolean
max_forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  const gboolean indices = step->memo != NULL;
  CnnDispatch dispatch = {
    .stem = "max_pool",
    .constants = { [MAX_POOL_KEEPS_INDICES] = (guint32) indices },
    .bindings = { [MAX_POOL_SOURCE] = cnn_tensor_binding (step->inputs[0]),
                  [MAX_POOL_TARGET] = cnn_tensor_binding (step->output),
                  [MAX_POOL_INDICES] = cnn_tensor_binding (indices ? step->memo : step->output) },
  };

  return record_pool ((const Pooling *) layer, step, &dispatch, &step->output_shape, error);
}

/* Strides up to this are made square by square, where at most two windows along a side meet one. */
#define MAX_SQUARE 3

static gboolean
max_backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  const Pooling *self = (const Pooling *) layer;
  const int kernel = self->pool_size[0], stride = self->strides[0];
  const gboolean squares = self->pool_size[1] == kernel && self->strides[1] == stride && stride > 1
                           && stride <= MAX_SQUARE && kernel <= 2 * stride;
  const CnnKernelTail tail = cnn_step_tail (step);
  CnnShape items = step->input_shapes[0];
  CnnDispatch dispatch = {
    .stem = "max_pool_backward",
    .constants = { [MAX_POOL_BACKWARD_KERNEL] = squares ? (guint32) kernel : 0,
                   [MAX_POOL_BACKWARD_STRIDE] = squares ? (guint32) stride : 0 },
    .bindings = { [MAX_POOL_BACKWARD_INDICES] = cnn_tensor_binding (step->memo),
                  [MAX_POOL_BACKWARD_GRADIENT] = cnn_tensor_binding (step->grad_output),
                  [MAX_POOL_BACKWARD_TARGET] = cnn_tensor_binding (step->grad_inputs[0]) },
  };

  if (squares)
    {
      int before[2];

      cnn_window_size (items.h, kernel, stride, 1, self->same, &before[0]);
      cnn_window_size (items.w, kernel, stride, 1, self->same, &before[1]);
      items.h = (items.h + before[0] % stride + stride - 1) / stride;
      items.w = (items.w + before[1] % stride + stride - 1) / stride;
    }
  cnn_dispatch_set_tail (&dispatch, &tail);
  return record_pool (self, step, &dispatch, &items, error);
}

static gboolean
max_fuses_predecessor (const CnnLayer *layer, gboolean repeated)
{
  (void) layer;
  (void) repeated;
  return TRUE;
}

static gboolean
average_forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  CnnDispatch dispatch = {
    .stem = "average_pool",
    .bindings = { [AVERAGE_POOL_SOURCE] = cnn_tensor_binding (step->inputs[0]),
                  [AVERAGE_POOL_TARGET] = cnn_tensor_binding (step->output) },
  };

  return record_pool ((const Pooling *) layer, step, &dispatch, &step->output_shape, error);
}

static gboolean
average_backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  CnnDispatch dispatch = {
    .stem = "average_pool_backward",
    .bindings = { [AVERAGE_POOL_BACKWARD_GRADIENT] = cnn_tensor_binding (step->grad_output),
                  [AVERAGE_POOL_BACKWARD_TARGET] = cnn_tensor_binding (step->grad_inputs[0]) },
  };

  return record_pool ((const Pooling *) layer, step, &dispatch, &step->input_shapes[0], error);
}

static const char *const paddings[] = { "valid", "same", NULL };

static const CnnParam pool_params[] = {
  { "pool_size", CNN_PARAM_SIZE, G_STRUCT_OFFSET (Pooling, pool_size), 2, NULL },
  { "strides", CNN_PARAM_SIZE, G_STRUCT_OFFSET (Pooling, strides), 0, NULL }, /* as pool_size */
  { "padding", CNN_PARAM_CHOICE, G_STRUCT_OFFSET (Pooling, same), 0, paddings },
  { NULL },
};

const CnnLayerClass cnn_max_pooling2d_class = {
  .name = "MaxPooling2D",
  .instance_size = sizeof (Pooling),
  .params = pool_params,
  .flags = CNN_LAYER_POOLING,
  .configure = pool_configure,
  .output_shape = pool_output_shape,
  .memo_shape = max_memo_shape,
  .fuses_predecessor = max_fuses_predecessor,
  .forward = max_forward,
  .backward = max_backward,
};

const CnnLayerClass cnn_average_pooling2d_class = {
  .name = "AveragePooling2D",
  .instance_size = sizeof (Pooling),
  .params = pool_params,
  .flags = CNN_LAYER_POOLING,
  .configure = pool_configure,
  .output_shape = pool_output_shape,
  .forward = average_forward,
  .backward = average_backward,
};

/* --- whole pictures --- */

typedef struct
{
  CnnLayer base;
  gboolean keepdims;
} GlobalPooling;

static gboolean
global_output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
                     GError **error)
{
  if (!cnn_layer_check_input (layer, inputs, n_inputs, 3, error))
    return FALSE;
  *output = ((const GlobalPooling *) layer)->keepdims ? cnn_shape (inputs->n, 1, 1, inputs->c)
                                                      : cnn_shape_flat (inputs->n, inputs->c);
  return TRUE;
}

static gboolean
record_global (const CnnStep *step, const CnnTensor *target, guint32 mode, GError **error)
{
  const CnnShape *in = &step->input_shapes[0];
  CnnDispatch dispatch = {
    .stem = "global_pool",
    .constants = { [GLOBAL_POOL_MODE] = mode },
    .bindings = { [GLOBAL_POOL_SOURCE] = cnn_tensor_binding (step->inputs[0]),
                  [GLOBAL_POOL_TARGET] = cnn_tensor_binding (target) },
  };
  GlobalPoolParams params = {
    .items = cnn_flat_vectors (&step->output_shape, dispatch.groups),
    .h = (guint) in->h,
    .w = (guint) in->w,
  };

  dispatch.push = &params;
  dispatch.push_size = sizeof params;
  return cnn_commands_dispatch (step->commands, &dispatch, error);
}

/* For a mean only the gradient is read; it stands in for the other bindings. */
static gboolean
record_global_backward (const CnnStep *step, const CnnTensor *source, const CnnTensor *scratch,
                        guint32 mode, GError **error)
{
  const CnnShape *in = &step->input_shapes[0];
  CnnDispatch dispatch = {
    .stem = "global_pool_backward",
    .constants = { [GLOBAL_POOL_BACKWARD_MODE] = mode },
    .bindings = { [GLOBAL_POOL_BACKWARD_GRADIENT] = cnn_tensor_binding (step->grad_output),
                  [GLOBAL_POOL_BACKWARD_SOURCE] = cnn_tensor_binding (source),
                  [GLOBAL_POOL_BACKWARD_MAXIMUM_AND_COUNT] = cnn_tensor_binding (scratch),
                  [GLOBAL_POOL_BACKWARD_TARGET] = cnn_tensor_binding (step->grad_inputs[0]) },
  };
  GlobalPoolParams params = {
    .items = cnn_flat_vectors (in, dispatch.groups),
    .h = (guint) in->h,
    .w = (guint) in->w,
  };

  dispatch.push = &params;
  dispatch.push_size = sizeof params;
  return cnn_commands_dispatch (step->commands, &dispatch, error);
}

static gboolean
global_average_forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  (void) layer;
  return record_global (step, step->output, GLOBAL_POOL_MEAN, error);
}

static gboolean
global_average_backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  (void) layer;
  return record_global_backward (step, step->grad_output, step->grad_output, GLOBAL_POOL_MEAN,
                                 error);
}

static gboolean
global_max_forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  (void) layer;
  return record_global (step, step->output, GLOBAL_POOL_MAX, error);
}

/* Scratch has two pixels: the maximum of each channel, and how many pixels have it. */
static gboolean
global_max_scratch_shape (const CnnLayer *layer, const CnnShape *inputs, CnnShape *scratch)
{
  (void) layer;
  *scratch = cnn_shape (inputs->n, 1, 2, inputs->c);
  return TRUE;
}

static gboolean
global_max_backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  (void) layer;
  return record_global (step, step->scratch, GLOBAL_POOL_MAX_AND_COUNT, error)
         && record_global_backward (step, step->inputs[0], step->scratch, GLOBAL_POOL_MAX, error);
}

static const CnnParam global_params[] = {
  { "keepdims", CNN_PARAM_BOOL, G_STRUCT_OFFSET (GlobalPooling, keepdims), FALSE, NULL },
  { NULL },
};

const CnnLayerClass cnn_global_average_pooling2d_class = {
  .name = "GlobalAveragePooling2D",
  .instance_size = sizeof (GlobalPooling),
  .params = global_params,
  .flags = CNN_LAYER_POOLING,
  .output_shape = global_output_shape,
  .forward = global_average_forward,
  .backward = global_average_backward,
};

const CnnLayerClass cnn_global_max_pooling2d_class = {
  .name = "GlobalMaxPooling2D",
  .instance_size = sizeof (GlobalPooling),
  .params = global_params,
  .flags = CNN_LAYER_POOLING | CNN_LAYER_NEEDS_INPUTS,
  .output_shape = global_output_shape,
  .scratch_shape = global_max_scratch_shape,
  .forward = global_max_forward,
  .backward = global_max_backward,
};
