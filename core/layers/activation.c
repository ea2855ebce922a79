/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Activation, and the layers that are one activation function: ReLU, LeakyReLU, ELU. */
#include "internal.h"

#include "elementwise_params.h"

#define RELU(slope, ceiling)                 \
  {                                          \
    CNN_ACTIVATION_RELU, slope, ceiling, 0.f \
  }
#define KIND(kind)      \
  {                     \
    kind, 0.f, 0.f, 0.f \
  }

/* Keras' name and what it means; the first row of a kind gives cnn_activation_name. Where `before`
 * or `since` is set, the row holds for versions of Keras before or since that one. */
static const struct
{
  const char *name;
  CnnActivation activation;
  int before, since;
} names[] = {
  { "linear", KIND (CNN_ACTIVATION_LINEAR), 0, 0 },
  { "relu", RELU (0.f, G_MAXFLOAT), 0, 0 },
  { "relu6", RELU (0.f, 6.f), 0, 0 },
  { "leaky_relu", RELU (.2f, G_MAXFLOAT), 0, 0 },
  { "elu", { CNN_ACTIVATION_ELU, 1.f, 0.f, 0.f }, 0, 0 },
  { "selu", KIND (CNN_ACTIVATION_SELU), 0, 0 },
  { "sigmoid", KIND (CNN_ACTIVATION_SIGMOID), 0, 0 },
  { "hard_sigmoid", KIND (CNN_ACTIVATION_HARD_SIGMOID), 0, 3 },
  { "hard_sigmoid", KIND (CNN_ACTIVATION_HARD_SIGMOID_2), 3, 0 },
  { "tanh", KIND (CNN_ACTIVATION_TANH), 0, 0 },
  { "softplus", KIND (CNN_ACTIVATION_SOFTPLUS), 0, 0 },
  { "silu", KIND (CNN_ACTIVATION_SWISH), 0, 0 },
  { "swish", KIND (CNN_ACTIVATION_SWISH), 0, 0 },
  { "hard_silu", KIND (CNN_ACTIVATION_HARD_SWISH), 0, 0 },
  { "hard_swish", KIND (CNN_ACTIVATION_HARD_SWISH), 0, 0 },
  { "gelu", KIND (CNN_ACTIVATION_GELU), 0, 0 },
  { "gelu_tanh", KIND (CNN_ACTIVATION_GELU_TANH), 0, 0 }, /* ours: gelu (approximate=True) */
  { "exponential", KIND (CNN_ACTIVATION_EXPONENTIAL), 0, 0 },
  { "softmax", KIND (CNN_ACTIVATION_SOFTMAX), 0, 0 },
  /* Keras 2 takes the names of layers too, with the layers' defaults. */
  { "ReLU", RELU (0.f, G_MAXFLOAT), 3, 0 },
  { "LeakyReLU", RELU (.3f, G_MAXFLOAT), 3, 0 },
  { "ELU", { CNN_ACTIVATION_ELU, 1.f, 0.f, 0.f }, 3, 0 },
  { "Softmax", KIND (CNN_ACTIVATION_SOFTMAX), 3, 0 },
};

gboolean
cnn_activation_from_name (const char *name, int keras_major, CnnActivation *activation)
{
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (names[i].name, name) == 0 && (names[i].before == 0 || keras_major < names[i].before)
        && keras_major >= names[i].since)
      {
        *activation = names[i].activation;
        return TRUE;
      }
  return FALSE;
}

const char *
cnn_activation_name (CnnActivationKind kind)
{
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i].activation.kind == kind)
      return names[i].name;
  g_assert_not_reached ();
}

gboolean
cnn_activation_derives_from_output (const CnnActivation *activation)
{
  switch (activation->kind)
    {
    case CNN_ACTIVATION_LINEAR:
    case CNN_ACTIVATION_SELU:
    case CNN_ACTIVATION_SIGMOID:
    case CNN_ACTIVATION_HARD_SIGMOID:
    case CNN_ACTIVATION_TANH:
    case CNN_ACTIVATION_SOFTPLUS:
    case CNN_ACTIVATION_EXPONENTIAL:
    case CNN_ACTIVATION_SOFTMAX:
      return TRUE;
    case CNN_ACTIVATION_ELU:
      return activation->alpha >= 0.f;
    case CNN_ACTIVATION_RELU:
      /* relu6 has derivative 0 at 6, every other ceiling 1: there the output does not tell. */
      return activation->alpha >= 0.f && activation->threshold == 0.f
             && (activation->max_value == G_MAXFLOAT || activation->max_value == 6.f);
    default:
      return FALSE;
    }
}

static gboolean
is_identity (const CnnLayer *layer, const CnnShape *input)
{
  (void) input;
  return layer->activation.kind == CNN_ACTIVATION_LINEAR;
}

static gboolean
forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  const CnnActivation *activation = &layer->activation;
  CnnDispatch dispatch = {
    .stem = activation->kind == CNN_ACTIVATION_RELU ? "activation_relu" : "activation",
    .constants = { [ACTIVATION_KIND] = activation->kind },
    .bindings = { [ACTIVATION_SOURCE] = cnn_tensor_binding (step->inputs[0]),
                  [ACTIVATION_TARGET] = cnn_tensor_binding (step->output) },
  };
  ElementwiseParams params = {
    .items = cnn_flat_vectors (&step->output_shape, dispatch.groups),
    .activation = cnn_activation_params (activation),
  };

  if (activation->kind == CNN_ACTIVATION_SOFTMAX)
    return cnn_softmax_forward (step, error);
  dispatch.push = &params;
  dispatch.push_size = sizeof params;
  return cnn_commands_dispatch (step->commands, &dispatch, error);
}

static gboolean
backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  return layer->activation.kind == CNN_ACTIVATION_SOFTMAX
             ? cnn_softmax_backward (step, error)
             : cnn_tail_backward (&layer->activation, step, error);
}

static gboolean
relu_configure (CnnLayer *layer, GError **error)
{
  const CnnActivation *activation = &layer->activation;

  layer->activation.kind = CNN_ACTIVATION_RELU;
  if (activation->alpha >= 0.f && activation->max_value >= 0.f && activation->threshold >= 0.f)
    return TRUE;
  cnn_layer_set_error (layer, error, CNN_ERROR_MODEL,
                       "max_value, negative_slope or threshold is negative");
  return FALSE;
}

static gboolean
leaky_relu_configure (CnnLayer *layer, GError **error)
{
  (void) error;
  layer->activation.kind = CNN_ACTIVATION_RELU;
  layer->activation.max_value = G_MAXFLOAT;
  return TRUE;
}

static gboolean
elu_configure (CnnLayer *layer, GError **error)
{
  (void) error;
  layer->activation.kind = CNN_ACTIVATION_ELU;
  return TRUE;
}

static const CnnParam activation_params[] = {
  { "activation", CNN_PARAM_ACTIVATION, G_STRUCT_OFFSET (CnnLayer, activation), 0, NULL },
  { NULL },
};

static const CnnParam relu_params[] = {
  { "max_value", CNN_PARAM_FLOAT, G_STRUCT_OFFSET (CnnLayer, activation.max_value), G_MAXFLOAT,
    NULL },
  { "negative_slope", CNN_PARAM_FLOAT, G_STRUCT_OFFSET (CnnLayer, activation.alpha), 0, NULL },
  { "threshold", CNN_PARAM_FLOAT, G_STRUCT_OFFSET (CnnLayer, activation.threshold), 0, NULL },
  { NULL },
};

/* The slope has two names: Keras 3's and Keras 2's. */
static const CnnParam leaky_relu_params[] = {
  { "negative_slope", CNN_PARAM_FLOAT, G_STRUCT_OFFSET (CnnLayer, activation.alpha), .3, NULL },
  { "alpha", CNN_PARAM_FLOAT, G_STRUCT_OFFSET (CnnLayer, activation.alpha), .3, NULL },
  { NULL },
};

static const CnnParam elu_params[] = {
  { "alpha", CNN_PARAM_FLOAT, G_STRUCT_OFFSET (CnnLayer, activation.alpha), 1, NULL },
  { NULL },
};

#define ACTIVATION_CLASS(symbol, keras_name, parameters, configuration)             \
  const CnnLayerClass cnn_##symbol##_class = {                                      \
    .name = keras_name,                                                             \
    .instance_size = sizeof (CnnLayer),                                             \
    .params = parameters,                                                           \
    .flags = CNN_LAYER_ACTIVATION | CNN_LAYER_NEEDS_INPUTS | CNN_LAYER_NEEDS_OUTPUT \
             | CNN_LAYER_ADDS_GRADIENT,                                             \
    .configure = configuration,                                                     \
    .output_shape = cnn_layer_same_shape,                                           \
    .is_identity = is_identity,                                                     \
    .forward = forward,                                                             \
    .backward = backward,                                                           \
  }

ACTIVATION_CLASS (activation, "Activation", activation_params, NULL);
ACTIVATION_CLASS (relu, "ReLU", relu_params, relu_configure);
ACTIVATION_CLASS (leaky_relu, "LeakyReLU", leaky_relu_params, leaky_relu_configure);
ACTIVATION_CLASS (elu, "ELU", elu_params, elu_configure);
