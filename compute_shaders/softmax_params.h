/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SOFTMAX_PARAMS_H
#define SOFTMAX_PARAMS_H
#include "params.h"

CNN_PARAMS (SoftmaxParams)
{
  uint items; /* pixels of all pictures */
  uint pixels, planes, channels;
};
#endif
