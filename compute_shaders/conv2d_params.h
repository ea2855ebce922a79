/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Convolution as it is dispatched, forward and backward alike. Source pixel of output pixel y and
 * kernel row k: y·stride − before + k·dilation, divided by `up` where that leaves no rest (the
 * gradient of a strided convolution reads its source as if spread `up` pixels apart). Output pixels
 * of one rest by `up`, a phase, use the same rows of the kernel, every `every`th one;
 * `inverse`·dilation is 1 modulo `every`, once what `up` and dilation have in common, up / every,
 * is taken from the dilation. */
#ifndef CONV2D_PARAMS_H
#define CONV2D_PARAMS_H
#include "params.h"

/* Tiles of a workgroup: so many output channels or, in a large tile, twice as many; or few, as a
 * picture has. Weights are packed by tiles of channels. */
#define CONV2D_TILE_CHANNELS 32
#define CONV2D_FEW_CHANNELS 4

/* specialization constants: 0 lanes, 1 mode, 2 activation, 3 channels in lanes, 4 narrow, 5 wide,
 * 6 residual, 7 epilogue */
#define CONV2D_POINTWISE 0
#define CONV2D_WINDOW 1
#define CONV2D_SPREAD 2

CNN_PARAMS (Conv2dParams)
{
  uint in_planes, in_h, in_w;
  uint out_planes, out_h, out_w;
  uint taps, kernel_w;
  int before_y, before_x;
  uint stride_y, stride_x, dilation_y, dilation_x;
  int up_y, up_x, every_y, every_x, inverse_y, inverse_x;
  uint weights_step; /* vec4s between the weights of two pictures; 0: all share them */
  uint has_affine;
  float alpha, max_value, threshold;
};
#endif
