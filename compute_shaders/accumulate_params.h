/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ACCUMULATE_PARAMS_H
#define ACCUMULATE_PARAMS_H
#include "params.h"

/* Bindings. */
#define ACCUMULATE_LEFT 0
#define ACCUMULATE_RIGHT 1
#define ACCUMULATE_TARGET 2

CNN_PARAMS (AccumulateParams)
{
  uint items; /* vec4s */
};
CNN_PARAMS_SIZE (AccumulateParams, 4)
#endif
