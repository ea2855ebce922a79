/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Every class by its C name, for table.c, and what one family borrows from another. */

#include "layer.h"

G_BEGIN_DECLS

/* activation.c, softmax.c (cnn_activation_class is in layer.h) */
extern const CnnLayerClass cnn_elu_class, cnn_leaky_relu_class, cnn_relu_class, cnn_softmax_class;

/* affine.c, convolution.c, dense.c, depthwise.c */
extern const CnnLayerClass cnn_batch_normalization_class, cnn_conv2d_class, cnn_dense_class,
    cnn_depthwise_conv2d_class, cnn_normalization_class, cnn_rescaling_class,
    cnn_separable_conv2d_class;

/* identity.c */
extern const CnnLayerClass cnn_activity_regularization_class, cnn_alpha_dropout_class,
    cnn_dropout_class, cnn_gaussian_dropout_class, cnn_gaussian_noise_class, cnn_input_layer_class,
    cnn_random_brightness_class, cnn_random_contrast_class, cnn_random_crop_class,
    cnn_random_flip_class, cnn_random_height_class, cnn_random_rotation_class,
    cnn_random_translation_class, cnn_random_width_class, cnn_random_zoom_class,
    cnn_spatial_dropout2d_class;

/* merge.c */
extern const CnnLayerClass cnn_add_class, cnn_concatenate_class, cnn_multiply_class;

/* pooling.c */
extern const CnnLayerClass cnn_average_pooling2d_class, cnn_global_average_pooling2d_class,
    cnn_global_max_pooling2d_class, cnn_max_pooling2d_class;

/* reshape.c */
extern const CnnLayerClass cnn_center_crop_class, cnn_cropping2d_class, cnn_flatten_class,
    cnn_reshape_class, cnn_zero_padding2d_class;

/* resizing.c */
extern const CnnLayerClass cnn_resizing_class;

/* Exactly one input; of this rank, or of any where rank is 0. */
gboolean cnn_layer_check_input (const CnnLayer *layer, const CnnShape *inputs, int n_inputs,
                                int rank, GError **error);
/* low ≤ value ≤ high. */
gboolean cnn_layer_check_number (const CnnLayer *layer, const char *what, gint64 value, gint64 low,
                                 gint64 high, GError **error);
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
  CNN_RESIZE_BILINEAR,
  CNN_RESIZE_NEAREST,
  CNN_RESIZE_BICUBIC,
  CNN_RESIZE_AREA,
  CNN_RESIZE_LANCZOS3,
  CNN_RESIZE_LANCZOS5,
  CNN_RESIZE_GAUSSIAN,
  CNN_RESIZE_MITCHELL
} CnnResizeMethod;

typedef struct
{
  int height, width;
  int method; /* CnnResizeMethod */
  gboolean crop_to_aspect_ratio, pad_to_aspect_ratio, antialias;
  float fill_value; /* of the padding */
} CnnResize;
gboolean cnn_resize_forward (const CnnResize *resize, const CnnStep *step, GError **error);
gboolean cnn_resize_backward (const CnnResize *resize, const CnnStep *step, GError **error);

G_END_DECLS
