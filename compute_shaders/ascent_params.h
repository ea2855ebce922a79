/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ASCENT_PARAMS_H
#define ASCENT_PARAMS_H
#include "params.h"

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

#endif
