/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Every class by its C name, and what one family borrows from another. */

#include "layer.h"

G_BEGIN_DECLS

/* The one list of classes: cnn_NAME_class. One more is a row here. */
#define CNN_LAYER_CLASSES(CLASS)    \
  CLASS (activation)                \
  CLASS (activity_regularization)   \
  CLASS (add)                       \
  CLASS (alpha_dropout)             \
  CLASS (aug_mix)                   \
  CLASS (average)                   \
  CLASS (average_pooling2d)         \
  CLASS (batch_normalization)       \
  CLASS (center_crop)               \
  CLASS (concatenate)               \
  CLASS (conv2d)                    \
  CLASS (conv2d_transpose)          \
  CLASS (cropping2d)                \
  CLASS (custom_scale)              \
  CLASS (cut_mix)                   \
  CLASS (dense)                     \
  CLASS (depthwise_conv2d)          \
  CLASS (dropout)                   \
  CLASS (elu)                       \
  CLASS (equalization)              \
  CLASS (flatten)                   \
  CLASS (gaussian_dropout)          \
  CLASS (gaussian_noise)            \
  CLASS (global_average_pooling2d)  \
  CLASS (global_max_pooling2d)      \
  CLASS (group_normalization)       \
  CLASS (identity)                  \
  CLASS (input_layer)               \
  CLASS (layer_normalization)       \
  CLASS (layer_scale)               \
  CLASS (leaky_relu)                \
  CLASS (max_pooling2d)             \
  CLASS (maximum)                   \
  CLASS (minimum)                   \
  CLASS (mix_up)                    \
  CLASS (multiply)                  \
  CLASS (normalization)             \
  CLASS (permute)                   \
  CLASS (prelu)                     \
  CLASS (rand_augment)              \
  CLASS (random_brightness)         \
  CLASS (random_color_degeneration) \
  CLASS (random_color_jitter)       \
  CLASS (random_contrast)           \
  CLASS (random_crop)               \
  CLASS (random_elastic_transform)  \
  CLASS (random_erasing)            \
  CLASS (random_flip)               \
  CLASS (random_gaussian_blur)      \
  CLASS (random_grayscale)          \
  CLASS (random_height)             \
  CLASS (random_hue)                \
  CLASS (random_invert)             \
  CLASS (random_perspective)        \
  CLASS (random_posterization)      \
  CLASS (random_rotation)           \
  CLASS (random_saturation)         \
  CLASS (random_sharpness)          \
  CLASS (random_shear)              \
  CLASS (random_translation)        \
  CLASS (random_width)              \
  CLASS (random_zoom)               \
  CLASS (relu)                      \
  CLASS (rescaling)                 \
  CLASS (reshape)                   \
  CLASS (resizing)                  \
  CLASS (separable_conv2d)          \
  CLASS (softmax)                   \
  CLASS (solarization)              \
  CLASS (spatial_dropout2d)         \
  CLASS (stochastic_depth)          \
  CLASS (subtract)                  \
  CLASS (up_sampling2d)             \
  CLASS (zero_padding2d)

#define CNN_DECLARE_CLASS(name) extern const CnnLayerClass cnn_##name##_class;
CNN_LAYER_CLASSES (CNN_DECLARE_CLASS)

/* Exactly one input; of this rank, or of any where rank is 0. */
gboolean cnn_layer_check_input (const CnnLayer *layer, const CnnShape *inputs, int n_inputs,
                                int rank, GError **error);
/* low ≤ value ≤ high. */
gboolean cnn_layer_check_number (const CnnLayer *layer, const char *what, gint64 value, gint64 low,
                                 gint64 high, GError **error);
/* `axis` is not given, or is that of the channels. */
gboolean cnn_layer_check_last_axis (const CnnLayer *layer, const CnnInts *axis,
                                    const CnnShape *input, GError **error);
/* The shape rule of a layer with one input of any rank that leaves its shape. */
gboolean cnn_layer_same_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs,
                               CnnShape *output, GError **error);
/* Sides of pictures and windows beyond this are taken for damage. */
#define CNN_MAX_SIDE (1 << 20)

/* Softmax over the channels, for both its layers. */
gboolean cnn_softmax_forward (const CnnStep *step, GError **error);
gboolean cnn_softmax_backward (const CnnStep *step, GError **error);

/* What copy_region writes: `size` rows, columns and vec4 planes of the target from `first`; (y, x,
 * c) there is (y, x, c) + shift of the source, 0 outside of it. Channels before the source's first
 * keep their value. */
typedef struct
{
  int first[3], size[3], shift[3];
} CnnRegion;
gboolean cnn_record_copy_region (CnnCommands *commands, const CnnTensor *source,
                                 const CnnTensor *target, const CnnRegion *region, GError **error);

/* tf.image.resize with half-pixel centres, after a crop or a padding to the target's aspect ratio.
 */
typedef enum
{
  CNN_LAYER_RESIZE_BILINEAR,
  CNN_LAYER_RESIZE_NEAREST,
  CNN_LAYER_RESIZE_BICUBIC,
  CNN_LAYER_RESIZE_AREA,
  CNN_LAYER_RESIZE_LANCZOS3,
  CNN_LAYER_RESIZE_LANCZOS5,
  CNN_LAYER_RESIZE_GAUSSIAN,
  CNN_LAYER_RESIZE_MITCHELL
} CnnLayerResizeMethod;
extern const char *const cnn_layer_resize_methods[]; /* Keras' names of them */

typedef struct
{
  int height, width;
  int method; /* CnnLayerResizeMethod */
  gboolean crop_to_aspect_ratio, pad_to_aspect_ratio, antialias;
  float fill_value; /* of the padding */
} CnnLayerResize;
gboolean cnn_layer_resize_forward (const CnnLayerResize *resize, const CnnStep *step,
                                   GError **error);
gboolean cnn_layer_resize_backward (const CnnLayerResize *resize, const CnnStep *step,
                                    GError **error);

G_END_DECLS
