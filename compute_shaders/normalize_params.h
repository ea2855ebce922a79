/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pixel_moments, group_moments and normalize: LayerNormalization over the channels of each pixel,
 * GroupNormalization over all pixels of some channels. A moment is a vec4: mean and 1 / deviation
 * of the values; then, on the way back, the mean of the gradient h = g · gamma, and of h times the
 * normalized value. */
#ifndef NORMALIZE_PARAMS_H
#define NORMALIZE_PARAMS_H
#include "params.h"

/* Specialization constants of pixel_moments and group_moments. */
#define MOMENTS_BACKWARD 0
/* Bindings of pixel_moments and group_moments. */
#define MOMENTS_SOURCE 0
#define MOMENTS_GRADIENT 1
#define MOMENTS_GAMMA 2
#define MOMENTS_TARGET 3

/* Specialization constants of normalize. */
#define NORMALIZE_BACKWARD 0
#define NORMALIZE_ACTIVATION 1
#define NORMALIZE_GROUPS 2 /* whether there are any */
#define NORMALIZE_HAS_RESIDUAL 3
/* Bindings of normalize. */
#define NORMALIZE_SOURCE 0
#define NORMALIZE_GRADIENT 1
#define NORMALIZE_AFFINE 2
#define NORMALIZE_MOMENTS 3
#define NORMALIZE_TARGET 4
#define NORMALIZE_RESIDUAL 5

CNN_PARAMS (NormalizeParams)
{
  uint items; /* normalize: vec4s; pixel_moments: pixels */
  uint pixels, planes, channels;
  uint groups;
  float epsilon;
  float alpha, max_value, threshold;
};
CNN_PARAMS_SIZE (NormalizeParams, 36)
#endif
