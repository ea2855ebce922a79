/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the families share when they record kernels. */

#include "classes.h"
#include "error.h"
#include "layer.h"

#include <string.h>

/* Size of a window's output along one side (TensorFlow's rule) and, in `before`, the padding at its
 * start. 0 for an unknown size, negative where the window does not fit. */
int cnn_window_size (int size, int window, int stride, int dilation, gboolean same, int *before);

/* The rank that a class takes, as an error that names the layer otherwise. */
gboolean cnn_layer_check_rank (const CnnLayer *layer, const CnnShape *shape, int rank,
                               GError **error);

/* Workgroups and item count of a flat kernel that computes every vec4 of `shape`. */
guint cnn_flat_vectors (const CnnShape *shape, guint groups[3]);

CnnBinding cnn_whole_buffer (CnnBuffer *buffer);

/* The activation that a kernel ends with. None (NULL) and a linear one become a ReLU of slope 1
 * without ceiling, which gives the same to the last bit: one kernel less to be made ready. */
CnnActivation cnn_tail_activation (const CnnActivation *activation);
/* The kernel of a stem that ends so: NAME_relu is ready much sooner than NAME, which knows all
 * activations. */
#define CNN_TAIL_STEM(stem, tail) ((tail).kind == CNN_ACTIVATION_RELU ? stem "_relu" : stem)

/* Which parts an epilogue, or NULL, has, and what a kernel binds as them: where a part is missing,
 * `other`, which is not read then. */
gboolean cnn_has_affine (const CnnEpilogue *epilogue);
gboolean cnn_has_residual (const CnnEpilogue *epilogue);
CnnBinding cnn_affine_binding (const CnnEpilogue *epilogue, const CnnTensor *other);
CnnBinding cnn_residual_binding (const CnnEpilogue *epilogue, const CnnTensor *other);
CnnBinding cnn_value_binding (const CnnEpilogue *epilogue, const CnnTensor *other);
/* EPILOGUE_… of activation_params.h. */
guint32 cnn_epilogue_kind (const CnnEpilogue *epilogue);

/* The gradient of an epilogue: from grad_output to grad_inputs[0] through `activation` (or NULL),
 * by the value that its derivative follows from, and through the affine part of step->epilogue;
 * plus the latter's residual. */
gboolean cnn_tail_backward (const CnnActivation *activation, const CnnStep *step, GError **error);

/* The affine rule of a layer with a bias, which is variable `index`: center 0, scale 1. */
void cnn_bias_affine (const CnnLayer *layer, int index, int channels, CnnAffine *affine);
