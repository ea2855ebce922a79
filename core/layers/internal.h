/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the families share when they record kernels. */

#include "classes.h"
#include "error.h"
#include "layer.h"
#include "tail_params.h"

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

ActivationParams cnn_activation_params (const CnnActivation *activation);

/* What is given to a kernel that ends with tail.glsl. */
typedef struct
{
  guint32 constants[TAIL_N_CONSTANTS];
  CnnBinding bindings[TAIL_N_BINDINGS];
  TailParams params;
} CnnKernelTail;

/* Of a step's tail or gradient_tail. */
CnnKernelTail cnn_step_tail (const CnnStep *step);
/* Of a tail, or none (NULL). `other` is bound, and not read, where a part is missing. */
CnnKernelTail cnn_kernel_tail (const CnnTail *tail, const CnnTensor *other);
/* Its constants and bindings; the params go into the kernel's own. */
void cnn_dispatch_set_tail (CnnDispatch *dispatch, const CnnKernelTail *tail);
/* The kernel of a stem that ends so: NAME_relu is ready much sooner than NAME, which knows all
 * activations. */
#define CNN_TAIL_STEM(stem, tail) \
  ((tail).constants[TAIL_ACTIVATION] == CNN_ACTIVATION_RELU ? stem "_relu" : stem)

/* The gradient of a tail: from grad_output to grad_inputs[0] through `activation` (or NULL), by the
 * value that its derivative follows from, and through step->affine; plus the residual. */
gboolean cnn_tail_backward (const CnnActivation *activation, const CnnStep *step, GError **error);

/* The affine rule of a layer with a bias, which is variable `index`: center 0, scale 1. */
void cnn_bias_affine (const CnnLayer *layer, int index, int channels, CnnAffine *affine);
