/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conv2DTranspose: forward is the gradient of a strided convolution from the output to the input,
 * backward is that convolution. */
#include "convolution.h"

enum
{
  SLOT_FORWARD,
  SLOT_BACKWARD
};

typedef struct
{
  CnnConvolution base;
  CnnInts output_padding; /* n, or (h, w); not given: as much as the strides leave open */
} Transpose;

static int
extent (const CnnConvolution *self, int axis)
{
  return (self->kernel_size[axis] - 1) * self->dilation_rate[axis] + 1;
}

/* Keras' rule for one side of the output. */
static gint64
output_side (const Transpose *self, int axis, int size)
{
  const CnnConvolution *window = &self->base;
  const CnnInts *padding = &self->output_padding;
  const int stride = window->strides[axis], cells = extent (window, axis);
  const int more = padding->n > 0 ? padding->values[axis < padding->n ? axis : 0] : 0;
  const gint64 least = ((gint64) size - 1) * stride;

  if (padding->n <= 0)
    return window->same ? (gint64) size * stride : least + MAX (cells, stride);
  return least + (window->same ? cells % 2 : cells) + more;
}

/* The convolution from the output to the input. */
static gboolean
window_of (const CnnConvolution *self, const CnnShape *input, const CnnShape *output,
           CnnWindow *window)
{
  const int in[2] = { input->h, input->w }, out[2] = { output->h, output->w };
  gboolean fits = TRUE;

  for (int i = 0; i < 2; i++)
    {
      window->kernel[i] = self->kernel_size[i];
      window->stride[i] = self->strides[i];
      window->dilation[i] = self->dilation_rate[i];
      window->up[i] = 1;
      fits = fits
             && cnn_window_size (out[i], self->kernel_size[i], self->strides[i],
                                 self->dilation_rate[i], self->same, &window->before[i])
                    == in[i];
    }
  return fits;
}

static gboolean
configure (CnnLayer *layer, GError **error)
{
  const Transpose *self = (const Transpose *) layer;

  if (!cnn_convolution_configure (layer, error))
    return FALSE;
  if (self->base.groups != 1)
    {
      cnn_layer_set_error (layer, error, CNN_ERROR_UNSUPPORTED, "%d groups are not supported",
                           self->base.groups);
      return FALSE;
    }
  for (int i = 0; i < 2 && self->output_padding.n > 0; i++)
    if (!cnn_layer_check_number (layer, "output_padding",
                                 self->output_padding.values[i < self->output_padding.n ? i : 0], 0,
                                 self->base.strides[i] - 1, error))
      return FALSE;
  return TRUE;
}

static gboolean
output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
              GError **error)
{
  const Transpose *self = (const Transpose *) layer;
  gint64 sides[2] = { inputs->h, inputs->w };
  CnnShape known = *inputs;
  CnnWindow window;

  if (!cnn_layer_check_input (layer, inputs, n_inputs, 3, error))
    return FALSE;
  for (int i = 0; i < 2; i++)
    {
      if (sides[i] != 0)
        sides[i] = output_side (self, i, (int) sides[i]);
      if (!cnn_layer_check_number (layer, "a side of the output", sides[i], 0, CNN_MAX_SIDE, error))
        return FALSE;
    }
  *output = cnn_shape (inputs->n, (int) sides[0], (int) sides[1], self->base.filters);
  known.h = output->h == 0 ? 0 : inputs->h;
  known.w = output->w == 0 ? 0 : inputs->w;
  if (window_of (&self->base, &known, output, &window))
    return TRUE;
  cnn_layer_set_error (layer, error, CNN_ERROR_MODEL,
                       "strides, kernel and output_padding make %d×%d of %d×%d, which would not "
                       "come back",
                       output->h, output->w, inputs->h, inputs->w);
  return FALSE;
}

static int
weight_specs (const CnnLayer *layer, const CnnShape *inputs, CnnWeightSpec specs[CNN_MAX_WEIGHTS])
{
  const CnnConvolution *self = (const CnnConvolution *) layer;

  specs[0] = (CnnWeightSpec){
    "kernel", 4, { self->kernel_size[0], self->kernel_size[1], self->filters, inputs->c }
  };
  specs[1] = (CnnWeightSpec){ "bias", 1, { self->filters } };
  return self->use_bias ? 2 : 1;
}

static void
bias_affine (const CnnLayer *layer, int channels, CnnAffine *affine)
{
  cnn_bias_affine (layer, 1, channels, affine);
}

/* kernel: (h, w, filters, in) */
static CnnGemm
gemm_of (const CnnLayer *layer, gboolean backward)
{
  const gint64 *dims = layer->weights[0]->dims;
  const gsize filters = (gsize) dims[2], inputs = (gsize) dims[3];

  return (CnnGemm){
    .taps = (int) (dims[0] * dims[1]),
    .inputs = (int) (backward ? filters : inputs),
    .outputs = (int) (backward ? inputs : filters),
    .step_tap = filters * inputs,
    .step_k = backward ? inputs : 1,
    .step_m = backward ? 1 : inputs,
    .flip = !backward,
  };
}

static void
pack_forward (const CnnLayer *layer, const float *data, gsize first, gsize n, float *packed)
{
  const CnnGemm gemm = gemm_of (layer, FALSE);

  cnn_pack_gemm (&gemm, data, first, n, packed);
}

static void
pack_backward (const CnnLayer *layer, const float *data, gsize first, gsize n, float *packed)
{
  const CnnGemm gemm = gemm_of (layer, TRUE);

  cnn_pack_gemm (&gemm, data, first, n, packed);
}

static CnnBuffer *
weights_of (CnnLayer *layer, const CnnStep *step, gboolean backward, GError **error)
{
  const CnnGemm gemm = gemm_of (layer, backward);

  return cnn_layer_device_weights (layer, backward ? SLOT_BACKWARD : SLOT_FORWARD,
                                   cnn_commands_device (step->commands), cnn_gemm_bytes (&gemm), 0,
                                   backward ? pack_backward : pack_forward, error);
}

static gboolean
forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  CnnBuffer *weights = weights_of (layer, step, FALSE, error);
  const CnnKernelTail tail = cnn_step_tail (step);
  CnnWindow window;

  if (weights == NULL)
    return FALSE;
  window_of ((const CnnConvolution *) layer, &step->input_shapes[0], &step->output_shape, &window);
  window = cnn_window_backward (&window);
  return cnn_record_conv2d (step->commands, step->inputs[0], step->output, weights, 0, &window,
                            &tail, error);
}

static gboolean
backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  CnnBuffer *weights = weights_of (layer, step, TRUE, error);
  const CnnKernelTail tail = cnn_step_tail (step);
  CnnWindow window;

  if (weights == NULL)
    return FALSE;
  window_of ((const CnnConvolution *) layer, &step->input_shapes[0], &step->output_shape, &window);
  return cnn_record_conv2d (step->commands, step->grad_output, step->grad_inputs[0], weights, 0,
                            &window, &tail, error);
}

static const CnnParam params[] = {
  { "filters", CNN_PARAM_INT, G_STRUCT_OFFSET (CnnConvolution, filters), 0, NULL },
  { "groups", CNN_PARAM_INT, G_STRUCT_OFFSET (CnnConvolution, groups), 1, NULL },
  { "depth_multiplier", CNN_PARAM_INT, G_STRUCT_OFFSET (CnnConvolution, depth_multiplier), 1,
    NULL },
  { "output_padding", CNN_PARAM_INTS, G_STRUCT_OFFSET (Transpose, output_padding), 0, NULL },
  CNN_CONVOLUTION_PARAMS,
  { 0 },
};

const CnnLayerClass cnn_conv2d_transpose_class = {
  .name = "Conv2DTranspose",
  .instance_size = sizeof (Transpose),
  .params = params,
  .flags = CNN_LAYER_TAIL | CNN_LAYER_CONVOLUTION | CNN_LAYER_ADDS_GRADIENT,
  .configure = configure,
  .output_shape = output_shape,
  .weight_specs = weight_specs,
  .affine = bias_affine,
  .forward = forward,
  .backward = backward,
};
