/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RESAMPLE_PARAMS_H
#define RESAMPLE_PARAMS_H
#include "params.h"

/* A table has, for every target row (or column), RESAMPLE_HEAD numbers: the first source row,
 * how many, the sum of their weights; then the weights, as floats, up to `pitch` numbers. */
#define RESAMPLE_HEAD 3

/* Bindings. */
#define RESAMPLE_SOURCE 0
#define RESAMPLE_ROWS 1
#define RESAMPLE_COLUMNS 2
#define RESAMPLE_TARGET 3

CNN_PARAMS (ResampleParams)
{
  uint items; /* vec4s of the target */
  uint source_h, source_w, target_h, target_w;
  uint pitch_y, pitch_x;
  float fill; /* has the weight that is missing from 1 */
};
CNN_PARAMS_SIZE (ResampleParams, 32)
#endif
