/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a kernel ends with (tail.glsl): its first constants and bindings, and a struct among its
 * push constants. Its own constants and bindings follow. */
#ifndef TAIL_PARAMS_H
#define TAIL_PARAMS_H
#include "activation_params.h"

/* Kinds: the tail of values; or, of a gradient, the way back through a tail in front of the layer,
 * through its affine part alone or through a ReLU first. */
#define TAIL_OF_VALUES 0
#define TAIL_OF_GRADIENT 1
#define TAIL_OF_GRADIENT_OF_RELU 2

/* Specialization constants. */
#define TAIL_ACTIVATION 0
#define TAIL_HAS_RESIDUAL 1
#define TAIL_KIND 2
#define TAIL_N_CONSTANTS 3
/* Bindings. */
#define TAIL_AFFINE 0   /* vec4 center[planes], scale[planes], shift[planes] */
#define TAIL_RESIDUAL 1 /* as the target */
#define TAIL_VALUE 2    /* what the ReLU gave, as the target */
#define TAIL_N_BINDINGS 3

struct TailParams
{
  uint has_affine;
  ActivationParams activation;
};
CNN_PARAMS_SIZE (TailParams, 16)
#endif
