/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pixel_moments, group_moments and normalize: LayerNormalization over the channels of each pixel,
 * GroupNormalization over all pixels of some channels. A moment is a vec4: mean and 1 / deviation
 * of the values; then, on the way back, the mean of the gradient h = g · gamma, and of h times the
 * normalized value. */
#ifndef NORMALIZE_PARAMS_H
#define NORMALIZE_PARAMS_H
#include "params.h"

/* specialization constants: 0 whether backward; normalize: 1 activation, 2 whether grouped,
 * 3 residual */
CNN_PARAMS (NormalizeParams)
{
  uint items; /* normalize: vec4s; pixel_moments: pixels */
  uint pixels, planes, channels;
  uint groups;
  float epsilon;
  float alpha, max_value, threshold;
};
#endif
