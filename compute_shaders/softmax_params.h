/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SOFTMAX_PARAMS_H
#define SOFTMAX_PARAMS_H
#include "params.h"

/* Bindings of softmax. */
#define SOFTMAX_SOURCE 0
#define SOFTMAX_TARGET 1

/* Bindings of softmax_backward. */
#define SOFTMAX_BACKWARD_VALUE 0
#define SOFTMAX_BACKWARD_GRADIENT 1
#define SOFTMAX_BACKWARD_TARGET 2

CNN_PARAMS (SoftmaxParams)
{
  uint items; /* pixels of all pictures */
  uint pixels, planes, channels;
};
CNN_PARAMS_SIZE (SoftmaxParams, 16)
#endif
