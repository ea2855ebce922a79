/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Every class by its C name, for table.c, and what one family borrows from another. */

#include "layer.h"

G_BEGIN_DECLS

/* activation.c, softmax.c (cnn_activation_class is in layer.h) */
extern const CnnLayerClass cnn_elu_class, cnn_leaky_relu_class, cnn_relu_class, cnn_softmax_class;

/* affine.c, convolution.c, dense.c, depthwise.c, transpose.c */
extern const CnnLayerClass cnn_batch_normalization_class, cnn_conv2d_class,
    cnn_conv2d_transpose_class, cnn_dense_class, cnn_depthwise_conv2d_class, cnn_layer_scale_class,
    cnn_normalization_class, cnn_rescaling_class, cnn_separable_conv2d_class;

/* identity.c */
extern const CnnLayerClass cnn_activity_regularization_class, cnn_alpha_dropout_class,
    cnn_aug_mix_class, cnn_cut_mix_class, cnn_dropout_class, cnn_equalization_class,
    cnn_gaussian_dropout_class, cnn_gaussian_noise_class, cnn_identity_class, cnn_input_layer_class,
    cnn_mix_up_class, cnn_rand_augment_class, cnn_random_brightness_class,
    cnn_random_color_degeneration_class, cnn_random_color_jitter_class, cnn_random_contrast_class,
    cnn_random_crop_class, cnn_random_elastic_transform_class, cnn_random_erasing_class,
    cnn_random_flip_class, cnn_random_gaussian_blur_class, cnn_random_grayscale_class,
    cnn_random_height_class, cnn_random_hue_class, cnn_random_invert_class,
    cnn_random_perspective_class, cnn_random_posterization_class, cnn_random_rotation_class,
    cnn_random_saturation_class, cnn_random_sharpness_class, cnn_random_shear_class,
    cnn_random_translation_class, cnn_random_width_class, cnn_random_zoom_class,
    cnn_solarization_class, cnn_spatial_dropout2d_class, cnn_stochastic_depth_class;

/* merge.c */
extern const CnnLayerClass cnn_add_class, cnn_average_class, cnn_concatenate_class,
    cnn_custom_scale_class, cnn_maximum_class, cnn_minimum_class, cnn_multiply_class,
    cnn_subtract_class;

/* normalization.c */
extern const CnnLayerClass cnn_group_normalization_class, cnn_layer_normalization_class;

/* permute.c, prelu.c */
extern const CnnLayerClass cnn_permute_class, cnn_prelu_class;

/* pooling.c */
extern const CnnLayerClass cnn_average_pooling2d_class, cnn_global_average_pooling2d_class,
    cnn_global_max_pooling2d_class, cnn_max_pooling2d_class;

/* reshape.c */
extern const CnnLayerClass cnn_center_crop_class, cnn_cropping2d_class, cnn_flatten_class,
    cnn_reshape_class, cnn_zero_padding2d_class;

/* resizing.c, upsampling.c */
extern const CnnLayerClass cnn_resizing_class, cnn_up_sampling2d_class;

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
