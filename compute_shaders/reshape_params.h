/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RESHAPE_PARAMS_H
#define RESHAPE_PARAMS_H
#include "params.h"

/* Bindings. */
#define RESHAPE_SOURCE 0
#define RESHAPE_TARGET 1

CNN_PARAMS (ReshapeParams)
{
  uint items; /* vec4s of the target */
  uint source_h, source_w, source_c;
  uint target_h, target_w, target_c;
};
CNN_PARAMS_SIZE (ReshapeParams, 28)
#endif
