/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "keras_private.h"

G_BEGIN_DECLS

/* The variables of a layer, with the inputs that it has in the graph. */
int cnn_part_specs (const CnnPart *part, CnnWeightSpec specs[CNN_MAX_WEIGHTS]);
/* Some versions of Keras leave it out: it only serves further training. */
gboolean cnn_spec_is_optional (const CnnWeightSpec *spec);
/* Appends that a layer's variable lies in `dataset`, after a check of its shape. */
gboolean cnn_assign (GPtrArray *assignments, CnnHdf5 *file, CnnPart *part, int variable,
                     const CnnWeightSpec *spec, const char *dataset, GError **error);
/* The same for files whose groups are called layers/conv2d_1. */
gboolean cnn_weights_assign_paths (CnnPart *top, CnnHdf5 *file, GPtrArray *assignments,
                                   GError **error);
gboolean cnn_all_finite (const float *numbers, gsize n);
/* The error for weights that are not. */
void cnn_set_not_finite (const char *layer, const char *dataset, GError **error);
/* "SeparableConv2D" → "separable_conv2d", as Keras does. Transfer full. */
char *cnn_snake_case (const char *class_name);

G_END_DECLS
