/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "internal.h"

/* Conv2D, DepthwiseConv2D and SeparableConv2D: one struct, one set of parameters. */
typedef struct
{
  CnnLayer base;
  int filters;
  int kernel_size[2], strides[2], dilation_rate[2]; /* h, w */
  int groups, depth_multiplier;
  int same; /* index of "padding": valid, same */
  gboolean use_bias;
} CnnConvolution;

#define CNN_CONVOLUTION_PARAMS                                                                  \
  { "kernel_size", CNN_PARAM_SIZE, G_STRUCT_OFFSET (CnnConvolution, kernel_size), 1, NULL },    \
      { "strides", CNN_PARAM_SIZE, G_STRUCT_OFFSET (CnnConvolution, strides), 1, NULL },        \
      { "dilation_rate", CNN_PARAM_SIZE, G_STRUCT_OFFSET (CnnConvolution, dilation_rate), 1,    \
        NULL },                                                                                 \
      { "padding", CNN_PARAM_CHOICE, G_STRUCT_OFFSET (CnnConvolution, same), 0, cnn_paddings }, \
      { "use_bias", CNN_PARAM_BOOL, G_STRUCT_OFFSET (CnnConvolution, use_bias), TRUE, NULL },   \
  {                                                                                             \
    "activation", CNN_PARAM_ACTIVATION, G_STRUCT_OFFSET (CnnLayer, activation), 0, NULL         \
  }

extern const char *const cnn_paddings[];

gboolean cnn_convolution_configure (CnnLayer *layer, GError **error);
/* Spatial size of the output; channels are the caller's. */
gboolean cnn_convolution_window (const CnnConvolution *self, const CnnShape *input,
                                 CnnShape *output, int before[2], GError **error);

/* Records conv2d: source to target through `weights`, packed by cnn_pack_gemm; those of the next
 * picture lie `weights_step` bytes further, 0 where all pictures have the same. `tail` NULL leaves
 * values as they are. */
typedef struct
{
  int kernel[2], stride[2], up[2], dilation[2], before[2]; /* h, w */
} CnnWindow;
gboolean cnn_record_conv2d (CnnCommands *commands, const CnnTensor *source, const CnnTensor *target,
                            CnnBuffer *weights, gsize weights_step, const CnnWindow *window,
                            const CnnKernelTail *tail, GError **error);
/* The window of a 1×1 kernel without strides. */
extern const CnnWindow cnn_pointwise_window;
/* The window of the gradient with respect to the input. */
CnnWindow cnn_window_backward (const CnnWindow *window);

/* Weights of conv2d from element [tap·step_tap + k·step_k + m·step_m], k of the `inputs`, m of the
 * `outputs`, one of the two steps being 1; `flip` reverses the taps. cnn_pack_gemm is a CnnPack for
 * that variable. */
typedef struct
{
  int taps, inputs, outputs;
  gsize step_tap, step_k, step_m;
  gboolean flip;
} CnnGemm;
gsize cnn_gemm_bytes (const CnnGemm *gemm);
void cnn_pack_gemm (const CnnGemm *gemm, const float *data, gsize first, gsize n, float *packed);

/* Depthwise kernels, of variable 0; slot 0 of the device weights. Forward, `tail` NULL leaves
 * values as they are. */
gboolean cnn_record_depthwise (CnnConvolution *self, CnnCommands *commands, const CnnTensor *source,
                               const CnnTensor *target, const CnnKernelTail *tail, GError **error);
gboolean cnn_record_depthwise_backward (CnnConvolution *self, CnnCommands *commands,
                                        const CnnTensor *grad_output, const CnnTensor *grad_input,
                                        const CnnKernelTail *tail, GError **error);
