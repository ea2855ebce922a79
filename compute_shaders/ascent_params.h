/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ASCENT_PARAMS_H
#define ASCENT_PARAMS_H
#include "params.h"

/* Specialization constants of ascend. */
#define ASCEND_DIFFERENCE 0
/* Bindings of ascend. */
#define ASCEND_PICTURE 0
#define ASCEND_SOURCE 1
#define ASCEND_OTHER 2
#define ASCEND_FACTORS 3

/* Bindings of blur. */
#define BLUR_SOURCE 0
#define BLUR_TARGET 1

/* Bindings of pull. */
#define PULL_SOURCE 0
#define PULL_TARGET 1

/* Specialization constants of squares. */
#define SQUARES_DIFFERENCE 0
/* Bindings of squares. */
#define SQUARES_SOURCE 0
#define SQUARES_OTHER 1
#define SQUARES_SUMS 2

/* Specialization constants of step_length. */
#define STEP_LENGTH_NEXT_MOVE 0
/* Bindings of step_length. */
#define STEP_LENGTH_SUMS 0
#define STEP_LENGTH_FACTORS 1
#define STEP_LENGTH_MOVES 2

/* Bindings of warp. */
#define WARP_SOURCE 0
#define WARP_MOVES 1
#define WARP_TARGET 2

/* Specialization constants of warp_backward. */
#define WARP_BACKWARD_OPPONENT 0
/* Bindings of warp_backward. */
#define WARP_BACKWARD_SOURCE 0
#define WARP_BACKWARD_MOVES 1
#define WARP_BACKWARD_TARGET 2

/* Gradient ascent on n pictures at once: one layout for all of its kernels. A picture has ⌈C / 4⌉
 * planes of h·w vec4s. */
CNN_PARAMS (AscentParams)
{
  uint items; /* vec4s of all pictures, or what else a kernel counts */
  uint h, w;
  uint channels;
  uint parts; /* sums that a picture's squares are made of */
  uint pictures;
  int hole_y, hole_x; /* blur: between taps */
  float rate;         /* length of the step */
  float least;        /* of the sum of squares */
  float smooth_share; /* pull: how far towards the neighbours' mean */
  float calm_share;   /* pull: how far towards rest */
  float rest;         /* the value of an empty picture */
};
CNN_PARAMS_SIZE (AscentParams, 52)

#endif
