/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Convolution as it is dispatched, forward and backward alike. Source pixel of output pixel y and
 * kernel row k: y·stride − before + k·dilation, divided by `up` where that leaves no rest (the
 * gradient of a strided convolution reads its source as if spread `up` pixels apart). Output pixels
 * of one rest by `up`, a phase, use the same rows of the kernel, every `every`th one;
 * `inverse`·dilation is 1 modulo `every`, once what `up` and dilation have in common, up / every,
 * is taken from the dilation. */
#ifndef CONV2D_PARAMS_H
#define CONV2D_PARAMS_H
#include "tail_params.h"

/* Tiles of a workgroup: so many output channels or, in a large tile, twice as many; or few, as a
 * picture has. Weights are packed by tiles of channels. */
#define CONV2D_TILE_CHANNELS 32
#define CONV2D_FEW_CHANNELS 4

/* Modes. */
#define CONV2D_POINTWISE 0
#define CONV2D_WINDOW 1
#define CONV2D_SPREAD 2

/* Specialization constants, after the tail's. */
#define CONV2D_LANES 3
#define CONV2D_MODE 4
#define CONV2D_CHANNELS_IN_LANES 5
#define CONV2D_NARROW 6
#define CONV2D_WIDE 7
/* Bindings, after the tail's. */
#define CONV2D_SOURCE 3
#define CONV2D_WEIGHTS 4
#define CONV2D_TARGET 5

CNN_PARAMS (Conv2dParams)
{
  uint in_planes, in_h, in_w;
  uint out_planes, out_h, out_w;
  uint taps, kernel_w;
  int before_y, before_x;
  uint stride_y, stride_x, dilation_y, dilation_x;
  int up_y, up_x, every_y, every_x, inverse_y, inverse_x;
  uint weights_step; /* vec4s between the weights of two pictures; 0: all share them */
  TailParams tail;
};
CNN_PARAMS_SIZE (Conv2dParams, 100)
#endif
