/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "convolution.h"

/* Convolution of 3×3 kernels without strides by Winograd's F(2×2, 3×3): 16 products for 4 pixels in
 * place of 36, between a transform of the source and one of the products (A. Lavin, S. Gray, Fast
 * Algorithms for Convolutional Neural Networks, 2016). */

/* It is possible, and faster than conv2d, for the convolution and so for its gradient. */
gboolean cnn_winograd_suits (const CnnWindow *window, const CnnShape *input,
                             const CnnShape *output);

/* Weights as of cnn_pack_gemm, 9 taps, but transformed once all have come. */
gsize cnn_winograd_bytes (const CnnGemm *gemm);
void cnn_pack_winograd (const CnnGemm *gemm, const float *data, gsize first, gsize n,
                        float *packed);

/* What recording needs for maps of these shapes, whichever of them is the source; if narrower, W,
 * it does fewer tiles at a time. */
CnnShape cnn_winograd_scratch (const CnnShape *input, const CnnShape *output);
/* Source to target through `weights`, packed by cnn_pack_winograd. `epilogue` NULL leaves values as
 * they are. */
gboolean cnn_record_winograd (CnnCommands *commands, const CnnTensor *source,
                              const CnnTensor *target, const CnnTensor *scratch, CnnBuffer *weights,
                              const CnnWindow *window, const CnnEpilogue *epilogue, GError **error);
