/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "activation_params.h" /* CnnActivationKind, shared with the shaders */

#include <glib.h>

G_BEGIN_DECLS

/* An activation function with its parameters (keras.activations). What a kind does not use is 0. */
typedef struct
{
  CnnActivationKind kind;
  float alpha;     /* slope below the threshold (relu), scale (elu, selu) */
  float max_value; /* relu: the ceiling, G_MAXFLOAT for none */
  float threshold; /* relu */
} CnnActivation;

/* The name of a function, "relu6" or "swish", to the activation with its defaults; FALSE for a name
 * that is not known. Names are Keras 3's, and two of our own: "hard_sigmoid_0.2" is
 * clip (0.2 x + 0.5, 0, 1), where "hard_sigmoid" is relu6 (x + 3) / 6, and "gelu_tanh" is gelu
 * (approximate=True). */
gboolean cnn_activation_from_name (const char *name, CnnActivation *activation);
const char *cnn_activation_name (CnnActivationKind kind);
/* The derivative follows from the function's value alone, so its input need not be kept. */
gboolean cnn_activation_derives_from_output (const CnnActivation *activation);

G_END_DECLS
