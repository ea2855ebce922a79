/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "convolution.h"

/* Convolution of 3×3 kernels without strides by Winograd's F(2×2, 3×3) and F(4×4, 3×3): 16 products
 * for 4 pixels in place of 36, or 36 for 16 pixels in place of 144, between a transform of the
 * source and one of the products (A. Lavin, S. Gray, Fast Algorithms for Convolutional Neural
 * Networks, 2016). Rounding is twice conv2d's, or five to seven times; see winograd_params.h. */

/* Pixels along the side of a tile, 2 or 4, that make the convolution, and so its gradient, faster
 * than conv2d; 0 where it is not possible or not faster. `exact`: never 4. */
int cnn_winograd_size (const CnnWindow *window, const CnnShape *input, const CnnShape *output,
                       gboolean exact);

/* Weights as of cnn_pack_gemm, 9 taps, but transformed once all have come. */
gsize cnn_winograd_bytes (const CnnGemm *gemm, int size);
void cnn_pack_winograd (const CnnGemm *gemm, int size, const float *data, gsize first, gsize n,
                        float *packed);

/* What recording needs for maps of these shapes, whichever of them is the source, for tiles of
 * either size; if narrower, W, it does fewer tiles at a time. Of W, CNN_WINOGRAD_SLACK is for the
 * alignment of what lies within, which no device wants larger. */
#define CNN_WINOGRAD_SLACK 16
CnnShape cnn_winograd_scratch (const CnnShape *input, const CnnShape *output);
/* Source to target through `weights`, packed by cnn_pack_winograd. */
gboolean cnn_record_winograd (CnnCommands *commands, const CnnTensor *source,
                              const CnnTensor *target, const CnnTensor *scratch, CnnBuffer *weights,
                              int size, const CnnWindow *window, const CnnKernelTail *tail,
                              GError **error);
