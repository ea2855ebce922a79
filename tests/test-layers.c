/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every layer class: forward on the device against a plain C reference in double (reference.c), and
 * backward against central differences of that reference. To add a case, add a row to `rows`: the
 * class, its parameters as "name=value name=value" (lists by commas, true, false, null), its inputs
 * as "7x9x5", several inputs divided by a space, several cases by " | ". A class without a row
 * fails the test, so a new class needs one here and a function in reference.c. Optional: .major of
 * Keras (3), .scale of the input's values (2), .seed. Each row runs with one picture and with two,
 * for these as if they were to be run often, on sound values in the midst of guards and meaningless
 * lanes; a class with an epilogue runs with and without one. What random numbers do not meet, ties
 * and kinks, is in tables of its own below.
 */
#include "layer.h"

#include "error.h"
#include "reference.h"
#include "winograd.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

typedef struct
{
  const char *class_name, *params, *inputs;
  int major;
  double scale;
  guint32 seed;
} Row;

static const Row rows[] = {
  { "Activation", "activation=linear", "7x9x5", 0, 0, 0 },
  { "Activation", "activation=relu", "7x9x5 | 1x1x1 | 33 | 7x3", 0, 0, 0 },
  { "Activation", "activation=relu6", "7x9x5", 0, 6, 0 },
  { "Activation", "activation=leaky_relu", "7x9x5", 0, 0, 0 },
  { "Activation", "activation=elu", "7x9x5", 0, 0, 0 },
  { "Activation", "activation=selu", "7x9x5", 0, 0, 0 },
  { "Activation", "activation=sigmoid", "7x9x5", 0, 6, 0 },
  { "Activation", "activation=hard_sigmoid", "7x9x5", 3, 4, 0 },
  { "Activation", "activation=hard_sigmoid", "7x9x5", 2, 4, 0 },
  { "Activation", "activation=tanh", "7x9x5 | 33", 0, 4, 0 },
  { "Activation", "activation=tanh", "7x9x5", 0, .01, 0 },
  { "Activation", "activation=softplus", "7x9x5", 0, 20, 0 },
  { "Activation", "activation=silu", "7x9x5", 0, 6, 0 },
  { "Activation", "activation=swish", "7x9x5", 2, 40, 0 },
  { "Activation", "activation=hard_silu", "7x9x5", 0, 5, 0 },
  { "Activation", "activation=hard_swish", "7x9x5", 2, 0, 0 },
  { "Activation", "activation=gelu", "7x9x5", 0, 5, 0 },
  { "Activation", "activation=gelu_tanh", "7x9x5", 0, 5, 0 },
  { "Activation", "activation=exponential", "7x9x5", 0, 5, 0 },
  { "Activation", "activation=softmax", "33 | 1x1x3 | 5x3x7", 0, 0, 0 },
  { "ReLU", "", "7x9x5", 0, 0, 0 },
  { "ReLU", "max_value=6", "7x9x5", 0, 8, 0 },
  { "ReLU", "max_value=4.5 negative_slope=0.1 threshold=0.75", "7x9x5", 0, 6, 0 },
  { "ReLU", "max_value=6 negative_slope=0.25", "7x9x5", 2, 8, 0 },
  { "ReLU", "max_value=null threshold=1", "7x9x5", 0, 0, 0 },
  { "LeakyReLU", "", "7x9x5", 0, 0, 0 },
  { "LeakyReLU", "negative_slope=0.1", "7x9x5", 0, 0, 0 },
  { "LeakyReLU", "alpha=0.05", "7x9x5", 2, 0, 0 },
  { "ELU", "", "7x9x5", 0, 0, 0 },
  { "ELU", "alpha=0.5", "7x9x5", 0, 0, 0 },
  { "PReLU", "", "7x9x5 | 33 | 5x7 | 1x1x8", 0, 0, 0 },
  { "PReLU", "shared_axes=1,2", "7x9x5 | 1x1x1 | 4x3x33", 0, 0, 0 },
  { "PReLU", "shared_axes=2,3", "7x9x5", 0, 0, 0 },
  { "PReLU", "shared_axes=1,2,3", "7x9x5", 0, 0, 0 },
  { "PReLU", "shared_axes=1", "7x9 | 33", 0, 0, 0 },
  { "Softmax", "", "1 | 3 | 33 | 1001 | 5x3x5", 0, 0, 0 },
  { "Softmax", "axis=-1", "33", 0, 30, 0 },
  { "Softmax", "axis=3", "5x3x8", 0, 0, 0 },

  { "MaxPooling2D", "", "7x9x5 | 2x2x1 | 12x8x33", 0, 0, 0 },
  { "MaxPooling2D", "pool_size=3 strides=2 padding=same", "7x9x5 | 8x12x3 | 1x1x5", 0, 0, 0 },
  { "MaxPooling2D", "pool_size=3 strides=1 padding=same", "7x9x5 | 2x1x3", 0, 0, 0 },
  { "MaxPooling2D", "pool_size=2,3 strides=3,2", "7x9x5", 0, 0, 0 },
  { "MaxPooling2D", "pool_size=2 strides=3 padding=same", "7x9x8", 0, 0, 0 },
  { "MaxPooling2D", "pool_size=3 strides=2", "7x9x5 | 8x12x3 | 23x18x9", 0, 0, 0 },
  { "MaxPooling2D", "pool_size=1 strides=2 padding=same", "7x8x5", 0, 0, 0 },
  { "MaxPooling2D", "pool_size=4 strides=2 padding=same", "7x9x5 | 8x6x3", 0, 0, 0 },
  { "MaxPooling2D", "pool_size=5 strides=2", "7x9x5", 0, 0, 0 },
  { "MaxPooling2D", "pool_size=5 strides=3 padding=same", "10x9x5 | 2x3x1", 0, 0, 0 },
  { "MaxPooling2D", "pool_size=3 padding=same", "7x9x5", 0, 0, 0 },
  { "AveragePooling2D", "", "7x9x5 | 2x2x1 | 12x8x33", 0, 0, 0 },
  { "AveragePooling2D", "pool_size=3 strides=2 padding=same", "7x9x5 | 8x12x3 | 1x1x5", 0, 0, 0 },
  { "AveragePooling2D", "pool_size=3 strides=1 padding=same", "7x9x5 | 2x1x3", 0, 0, 0 },
  { "AveragePooling2D", "pool_size=2,3 strides=3,2 padding=valid", "7x9x5", 0, 0, 0 },
  { "GlobalAveragePooling2D", "", "7x9x5 | 1x1x3 | 31x29x8", 0, 0, 0 },
  { "GlobalAveragePooling2D", "keepdims=true", "7x9x33", 0, 0, 0 },
  { "GlobalMaxPooling2D", "", "7x9x5 | 1x1x3 | 31x29x8", 0, 0, 0 },
  { "GlobalMaxPooling2D", "keepdims=true", "7x9x33", 0, 0, 0 },

  { "Conv2D", "filters=8 kernel_size=1", "7x9x5 | 1x1x1 | 19x19x33 | 1x1x40", 0, 0, 0 },
  { "Conv2D", "filters=33 kernel_size=1 use_bias=false", "7x9x8", 0, 0, 0 },
  { "Conv2D", "filters=5 kernel_size=1 strides=2 padding=same", "7x9x8", 0, 0, 0 },
  { "Conv2D", "filters=1 kernel_size=1 strides=3", "8x7x3", 0, 0, 0 },
  { "Conv2D", "filters=5 kernel_size=3", "7x9x3 | 3x3x1 | 17x13x8", 0, 0, 0 },
  { "Conv2D", "filters=8 kernel_size=3 padding=same", "7x9x5 | 1x1x3 | 2x1x8 | 20x21x33", 0, 0, 0 },
  { "Conv2D", "filters=33 kernel_size=3 strides=2 padding=same", "7x9x5 | 8x12x4", 0, 0, 0 },
  { "Conv2D", "filters=3 kernel_size=3 strides=2", "7x9x5 | 8x12x1", 0, 0, 0 },
  { "Conv2D", "filters=3 kernel_size=3 strides=3 padding=same", "7x9x5 | 8x11x5", 0, 0, 0 },
  { "Conv2D", "filters=4 kernel_size=3 strides=2,1 padding=same use_bias=false", "7x9x3", 0, 0, 0 },
  { "Conv2D", "filters=8 kernel_size=3 dilation_rate=2", "9x11x5", 0, 0, 0 },
  { "Conv2D", "filters=3 kernel_size=3 dilation_rate=3,2 padding=same", "9x11x5 | 2x3x1", 0, 0, 0 },
  { "Conv2D", "filters=4 kernel_size=2 padding=same", "7x9x3", 0, 0, 0 },
  { "Conv2D", "filters=5 kernel_size=4 strides=2 padding=same", "7x10x3", 0, 0, 0 },
  { "Conv2D", "filters=5 kernel_size=2,4 strides=2", "7x9x3", 0, 0, 0 },
  { "Conv2D", "filters=5 kernel_size=5 padding=same", "7x9x3", 0, 0, 0 },
  { "Conv2D", "filters=3 kernel_size=1,7 padding=same", "7x9x5", 0, 0, 0 },
  { "Conv2D", "filters=8 kernel_size=7 strides=2 padding=same", "15x13x3", 0, 0, 0 },
  { "Conv2D", "filters=9 kernel_size=3 strides=2", "39x21x3", 0, 0, 0 },
  { "Conv2D", "filters=9 kernel_size=3 strides=2 padding=same", "24x39x4 | 3x5x37", 0, 0, 0 },
  { "Conv2D", "filters=37 kernel_size=3 padding=same", "7x9x3 | 5x41x4", 0, 0, 0 },
  { "Conv2D", "filters=325 kernel_size=2 strides=2 padding=same", "5x9x3", 0, 0, 0 },
  { "Conv2D", "filters=3 kernel_size=2 strides=2 padding=same", "5x9x325", 0, 0, 0 },
  { "Conv2D", "filters=2 kernel_size=1 strides=2", "17x13x37 | 1x2x3", 0, 0, 0 },
  { "Conv2D", "filters=4 kernel_size=5,2 strides=3,2 padding=same", "11x9x5 | 2x1x4", 0, 0, 0 },
  { "Conv2D", "filters=3 kernel_size=5 strides=4", "9x14x3", 0, 0, 0 },
  { "Conv2D", "filters=3 kernel_size=7 strides=3 padding=same", "16x10x5", 0, 0, 0 },
  { "Conv2D", "filters=3 kernel_size=2 strides=7,5 padding=same", "3x12x4", 0, 0, 0 },
  { "Conv2D", "filters=3 kernel_size=3 strides=2 dilation_rate=2 padding=same", "9x11x3", 0, 0, 0 },
  { "Conv2D", "filters=3 kernel_size=4,5 strides=3,4 dilation_rate=2,6", "12x31x5", 0, 0, 0 },
  { "Conv2D", "filters=97 kernel_size=3 padding=same", "9x10x98", 0, 0, 0 },
  { "Conv2D", "filters=6 kernel_size=3 groups=2 padding=same", "7x9x4", 0, 0, 0 },
  { "Conv2D", "filters=6 kernel_size=3 groups=3 strides=2", "7x9x9", 0, 0, 0 },
  { "Conv2D", "filters=32 kernel_size=1 groups=4", "7x9x16", 0, 0, 0 },
  { "Conv2D", "filters=8 kernel_size=3 groups=2 strides=2 padding=same", "9x7x16", 0, 0, 0 },
  { "Conv2DTranspose", "filters=5 kernel_size=3", "7x9x3 | 1x1x1 | 6x5x33", 0, 0, 0 },
  { "Conv2DTranspose", "filters=8 kernel_size=3 strides=2 padding=same", "7x9x5 | 1x1x3", 0, 0, 0 },
  { "Conv2DTranspose", "filters=3 kernel_size=4 strides=2 padding=same use_bias=false", "5x6x8", 0,
    0, 0 },
  { "Conv2DTranspose", "filters=33 kernel_size=2 strides=2", "7x9x5 | 4x3x8", 0, 0, 0 },
  { "Conv2DTranspose", "filters=5 kernel_size=2 strides=3", "5x4x3", 0, 0, 0 },
  { "Conv2DTranspose", "filters=5 kernel_size=1 strides=2,3 padding=same", "5x4x3", 0, 0, 0 },
  { "Conv2DTranspose", "filters=5 kernel_size=5,3 strides=2,1 padding=same", "5x4x3", 0, 0, 0 },
  { "Conv2DTranspose", "filters=5 kernel_size=5 strides=3", "5x4x3", 0, 0, 0 },
  { "Conv2DTranspose", "filters=5 kernel_size=3 dilation_rate=2 padding=same", "7x6x3", 0, 0, 0 },
  { "Conv2DTranspose", "filters=1 kernel_size=3 dilation_rate=2,1", "7x6x3", 0, 0, 0 },
  { "Conv2DTranspose", "filters=5 kernel_size=3 strides=2 output_padding=1", "5x4x3", 0, 0, 0 },
  { "Conv2DTranspose", "filters=5 kernel_size=3 strides=2 padding=same output_padding=0,1", "5x4x3",
    0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3 padding=same", "7x9x5 | 1x1x1 | 11x6x33", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3 strides=2 padding=same", "7x9x8 | 8x12x3", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3 strides=2 use_bias=false", "7x9x5", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=5 strides=2 padding=same", "9x12x5", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3 padding=same", "37x5x3 | 70x2x4 | 2x37x6 | 1x7x33", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3", "7x9x5 | 3x3x1 | 36x8x9", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3 strides=2 padding=same", "69x7x5 | 67x2x3 | 1x2x9", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3 strides=2", "68x6x3 | 9x8x17", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3 strides=3 padding=same", "10x8x5", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=5 padding=same", "9x12x5 | 2x1x1 | 34x6x6", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=5 strides=2", "9x12x5 | 36x5x3", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=5", "9x12x5 | 5x5x3", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=5 strides=3", "9x12x5", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=7 padding=same", "9x12x5 | 3x2x9", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=7 strides=2 padding=same", "10x12x5 | 13x9x3", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=7", "8x11x6", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=9 padding=same", "6x7x5", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=2 padding=same", "7x6x5", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=2 strides=2 padding=same", "7x6x5", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=4 strides=2 padding=same", "7x6x5 | 9x8x3", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=1", "7x6x5", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=1 strides=2", "7x6x5", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3,5 padding=same", "7x9x5", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3 strides=2,1 padding=same", "7x9x5", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3 depth_multiplier=2 padding=same", "7x9x5 | 7x9x1", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=2,3 depth_multiplier=3 strides=3", "8x9x3", 0, 0, 0 },
  { "DepthwiseConv2D", "kernel_size=3 dilation_rate=2 padding=same", "7x9x5", 0, 0, 0 },
  { "SeparableConv2D", "filters=5 kernel_size=3 padding=same", "7x9x3 | 1x1x8 | 11x13x33", 0, 0,
    0 },
  { "SeparableConv2D", "filters=8 kernel_size=3 strides=2 use_bias=false", "7x9x5", 0, 0, 0 },
  { "SeparableConv2D", "filters=3 kernel_size=5 strides=2 padding=same", "11x8x9", 0, 0, 0 },
  { "SeparableConv2D", "filters=33 kernel_size=3 depth_multiplier=2 padding=same", "7x9x5", 0, 0,
    0 },
  { "SeparableConv2D", "filters=4 kernel_size=5 dilation_rate=2 padding=same", "9x11x3", 0, 0, 0 },
  { "Dense", "units=5", "33 | 1 | 8 | 5x7 | 3x5x9", 0, 0, 0 },
  { "Dense", "units=33 use_bias=false", "8", 0, 0, 0 },
  { "Dense", "units=1", "515", 0, 0, 0 },
  { "Dense", "units=301", "63", 0, 0, 0 },
  { "BatchNormalization", "", "7x9x5 | 33 | 1x1x1 | 5x7", 0, 0, 0 },
  { "BatchNormalization", "scale=false epsilon=0.01", "7x9x8", 0, 0, 0 },
  { "BatchNormalization", "center=false axis=3", "7x9x3", 0, 0, 0 },
  { "BatchNormalization", "scale=false center=false", "7x9x33", 0, 0, 0 },
  { "Rescaling", "scale=0.0078125 offset=-1", "7x9x3", 0, 255, 0 },
  { "Rescaling", "scale=0.5,2,3 offset=1,2,-3", "7x9x3", 0, 0, 0 },
  { "Rescaling", "scale=3", "7x9x5", 0, 0, 0 },
  { "Normalization", "axis=-1", "7x9x3 | 33", 0, 0, 0 },
  { "Normalization", "axis=null", "7x9x3", 0, 0, 0 },
  { "Normalization", "axis=-1 mean=1,2,-3 variance=4,0.25,1", "7x9x3", 0, 0, 0 },
  { "Normalization", "axis=-1 invert=true", "7x9x5", 0, 0, 0 },

  { "LayerScale", "", "7x9x5 | 33 | 1x1x1", 0, 0, 0 },
  { "LayerNormalization", "", "7x9x5 | 33 | 1x1x3 | 5x7 | 2x3x301", 0, 0, 0 },
  { "LayerNormalization", "axis=3 epsilon=1e-6 scale=false", "7x9x8", 0, 20, 0 },
  { "LayerNormalization", "axis=-1 center=false", "7x9x33", 0, 0, 0 },
  { "GroupNormalization", "groups=3", "7x9x6 | 33 | 1x1x3 | 5x9", 0, 0, 0 },
  { "GroupNormalization", "groups=4 epsilon=0.01 scale=false", "7x9x8 | 19x21x20", 0, 0, 0 },
  { "GroupNormalization", "groups=1 center=false", "7x9x7", 0, 0, 0 },
  { "GroupNormalization", "groups=-1 axis=3", "7x9x5", 0, 0, 0 },

  { "Add", "", "7x9x5 7x9x5 | 33 33 | 5x7 5x7", 0, 0, 0 },
  { "Add", "", "7x9x5 7x9x5 7x9x5 7x9x5", 0, 0, 0 },
  { "Add", "", "7x9x5 1x1x5 | 1x9x5 7x1x1 | 7x9x1 1x1x6 1x9x1 | 5 7x9x5 | 9x5 7x9x5", 0, 0, 0 },
  { "Multiply", "", "7x9x5 7x9x5 | 33 33 | 5x7 5x7", 0, 0, 0 },
  { "Multiply", "", "7x9x5 1x1x5 | 1x9x5 7x1x1 | 7x9x1 1x1x6 1x9x1 | 5 7x9x5 | 9x5 7x9x5", 0, 0,
    0 },
  { "Multiply", "", "5x4x3 5x4x3 5x4x3 5x4x3 5x4x3 1x1x1", 0, 0, 0 },
  { "Subtract", "", "7x9x5 7x9x5 | 33 33 | 5x7 5x7 | 7x9x5 1x1x5 | 1x9x5 7x1x1", 0, 0, 0 },
  { "Average", "", "7x9x5 7x9x5 | 33 33 33 | 7x9x1 1x1x6 1x9x1 | 5 7x9x5", 0, 0, 0 },
  { "Average", "", "5x4x3 5x4x3 5x4x3 5x4x3 5x4x3 5x4x3 5x4x3", 0, 0, 0 },
  { "Maximum", "", "7x9x5 7x9x5 | 33 33 33 | 7x9x1 1x1x6 1x9x1 | 5 7x9x5 | 9x5 7x9x5", 0, 0, 0 },
  { "Maximum", "", "5x4x3 5x4x3 5x4x3 5x4x3 5x4x3 1x1x1", 0, 0, 0 },
  { "Minimum", "", "7x9x5 7x9x5 | 33 33 33 | 7x9x1 1x1x6 1x9x1 | 5 7x9x5 | 9x5 7x9x5", 0, 0, 0 },
  { "Minimum", "", "5x4x3 5x4x3 5x4x3 5x4x3 5x4x3 1x1x1", 0, 0, 0 },
  { "CustomScaleLayer", "scale=0.17", "7x9x5 7x9x5 | 33 33 | 7x9x5 1x1x5", 0, 0, 0 },
  { "Concatenate", "", "7x9x5 7x9x3 | 7x9x8 7x9x4 | 33 1 6 | 3x3x1 3x3x1 3x3x1 3x3x9", 0, 0, 0 },
  { "Concatenate", "axis=1", "7x9x5 2x9x5 1x9x5 | 4 7 | 3x5 4x5", 0, 0, 0 },
  { "Concatenate", "axis=2", "7x9x5 7x3x5 | 7x9 7x3", 0, 0, 0 },
  { "Concatenate", "axis=-2", "7x9x6 7x3x6", 0, 0, 0 },

  { "Flatten", "", "7x9x5 | 1x1x33 | 5x3x4 | 33 | 7x9", 0, 0, 0 },
  { "Reshape", "target_shape=1,1,33", "33", 0, 0, 0 },
  { "Reshape", "target_shape=-1", "7x9x5", 0, 0, 0 },
  { "Reshape", "target_shape=9,-1,7", "7x9x5", 0, 0, 0 },
  { "Reshape", "target_shape=63,5", "7x9x5 | 63x5", 0, 0, 0 },
  { "Reshape", "target_shape=-1,6", "6x5x4", 0, 0, 0 },
  { "Permute", "dims=2,3,1", "7x9x5 | 4x8x1", 0, 0, 0 },
  { "Permute", "dims=3,1,2", "7x9x5 | 1x1x33", 0, 0, 0 },
  { "Permute", "dims=3,2,1", "7x9x5 | 2x3x8", 0, 0, 0 },
  { "Permute", "dims=2,1,3", "7x9x5", 0, 0, 0 },
  { "Permute", "dims=1,2,3", "7x9x5", 0, 0, 0 },
  { "Permute", "dims=2,1", "7x9 | 1x33", 0, 0, 0 },
  { "Permute", "dims=1", "33", 0, 0, 0 },
  { "ZeroPadding2D", "", "7x9x5", 0, 0, 0 },
  { "ZeroPadding2D", "padding=0,1,2,0", "7x9x5 | 1x1x33", 0, 0, 0 },
  { "ZeroPadding2D", "padding=3,1", "7x9x3", 0, 0, 0 },
  { "ZeroPadding2D", "padding=0", "7x9x3", 0, 0, 0 },
  { "Cropping2D", "cropping=1", "7x9x5 | 3x3x1", 0, 0, 0 },
  { "Cropping2D", "cropping=1,2,0,3", "7x9x5", 0, 0, 0 },
  { "CenterCrop", "height=4 width=5", "7x9x5 | 4x8x3 | 4x5x3", 0, 0, 0 },
  { "CenterCrop", "height=6 width=11", "7x9x5 | 4x3x5", 0, 0, 0 },
  { "Resizing", "height=5 width=13", "7x9x3 | 1x1x5 | 5x13x1 | 2x31x3", 0, 0, 0 },
  { "Resizing", "height=5 width=13 interpolation=nearest", "7x9x3 | 15x4x5", 0, 0, 0 },
  { "Resizing", "height=5 width=13 interpolation=bicubic", "7x9x3 | 1x2x5 | 12x25x1", 0, 0, 0 },
  { "Resizing", "height=5 width=13 interpolation=area", "7x9x3 | 12x25x5", 2, 0, 0 },
  { "Resizing", "height=5 width=13 interpolation=lanczos3", "7x9x3 | 12x25x5", 0, 0, 0 },
  { "Resizing", "height=5 width=13 interpolation=lanczos5", "7x9x3 | 12x25x5", 0, 0, 0 },
  { "Resizing", "height=5 width=13 interpolation=gaussian", "7x9x3 | 12x25x5", 2, 0, 0 },
  { "Resizing", "height=5 width=13 interpolation=mitchellcubic", "7x9x3 | 12x25x5", 2, 0, 0 },
  { "Resizing", "height=5 width=7 interpolation=bilinear antialias=true", "17x9x3", 0, 0, 0 },
  { "Resizing", "height=5 width=7 interpolation=bicubic antialias=true", "17x9x3", 0, 0, 0 },
  { "Resizing", "height=5 width=7 crop_to_aspect_ratio=true", "17x9x3 | 6x11x5", 0, 0, 0 },
  { "Resizing", "height=5 width=7 pad_to_aspect_ratio=true", "17x9x3 | 6x13x5", 0, 0, 0 },
  { "Resizing", "height=8 width=8 pad_to_aspect_ratio=true fill_value=2.5 interpolation=bicubic",
    "9x4x3", 0, 0, 0 },
  { "UpSampling2D", "", "7x9x5 | 1x1x33", 0, 0, 0 },
  { "UpSampling2D", "size=3,1", "7x9x5", 0, 0, 0 },
  { "UpSampling2D", "size=1", "7x9x5", 0, 0, 0 },
  { "UpSampling2D", "size=2,3 interpolation=bilinear", "7x9x5 | 1x1x3", 0, 0, 0 },
  { "UpSampling2D", "size=3,7 interpolation=bicubic", "4x3x5", 0, 0, 0 },

  { "ActivityRegularization", "l1=0.1", "7x9x5", 0, 0, 0 },
  { "AlphaDropout", "rate=0.5", "7x9x5", 0, 0, 0 },
  { "Dropout", "rate=0.5", "7x9x5 | 33", 0, 0, 0 },
  { "GaussianDropout", "rate=0.5", "7x9x5", 0, 0, 0 },
  { "GaussianNoise", "stddev=0.5", "7x9x5", 0, 0, 0 },
  { "InputLayer", "batch_shape=null,7,9,5", "", 0, 0, 0 },
  { "InputLayer", "batch_input_shape=null,null,null,3", "", 2, 0, 0 },
  { "InputLayer", "batch_shape=null,33", "", 0, 0, 0 },
  { "RandomBrightness", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomContrast", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomCrop", "height=7 width=9", "7x9x3", 0, 0, 0 },
  { "RandomFlip", "mode=horizontal", "7x9x3", 0, 0, 0 },
  { "RandomHeight", "factor=0.2", "7x9x3", 2, 0, 0 },
  { "RandomRotation", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomTranslation", "height_factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomWidth", "factor=0.2", "7x9x3", 2, 0, 0 },
  { "RandomZoom", "height_factor=0.2", "7x9x3", 0, 0, 0 },
  { "SpatialDropout2D", "rate=0.5", "7x9x5", 0, 0, 0 },
  { "AugMix", "severity=0.3", "7x9x3", 0, 0, 0 },
  { "CutMix", "factor=1", "7x9x3", 0, 0, 0 },
  { "Equalization", "bins=64", "7x9x3", 0, 0, 0 },
  { "Identity", "", "7x9x5 | 33", 0, 0, 0 },
  { "MixUp", "alpha=0.2", "7x9x3", 0, 0, 0 },
  { "RandAugment", "num_ops=2", "7x9x3", 0, 0, 0 },
  { "RandomColorDegeneration", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomColorJitter", "hue_factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomElasticTransform", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomErasing", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomGaussianBlur", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomGrayscale", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomHue", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomInvert", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomPerspective", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomPosterization", "factor=4", "7x9x3", 0, 0, 0 },
  { "RandomSaturation", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomSharpness", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomShear", "x_factor=0.2", "7x9x3", 0, 0, 0 },
  { "Solarization", "threshold_factor=0.5", "7x9x3", 0, 0, 0 },
  { "StochasticDepth", "drop_path_rate=0.2", "7x9x5", 0, 0, 0 },
};

/* Conv2D's by Winograd, where their shapes are too small for that to be chosen, with tiles of
 * "size" pixels a side, else 2. "tiles" at most are made at a time. */
static const Row winograd_rows[] = {
  { "Conv2D", "filters=5 kernel_size=3 padding=same", "7x9x3 | 1x1x1 | 2x1x8 | 8x6x33", 0, 0, 0 },
  { "Conv2D", "filters=33 kernel_size=3 use_bias=false", "3x3x5 | 7x10x4 | 5x4x1", 0, 0, 0 },
  { "Conv2D", "filters=40 kernel_size=3 padding=same tiles=7", "9x11x6 | 4x4x3", 0, 0, 0 },
  { "Conv2D", "filters=3 kernel_size=3 tiles=1", "6x5x9", 0, 0, 0 },
  { "Conv2D", "size=4 filters=5 kernel_size=3 padding=same", "7x9x3 | 1x1x1 | 2x1x8 | 8x6x33", 0, 0,
    0 },
  { "Conv2D", "size=4 filters=33 kernel_size=3 use_bias=false", "3x3x5 | 7x10x4 | 5x4x1", 0, 0, 0 },
  { "Conv2D", "size=4 filters=40 kernel_size=3 padding=same tiles=3", "9x11x6 | 4x4x3", 0, 0, 0 },
  { "Conv2D", "size=4 filters=3 kernel_size=3 tiles=1", "6x7x9", 0, 0, 0 },
};

#define TOLERANCE 1e-5 /* of the largest value */
#define STEP 1e-6      /* of the central differences */
#define MAX_WORK 1.5e8 /* multiplications for all differences of a case; above, samples */
#define SAMPLES 96

static CnnDevice *device;

/* --- numbers --- */

static guint32 random_state;

/* xorshift32, in −1 … 1. */
static double
random_number (void)
{
  random_state ^= random_state << 13;
  random_state ^= random_state >> 17;
  random_state ^= random_state << 5;
  return random_state / 2147483648. - 1.;
}

/* Random numbers that float32 has, so that the reference starts from the same ones. */
static void
fill_random (double *values, gsize n, double scale)
{
  for (gsize i = 0; i < n; i++)
    values[i] = (double) (float) (random_number () * scale);
}

static void
compare (const char *what, const double *ours, const double *reference, gsize n)
{
  double worst = 0., largest = 0.;

  for (gsize i = 0; i < n; i++)
    {
      worst = isfinite (ours[i]) ? fmax (worst, fabs (ours[i] - reference[i])) : INFINITY;
      largest = fmax (largest, fabs (reference[i]));
    }
  g_test_message ("%s: %.2g of %.3g", what, worst, largest);
  if (worst > TOLERANCE * largest)
    g_test_fail_printf ("%s is %g off, of %g", what, worst, largest);
}

/* --- tensors between guards --- */

#define GUARD 12345.678f

static CnnShape
to_shape (const RefTensor *t)
{
  return (CnnShape){ t->rank, t->n, t->h, t->w, t->c };
}

/* Index of an element in NC4HW4. */
static gsize
packed_index (const RefTensor *t, int n, int y, int x, int c)
{
  const gsize planes = (gsize) (t->c + 3) / 4;

  return ((((gsize) n * planes + (gsize) c / 4) * (gsize) t->h + (gsize) y) * (gsize) t->w
          + (gsize) x)
             * 4
         + (gsize) c % 4;
}

/* A tensor with `values`, or with NaN where there are none; the lanes past C hold what they like,
 * and the buffer goes on before and after it. */
static CnnTensor *
guarded_tensor (const CnnShape *shape, const RefTensor *values)
{
  g_autoptr (GError) error = NULL;
  const gsize margin = cnn_device_alignment (device), bytes = cnn_shape_bytes (shape);
  const gsize total = 2 * margin + bytes, n = bytes / sizeof (float);
  g_autoptr (CnnBuffer) buffer = cnn_buffer_new (device, total, "test", &error);
  g_autofree float *content = g_new (float, total / sizeof (float));
  float *inside = content + margin / sizeof (float);

  g_assert_no_error (error);
  for (gsize i = 0; i < total / sizeof (float); i++)
    content[i] = GUARD;
  for (gsize i = 0; i < n; i++)
    inside[i] = values != NULL ? (float) (random_number () * 1000.) : NAN;
  if (values != NULL)
    for (int i = 0; i < values->n; i++)
      for (int y = 0; y < values->h; y++)
        for (int x = 0; x < values->w; x++)
          for (int c = 0; c < values->c; c++)
            inside[packed_index (values, i, y, x, c)] = (float) *ref_at (values, i, y, x, c);
  cnn_buffer_write (buffer, 0, content, total, &error);
  g_assert_no_error (error);
  return cnn_tensor_new_view (buffer, margin, shape);
}

/* Reads a tensor back; guards must stand and every lane be finite. */
static double *
read_guarded (const char *what, const CnnTensor *tensor)
{
  g_autoptr (GError) error = NULL;
  const CnnShape *s = &tensor->shape;
  const RefTensor t = { s->rank, s->n, s->h, s->w, s->c, NULL };
  const gsize margin = tensor->offset / sizeof (float);
  const gsize n = cnn_shape_bytes (s) / sizeof (float), total = n + 2 * margin;
  g_autofree float *content = g_new (float, total);
  double *values = g_new (double, ref_count (&t));
  gsize at = 0;

  cnn_buffer_read (tensor->buffer, 0, content, total * sizeof (float), &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < margin; i++)
    if (content[i] != GUARD || content[margin + n + i] != GUARD)
      {
        g_test_fail_printf ("%s: written outside of it", what);
        break;
      }
  for (gsize i = 0; i < n; i++)
    if (!isfinite (content[margin + i]))
      {
        g_test_fail_printf ("%s: float %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT
                            " is not finite, or was not written",
                            what, i, n);
        break;
      }
  for (int i = 0; i < t.n; i++)
    for (int y = 0; y < t.h; y++)
      for (int x = 0; x < t.w; x++)
        for (int c = 0; c < t.c; c++)
          values[at++] = content[margin + packed_index (&t, i, y, x, c)];
  return values;
}

/* --- the layer of a row --- */

static void
set_param (CnnLayer *layer, const CnnParam *param, const char *params)
{
  gpointer field = G_STRUCT_MEMBER_P (layer, param->offset);
  double numbers[64];
  g_autofree char *word = ref_word (params, param->name, NULL);
  int n = ref_numbers (params, param->name, numbers, G_N_ELEMENTS (numbers));
  const gboolean null = g_strcmp0 (word, "null") == 0;

  if (n == 0 || (null && param->kind != CNN_PARAM_FLOATS))
    return;
  switch (param->kind)
    {
    case CNN_PARAM_INT:
    case CNN_PARAM_BOOL:
      *(int *) field = (int) numbers[0];
      break;
    case CNN_PARAM_FLOAT:
      *(float *) field = (float) numbers[0];
      break;
    case CNN_PARAM_SIZE:
      for (int i = 0; i < 2; i++)
        ((int *) field)[i] = (int) numbers[i % n];
      break;
    case CNN_PARAM_BORDER:
      for (int i = 0; i < 4; i++)
        ((int *) field)[i] = (int) numbers[n == 4 ? i : n == 2 ? i / 2 : 0];
      break;
    case CNN_PARAM_CHOICE:
      for (int i = 0; param->choices[i] != NULL; i++)
        if (strcmp (param->choices[i], word) == 0)
          *(int *) field = i;
      break;
    case CNN_PARAM_INTS:
      ((CnnInts *) field)->n = n;
      for (int i = 0; i < n; i++)
        ((CnnInts *) field)->values[i] = isnan (numbers[i]) ? -1 : (int) numbers[i];
      break;
    case CNN_PARAM_FLOATS:
      if (!null)
        {
          const gint64 dims[1] = { n };
          CnnArray *array = cnn_array_new (1, dims, param->name, NULL);

          for (int i = 0; i < n; i++)
            array->data[i] = (float) numbers[i];
          *(CnnArray **) field = array;
        }
      break;
    case CNN_PARAM_ACTIVATION:
      g_assert_true (cnn_activation_from_name (word, layer->keras_major, field));
      break;
    }
}

static CnnLayer *
make_layer (const char *class_name, const char *params, int keras_major)
{
  g_autoptr (GError) error = NULL;
  const CnnLayerClass *klass = cnn_layer_class_find (class_name);
  g_autoptr (CnnLayer) layer = NULL;

  g_assert_nonnull (klass);
  layer = cnn_layer_new (klass, "layer", keras_major);
  for (const CnnParam *param = klass->params; param != NULL && param->name != NULL; param++)
    set_param (layer, param, params);
  cnn_layer_configure (layer, &error);
  g_assert_no_error (error);
  return g_steal_pointer (&layer);
}

/* Random variables by the layer's own specs, and the same for the reference. */
static void
make_weights (CnnLayer *layer, const CnnShape *inputs, RefCase *test)
{
  CnnWeightSpec specs[CNN_MAX_WEIGHTS];
  const int n =
      layer->klass->weight_specs != NULL ? layer->klass->weight_specs (layer, inputs, specs) : 0;

  for (int i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;
      gsize count, fan_in;

      layer->weights[i] = cnn_array_new (specs[i].rank, specs[i].dims, specs[i].name, &error);
      g_assert_no_error (error);
      count = cnn_array_count (layer->weights[i]);
      fan_in = specs[i].rank > 1 ? count / (gsize) specs[i].dims[specs[i].rank - 1] : 1;
      test->weights[i] = g_new (double, count);
      fill_random (test->weights[i], count, sqrt (3. / (double) fan_in));
      for (gsize k = 0; k < count; k++)
        {
          if (strstr (specs[i].name, "variance") != NULL)
            test->weights[i][k] = (double) (float) (fabs (test->weights[i][k]) + .3);
          layer->weights[i]->data[k] = (float) test->weights[i][k];
        }
    }
}

/* The epilogue's center, scale and shift per channel, in vec4s. */
static CnnBuffer *
make_affine (const CnnAffine *affine, int channels)
{
  g_autoptr (GError) error = NULL;
  const gsize width = (gsize) (channels + 3) / 4 * 4, bytes = 3 * width * sizeof (float);
  g_autofree float *packed = g_malloc0 (bytes);
  CnnBuffer *buffer = cnn_buffer_new (device, bytes, "affine", &error);

  g_assert_no_error (error);
  for (int c = 0; c < channels; c++)
    {
      packed[c] = (float) affine[c].center;
      packed[width + (gsize) c] = (float) affine[c].scale;
      packed[2 * width + (gsize) c] = (float) affine[c].shift;
    }
  cnn_buffer_write (buffer, 0, packed, bytes, &error);
  g_assert_no_error (error);
  return buffer;
}

/* --- Conv2D by Winograd, whatever its shapes --- */

static int tile_size;  /* 2 or 4 */
static int most_tiles; /* at a time; 0: as many as it likes */

static gboolean
winograd_scratch_shape (const CnnLayer *layer, const CnnShape *inputs, CnnShape *scratch)
{
  CnnShape output;

  g_assert_true (layer->klass->output_shape (layer, inputs, 1, &output, NULL));
  *scratch = cnn_winograd_scratch (inputs, &output);
  if (most_tiles > 0)
    scratch->w = MIN (scratch->w, most_tiles * (tile_size + 2) * (tile_size + 2)
                                          * (cnn_shape_planes (inputs) + cnn_shape_planes (&output))
                                      + CNN_WINOGRAD_SLACK);
  return TRUE;
}

static CnnGemm
winograd_gemm (const CnnLayer *layer, gboolean backward)
{
  const gint64 *dims = layer->weights[0]->dims;
  const int in = (int) dims[2], out = (int) dims[3];

  return (CnnGemm){ .taps = 9,
                    .inputs = backward ? out : in,
                    .outputs = backward ? in : out,
                    .step_tap = (gsize) (in * out),
                    .step_k = backward ? 1 : (gsize) out,
                    .step_m = backward ? (gsize) out : 1,
                    .flip = backward };
}

static void
winograd_pack (const CnnLayer *layer, const float *data, gsize first, gsize n, float *packed)
{
  const CnnGemm gemm = winograd_gemm (layer, FALSE);

  cnn_pack_winograd (&gemm, tile_size, data, first, n, packed);
}

/* In two parts, neither of whole taps. */
static void
winograd_pack_backward (const CnnLayer *layer, const float *data, gsize first, gsize n,
                        float *packed)
{
  const CnnGemm gemm = winograd_gemm (layer, TRUE);
  const gsize part = n / 2 / (gsize) gemm.inputs * (gsize) gemm.inputs;

  cnn_pack_winograd (&gemm, tile_size, data, first, part, packed);
  cnn_pack_winograd (&gemm, tile_size, data + part, first + part, n - part, packed);
}

static gboolean
winograd_record (CnnLayer *layer, const CnnStep *step, gboolean backward, GError **error)
{
  const CnnGemm gemm = winograd_gemm (layer, backward);
  CnnBuffer *weights =
      cnn_layer_device_weights (layer, backward, device, cnn_winograd_bytes (&gemm, tile_size), 0,
                                backward ? winograd_pack_backward : winograd_pack, error);
  CnnWindow window = { { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 }, { 0, 0 } };
  CnnShape output;

  cnn_convolution_window ((const CnnConvolution *) layer, step->input_shapes, &output,
                          window.before, error);
  g_assert_no_error (*error);
  if (backward)
    window = cnn_window_backward (&window);
  return cnn_record_winograd (step->commands, backward ? step->grad_output : step->inputs[0],
                              backward ? step->grad_inputs[0] : step->output, step->scratch,
                              weights, tile_size, &window, step->epilogue, error);
}

static gboolean
winograd_forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  return winograd_record (layer, step, FALSE, error);
}

static gboolean
winograd_backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  return winograd_record (layer, step, TRUE, error);
}

/* --- a case: one row, one set of inputs, one number of pictures --- */

typedef struct
{
  CnnLayer *layer;
  CnnShape inputs[REFERENCE_MAX_INPUTS], output;
  RefCase test;
  RefTensor reference;
} Case;

static CnnStep
new_step (const Case *c)
{
  g_autoptr (GError) error = NULL;
  CnnStep step = { .commands = cnn_commands_new (device, "test", &error),
                   .n_inputs = c->test.n_inputs,
                   .output_shape = c->output };
  CnnShape scratch;

  g_assert_no_error (error);
  if (c->output.n > 1)
    cnn_commands_set_repeated (step.commands);
  for (int i = 0; i < c->test.n_inputs; i++)
    step.input_shapes[i] = c->inputs[i];
  if (c->layer->klass->scratch_shape != NULL
      && c->layer->klass->scratch_shape (c->layer, c->inputs, &scratch))
    step.scratch = guarded_tensor (&scratch, NULL);
  return step;
}

static CnnTensor *
new_memo (const Case *c)
{
  CnnShape memo;

  return c->layer->klass->memo_shape != NULL
                 && c->layer->klass->memo_shape (c->layer, c->inputs, &memo)
             ? guarded_tensor (&memo, NULL)
             : NULL;
}

static void
end_step (CnnStep *step)
{
  for (int i = 0; i < step->n_inputs; i++)
    {
      cnn_tensor_free ((CnnTensor *) step->inputs[i]);
      cnn_tensor_free ((CnnTensor *) step->grad_inputs[i]);
    }
  cnn_tensor_free ((CnnTensor *) step->output);
  cnn_tensor_free ((CnnTensor *) step->grad_output);
  cnn_tensor_free ((CnnTensor *) step->scratch);
  cnn_tensor_free ((CnnTensor *) step->memo);
  cnn_commands_free (step->commands);
}

static void
run (CnnStep *step)
{
  g_autoptr (GError) error = NULL;

  cnn_commands_run (step->commands, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (cnn_device_validation_messages (device), ==, 0);
}

/* Forward; where the class has an epilogue, with a further scale and shift, a residual and an
 * activation if `tail` names one. */
static void
check_forward (Case *c, const char *tail)
{
  g_autoptr (GError) error = NULL;
  CnnStep step = new_step (c);
  const int channels = c->output.c;
  g_autofree CnnAffine *tails = g_new0 (CnnAffine, channels);
  g_autoptr (CnnBuffer) affine = NULL;
  g_autoptr (CnnTensor) residual = NULL;
  CnnEpilogue epilogue = { 0 };
  RefTensor expected = c->reference, added = c->reference;
  g_autofree double *values = NULL, *copied = NULL, *addends = NULL;

  for (int i = 0; i < c->test.n_inputs; i++)
    step.inputs[i] = guarded_tensor (&c->inputs[i], &c->test.inputs[i]);
  step.output = guarded_tensor (&c->output, NULL);
  if (c->layer->klass->flags & CNN_LAYER_EPILOGUE)
    {
      c->layer->klass->affine (c->layer, channels, tails);
      if (tail != NULL)
        {
          expected.data = copied = g_new (double, ref_count (&expected));
          for (int k = 0; k < channels; k++)
            {
              const double by = random_number () + 1.5, plus = random_number ();

              tails[k].scale *= by;
              tails[k].shift = tails[k].shift * by + plus;
              for (gsize i = (gsize) k; i < ref_count (&expected); i += (gsize) channels)
                copied[i] = c->reference.data[i] * by + plus;
            }
          added.data = addends = g_new (double, ref_count (&added));
          fill_random (addends, ref_count (&added), 2.);
          for (gsize i = 0; i < ref_count (&added); i++)
            copied[i] += addends[i];
          epilogue.residual = residual = guarded_tensor (&c->output, &added);
          g_assert_true (ref_activate (tail, 3, &expected));
        }
      affine = make_affine (tails, channels);
      epilogue.affine = (CnnBinding){ affine, 0, cnn_buffer_size (affine) };
      g_assert_true (
          cnn_activation_from_name (tail != NULL ? tail : "linear", 3, &epilogue.activation));
      step.epilogue = &epilogue;
    }
  c->layer->klass->forward (c->layer, &step, &error);
  g_assert_no_error (error);
  run (&step);
  values = read_guarded ("output", step.output);
  compare (tail != NULL ? "output with a tail" : "output", values, expected.data,
           ref_count (&expected));
  end_step (&step);
}

/* The sum of the reference's output, weighted with `gradient`. */
static double
objective (const RefCase *test, const double *gradient)
{
  RefTensor output;
  double sum = 0.;

  g_assert_true (ref_forward (test, &output));
  for (gsize i = 0; i < ref_count (&output); i++)
    sum += output.data[i] * gradient[i];
  g_free (output.data);
  return sum;
}

static double
difference (const RefCase *test, const double *gradient, double *element)
{
  const double before = *element;
  double up, down;

  *element = before + STEP;
  up = objective (test, gradient);
  *element = before - STEP;
  down = objective (test, gradient);
  *element = before;
  return (up - down) / (2. * STEP);
}

/* Multiplications of one run of the reference, about. */
static double
work_of (const Case *c)
{
  double work = (double) ref_count (&c->reference) + 1000.;

  for (int i = 0; i < c->test.n_inputs; i++)
    work += (double) ref_count (&c->test.inputs[i]);
  if (c->layer->weights[0] != NULL)
    work += (double) (c->output.n * c->output.h * c->output.w)
            * (double) cnn_array_count (c->layer->weights[0]);
  if (strcmp (c->test.class_name, "Resizing") == 0
      || strcmp (c->test.class_name, "UpSampling2D") == 0)
    work += (double) ref_count (&c->reference) * (c->inputs[0].h * c->inputs[0].w);
  return work;
}

/* The gradient with respect to one input: every element, or samples of a large one and the slope
 * along some random directions. */
static void
check_gradient (const Case *c, int which, const double *ours, const double *gradient)
{
  const RefTensor *in = &c->test.inputs[which];
  const gsize n = ref_count (in);
  const gboolean all = work_of (c) * 2. * (double) n <= MAX_WORK;
  const gsize samples = all ? n : SAMPLES;
  g_autofree double *expected = g_new (double, samples), *found = g_new (double, samples);
  g_autofree char *what = g_strdup_printf ("gradient %d", which);
  g_autofree double *before = g_memdup2 (in->data, n * sizeof (double));
  double slopes[2][4];

  for (gsize i = 0; i < samples; i++)
    {
      const gsize k = all      ? i
                      : i == 0 ? 0
                      : i == 1 ? n - 1
                               : (gsize) (fabs (random_number ()) * (double) (n - 1));

      expected[i] = difference (&c->test, gradient, in->data + k);
      found[i] = ours[k];
    }
  compare (what, found, expected, samples);
  if (all)
    return;
  for (int i = 0; i < 4; i++)
    {
      g_autofree double *direction = g_new (double, n);
      double values[2];

      fill_random (direction, n, 1.);
      slopes[0][i] = 0.;
      for (gsize k = 0; k < n; k++)
        slopes[0][i] += direction[k] * ours[k];
      for (int side = 0; side < 2; side++)
        {
          for (gsize k = 0; k < n; k++)
            in->data[k] = before[k] + (side == 0 ? STEP : -STEP) * direction[k];
          values[side] = objective (&c->test, gradient);
        }
      memcpy (in->data, before, n * sizeof (double));
      slopes[1][i] = (values[0] - values[1]) / (2. * STEP);
    }
  compare ("slope", slopes[0], slopes[1], 4);
}

/* What forward leaves for backward, or NULL. */
static CnnTensor *
make_memo (const Case *c)
{
  g_autoptr (GError) error = NULL;
  CnnTensor *memo = new_memo (c);
  CnnStep step;

  if (memo == NULL)
    return NULL;
  step = new_step (c);
  step.memo = memo;
  step.inputs[0] = guarded_tensor (&c->inputs[0], &c->test.inputs[0]);
  step.output = guarded_tensor (&c->output, NULL);
  c->layer->klass->forward (c->layer, &step, &error);
  g_assert_no_error (error);
  run (&step);
  step.memo = NULL;
  end_step (&step);
  return memo;
}

/* Backward for all inputs, or for one alone, given only the values that the class says it needs; on
 * top of another gradient if it `adds`. */
static void
check_backward (Case *c, int alone, gboolean adds)
{
  g_autoptr (GError) error = NULL;
  const CnnLayerClass *klass = c->layer->klass;
  gboolean needs_inputs = (klass->flags & CNN_LAYER_NEEDS_INPUTS) != 0;
  gboolean needs_output = (klass->flags & CNN_LAYER_NEEDS_OUTPUT) != 0;
  CnnStep step = new_step (c);
  g_autofree CnnAffine *tails = g_new0 (CnnAffine, c->output.c);
  g_autoptr (CnnBuffer) affine = NULL;
  g_autoptr (CnnTensor) residual = NULL;
  CnnEpilogue epilogue = { 0 };
  RefTensor gradient = c->reference, added = c->test.inputs[0];
  g_autofree double *data = g_new (double, ref_count (&gradient));
  g_autofree double *addends = g_new0 (double, ref_count (&added));

  if (klass->flags & CNN_LAYER_ACTIVATION)
    {
      needs_output = cnn_activation_derives_from_output (&c->layer->activation);
      needs_inputs = !needs_output;
    }
  gradient.data = data;
  fill_random (data, ref_count (&gradient), 1.);
  step.grad_output = guarded_tensor (&c->output, &gradient);
  step.memo = make_memo (c);
  if (needs_output)
    step.output = guarded_tensor (&c->output, &c->reference);
  for (int i = 0; i < c->test.n_inputs; i++)
    {
      if (needs_inputs)
        step.inputs[i] = guarded_tensor (&c->inputs[i], &c->test.inputs[i]);
      if (alone < 0 || alone == i)
        step.grad_inputs[i] = guarded_tensor (&c->inputs[i], NULL);
    }
  if (klass->only_affine)
    {
      klass->affine (c->layer, c->output.c, tails);
      affine = make_affine (tails, c->output.c);
      epilogue.affine = (CnnBinding){ affine, 0, cnn_buffer_size (affine) };
      step.epilogue = &epilogue;
    }
  if (adds)
    {
      added.data = addends;
      fill_random (addends, ref_count (&added), 1.);
      epilogue.residual = residual = guarded_tensor (&c->inputs[0], &added);
      step.epilogue = &epilogue;
    }
  g_assert_nonnull (klass->backward);
  klass->backward (c->layer, &step, &error);
  g_assert_no_error (error);
  run (&step);
  for (int i = 0; i < c->test.n_inputs; i++)
    if (step.grad_inputs[i] != NULL)
      {
        g_autofree double *ours = read_guarded ("gradient", step.grad_inputs[i]);

        for (gsize k = 0; adds && k < ref_count (&added); k++)
          ours[k] -= addends[k];
        check_gradient (c, i, ours, data);
      }
  end_step (&step);
}

/* Backward, ending with what becomes of the gradient in a tail in front of the layer: against the
 * gradient without that. `activation` NULL: of a scale alone. */
static void
check_gradient_tail (Case *c, const char *activation)
{
  g_autoptr (GError) error = NULL;
  const CnnLayerClass *klass = c->layer->klass;
  const gboolean adds = (klass->flags & CNN_LAYER_ADDS_GRADIENT) != 0;
  const int channels = c->inputs[0].c;
  RefTensor gradient = c->reference, added = c->test.inputs[0], value = added;
  const gsize n = ref_count (&added);
  g_autofree double *data = g_new (double, ref_count (&gradient));
  g_autofree double *addends = g_new0 (double, n), *outputs = g_new (double, n);
  g_autofree double *plain = NULL, *ours = NULL;
  g_autofree CnnAffine *tails = g_new0 (CnnAffine, channels);
  g_autoptr (CnnBuffer) affine = NULL;
  g_autoptr (CnnTensor) residual = NULL, output = NULL;
  CnnEpilogue epilogue = { .of_gradient = TRUE };

  gradient.data = data;
  fill_random (data, ref_count (&gradient), 1.);
  added.data = addends;
  if (adds)
    fill_random (addends, n, 1.);
  value.data = outputs; /* some at a kink, or below 0 as of leaky_relu */
  fill_random (outputs, n, 9.);
  for (gsize i = 0; i < n; i++)
    outputs[i] = CLAMP (outputs[i], -1., 6.);
  for (int k = 0; k < channels; k++)
    tails[k] = (CnnAffine){ 1., (float) (random_number () + 1.5), 2. };
  affine = make_affine (tails, channels);
  epilogue.affine = (CnnBinding){ affine, 0, cnn_buffer_size (affine) };
  if (adds)
    epilogue.residual = residual = guarded_tensor (&c->inputs[0], &added);
  if (activation != NULL)
    {
      g_assert_true (cnn_activation_from_name (activation, 3, &epilogue.activation));
      epilogue.value = output = guarded_tensor (&c->inputs[0], &value);
    }
  for (int tail = 0; tail < 2; tail++)
    {
      CnnStep step = new_step (c);

      step.memo = make_memo (c);
      step.grad_output = guarded_tensor (&c->output, &gradient);
      step.grad_inputs[0] = guarded_tensor (&c->inputs[0], NULL);
      if (tail)
        step.epilogue = &epilogue;
      klass->backward (c->layer, &step, &error);
      g_assert_no_error (error);
      run (&step);
      *(tail ? &ours : &plain) = read_guarded ("gradient", step.grad_inputs[0]);
      end_step (&step);
    }
  for (gsize i = 0; i < n; i++)
    {
      plain[i] = (plain[i] + addends[i]) * tails[i % (gsize) channels].scale;
      if (activation != NULL && (outputs[i] <= 0. || outputs[i] >= epilogue.activation.max_value))
        plain[i] *= epilogue.activation.alpha;
    }
  compare ("gradient with a tail", ours, plain, n);
}

/* A model for pictures of any size asks for shapes with sizes of 0. */
static void
check_unknown_size (const Case *c)
{
  g_autoptr (GError) error = NULL;
  CnnShape inputs[REFERENCE_MAX_INPUTS], output;

  for (int i = 0; i < c->test.n_inputs; i++)
    {
      inputs[i] = c->inputs[i];
      if (inputs[i].rank == 3)
        inputs[i].h = inputs[i].w = 0;
    }
  c->layer->klass->output_shape (c->layer, inputs, c->test.n_inputs, &output, &error);
  g_assert_no_error (error);
  g_assert_cmpint (output.rank, ==, c->output.rank);
  g_assert_true (output.h == 0 || output.h == c->output.h);
  g_assert_true (output.w == 0 || output.w == c->output.w);
  g_assert_true (output.c == 0 || output.c == c->output.c);
}

static void
check_input_layer (const Row *row, CnnLayer *layer)
{
  g_autoptr (GError) error = NULL;
  CnnShape shape;
  double sizes[4];
  int n = ref_numbers (row->params, "batch_shape", sizes, 4);

  if (n == 0)
    n = ref_numbers (row->params, "batch_input_shape", sizes, 4);
  for (int i = 0; i < n; i++)
    if (isnan (sizes[i]))
      sizes[i] = 0.;
  layer->klass->output_shape (layer, NULL, 0, &shape, &error);
  g_assert_no_error (error);
  g_assert_cmpint (shape.rank, ==, n - 1);
  g_assert_cmpint (shape.c, ==, (int) sizes[n - 1]);
  g_assert_cmpint (shape.h, ==, n > 2 ? (int) sizes[1] : 1);
  g_assert_cmpint (shape.w, ==, n > 3 ? (int) sizes[2] : 1);
}

/* "7x9x5" or "33" */
static RefTensor
parse_shape (const char *text, int n, double scale)
{
  RefTensor t = { 0, n, 1, 1, 1, NULL };
  g_auto (GStrv) sizes = g_strsplit (text, "x", -1);

  t.rank = (int) g_strv_length (sizes);
  t.c = atoi (sizes[t.rank - 1]);
  if (t.rank >= 2)
    t.h = atoi (sizes[0]);
  if (t.rank == 3)
    t.w = atoi (sizes[1]);
  t.data = g_new (double, ref_count (&t));
  fill_random (t.data, ref_count (&t), scale);
  return t;
}

static void
run_case (const Row *row, const CnnLayerClass *klass, const char *inputs, int n)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnLayer) layer =
      make_layer (row->class_name, row->params, row->major != 0 ? row->major : 3);
  g_auto (GStrv) shapes = g_strsplit (inputs, " ", -1);
  Case c = { .layer = layer };
  CnnShape expected;

  layer->klass = klass;

  if (klass->flags & CNN_LAYER_INPUT)
    {
      check_input_layer (row, layer);
      return;
    }
  random_state = row->seed != 0 ? row->seed : (g_str_hash (inputs) ^ g_str_hash (row->params)) | 1;
  c.test = (RefCase){ .class_name = row->class_name,
                      .params = row->params,
                      .keras_major = layer->keras_major };
  for (; shapes[c.test.n_inputs] != NULL; c.test.n_inputs++)
    {
      const int i = c.test.n_inputs;

      c.test.inputs[i] = parse_shape (shapes[i], n, row->scale != 0. ? row->scale : 2.);
      c.inputs[i] = to_shape (&c.test.inputs[i]);
    }
  make_weights (layer, c.inputs, &c.test);

  g_assert_true (ref_forward (&c.test, &c.reference));
  klass->output_shape (layer, c.inputs, c.test.n_inputs, &c.output, &error);
  g_assert_no_error (error);
  expected = to_shape (&c.reference);
  if (!cnn_shape_equal (&c.output, &expected))
    {
      g_autofree char *a = cnn_shape_to_string (&c.output), *b = cnn_shape_to_string (&expected);

      g_test_fail_printf ("shape %s, Keras has %s", a, b);
    }
  else if ((klass->flags & CNN_LAYER_IDENTITY)
           || (klass->is_identity != NULL && klass->is_identity (layer, c.inputs)))
    compare ("identity", c.test.inputs[0].data, c.reference.data, ref_count (&c.reference));
  else
    {
      check_unknown_size (&c);
      check_forward (&c, NULL);
      if (klass->flags & CNN_LAYER_EPILOGUE)
        {
          check_forward (&c, "relu6");
          check_forward (&c, "swish");
        }
      check_backward (&c, -1, FALSE);
      if (klass->flags & CNN_LAYER_ADDS_GRADIENT
          && layer->activation.kind != CNN_ACTIVATION_SOFTMAX)
        check_backward (&c, -1, TRUE);
      if (klass->ends_gradient != NULL && klass->ends_gradient (layer, TRUE))
        {
          check_gradient_tail (&c, NULL);
          check_gradient_tail (&c, "relu6");
          check_gradient_tail (&c, "leaky_relu");
        }
      for (int i = 0; c.test.n_inputs > 1 && i < c.test.n_inputs; i++)
        check_backward (&c, i, FALSE);
    }

  for (int i = 0; i < c.test.n_inputs; i++)
    g_free (c.test.inputs[i].data);
  for (int i = 0; i < REFERENCE_MAX_WEIGHTS; i++)
    g_free (c.test.weights[i]);
  g_free (c.reference.data);
}

static void
run_row (const Row *row, const CnnLayerClass *klass)
{
  g_auto (GStrv) cases = g_strsplit (row->inputs, " | ", -1);

  for (char **inputs = cases; *inputs != NULL || inputs == cases; inputs++)
    for (int n = 1; n <= 2; n++)
      {
        g_test_message ("%s, %d", *inputs, n);
        run_case (row, klass, *inputs != NULL ? *inputs : "", n);
        if (*inputs == NULL)
          return;
      }
}

static void
test_row (gconstpointer data)
{
  const Row *row = data;

  run_row (row, cnn_layer_class_find (row->class_name));
}

static void
test_winograd_row (gconstpointer data)
{
  const Row *row = data;
  CnnLayerClass klass = *cnn_layer_class_find (row->class_name);

  klass.scratch_shape = winograd_scratch_shape;
  klass.forward = winograd_forward;
  klass.backward = winograd_backward;
  tile_size = (int) ref_number (row->params, "size", 2.);
  most_tiles = (int) ref_number (row->params, "tiles", 0.);
  run_row (row, &klass);
}

static void
test_every_class_has_a_row (void)
{
  for (const CnnLayerClass *const *klass = cnn_layer_classes (); *klass != NULL; klass++)
    {
      gboolean found = FALSE;

      for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
        found = found || strcmp (rows[i].class_name, (*klass)->name) == 0;
      if (!found)
        g_test_fail_printf ("class %s has no row in test-layers.c", (*klass)->name);
      g_assert_true (cnn_layer_class_find ((*klass)->name) == *klass);
    }
}

/* --- what random numbers do not meet --- */

/* Runs a layer on a given 1-picture input with gradients of 1, or of `gradients`; the results are
 * new memory. */
static void
run_exactly (const char *class_name, const char *params, int keras_major, RefTensor *in,
             double **output, double **gradient)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnLayer) layer = make_layer (class_name, params, keras_major);
  Case c = { .layer = layer, .inputs = { to_shape (in) }, .test = { .n_inputs = 1 } };
  RefTensor ones;
  CnnStep step;
  g_autoptr (CnnTensor) value = NULL;

  layer->klass->output_shape (layer, c.inputs, 1, &c.output, &error);
  g_assert_no_error (error);
  step = new_step (&c);
  step.inputs[0] = guarded_tensor (&c.inputs[0], in);
  step.output = guarded_tensor (&c.output, NULL);
  step.memo = new_memo (&c);
  layer->klass->forward (layer, &step, &error);
  g_assert_no_error (error);
  ones = (RefTensor){ c.output.rank, 1, c.output.h, c.output.w, c.output.c, NULL };
  ones.data = g_new (double, ref_count (&ones));
  for (gsize i = 0; i < ref_count (&ones); i++)
    ones.data[i] = 1.;
  step.grad_output = guarded_tensor (&c.output, &ones);
  step.grad_inputs[0] = guarded_tensor (&c.inputs[0], NULL);
  layer->klass->backward (layer, &step, &error);
  g_assert_no_error (error);
  run (&step);
  *output = read_guarded ("output", step.output);
  *gradient = read_guarded ("gradient", step.grad_inputs[0]);
  end_step (&step);
  g_free (ones.data);
}

/* TensorFlow's derivative where a function has a kink. */
static const struct
{
  const char *class_name, *params;
  int major;
  double x, y, derivative;
} kinks[] = {
  { "Activation", "activation=relu", 3, 0., 0., 0. },
  { "Activation", "activation=relu6", 3, 0., 0., 0. },
  { "Activation", "activation=relu6", 3, 6., 6., 0. },
  { "Activation", "activation=leaky_relu", 3, 0., 0., .2 },
  { "Activation", "activation=elu", 3, 0., 0., 1. },
  { "Activation", "activation=selu", 3, 0., 0., 1.05070098735548 },
  { "Activation", "activation=hard_sigmoid", 3, -3., 0., 0. },
  { "Activation", "activation=hard_sigmoid", 3, 3., 1., 0. },
  { "Activation", "activation=hard_sigmoid", 2, -2.5, 0., .2 },
  { "Activation", "activation=hard_sigmoid", 2, 2.5, 1., .2 },
  { "Activation", "activation=hard_silu", 3, 3., 3., 1. },
  { "Activation", "activation=hard_silu", 3, -3., 0., 0. },
  { "ReLU", "max_value=6", 3, 6., 6., 0. },
  { "ReLU", "max_value=4", 3, 4., 4., 1. },
  { "ReLU", "max_value=4", 3, 0., 0., 0. },
  { "ReLU", "threshold=1", 3, 1., 0., 0. },
  { "ReLU", "max_value=6 negative_slope=0.5", 3, 0., 0., 0. },
  { "ReLU", "threshold=1 negative_slope=0.5", 3, 1., 0., 0. },
  { "LeakyReLU", "negative_slope=0.1", 3, 0., 0., .1 },
  { "ELU", "alpha=0.5", 3, 0., 0., .5 },
};

static void
test_kinks (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (kinks); i++)
    {
      double x = kinks[i].x;
      RefTensor in = { 1, 1, 1, 1, 1, &x };
      g_autofree double *output = NULL, *gradient = NULL;

      g_test_message ("%s %s at %g", kinks[i].class_name, kinks[i].params, x);
      run_exactly (kinks[i].class_name, kinks[i].params, kinks[i].major, &in, &output, &gradient);
      g_assert_cmpfloat_with_epsilon (output[0], kinks[i].y, 1e-6);
      g_assert_cmpfloat_with_epsilon (gradient[0], kinks[i].derivative, 1e-6);
    }
}

/* Of equal elements the first in the window has the gradient; a global maximum divides it. */
static void
test_ties (void)
{
  static const struct
  {
    const char *class_name, *params;
    double in[9], gradient[9];
  } ties[] = {
    { "MaxPooling2D", "strides=1", { 1, 1, 1, 1, 1, 1, 1, 1, 1 }, { 1, 1, 0, 1, 1, 0, 0, 0, 0 } },
    { "MaxPooling2D", "strides=1", { 1, 2, 1, 2, 2, 0, 1, 2, 3 }, { 0, 2, 0, 1, 0, 0, 0, 0, 1 } },
    { "MaxPooling2D",
      "pool_size=3 strides=2 padding=same",
      { 1, 1, 1, 1, 1, 1, 1, 1, 1 },
      { 1, 1, 0, 1, 1, 0, 0, 0, 0 } },
    { "MaxPooling2D", "pool_size=3", { -1, -1, -1, 0, 0, 0, -1, 0, -1 }, { 0, 0, 0, 1 } },
    { "GlobalMaxPooling2D", "", { 3, 1, 3, 0, 3, 2, 3, 2, 1 }, { .25, 0, .25, 0, .25, 0, .25 } },
    { "GlobalMaxPooling2D", "", { 0, 0, 0, 0, 0, 0, 0, 0, 0 }, { 0 } }, /* 1/9 each, below */
  };

  for (gsize i = 0; i < G_N_ELEMENTS (ties); i++)
    {
      double in[9];
      RefTensor input = { 3, 1, 3, 3, 1, in };
      g_autofree double *output = NULL, *gradient = NULL;

      memcpy (in, ties[i].in, sizeof in);
      run_exactly (ties[i].class_name, ties[i].params, 3, &input, &output, &gradient);
      for (int k = 0; k < 9; k++)
        g_assert_cmpfloat_with_epsilon (
            gradient[k], i == G_N_ELEMENTS (ties) - 1 ? 1. / 9. : ties[i].gradient[k], 1e-6);
    }
}

/* Of equal operands the first has the gradient of an extreme. */
static void
test_equal_operands (void)
{
  static const struct
  {
    const char *class_name;
    double values[3], gradients[3];
  } cases[] = {
    { "Maximum", { 1, 1, 1 }, { 1, 0, 0 } },   { "Maximum", { 0, 2, 2 }, { 0, 1, 0 } },
    { "Maximum", { 1, 2, 1 }, { 0, 1, 0 } },   { "Minimum", { 1, 1, 1 }, { 1, 0, 0 } },
    { "Minimum", { 0, -2, -2 }, { 0, 1, 0 } }, { "Minimum", { 0, 3, -1 }, { 0, 0, 1 } },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (CnnLayer) layer = make_layer (cases[i].class_name, "", 3);
      Case c = { .layer = layer, .output = cnn_shape_flat (1, 1), .test = { .n_inputs = 3 } };
      double values[3], one = 1.;
      RefTensor gradient = { 1, 1, 1, 1, 1, &one };
      CnnStep step;

      for (int k = 0; k < 3; k++)
        c.inputs[k] = c.output;
      step = new_step (&c);
      for (int k = 0; k < 3; k++)
        {
          RefTensor in = { 1, 1, 1, 1, 1, values + k };

          values[k] = cases[i].values[k];
          step.inputs[k] = guarded_tensor (&c.output, &in);
          step.grad_inputs[k] = guarded_tensor (&c.output, NULL);
        }
      step.grad_output = guarded_tensor (&c.output, &gradient);
      layer->klass->backward (layer, &step, &error);
      g_assert_no_error (error);
      run (&step);
      for (int k = 0; k < 3; k++)
        {
          g_autofree double *found = read_guarded ("gradient", step.grad_inputs[k]);

          g_assert_cmpfloat (found[0], ==, cases[i].gradients[k]);
        }
      end_step (&step);
    }
}

/* No value, however large, makes anything but finite numbers. */
static void
test_extremes (void)
{
  static const char *const names[] = { "relu",        "relu6",     "leaky_relu",   "elu",
                                       "selu",        "sigmoid",   "hard_sigmoid", "tanh",
                                       "softplus",    "silu",      "gelu",         "gelu_tanh",
                                       "exponential", "hard_silu", "softmax" };
  static const double extremes[] = { -1e38, -1e30,  -1e10, -1000., -104., -88., -87.,
                                     -20.,  -1e-30, 0.,    1e-30,  20.,   87.,  88.,
                                     89.,   104.,   1000., 1e10,   1e30,  1e38 };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    for (int major = 2; major <= 3; major++)
      {
        g_autofree char *params = g_strconcat ("activation=", names[i], NULL);
        g_autofree double *values = g_memdup2 (extremes, sizeof extremes);
        RefTensor in = { 1, 1, 1, 1, G_N_ELEMENTS (extremes), values };
        g_autofree double *output = NULL, *gradient = NULL;

        g_test_message ("%s", names[i]);
        run_exactly ("Activation", params, major, &in, &output, &gradient);
        if (strcmp (names[i], "exponential") != 0 && strcmp (names[i], "softmax") != 0)
          g_assert_cmpfloat (fabs (gradient[0]), <=, 1.76);
      }
}

/* What is refused, and with which words. */
static void
test_refusals (void)
{
  static const struct
  {
    const char *class_name, *params, *inputs, *words;
  } refusals[] = {
    { "Reshape", "target_shape=1,2,3,4", "24", "4 dimensions" },
    { "Reshape", "target_shape=-1,-1", "24", "more than one -1" },
    { "Reshape", "target_shape=5,7", "24", "cannot make 5×7 of 24" },
    { "Reshape", "target_shape=-1,7", "24", "cannot make" },
    { "Softmax", "axis=1", "5x3x4", "another axis" },
    { "MaxPooling2D", "pool_size=0", "5x3x4", "pool_size" },
    { "MaxPooling2D", "strides=-1", "5x3x4", "strides" },
    { "MaxPooling2D", "pool_size=9", "5x3x4", "does not fit" },
    { "MaxPooling2D", "", "33", "(H, W, C)" },
    { "AveragePooling2D", "", "5x3x4 5x3x4", "one input" },
    { "Cropping2D", "cropping=2", "4x9x4", "crops all" },
    { "ZeroPadding2D", "padding=-1", "4x9x4", "border" },
    { "Add", "", "5x3x4 5x3x3", "5×3×4 and 5×3×3" },
    { "Add", "", "5x3x4", "1 inputs" },
    { "Subtract", "", "5x3x4 5x3x4 5x3x4", "3 inputs" },
    { "Maximum", "", "4 4 4 4 4 4 4", "7 inputs" },
    { "CustomScaleLayer", "", "4", "1 inputs" },
    { "Permute", "dims=1,1,2", "5x3x4", "twice" },
    { "Permute", "dims=1,2,4", "5x3x4", "one of dims" },
    { "Permute", "dims=2,1", "5x3x4", "(H, C)" },
    { "Permute", "", "5x3x4", "the number of dims" },
    { "PReLU", "shared_axes=4", "5x3x4", "shared_axes" },
    { "UpSampling2D", "size=0", "5x3x4", "size" },
    { "UpSampling2D", "size=600000", "5x3x4", "the height" },
    { "LayerNormalization", "axis=1", "5x3x4", "another axis" },
    { "LayerNormalization", "axis=1,2,3", "5x3x4", "another axis" },
    { "LayerNormalization", "rms_scaling=true", "5x3x4", "rms_scaling" },
    { "GroupNormalization", "groups=3", "5x3x4", "3 groups" },
    { "GroupNormalization", "groups=0", "5x3x4", "number of groups" },
    { "Conv2DTranspose", "filters=4 kernel_size=3 output_padding=1", "5x3x4", "output_padding" },
    { "Conv2DTranspose", "filters=4 kernel_size=2 strides=3 padding=same output_padding=0", "5x3x4",
      "come back" },
    { "Conv2DTranspose", "filters=4 kernel_size=3 groups=2", "5x3x4", "2 groups" },
    { "Concatenate", "", "5x3x4 5x2x4", "5×3×4 and 5×2×4" },
    { "Concatenate", "axis=0", "5x3x4 5x3x4", "axis 0" },
    { "Concatenate", "axis=4", "5x3x4 5x3x4", "axis 4" },
    { "Resizing", "height=0 width=3", "5x3x4", "height" },
    { "Resizing", "height=3 width=3 crop_to_aspect_ratio=true pad_to_aspect_ratio=true", "5x3x4",
      "both" },
    { "CenterCrop", "height=3", "5x3x4", "width" },
    { "RandomCrop", "height=3 width=3", "5x3x4", "training only" },
    { "ReLU", "negative_slope=-1", "5", "negative" },
    { "InputLayer", "", "", "batch_shape" },
    { "InputLayer", "batch_shape=null,2,3,4,5", "", "4 dimensions" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (refusals); i++)
    {
      g_autoptr (GError) error = NULL;
      const CnnLayerClass *klass = cnn_layer_class_find (refusals[i].class_name);
      g_autoptr (CnnLayer) layer = cnn_layer_new (klass, "the_layer", 3);
      g_auto (GStrv) texts = g_strsplit (refusals[i].inputs, " ", -1);
      CnnShape inputs[REFERENCE_MAX_INPUTS], output;
      int n = 0;

      random_state = 1;
      for (; texts[n] != NULL; n++)
        {
          RefTensor t = parse_shape (texts[n], 1, 1.);

          inputs[n] = to_shape (&t);
          g_free (t.data);
        }
      for (const CnnParam *param = klass->params; param != NULL && param->name != NULL; param++)
        set_param (layer, param, refusals[i].params);
      if (cnn_layer_configure (layer, &error))
        klass->output_shape (layer, inputs, n, &output, &error);
      g_assert_nonnull (error);
      g_test_message ("%s", error->message);
      g_assert_true (g_str_has_prefix (error->message, "layer \"the_layer\" ("));
      if (strstr (error->message, refusals[i].words) == NULL)
        g_test_fail_printf ("\"%s\" does not say \"%s\"", error->message, refusals[i].words);
    }
}

static void
test_activation_names (void)
{
  CnnActivation activation;

  g_assert_false (cnn_activation_from_name ("no_such", 3, &activation));
  g_assert_false (cnn_activation_from_name ("LeakyReLU", 3, &activation));
  g_assert_true (cnn_activation_from_name ("LeakyReLU", 2, &activation));
  g_assert_cmpfloat_with_epsilon (activation.alpha, .3, 1e-6);
  for (guint kind = 0; kind <= CNN_ACTIVATION_SOFTMAX; kind++)
    {
      const char *name = cnn_activation_name (kind);
      gboolean found = FALSE;

      for (int major = 1; major <= 3; major++)
        found = found
                || (cnn_activation_from_name (name, major, &activation) && activation.kind == kind);
      g_assert_true (found);
    }
}

/* Whoever asks for a driver or for a width of it, to have all rows run there, says what must come
 * of it. */
static void
test_lanes (void)
{
  const char *wanted = g_getenv ("CONVLENS_TEST_LANES");
  guint lanes = cnn_device_subgroup_size (device);

  g_test_message ("%s, %u lanes", cnn_device_name (device), lanes);
  if (wanted != NULL)
    g_assert_cmpuint (lanes, ==, g_ascii_strtoull (wanted, NULL, 10));
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  const char *verdict = g_getenv ("CONVLENS_TEST_VERDICT"); /* core/gpu/wide.c asks for one */
  int result;

  g_test_init (&argc, &argv, NULL);
  g_test_set_nonfatal_assertions ();
  if (verdict != NULL)
    {
      setsid ();
      nice (19);
    }
  device = cnn_device_open (NULL, &error);
  if (device == NULL)
    {
      g_printerr ("%s\n", error->message);
      return 1;
    }
  g_test_add_func ("/layers/lanes", test_lanes);
  g_test_add_func ("/layers/every-class-has-a-row", test_every_class_has_a_row);
  g_test_add_func ("/layers/activation-names", test_activation_names);
  g_test_add_func ("/layers/refusals", test_refusals);
  g_test_add_func ("/layers/kinks", test_kinks);
  g_test_add_func ("/layers/ties", test_ties);
  g_test_add_func ("/layers/equal-operands", test_equal_operands);
  g_test_add_func ("/layers/extremes", test_extremes);
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path =
          g_strdup_printf ("/layers/%s/%03d %s", rows[i].class_name, (int) i, rows[i].params);

      g_test_add_data_func (path, &rows[i], test_row);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (winograd_rows); i++)
    {
      g_autofree char *path =
          g_strdup_printf ("/layers/winograd/%d %s", (int) i, winograd_rows[i].params);

      g_test_add_data_func (path, &winograd_rows[i], test_winograd_row);
    }
  result = g_test_run ();
  cnn_device_unref (device);
  if (verdict != NULL && result == 0 && !g_file_set_contents (verdict, "right\n", -1, NULL))
    return 1;
  return result;
}
