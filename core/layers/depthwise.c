/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "convolution.h"

#include "depthwise_params.h"
#include "depthwise_tiles_params.h"
#include "tuning.h"

enum
{
  SLOT_DEPTHWISE,
  SLOT_POINTWISE,
  SLOT_POINTWISE_BACKWARD
};

static gsize
depthwise_bytes (const CnnLayer *layer)
{
  const gint64 *dims = layer->weights[0]->dims;

  return (gsize) ((dims[2] * dims[3] + 3) / 4 * dims[0] * dims[1]) * 4 * sizeof (float);
}

/* Keras' (h, w, in, multiplier) to [output plane][tap] vec4. */
static void
pack_depthwise (const CnnLayer *layer, const float *data, gsize first, gsize n, float *packed)
{
  const gint64 *dims = layer->weights[0]->dims;
  const gsize taps = (gsize) (dims[0] * dims[1]), outputs = (gsize) (dims[2] * dims[3]);

  for (gsize i = first; i < first + n; i++)
    {
      const gsize tap = i / outputs, o = i % outputs;

      packed[(o / 4 * taps + tap) * 4 + o % 4] = data[i - first];
    }
}

static DepthwiseParams
make_params (const CnnConvolution *self, const CnnShape *in, const CnnShape *out)
{
  CnnShape ignored;
  int before[2] = { 0, 0 };

  cnn_convolution_window (self, in, &ignored, before, NULL);
  return (DepthwiseParams){
    .in_planes = (guint) cnn_shape_planes (in),
    .in_h = (guint) in->h,
    .in_w = (guint) in->w,
    .out_planes = (guint) cnn_shape_planes (out),
    .out_h = (guint) out->h,
    .out_w = (guint) out->w,
    .taps = (guint) (self->kernel_size[0] * self->kernel_size[1]),
    .kernel_w = (guint) self->kernel_size[1],
    .multiplier = (guint) self->depth_multiplier,
    .before_y = before[0],
    .before_x = before[1],
    .stride_y = (guint) self->strides[0],
    .stride_x = (guint) self->strides[1],
    .dilation_y = (guint) self->dilation_rate[0],
    .dilation_x = (guint) self->dilation_rate[1],
    .in_c = (guint) in->c,
  };
}

static CnnBuffer *
depthwise_weights (CnnConvolution *self, CnnCommands *commands, GError **error)
{
  return cnn_layer_device_weights (&self->base, SLOT_DEPTHWISE, cnn_commands_device (commands),
                                   depthwise_bytes (&self->base), 0, pack_depthwise, error);
}

/* Of a convolution with this output, or of its gradient. */
static double
window_operations (const CnnConvolution *self, const CnnShape *output)
{
  return 2. * (double) cnn_shape_count (output) * self->kernel_size[0] * self->kernel_size[1];
}

/* --- square kernels by tiles --- */

#define MAX_TILES_KERNEL 7
#define MAX_TILES_STRIDE 2 /* DEPTHWISE_TILE_WIDTH is a multiple of it */

static gboolean
fits_tiles (const CnnConvolution *self)
{
  const int kernel = self->kernel_size[0], stride = self->strides[0];

  return self->depth_multiplier == 1 && self->kernel_size[1] == kernel && self->strides[1] == stride
         && self->dilation_rate[0] == 1 && self->dilation_rate[1] == 1 && kernel >= stride
         && kernel <= MAX_TILES_KERNEL && stride <= MAX_TILES_STRIDE;
}

static gboolean
record_tiles (CnnConvolution *self, CnnCommands *commands, const CnnTensor *source,
              const CnnTensor *target, CnnBuffer *weights, gboolean backward,
              const CnnKernelTail *tail, GError **error)
{
  const int kernel = self->kernel_size[0], stride = self->strides[0];
  const int up = backward ? stride : 1;
  const gboolean flip = backward && stride == 1;
  const guint lanes = cnn_device_subgroup_size (cnn_commands_device (commands));
  const CnnShape *in = &source->shape, *out = &target->shape;
  DepthwiseTilesParams params = {
    .planes = (guint) cnn_shape_planes (in),
    .in_h = in->h,
    .in_w = in->w,
    .out_h = out->h,
    .out_w = out->w,
    .first_tap = flip ? kernel * kernel - 1 : 0,
    .step_tap = flip ? -1 : 1,
    .tail = tail->params,
  };
  int before[2], *source_at[2] = { &params.source_y, &params.source_x };
  int *target_at[2] = { &params.target_y, &params.target_x };
  CnnShape ignored;

  cnn_convolution_window (self, backward ? out : in, &ignored, before, NULL);
  for (int i = 0; i < 2; i++)
    {
      *source_at[i] = flip ? before[i] - (kernel - 1) : -before[i];
      if (up > 1)
        {
          *source_at[i] = before[i] / up - (kernel - 1) / up;
          *target_at[i] = -(before[i] % up);
        }
    }
  params.tiles_x = (out->w - params.target_x + DEPTHWISE_TILE_WIDTH - 1) / DEPTHWISE_TILE_WIDTH;
  params.tiles_y =
      (out->h - params.target_y + CNN_DEPTHWISE_TILE_ROWS - 1) / CNN_DEPTHWISE_TILE_ROWS;
  params.rows = (out->h - params.target_y + params.tiles_y - 1) / params.tiles_y;
  params.rows = (params.rows + up - 1) / up * up;
  params.tiles = out->n * (int) params.planes * params.tiles_y * params.tiles_x;

  CnnDispatch dispatch = {
    .stem = CNN_TAIL_STEM ("depthwise_tiles", *tail),
    .constants = { [DEPTHWISE_TILES_LANES] = lanes,
                   [DEPTHWISE_TILES_KERNEL] = (guint32) kernel,
                   [DEPTHWISE_TILES_STRIDE] = backward ? 1 : (guint32) stride,
                   [DEPTHWISE_TILES_UP] = (guint32) up },
    .bindings = { [DEPTHWISE_TILES_SOURCE] = cnn_tensor_binding (source),
                  [DEPTHWISE_TILES_WEIGHTS] = cnn_whole_buffer (weights),
                  [DEPTHWISE_TILES_TARGET] = cnn_tensor_binding (target) },
    .push = &params,
    .push_size = sizeof params,
    .groups = { ((guint) params.tiles + lanes - 1) / lanes, 1, 1 },
    .operations = window_operations (self, backward ? in : out),
  };
  cnn_dispatch_set_tail (&dispatch, tail);
  return cnn_commands_dispatch (commands, &dispatch, error);
}

/* --- recording --- */

gboolean
cnn_record_depthwise (CnnConvolution *self, CnnCommands *commands, const CnnTensor *source,
                      const CnnTensor *target, const CnnKernelTail *tail, GError **error)
{
  const CnnKernelTail none = cnn_kernel_tail (NULL, source), *end = tail != NULL ? tail : &none;
  CnnBuffer *weights = depthwise_weights (self, commands, error);
  DepthwiseParams params = make_params (self, &source->shape, &target->shape);
  CnnDispatch dispatch = {
    .stem = "depthwise",
    .constants = { [DEPTHWISE_SINGLE] = self->depth_multiplier == 1 },
    .bindings = { [DEPTHWISE_SOURCE] = cnn_tensor_binding (source),
                  [DEPTHWISE_TARGET] = cnn_tensor_binding (target) },
    .push = &params,
    .push_size = sizeof params,
    .operations = window_operations (self, &target->shape),
  };

  if (weights == NULL)
    return FALSE;
  if (fits_tiles (self))
    return record_tiles (self, commands, source, target, weights, FALSE, end, error);
  params.items = cnn_flat_vectors (&target->shape, dispatch.groups);
  params.tail = end->params;
  cnn_dispatch_set_tail (&dispatch, end);
  dispatch.bindings[DEPTHWISE_WEIGHTS] = cnn_whole_buffer (weights);
  return cnn_commands_dispatch (commands, &dispatch, error);
}

gboolean
cnn_record_depthwise_backward (CnnConvolution *self, CnnCommands *commands,
                               const CnnTensor *grad_output, const CnnTensor *grad_input,
                               const CnnKernelTail *tail, GError **error)
{
  CnnBuffer *weights = depthwise_weights (self, commands, error);
  DepthwiseParams params = make_params (self, &grad_input->shape, &grad_output->shape);
  CnnDispatch dispatch = {
    .stem = "depthwise_backward",
    .constants = { [DEPTHWISE_BACKWARD_SINGLE] = self->depth_multiplier == 1,
                   [DEPTHWISE_BACKWARD_HAS_RESIDUAL] = tail->constants[TAIL_HAS_RESIDUAL] },
    .bindings = { [DEPTHWISE_BACKWARD_SOURCE] = cnn_tensor_binding (grad_output),
                  [DEPTHWISE_BACKWARD_TARGET] = cnn_tensor_binding (grad_input),
                  [DEPTHWISE_BACKWARD_RESIDUAL] = tail->bindings[TAIL_RESIDUAL] },
    .push = &params,
    .push_size = sizeof params,
    .operations = window_operations (self, &grad_output->shape),
  };

  if (weights == NULL)
    return FALSE;
  if (fits_tiles (self))
    return record_tiles (self, commands, grad_output, grad_input, weights, TRUE, tail, error);
  params.items = cnn_flat_vectors (&grad_input->shape, dispatch.groups);
  dispatch.bindings[DEPTHWISE_BACKWARD_WEIGHTS] = cnn_whole_buffer (weights);
  return cnn_commands_dispatch (commands, &dispatch, error);
}

static gboolean
fuses_predecessor (const CnnLayer *layer, gboolean repeated)
{
  (void) repeated;
  return fits_tiles ((const CnnConvolution *) layer);
}

/* --- DepthwiseConv2D --- */

static gboolean
depthwise_output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs,
                        CnnShape *output, GError **error)
{
  const CnnConvolution *self = (const CnnConvolution *) layer;
  int before[2];

  (void) n_inputs;
  if (!cnn_convolution_window (self, inputs, output, before, error))
    return FALSE;
  output->c = inputs->c * self->depth_multiplier;
  return TRUE;
}

static int
depthwise_weight_specs (const CnnLayer *layer, const CnnShape *inputs,
                        CnnWeightSpec specs[CNN_MAX_WEIGHTS])
{
  const CnnConvolution *self = (const CnnConvolution *) layer;

  specs[0] = (CnnWeightSpec){ "depthwise_kernel",
                              4,
                              { self->kernel_size[0], self->kernel_size[1], inputs->c,
                                self->depth_multiplier } };
  specs[1] = (CnnWeightSpec){ "bias", 1, { (gint64) inputs->c * self->depth_multiplier } };
  return self->use_bias ? 2 : 1;
}

static void
depthwise_affine (const CnnLayer *layer, int channels, CnnAffine *affine)
{
  cnn_bias_affine (layer, 1, channels, affine);
}

static gboolean
depthwise_forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  const CnnKernelTail tail = cnn_step_tail (step);

  return cnn_record_depthwise ((CnnConvolution *) layer, step->commands, step->inputs[0],
                               step->output, &tail, error);
}

static gboolean
depthwise_backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  const CnnKernelTail tail = cnn_step_tail (step);

  return cnn_record_depthwise_backward ((CnnConvolution *) layer, step->commands, step->grad_output,
                                        step->grad_inputs[0], &tail, error);
}

/* `filters` and `groups` are not this class's: a filter count of 1 passes the common check. */
static const CnnParam depthwise_params[] = {
  { "depth_multiplier", CNN_PARAM_INT, G_STRUCT_OFFSET (CnnConvolution, depth_multiplier), 1,
    NULL },
  CNN_CONVOLUTION_PARAMS,
  { 0 },
};

static gboolean
depthwise_configure (CnnLayer *layer, GError **error)
{
  CnnConvolution *self = (CnnConvolution *) layer;

  self->filters = self->groups = 1;
  return cnn_convolution_configure (layer, error);
}

const CnnLayerClass cnn_depthwise_conv2d_class = {
  .name = "DepthwiseConv2D",
  .instance_size = sizeof (CnnConvolution),
  .params = depthwise_params,
  .flags = CNN_LAYER_TAIL | CNN_LAYER_CONVOLUTION | CNN_LAYER_ADDS_GRADIENT,
  .configure = depthwise_configure,
  .output_shape = depthwise_output_shape,
  .weight_specs = depthwise_weight_specs,
  .affine = depthwise_affine,
  .fuses_predecessor = fuses_predecessor,
  .forward = depthwise_forward,
  .backward = depthwise_backward,
};

/* --- SeparableConv2D: depthwise into scratch, then 1×1 --- */

static gboolean
separable_output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs,
                        CnnShape *output, GError **error)
{
  const CnnConvolution *self = (const CnnConvolution *) layer;
  int before[2];

  (void) n_inputs;
  if (!cnn_convolution_window (self, inputs, output, before, error))
    return FALSE;
  output->c = self->filters;
  return TRUE;
}

static gboolean
separable_scratch_shape (const CnnLayer *layer, const CnnShape *inputs, CnnShape *scratch)
{
  return depthwise_output_shape (layer, inputs, 1, scratch, NULL);
}

static int
separable_weight_specs (const CnnLayer *layer, const CnnShape *inputs,
                        CnnWeightSpec specs[CNN_MAX_WEIGHTS])
{
  const CnnConvolution *self = (const CnnConvolution *) layer;

  specs[0] = (CnnWeightSpec){ "depthwise_kernel",
                              4,
                              { self->kernel_size[0], self->kernel_size[1], inputs->c,
                                self->depth_multiplier } };
  specs[1] = (CnnWeightSpec){
    "pointwise_kernel", 4, { 1, 1, (gint64) inputs->c * self->depth_multiplier, self->filters }
  };
  specs[2] = (CnnWeightSpec){ "bias", 1, { self->filters } };
  return self->use_bias ? 3 : 2;
}

static void
separable_affine (const CnnLayer *layer, int channels, CnnAffine *affine)
{
  cnn_bias_affine (layer, 2, channels, affine);
}

static CnnGemm
pointwise_gemm (const CnnLayer *layer, gboolean backward)
{
  const int in = (int) layer->weights[1]->dims[2], out = (int) layer->weights[1]->dims[3];

  return (CnnGemm){
    .taps = 1,
    .inputs = backward ? out : in,
    .outputs = backward ? in : out,
    .step_k = backward ? 1 : (gsize) out,
    .step_m = backward ? (gsize) out : 1,
  };
}

static void
pack_pointwise (const CnnLayer *layer, const float *data, gsize first, gsize n, float *packed)
{
  CnnGemm gemm = pointwise_gemm (layer, FALSE);

  cnn_pack_gemm (&gemm, data, first, n, packed);
}

static void
pack_pointwise_backward (const CnnLayer *layer, const float *data, gsize first, gsize n,
                         float *packed)
{
  CnnGemm gemm = pointwise_gemm (layer, TRUE);

  cnn_pack_gemm (&gemm, data, first, n, packed);
}

static gboolean
separable_forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  const CnnKernelTail tail = cnn_step_tail (step);
  CnnGemm gemm = pointwise_gemm (layer, FALSE);
  CnnBuffer *weights =
      cnn_layer_device_weights (layer, SLOT_POINTWISE, cnn_commands_device (step->commands),
                                cnn_gemm_bytes (&gemm), 1, pack_pointwise, error);

  return weights != NULL
         && cnn_record_depthwise ((CnnConvolution *) layer, step->commands, step->inputs[0],
                                  step->scratch, NULL, error)
         && cnn_record_conv2d (step->commands, step->scratch, step->output, weights, 0,
                               &cnn_pointwise_window, &tail, error);
}

static gboolean
separable_backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  const CnnKernelTail tail = cnn_step_tail (step);
  CnnGemm gemm = pointwise_gemm (layer, TRUE);
  CnnBuffer *weights = cnn_layer_device_weights (
      layer, SLOT_POINTWISE_BACKWARD, cnn_commands_device (step->commands), cnn_gemm_bytes (&gemm),
      1, pack_pointwise_backward, error);

  return weights != NULL
         && cnn_record_conv2d (step->commands, step->grad_output, step->scratch, weights, 0,
                               &cnn_pointwise_window, NULL, error)
         && cnn_record_depthwise_backward ((CnnConvolution *) layer, step->commands, step->scratch,
                                           step->grad_inputs[0], &tail, error);
}

static const CnnParam separable_params[] = {
  { "filters", CNN_PARAM_INT, G_STRUCT_OFFSET (CnnConvolution, filters), 0, NULL },
  { "groups", CNN_PARAM_INT, G_STRUCT_OFFSET (CnnConvolution, groups), 1, NULL },
  { "depth_multiplier", CNN_PARAM_INT, G_STRUCT_OFFSET (CnnConvolution, depth_multiplier), 1,
    NULL },
  CNN_CONVOLUTION_PARAMS,
  { 0 },
};

const CnnLayerClass cnn_separable_conv2d_class = {
  .name = "SeparableConv2D",
  .instance_size = sizeof (CnnConvolution),
  .params = separable_params,
  .flags = CNN_LAYER_TAIL | CNN_LAYER_CONVOLUTION | CNN_LAYER_ADDS_GRADIENT,
  .configure = cnn_convolution_configure,
  .output_shape = separable_output_shape,
  .weight_specs = separable_weight_specs,
  .affine = separable_affine,
  .scratch_shape = separable_scratch_shape,
  .fuses_predecessor = fuses_predecessor,
  .forward = separable_forward,
  .backward = separable_backward,
};
