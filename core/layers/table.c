/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one list of layer classes. */
#include "classes.h"

static const CnnLayerClass *const classes[] = {
  &cnn_activation_class,
  &cnn_activity_regularization_class,
  &cnn_add_class,
  &cnn_alpha_dropout_class,
  &cnn_average_pooling2d_class,
  &cnn_batch_normalization_class,
  &cnn_center_crop_class,
  &cnn_concatenate_class,
  &cnn_conv2d_class,
  &cnn_cropping2d_class,
  &cnn_dense_class,
  &cnn_depthwise_conv2d_class,
  &cnn_dropout_class,
  &cnn_elu_class,
  &cnn_flatten_class,
  &cnn_gaussian_dropout_class,
  &cnn_gaussian_noise_class,
  &cnn_global_average_pooling2d_class,
  &cnn_global_max_pooling2d_class,
  &cnn_input_layer_class,
  &cnn_leaky_relu_class,
  &cnn_max_pooling2d_class,
  &cnn_multiply_class,
  &cnn_normalization_class,
  &cnn_random_brightness_class,
  &cnn_random_contrast_class,
  &cnn_random_crop_class,
  &cnn_random_flip_class,
  &cnn_random_height_class,
  &cnn_random_rotation_class,
  &cnn_random_translation_class,
  &cnn_random_width_class,
  &cnn_random_zoom_class,
  &cnn_relu_class,
  &cnn_rescaling_class,
  &cnn_reshape_class,
  &cnn_resizing_class,
  &cnn_separable_conv2d_class,
  &cnn_softmax_class,
  &cnn_spatial_dropout2d_class,
  &cnn_zero_padding2d_class,
  NULL,
};

const CnnLayerClass *const *
cnn_layer_classes (void)
{
  return classes;
}
