/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Activation kinds, for C and GLSL. */
#ifndef ACTIVATION_PARAMS_H
#define ACTIVATION_PARAMS_H
#include "params.h"

#define CNN_ACTIVATION_LINEAR 0
#define CNN_ACTIVATION_RELU 1 /* max_value, negative slope, threshold: relu6, leaky_relu */
#define CNN_ACTIVATION_ELU 2
#define CNN_ACTIVATION_SELU 3
#define CNN_ACTIVATION_SIGMOID 4
#define CNN_ACTIVATION_HARD_SIGMOID 5   /* Keras 3: relu6 (x + 3) / 6 */
#define CNN_ACTIVATION_HARD_SIGMOID_2 6 /* Keras 1 and 2: clip (0.2 x + 0.5, 0, 1) */
#define CNN_ACTIVATION_TANH 7
#define CNN_ACTIVATION_SOFTPLUS 8
#define CNN_ACTIVATION_SWISH 9
#define CNN_ACTIVATION_HARD_SWISH 10
#define CNN_ACTIVATION_GELU 11      /* exact, by erf */
#define CNN_ACTIVATION_GELU_TANH 12 /* approximate=True */
#define CNN_ACTIVATION_EXPONENTIAL 13
#define CNN_ACTIVATION_SOFTMAX 14 /* not elementwise: kernels of its own */

struct ActivationParams
{
  float alpha, max_value, threshold;
};
CNN_PARAMS_SIZE (ActivationParams, 12)

#ifndef GL_core_profile
typedef unsigned int CnnActivationKind;
#endif

#endif
