/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Activation functions and their derivatives. `kind` is a specialization constant where a kernel has
 * one, so that one branch remains. With RELU_ALONE there is no other from the start, which is what
 * most models ask for and what a driver has the least work with. At the kinks derivatives are
 * TensorFlow's. */
#ifndef ACTIVATION_GLSL
#define ACTIVATION_GLSL
#extension GL_EXT_control_flow_attributes : enable
#include "activation_params.h"
#include "math.glsl"

#define SELU_SCALE 1.05070099
#define SELU_SCALE_ALPHA 1.75809934
#define SQRT_HALF 0.707106781
#define SQRT_2_OVER_PI 0.797884561
#define ONE_OVER_SQRT_2_PI 0.398942280
#define GELU_CUBIC 0.044715
#define NO_MAX_VALUE 3.4e38

/* Of ActivationParams, as arguments. */
#define NUMBERS_OF(params) params.alpha, params.max_value, params.threshold

float
sigmoid (float x)
{
  float e = exact_exp (-abs (x));
  return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

float
activate (uint kind, float alpha, float max_value, float threshold, float x)
{
#ifdef RELU_ALONE
  return x > threshold ? min (x, max_value) : alpha * (x - threshold);
#else
  if (kind == CNN_ACTIVATION_RELU)
    return x > threshold ? min (x, max_value) : alpha * (x - threshold);
  if (kind == CNN_ACTIVATION_ELU)
    return x > 0.0 ? x : alpha * exact_exp_minus_1 (min (x, 0.0));
  if (kind == CNN_ACTIVATION_SELU)
    return x > 0.0 ? SELU_SCALE * x : SELU_SCALE_ALPHA * exact_exp_minus_1 (min (x, 0.0));
  if (kind == CNN_ACTIVATION_SIGMOID)
    return sigmoid (x);
  if (kind == CNN_ACTIVATION_HARD_SIGMOID)
    return clamp (x + 3.0, 0.0, 6.0) / 6.0;
  if (kind == CNN_ACTIVATION_HARD_SIGMOID_2)
    return clamp (0.2 * x + 0.5, 0.0, 1.0);
  if (kind == CNN_ACTIVATION_TANH)
    return exact_tanh (x);
  if (kind == CNN_ACTIVATION_SOFTPLUS)
    return max (x, 0.0) + exact_log_1_plus (exact_exp (-abs (x)));
  if (kind == CNN_ACTIVATION_SWISH)
    return x * sigmoid (x);
  if (kind == CNN_ACTIVATION_HARD_SWISH)
    return x * (clamp (x + 3.0, 0.0, 6.0) / 6.0);
  if (kind == CNN_ACTIVATION_GELU)
    return 0.5 * x * (1.0 + exact_erf (x * SQRT_HALF));
  if (kind == CNN_ACTIVATION_GELU_TANH)
    return 0.5 * x * (1.0 + exact_tanh (SQRT_2_OVER_PI * (x + GELU_CUBIC * x * x * x)));
  if (kind == CNN_ACTIVATION_EXPONENTIAL)
    return exact_exp (x);
  return x;
#endif
}

/* Where cnn_activation_derives_from_output: the derivative from the function's value y. */
float
derivative_from_output (uint kind, float alpha, float max_value, float y)
{
  if (kind == CNN_ACTIVATION_RELU)
    return y > 0.0 ? (y < max_value ? 1.0 : 0.0)
                   : (y < 0.0 || max_value > NO_MAX_VALUE ? alpha : 0.0);
  if (kind == CNN_ACTIVATION_ELU)
    return y > 0.0 ? 1.0 : y + alpha;
  if (kind == CNN_ACTIVATION_SELU)
    return y < 0.0 ? y + SELU_SCALE_ALPHA : SELU_SCALE;
  if (kind == CNN_ACTIVATION_SIGMOID)
    return y * (1.0 - y);
  if (kind == CNN_ACTIVATION_HARD_SIGMOID)
    return y > 0.0 && y < 1.0 ? 1.0 / 6.0 : 0.0;
  if (kind == CNN_ACTIVATION_TANH)
    return (1.0 - y) * (1.0 + y);
  if (kind == CNN_ACTIVATION_SOFTPLUS)
    return -exact_exp_minus_1 (min (-y, 0.0));
  if (kind == CNN_ACTIVATION_EXPONENTIAL)
    return y;
  return 1.0;
}

/* The other ones: the derivative from the function's argument x. */
float
derivative_from_input (uint kind, float alpha, float max_value, float threshold, float x)
{
  if (kind == CNN_ACTIVATION_RELU)
    {
      if (x > threshold)
        return x <= max_value ? 1.0 : 0.0;
      return x < threshold || (max_value > NO_MAX_VALUE && threshold == 0.0) ? alpha : 0.0;
    }
  if (kind == CNN_ACTIVATION_ELU)
    return x > 0.0 ? 1.0 : alpha * exact_exp (x);
  if (kind == CNN_ACTIVATION_HARD_SIGMOID_2)
    {
      float y = 0.2 * x + 0.5;
      return y >= 0.0 && y <= 1.0 ? 0.2 : 0.0;
    }
  if (kind == CNN_ACTIVATION_SWISH)
    {
      float s = sigmoid (x);
      return s * (1.0 + x * (1.0 - s));
    }
  if (kind == CNN_ACTIVATION_HARD_SWISH)
    return clamp (x + 3.0, 0.0, 6.0) / 6.0 + (x > -3.0 && x < 3.0 ? x / 6.0 : 0.0);
  if (kind == CNN_ACTIVATION_GELU)
    {
      float bounded = clamp (x, -14.0, 14.0);
      return 0.5 * (1.0 + exact_erf (bounded * SQRT_HALF))
             + bounded * ONE_OVER_SQRT_2_PI * exact_exp (-0.5 * bounded * bounded);
    }
  if (kind == CNN_ACTIVATION_GELU_TANH)
    {
      float bounded = clamp (x, -14.0, 14.0), square = bounded * bounded;
      float t = exact_tanh (SQRT_2_OVER_PI * bounded * (1.0 + GELU_CUBIC * square));
      return 0.5 * (1.0 + t)
             + 0.5 * bounded * (1.0 - t) * (1.0 + t) * SQRT_2_OVER_PI
                   * (1.0 + 3.0 * GELU_CUBIC * square);
    }
  return 1.0;
}

/* As loops the functions above stand once in what a driver has to inline. */
vec4
activate (uint kind, float alpha, float max_value, float threshold, vec4 x)
{
  [[unroll]] for (int i = 0; i < 4; i++)
    x[i] = activate (kind, alpha, max_value, threshold, x[i]);
  return x;
}

vec4
derivative_from_output (uint kind, float alpha, float max_value, vec4 y)
{
  [[unroll]] for (int i = 0; i < 4; i++)
    y[i] = derivative_from_output (kind, alpha, max_value, y[i]);
  return y;
}

vec4
derivative_from_input (uint kind, float alpha, float max_value, float threshold, vec4 x)
{
  [[unroll]] for (int i = 0; i < 4; i++)
    x[i] = derivative_from_input (kind, alpha, max_value, threshold, x[i]);
  return x;
}
#endif
