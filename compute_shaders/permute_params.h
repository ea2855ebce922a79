/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PERMUTE_PARAMS_H
#define PERMUTE_PARAMS_H
#include "params.h"

/* Bindings. */
#define PERMUTE_SOURCE 0
#define PERMUTE_TARGET 1

/* Steps: how far the source's element moves, counted in Keras' order (y, x, c) of one picture, when
 * the target's row, column or channel grows by one. */
CNN_PARAMS (PermuteParams)
{
  uint items; /* vec4s of the target */
  uint target_h, target_w, target_c;
  uint step_h, step_w, step_c;
  uint source_pixels, source_c;
};
CNN_PARAMS_SIZE (PermuteParams, 36)
#endif
