/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "convolution.h"

#include "conv2d_grouped_params.h"
#include "conv2d_params.h"
#include "strided.h"
#include "tuning.h"
#include "winograd.h"

enum
{
  SLOT_FORWARD,
  SLOT_BACKWARD,
  SLOT_WINOGRAD_FORWARD,
  SLOT_WINOGRAD_BACKWARD,
  SLOT_WINOGRAD_LARGE
};

const char *const cnn_paddings[] = { "valid", "same", NULL };

gboolean
cnn_convolution_configure (CnnLayer *layer, GError **error)
{
  const CnnConvolution *self = (const CnnConvolution *) layer;

  for (int i = 0; i < 2; i++)
    if (self->kernel_size[i] < 1 || self->strides[i] < 1 || self->dilation_rate[i] < 1)
      {
        cnn_layer_set_error (layer, error, CNN_ERROR_MODEL,
                             "kernel size, strides and dilation must be at least 1");
        return FALSE;
      }
  if (self->filters < 1 || self->groups < 1 || self->depth_multiplier < 1)
    {
      cnn_layer_set_error (layer, error, CNN_ERROR_MODEL,
                           "filters, groups and depth multiplier must be at least 1");
      return FALSE;
    }
  return TRUE;
}

gboolean
cnn_convolution_window (const CnnConvolution *self, const CnnShape *input, CnnShape *output,
                        int before[2], GError **error)
{
  const CnnLayer *layer = &self->base;

  if (!cnn_layer_check_rank (layer, input, 3, error))
    return FALSE;
  *output = *input;
  output->h = cnn_window_size (input->h, self->kernel_size[0], self->strides[0],
                               self->dilation_rate[0], self->same, &before[0]);
  output->w = cnn_window_size (input->w, self->kernel_size[1], self->strides[1],
                               self->dilation_rate[1], self->same, &before[1]);
  if (output->h < 0 || output->w < 0)
    {
      cnn_layer_set_error (layer, error, CNN_ERROR_ARGUMENT,
                           "a kernel of %d×%d does not fit into %d×%d; choose a larger input size",
                           self->kernel_size[0], self->kernel_size[1], input->h, input->w);
      return FALSE;
    }
  return TRUE;
}

/* --- conv2d, for any layer that multiplies channels --- */

/* Output channels of a tile. */
static int
tile_channels (int outputs)
{
  return outputs <= CONV2D_FEW_CHANNELS ? CONV2D_FEW_CHANNELS : CONV2D_TILE_CHANNELS;
}

gsize
cnn_gemm_bytes (const CnnGemm *gemm)
{
  const int channels = tile_channels (gemm->outputs);

  return (gsize) ((gemm->outputs + channels - 1) / channels) * (gsize) gemm->taps
         * (gsize) ((gemm->inputs + 3) / 4) * (gsize) channels * 4 * sizeof (float);
}

void
cnn_pack_gemm (const CnnGemm *gemm, const float *data, gsize first, gsize n, float *packed)
{
  const gsize planes = (gsize) (gemm->inputs + 3) / 4, taps = (gsize) gemm->taps;
  const gsize channels = (gsize) tile_channels (gemm->outputs);
  const gboolean along_m = gemm->step_m == 1;
  const gsize length = (gsize) (along_m ? gemm->outputs : gemm->inputs);
  const gsize rows = (gsize) (along_m ? gemm->inputs : gemm->outputs); /* of a tap */
  const gsize tile = taps * planes * channels * 4;

  for (gsize row = first / length; row < (first + n) / length; row++, data += length)
    {
      const gsize tap = gemm->flip ? taps - 1 - row / rows : row / rows, at = row % rows;
      float *to = packed + tap * planes * channels * 4;

      if (along_m)
        for (gsize m = 0; m < length; m += channels)
          for (gsize i = 0; i < MIN (channels, length - m); i++)
            to[m / channels * tile + (at / 4 * channels + i) * 4 + at % 4] = data[m + i];
      else
        for (gsize k = 0; k < length; k++)
          to[at / channels * tile + (k / 4 * channels + at % channels) * 4 + k % 4] = data[k];
    }
}

const CnnWindow cnn_pointwise_window = { { 1, 1 }, { 1, 1 }, { 1, 1 }, { 1, 1 }, { 0, 0 } };

CnnWindow
cnn_window_backward (const CnnWindow *window)
{
  CnnWindow back = *window;

  for (int i = 0; i < 2; i++)
    {
      back.stride[i] = 1;
      back.up[i] = window->stride[i];
      back.before[i] = (window->kernel[i] - 1) * window->dilation[i] - window->before[i];
    }
  return back;
}

/* A workgroup's part of the product (conv2d.comp). */
typedef struct
{
  guint channels, pixels;
  gboolean channels_in_lanes;
  guint narrow, wide;
} Tile;

/* Two packed tiles of channels at a time, where that leaves little of the last ones empty. */
static gboolean
takes_two_tiles (const CnnTuning *tuning, int outputs)
{
  const int one = (outputs + CONV2D_TILE_CHANNELS - 1) / CONV2D_TILE_CHANNELS,
            two = (one + 1) / 2 * 2;

  return tuning->two_tiles != 0 && two * 100 <= one * (100 + (int) tuning->two_tiles);
}

static Tile
choose_tile (const CnnCommands *commands, int outputs)
{
  const CnnDevice *device = cnn_commands_device (commands);
  const CnnTuning *tuning = cnn_device_tuning (device, cnn_commands_repeated (commands));
  const guint lanes = cnn_device_subgroup_size (device);
  Tile tile = { .channels = (guint) tile_channels (outputs) };

  tile.channels_in_lanes = tuning->pixels != 0 && tile.channels == CONV2D_TILE_CHANNELS;
  if (tile.channels_in_lanes)
    {
      tile.pixels = tile.narrow = tuning->pixels;
      tile.channels *= takes_two_tiles (tuning, outputs) ? 2 : 1;
      tile.wide = tile.channels / lanes;
    }
  else
    {
      tile.narrow = tile.channels;
      tile.wide = tile.channels == CONV2D_FEW_CHANNELS ? tuning->few_vectors : tuning->vectors;
      tile.pixels = tile.wide * lanes;
    }
  return tile;
}

static guint32
choose_mode (const CnnWindow *window)
{
  gboolean pointwise = TRUE;

  for (int i = 0; i < 2; i++)
    {
      if (window->up[i] != 1)
        return CONV2D_SPREAD;
      pointwise =
          pointwise && window->kernel[i] == 1 && window->stride[i] == 1 && window->before[i] == 0;
    }
  return pointwise ? CONV2D_POINTWISE : CONV2D_WINDOW;
}

static int
greatest_common_divisor (int a, int b)
{
  return b == 0 ? a : greatest_common_divisor (b, a % b);
}

gboolean
cnn_record_conv2d (CnnCommands *commands, const CnnTensor *source, const CnnTensor *target,
                   CnnBuffer *weights, gsize weights_step, const CnnWindow *window,
                   const CnnKernelTail *tail, GError **error)
{
  const guint lanes = cnn_device_subgroup_size (cnn_commands_device (commands));
  const Tile tile = choose_tile (commands, target->shape.c);
  const CnnShape *in = &source->shape, *out = &target->shape;
  const CnnKernelTail none = cnn_kernel_tail (NULL, source), *end = tail != NULL ? tail : &none;
  Conv2dParams params = {
    .in_planes = (guint) cnn_shape_planes (in),
    .in_h = (guint) in->h,
    .in_w = (guint) in->w,
    .out_planes = (guint) cnn_shape_planes (out),
    .out_h = (guint) out->h,
    .out_w = (guint) out->w,
    .taps = (guint) (window->kernel[0] * window->kernel[1]),
    .kernel_w = (guint) window->kernel[1],
    .before_y = window->before[0],
    .before_x = window->before[1],
    .stride_y = (guint) window->stride[0],
    .stride_x = (guint) window->stride[1],
    .up_y = window->up[0],
    .up_x = window->up[1],
    .weights_step = (guint) (weights_step / (4 * sizeof (float))),
    .tail = end->params,
  };
  int *every[2] = { &params.every_y, &params.every_x };
  int *inverse[2] = { &params.inverse_y, &params.inverse_x };
  guint *dilation[2] = { &params.dilation_y, &params.dilation_x };
  guint tiles;

  for (int i = 0; i < 2; i++)
    {
      const int common = greatest_common_divisor (window->up[i], window->dilation[i]);

      *every[i] = window->up[i] / common;
      *dilation[i] = (guint) (window->dilation[i] / common);
      for (*inverse[i] = 1; ((gint64) *inverse[i] * *dilation[i] - 1) % *every[i] != 0;)
        ++*inverse[i];
    }
  /* The first phase has the most pixels; the others leave at most a row and a column idle. */
  tiles = (guint) ((out->h + window->up[0] - 1) / window->up[0]
                   * ((out->w + window->up[1] - 1) / window->up[1]));
  tiles = (tiles + tile.pixels - 1) / tile.pixels;
  tiles *= (guint) (MIN (window->up[0], out->h) * MIN (window->up[1], out->w));

  CnnDispatch dispatch = {
    .stem = CNN_TAIL_STEM ("conv2d", *end),
    .constants = { [CONV2D_LANES] = lanes,
                   [CONV2D_MODE] = choose_mode (window),
                   [CONV2D_CHANNELS_IN_LANES] = tile.channels_in_lanes,
                   [CONV2D_NARROW] = tile.narrow,
                   [CONV2D_WIDE] = tile.wide },
    .bindings = { [CONV2D_SOURCE] = cnn_tensor_binding (source),
                  [CONV2D_WEIGHTS] = cnn_whole_buffer (weights),
                  [CONV2D_TARGET] = cnn_tensor_binding (target) },
    .push = &params,
    .push_size = sizeof params,
    .groups = { (params.out_planes * 4 + tile.channels - 1) / tile.channels, tiles,
                (guint) out->n },
    .operations =
        2. * (double) cnn_shape_count (out) * params.taps * in->c / (window->up[0] * window->up[1]),
  };
  cnn_dispatch_set_tail (&dispatch, end);
  return cnn_commands_dispatch (commands, &dispatch, error);
}

/* --- Conv2D --- */

static gboolean
conv2d_output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
                     GError **error)
{
  const CnnConvolution *self = (const CnnConvolution *) layer;
  int before[2];

  (void) n_inputs;
  if (!cnn_convolution_window (self, inputs, output, before, error))
    return FALSE;
  if (inputs->c % self->groups != 0 || self->filters % self->groups != 0)
    {
      cnn_layer_set_error (layer, error, CNN_ERROR_MODEL,
                           "%d groups do not divide %d input channels and %d filters", self->groups,
                           inputs->c, self->filters);
      return FALSE;
    }
  output->c = self->filters;
  return TRUE;
}

static int
conv2d_weight_specs (const CnnLayer *layer, const CnnShape *inputs,
                     CnnWeightSpec specs[CNN_MAX_WEIGHTS])
{
  const CnnConvolution *self = (const CnnConvolution *) layer;

  specs[0] = (CnnWeightSpec){ "kernel",
                              4,
                              { self->kernel_size[0], self->kernel_size[1],
                                inputs->c / self->groups, self->filters } };
  specs[1] = (CnnWeightSpec){ "bias", 1, { self->filters } };
  return self->use_bias ? 2 : 1;
}

static void
conv2d_affine (const CnnLayer *layer, int channels, CnnAffine *affine)
{
  cnn_bias_affine (layer, 1, channels, affine);
}

static CnnGemm
conv2d_gemm (const CnnLayer *layer, gboolean backward)
{
  const gint64 *dims = layer->weights[0]->dims;
  CnnGemm gemm = {
    .taps = (int) (dims[0] * dims[1]),
    .inputs = (int) dims[2],
    .outputs = (int) dims[3],
    .step_tap = (gsize) (dims[2] * dims[3]),
    .step_k = (gsize) dims[3],
    .step_m = 1,
  };

  if (backward)
    {
      gemm.inputs = (int) dims[3];
      gemm.outputs = (int) dims[2];
      gemm.step_k = 1;
      gemm.step_m = (gsize) dims[3];
      gemm.flip = TRUE;
    }
  return gemm;
}

static void
conv2d_pack_forward (const CnnLayer *layer, const float *data, gsize first, gsize n, float *packed)
{
  CnnGemm gemm = conv2d_gemm (layer, FALSE);

  cnn_pack_gemm (&gemm, data, first, n, packed);
}

static void
conv2d_pack_backward (const CnnLayer *layer, const float *data, gsize first, gsize n, float *packed)
{
  CnnGemm gemm = conv2d_gemm (layer, TRUE);

  cnn_pack_gemm (&gemm, data, first, n, packed);
}

static void
winograd_pack_forward (const CnnLayer *layer, const float *data, gsize first, gsize n,
                       float *packed)
{
  CnnGemm gemm = conv2d_gemm (layer, FALSE);

  cnn_pack_winograd (&gemm, 2, data, first, n, packed);
}

static void
winograd_pack_large (const CnnLayer *layer, const float *data, gsize first, gsize n, float *packed)
{
  CnnGemm gemm = conv2d_gemm (layer, FALSE);

  cnn_pack_winograd (&gemm, 4, data, first, n, packed);
}

static void
winograd_pack_backward (const CnnLayer *layer, const float *data, gsize first, gsize n,
                        float *packed)
{
  CnnGemm gemm = conv2d_gemm (layer, TRUE);

  cnn_pack_winograd (&gemm, 2, data, first, n, packed);
}

static void
conv2d_pack_grouped (const CnnLayer *layer, const float *data, gsize first, gsize n, float *packed)
{
  (void) layer;
  memcpy (packed + first, data, n * sizeof (float));
}

static CnnWindow
conv2d_window (const CnnConvolution *self, const CnnShape *input)
{
  CnnWindow window = { .up = { 1, 1 } };
  CnnShape output;

  for (int i = 0; i < 2; i++)
    {
      window.kernel[i] = self->kernel_size[i];
      window.stride[i] = self->strides[i];
      window.dilation[i] = self->dilation_rate[i];
    }
  cnn_convolution_window (self, input, &output, window.before, NULL);
  return window;
}

static gboolean
record_grouped (CnnConvolution *self, const CnnStep *step, gboolean backward, GError **error)
{
  const CnnTensor *source = backward ? step->grad_output : step->inputs[0];
  const CnnTensor *target = backward ? step->grad_inputs[0] : step->output;
  const CnnShape *in = &step->input_shapes[0], *out = &step->output_shape;
  const CnnKernelTail tail = cnn_step_tail (step);
  CnnWindow window = conv2d_window (self, in);
  CnnBuffer *weights = cnn_layer_device_weights (
      &self->base, SLOT_FORWARD, cnn_commands_device (step->commands),
      cnn_array_count (self->base.weights[0]) * sizeof (float), 0, conv2d_pack_grouped, error);
  CnnDispatch dispatch = {
    .stem = "conv2d_grouped",
    .constants = { [CONV2D_GROUPED_BACKWARD] = (guint32) backward },
    .bindings = { [CONV2D_GROUPED_SOURCE] = cnn_tensor_binding (source),
                  [CONV2D_GROUPED_TARGET] = cnn_tensor_binding (target) },
    .operations = 2. * (double) cnn_shape_count (out) * window.kernel[0] * window.kernel[1] * in->c
                  / self->groups,
  };
  Conv2dGroupedParams params = {
    .items = cnn_flat_vectors (&target->shape, dispatch.groups),
    .in_c = (guint) in->c,
    .in_h = (guint) in->h,
    .in_w = (guint) in->w,
    .out_c = (guint) out->c,
    .out_h = (guint) out->h,
    .out_w = (guint) out->w,
    .kernel_h = (guint) window.kernel[0],
    .kernel_w = (guint) window.kernel[1],
    .groups = (guint) self->groups,
    .before_y = window.before[0],
    .before_x = window.before[1],
    .stride_y = (guint) window.stride[0],
    .stride_x = (guint) window.stride[1],
    .dilation_y = (guint) window.dilation[0],
    .dilation_x = (guint) window.dilation[1],
    .tail = tail.params,
  };

  if (weights == NULL)
    return FALSE;
  cnn_dispatch_set_tail (&dispatch, &tail);
  dispatch.bindings[CONV2D_GROUPED_WEIGHTS] = cnn_whole_buffer (weights);
  dispatch.push = &params;
  dispatch.push_size = sizeof params;
  return cnn_commands_dispatch (step->commands, &dispatch, error);
}

/* What rounds more is for values alone: where a gradient goes back, a value that is rounded to the
 * other side of a ReLU takes or leaves a whole route of it. */
static int
winograd_size (const CnnConvolution *self, const CnnShape *input, const CnnShape *output,
               gboolean exact)
{
  const CnnWindow window = conv2d_window (self, input);

  return self->groups == 1 ? cnn_winograd_size (&window, input, output, exact) : 0;
}

static gboolean
conv2d_scratch_shape (const CnnLayer *layer, const CnnShape *inputs, CnnShape *scratch)
{
  const CnnConvolution *self = (const CnnConvolution *) layer;
  CnnShape output;

  if (!conv2d_output_shape (layer, inputs, 1, &output, NULL))
    return FALSE;
  if (cnn_strided_suits (self))
    *scratch = cnn_strided_scratch (inputs, &output);
  else if (winograd_size (self, inputs, &output, FALSE) != 0)
    *scratch = cnn_winograd_scratch (inputs, &output);
  else
    return FALSE;
  return TRUE;
}

static CnnBuffer *
ungrouped_weights (CnnLayer *layer, const CnnStep *step, int winograd, gboolean backward,
                   GError **error)
{
  static const CnnPack packs[] = {
    [SLOT_FORWARD] = conv2d_pack_forward,
    [SLOT_BACKWARD] = conv2d_pack_backward,
    [SLOT_WINOGRAD_FORWARD] = winograd_pack_forward,
    [SLOT_WINOGRAD_BACKWARD] = winograd_pack_backward,
    [SLOT_WINOGRAD_LARGE] = winograd_pack_large,
  };
  const int slot = winograd == 0   ? (backward ? SLOT_BACKWARD : SLOT_FORWARD)
                   : winograd == 4 ? SLOT_WINOGRAD_LARGE
                                   : (backward ? SLOT_WINOGRAD_BACKWARD : SLOT_WINOGRAD_FORWARD);
  const CnnGemm gemm = conv2d_gemm (layer, backward);

  return cnn_layer_device_weights (layer, slot, cnn_commands_device (step->commands),
                                   winograd != 0 ? cnn_winograd_bytes (&gemm, winograd)
                                                 : cnn_gemm_bytes (&gemm),
                                   0, packs[slot], error);
}

static gboolean
record_ungrouped (CnnConvolution *self, const CnnStep *step, gboolean backward, GError **error)
{
  const CnnTensor *source = backward ? step->grad_output : step->inputs[0];
  const CnnTensor *target = backward ? step->grad_inputs[0] : step->output;
  const int winograd = winograd_size (self, &step->input_shapes[0], &step->output_shape,
                                      backward || step->has_gradient);
  const CnnKernelTail tail = cnn_step_tail (step);
  CnnWindow window = conv2d_window (self, &step->input_shapes[0]);
  CnnBuffer *weights = ungrouped_weights (&self->base, step, winograd, backward, error);

  if (weights == NULL)
    return FALSE;
  if (cnn_strided_suits (self))
    return (backward ? cnn_record_strided_backward : cnn_record_strided) (
        step->commands, source, target, step->scratch, weights, &window, &tail, error);
  if (backward)
    window = cnn_window_backward (&window);
  return winograd != 0 ? cnn_record_winograd (step->commands, source, target, step->scratch,
                                              weights, winograd, &window, &tail, error)
                       : cnn_record_conv2d (step->commands, source, target, weights, 0, &window,
                                            &tail, error);
}

static gboolean
record (CnnLayer *layer, const CnnStep *step, gboolean backward, GError **error)
{
  CnnConvolution *self = (CnnConvolution *) layer;

  return self->groups > 1 ? record_grouped (self, step, backward, error)
                          : record_ungrouped (self, step, backward, error);
}

static gboolean
conv2d_forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  return record (layer, step, FALSE, error);
}

static gboolean
conv2d_backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  return record (layer, step, TRUE, error);
}

/* One more kernel takes some 15 ms to make; in fifty runs it has won them back. */
static gboolean
conv2d_fuses_predecessor (const CnnLayer *layer, gboolean repeated)
{
  const CnnConvolution *self = (const CnnConvolution *) layer;

  return repeated && self->groups == 1 && !cnn_strided_suits (self);
}

static const CnnParam conv2d_params[] = {
  { "filters", CNN_PARAM_INT, G_STRUCT_OFFSET (CnnConvolution, filters), 0, NULL },
  { "groups", CNN_PARAM_INT, G_STRUCT_OFFSET (CnnConvolution, groups), 1, NULL },
  { "depth_multiplier", CNN_PARAM_INT, G_STRUCT_OFFSET (CnnConvolution, depth_multiplier), 1,
    NULL },
  CNN_CONVOLUTION_PARAMS,
  { 0 },
};

const CnnLayerClass cnn_conv2d_class = {
  .name = "Conv2D",
  .instance_size = sizeof (CnnConvolution),
  .params = conv2d_params,
  .flags = CNN_LAYER_TAIL | CNN_LAYER_CONVOLUTION | CNN_LAYER_ADDS_GRADIENT,
  .configure = cnn_convolution_configure,
  .output_shape = conv2d_output_shape,
  .weight_specs = conv2d_weight_specs,
  .affine = conv2d_affine,
  .scratch_shape = conv2d_scratch_shape,
  .fuses_predecessor = conv2d_fuses_predecessor,
  .forward = conv2d_forward,
  .backward = conv2d_backward,
};
