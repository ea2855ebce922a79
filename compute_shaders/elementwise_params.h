/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ELEMENTWISE_PARAMS_H
#define ELEMENTWISE_PARAMS_H
#include "activation_params.h"

/* Specialization constants. */
#define ACTIVATION_KIND 0
/* Bindings. */
#define ACTIVATION_SOURCE 0
#define ACTIVATION_TARGET 1

CNN_PARAMS (ElementwiseParams)
{
  uint items; /* vec4s */
  ActivationParams activation;
};
CNN_PARAMS_SIZE (ElementwiseParams, 16)
#endif
