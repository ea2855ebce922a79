/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pixel_moments, group_moments and normalize: LayerNormalization over the channels of each pixel,
 * GroupNormalization over all pixels of some channels. A moment is a vec4: mean and 1 / deviation
 * of the values; then, on the way back, the mean of the gradient h = g · gamma, and of h times the
 * normalized value. */
#ifndef NORMALIZE_PARAMS_H
#define NORMALIZE_PARAMS_H
#include "tail_params.h"

/* Specialization constants of pixel_moments and group_moments. */
#define MOMENTS_BACKWARD 0
/* Bindings of pixel_moments and group_moments. */
#define MOMENTS_SOURCE 0
#define MOMENTS_GRADIENT 1
#define MOMENTS_GAMMA 2
#define MOMENTS_TARGET 3

/* Specialization constants of normalize, after the tail's. */
#define NORMALIZE_BACKWARD 3
#define NORMALIZE_GROUPS 4 /* whether there are any */
/* Bindings of normalize, after the tail's. */
#define NORMALIZE_SOURCE 3
#define NORMALIZE_GRADIENT 4
#define NORMALIZE_MOMENTS 5
#define NORMALIZE_TARGET 6

CNN_PARAMS (NormalizeParams)
{
  uint items; /* normalize: vec4s; pixel_moments: pixels */
  uint pixels, planes, channels;
  uint groups;
  float epsilon;
  TailParams tail; /* normalize; backward: gamma in place of center */
};
CNN_PARAMS_SIZE (NormalizeParams, 40)
#endif
