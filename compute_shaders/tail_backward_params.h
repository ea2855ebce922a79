/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TAIL_BACKWARD_PARAMS_H
#define TAIL_BACKWARD_PARAMS_H
#include "activation_params.h"

/* What the derivative follows from. */
#define TAIL_NO_DERIVATIVE 0
#define TAIL_FROM_OUTPUT 1
#define TAIL_FROM_INPUT 2

/* Specialization constants. */
#define TAIL_BACKWARD_ACTIVATION 0
#define TAIL_BACKWARD_DERIVATIVE 1
#define TAIL_BACKWARD_HAS_AFFINE 2
#define TAIL_BACKWARD_HAS_RESIDUAL 3
/* Bindings. */
#define TAIL_BACKWARD_VALUE 0
#define TAIL_BACKWARD_GRADIENT 1
#define TAIL_BACKWARD_AFFINE 2
#define TAIL_BACKWARD_TARGET 3
#define TAIL_BACKWARD_RESIDUAL 4

CNN_PARAMS (TailBackwardParams)
{
  uint items; /* vec4s */
  uint planes, pixels;
  ActivationParams activation;
};
CNN_PARAMS_SIZE (TailBackwardParams, 24)
#endif
