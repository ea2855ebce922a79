/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MAP_SEED_PARAMS_H
#define MAP_SEED_PARAMS_H
#include "params.h"

/* Bindings. */
#define MAP_SEED_UNITS 0
#define MAP_SEED_TARGET 1

CNN_PARAMS (MapSeedParams)
{
  uint items; /* vec4s */
  uint planes, h, w;
  uint border; /* cells left out on each side */
  float value;
};
CNN_PARAMS_SIZE (MapSeedParams, 24)

#endif
