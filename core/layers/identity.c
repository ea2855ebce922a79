/* SPDX-License-Identifier: GPL-3.0-or-later */
/* InputLayer, and the layers that do something in training only. */
#include "internal.h"

gboolean
cnn_layer_check_input (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, int rank,
                       GError **error)
{
  if (n_inputs == 1)
    return rank == 0 || cnn_layer_check_rank (layer, inputs, rank, error);
  cnn_layer_set_error (layer, error, CNN_ERROR_MODEL, "takes one input, but has %d", n_inputs);
  return FALSE;
}

gboolean
cnn_layer_check_number (const CnnLayer *layer, const char *what, gint64 value, gint64 low,
                        gint64 high, GError **error)
{
  if (value >= low && value <= high)
    return TRUE;
  cnn_layer_set_error (layer, error, CNN_ERROR_MODEL,
                       "%s is %" G_GINT64_FORMAT ", outside of %" G_GINT64_FORMAT
                       " … %" G_GINT64_FORMAT,
                       what, value, low, high);
  return FALSE;
}

gboolean
cnn_layer_same_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
                      GError **error)
{
  if (!cnn_layer_check_input (layer, inputs, n_inputs, 0, error))
    return FALSE;
  *output = *inputs;
  return TRUE;
}

gboolean
cnn_layer_check_last_axis (const CnnLayer *layer, const CnnInts *axis, const CnnShape *input,
                           GError **error)
{
  if (axis->n < 0 || (axis->n == 1 && (axis->values[0] == -1 || axis->values[0] == input->rank)))
    return TRUE;
  cnn_layer_set_error (layer, error, CNN_ERROR_UNSUPPORTED,
                       "works along another axis than the last one, the channels");
  return FALSE;
}

#define IDENTITY_CLASS(symbol, keras_name)     \
  const CnnLayerClass cnn_##symbol##_class = { \
    .name = keras_name,                        \
    .instance_size = sizeof (CnnLayer),        \
    .flags = CNN_LAYER_IDENTITY,               \
    .output_shape = cnn_layer_same_shape,      \
  }

IDENTITY_CLASS (activity_regularization, "ActivityRegularization");
IDENTITY_CLASS (alpha_dropout, "AlphaDropout");
IDENTITY_CLASS (aug_mix, "AugMix");
IDENTITY_CLASS (cut_mix, "CutMix");
IDENTITY_CLASS (dropout, "Dropout");
IDENTITY_CLASS (equalization, "Equalization");
IDENTITY_CLASS (gaussian_dropout, "GaussianDropout");
IDENTITY_CLASS (gaussian_noise, "GaussianNoise");
IDENTITY_CLASS (identity, "Identity");
IDENTITY_CLASS (mix_up, "MixUp");
IDENTITY_CLASS (rand_augment, "RandAugment");
IDENTITY_CLASS (random_brightness, "RandomBrightness");
IDENTITY_CLASS (random_color_degeneration, "RandomColorDegeneration");
IDENTITY_CLASS (random_color_jitter, "RandomColorJitter");
IDENTITY_CLASS (random_contrast, "RandomContrast");
IDENTITY_CLASS (random_elastic_transform, "RandomElasticTransform");
IDENTITY_CLASS (random_erasing, "RandomErasing");
IDENTITY_CLASS (random_flip, "RandomFlip");
IDENTITY_CLASS (random_gaussian_blur, "RandomGaussianBlur");
IDENTITY_CLASS (random_grayscale, "RandomGrayscale");
IDENTITY_CLASS (random_height, "RandomHeight");
IDENTITY_CLASS (random_hue, "RandomHue");
IDENTITY_CLASS (random_invert, "RandomInvert");
IDENTITY_CLASS (random_perspective, "RandomPerspective");
IDENTITY_CLASS (random_posterization, "RandomPosterization");
IDENTITY_CLASS (random_rotation, "RandomRotation");
IDENTITY_CLASS (random_saturation, "RandomSaturation");
IDENTITY_CLASS (random_sharpness, "RandomSharpness");
IDENTITY_CLASS (random_shear, "RandomShear");
IDENTITY_CLASS (random_translation, "RandomTranslation");
IDENTITY_CLASS (random_width, "RandomWidth");
IDENTITY_CLASS (random_zoom, "RandomZoom");
IDENTITY_CLASS (solarization, "Solarization");
IDENTITY_CLASS (spatial_dropout2d, "SpatialDropout2D");
IDENTITY_CLASS (stochastic_depth, "StochasticDepth");

/* --- RandomCrop: what it does at inference differs between the versions of Keras, except where
 * there is nothing to crop --- */

typedef struct
{
  CnnLayer base;
  int height, width;
} RandomCrop;

static gboolean
random_crop_output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs,
                          CnnShape *output, GError **error)
{
  const RandomCrop *self = (const RandomCrop *) layer;

  if (!cnn_layer_check_input (layer, inputs, n_inputs, 3, error))
    return FALSE;
  if ((inputs->h != 0 && inputs->h != self->height) || (inputs->w != 0 && inputs->w != self->width))
    {
      cnn_layer_set_error (layer, error, CNN_ERROR_UNSUPPORTED,
                           "cropping %d×%d to %d×%d at random is for training only", inputs->h,
                           inputs->w, self->height, self->width);
      return FALSE;
    }
  *output = *inputs;
  return TRUE;
}

static const CnnParam random_crop_params[] = {
  { "height", CNN_PARAM_INT, G_STRUCT_OFFSET (RandomCrop, height), 0, NULL },
  { "width", CNN_PARAM_INT, G_STRUCT_OFFSET (RandomCrop, width), 0, NULL },
  { NULL },
};

const CnnLayerClass cnn_random_crop_class = {
  .name = "RandomCrop",
  .instance_size = sizeof (RandomCrop),
  .params = random_crop_params,
  .flags = CNN_LAYER_IDENTITY,
  .output_shape = random_crop_output_shape,
};

/* --- InputLayer --- */

typedef struct
{
  CnnLayer base;
  CnnInts batch_shape, batch_input_shape; /* Keras 3, Keras 2: (N, H, W, C), -1 for null */
} InputLayer;

static gboolean
input_output_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *output,
                    GError **error)
{
  const InputLayer *self = (const InputLayer *) layer;
  const CnnInts *shape = self->batch_shape.n >= 0 ? &self->batch_shape : &self->batch_input_shape;
  const int rank = shape->n - 1, *sizes = shape->values + 1;

  (void) inputs;
  if (n_inputs != 0)
    {
      cnn_layer_set_error (layer, error, CNN_ERROR_MODEL, "has %d inputs of its own", n_inputs);
      return FALSE;
    }
  if (shape->n < 0)
    {
      cnn_layer_set_error (layer, error, CNN_ERROR_MODEL, "has no batch_shape");
      return FALSE;
    }
  if (rank < 1 || rank > 3)
    {
      cnn_layer_set_error (layer, error, CNN_ERROR_UNSUPPORTED,
                           "has %d dimensions besides the batch; Convlens knows 1 to 3", rank);
      return FALSE;
    }
  for (int i = 0; i < rank; i++)
    if (sizes[i] != -1
        && !cnn_layer_check_number (layer, "a size of the input", sizes[i], 1, CNN_MAX_SIDE, error))
      return FALSE;

  *output = (CnnShape){ .rank = rank, .n = 1, .h = 1, .w = 1, .c = MAX (sizes[rank - 1], 0) };
  if (rank >= 2)
    output->h = MAX (sizes[0], 0);
  if (rank == 3)
    output->w = MAX (sizes[1], 0);
  return TRUE;
}

static const CnnParam input_params[] = {
  { "batch_shape", CNN_PARAM_INTS, G_STRUCT_OFFSET (InputLayer, batch_shape), 0, NULL },
  { "batch_input_shape", CNN_PARAM_INTS, G_STRUCT_OFFSET (InputLayer, batch_input_shape), 0, NULL },
  { NULL },
};

const CnnLayerClass cnn_input_layer_class = {
  .name = "InputLayer",
  .instance_size = sizeof (InputLayer),
  .params = input_params,
  .flags = CNN_LAYER_INPUT,
  .output_shape = input_output_shape,
};
