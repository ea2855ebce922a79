/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Winograd's F(2×2, 3×3): 2×2 output pixels, a tile, come from 4×4 source pixels. Either transform
 * works on tiles `first` … `first` + `tiles` − 1 of all pictures, one after the other. Between the
 * two lie 16 matrices [element of the 4×4][plane][tile]. */
#ifndef WINOGRAD_PARAMS_H
#define WINOGRAD_PARAMS_H
#include "params.h"

#define WINOGRAD_LOCAL 64

/* specialization constants of winograd_output: 0 activation, 1 residual */
CNN_PARAMS (WinogradParams)
{
  uint planes, h, w;     /* of the pictures that are read, or written */
  uint tiles_y, tiles_x; /* of a picture */
  uint first, tiles;
  int before_y, before_x; /* source pixels above and left of a picture's first tile: padding */
  uint has_affine;
  float alpha, max_value, threshold;
};
#endif
