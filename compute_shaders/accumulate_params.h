/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ACCUMULATE_PARAMS_H
#define ACCUMULATE_PARAMS_H
#include "params.h"

CNN_PARAMS (AccumulateParams)
{
  uint items; /* vec4s */
};
#endif
