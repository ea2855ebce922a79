/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Winograd's F(2×2, 3×3) and F(4×4, 3×3): SIZE×SIZE output pixels, a tile, come from EDGE×EDGE
 * source pixels, EDGE = SIZE + 2. Either transform works on tiles `first` … `first` + `tiles` − 1
 * of all pictures, one after the other. Between the two lie EDGE² matrices [element of the
 * tile][plane][tile].
 *
 * The matrices are those of polynomials that are multiplied by their values at EDGE points: 0, 1,
 * −1 and ∞ for tiles of 2; 0, √½, −√½, √2, −√2 and ∞ for tiles of 4. With 1 and 2 in place of the
 * roots, powers differ more in size, and rounding is four to six times as large. */
#ifndef WINOGRAD_PARAMS_H
#define WINOGRAD_PARAMS_H
#include "tail_params.h"

#define WINOGRAD_LOCAL 64

#define WINOGRAD_POINT_A .70710678118654752
#define WINOGRAD_POINT_B 1.4142135623730950

/* Specialization constants of winograd_input. */
#define WINOGRAD_INPUT_SIZE 0
/* Bindings of winograd_input. */
#define WINOGRAD_INPUT_SOURCE 0
#define WINOGRAD_INPUT_TARGET 1

/* Specialization constants of winograd_output, after the tail's. */
#define WINOGRAD_OUTPUT_SIZE 3
/* Bindings of winograd_output, after the tail's. */
#define WINOGRAD_OUTPUT_SOURCE 3
#define WINOGRAD_OUTPUT_TARGET 4

CNN_PARAMS (WinogradParams)
{
  uint planes, h, w;     /* of the pictures that are read, or written */
  uint tiles_y, tiles_x; /* of a picture */
  uint first, tiles;
  int before_y, before_x; /* source pixels above and left of a picture's first tile: padding */
  TailParams tail;        /* winograd_output */
};
CNN_PARAMS_SIZE (WinogradParams, 52)
#endif
