/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shapes that hold most of the work of the usual models, for --perf (perf.c), the most telling
 * first, since a limit of time leaves out the last ones: Xception at 299², the others at 224². An
 * activation is the tail that the layer's kernel ends with. */
#include "harness.h"

#define ROW(where, class_name, params, inputs)    \
  {                                               \
    where, { class_name, params, inputs, 0., 0 }, \
  }

const PerfRow perf_rows[] = {
  /* one of each kind */
  ROW ("Xception middle x24", "Conv2D", "filters=728 kernel_size=1", "19x19x728"),
  ROW ("ResNet50 conv4 x6", "Conv2D", "filters=256 kernel_size=3 padding=same activation=relu",
       "14x14x256"),
  ROW ("VGG16 block3 x2", "Conv2D", "filters=256 kernel_size=3 padding=same activation=relu",
       "56x56x256"),
  ROW ("Xception middle x24", "SeparableConv2D", "filters=728 kernel_size=3 padding=same",
       "19x19x728"),
  ROW ("MobileNetV2 block6 x4", "DepthwiseConv2D", "kernel_size=3 padding=same activation=relu6",
       "14x14x384"),
  ROW ("ResNet50 conv1", "Conv2D", "filters=64 kernel_size=7 strides=2 activation=relu",
       "230x230x3"),
  ROW ("ResNet50 conv2 x4", "Conv2D", "filters=256 kernel_size=1", "56x56x64"),
  ROW ("VGG16 block1 pool", "MaxPooling2D", "pool_size=2", "224x224x64"),
  ROW ("EfficientNet-Lite0 x2", "DepthwiseConv2D", "kernel_size=5 padding=same activation=relu6",
       "14x14x672"),
  ROW ("MobileNetV2 Conv1", "Conv2D",
       "filters=32 kernel_size=3 strides=2 padding=same activation=relu6", "224x224x3"),
  ROW ("Xception block13 skip", "Conv2D", "filters=1024 kernel_size=1 strides=2 padding=same",
       "19x19x728"),
  ROW ("Xception predictions", "Dense", "units=1000", "2048"),
  ROW ("MobileNetV2 block1", "DepthwiseConv2D",
       "kernel_size=3 strides=2 padding=same activation=relu6", "112x112x96"),
  /* the rest of VGG16 and ResNet50 */
  ROW ("VGG16 block1", "Conv2D", "filters=64 kernel_size=3 padding=same activation=relu",
       "224x224x64"),
  ROW ("VGG16 block2", "Conv2D", "filters=128 kernel_size=3 padding=same activation=relu",
       "112x112x128"),
  ROW ("VGG16 block4 x2", "Conv2D", "filters=512 kernel_size=3 padding=same activation=relu",
       "28x28x512"),
  ROW ("VGG16 block5 x3", "Conv2D", "filters=512 kernel_size=3 padding=same activation=relu",
       "14x14x512"),
  ROW ("ResNet50 conv2 x3", "Conv2D", "filters=64 kernel_size=3 padding=same activation=relu",
       "56x56x64"),
  ROW ("ResNet50 conv3 x4", "Conv2D", "filters=128 kernel_size=3 padding=same activation=relu",
       "28x28x128"),
  ROW ("ResNet50 conv5 x3", "Conv2D", "filters=512 kernel_size=3 padding=same activation=relu",
       "7x7x512"),
  ROW ("ResNet50 conv3 x4", "Conv2D", "filters=512 kernel_size=1", "28x28x128"),
  ROW ("ResNet50 conv4 x6", "Conv2D", "filters=1024 kernel_size=1", "14x14x256"),
  ROW ("ResNet50 conv4 x5", "Conv2D", "filters=256 kernel_size=1 activation=relu", "14x14x1024"),
  ROW ("ResNet50 conv5 x3", "Conv2D", "filters=2048 kernel_size=1", "7x7x512"),
  ROW ("ResNet50 conv3 skip", "Conv2D", "filters=512 kernel_size=1 strides=2", "56x56x256"),
  ROW ("VGG16 block1 first", "Conv2D", "filters=64 kernel_size=3 padding=same activation=relu",
       "224x224x3"),
  /* of Xception */
  ROW ("Xception conv2", "Conv2D", "filters=64 kernel_size=3 activation=relu", "149x149x32"),
  ROW ("Xception conv1", "Conv2D", "filters=32 kernel_size=3 strides=2 activation=relu",
       "299x299x3"),
  ROW ("Xception block2", "SeparableConv2D", "filters=128 kernel_size=3 padding=same",
       "147x147x128"),
  ROW ("Xception block4", "SeparableConv2D", "filters=728 kernel_size=3 padding=same", "37x37x728"),
  ROW ("Xception block14", "SeparableConv2D",
       "filters=2048 kernel_size=3 padding=same activation=relu", "10x10x1536"),
  ROW ("Xception middle x24", "DepthwiseConv2D", "kernel_size=3 padding=same", "19x19x728"),
  ROW ("Xception block2 pool", "MaxPooling2D", "pool_size=3 strides=2 padding=same", "147x147x128"),
  ROW ("Xception avg_pool", "GlobalAveragePooling2D", "", "10x10x2048"),
  /* of MobileNetV2 and EfficientNet-Lite0 */
  ROW ("MobileNetV2 block1", "Conv2D", "filters=96 kernel_size=1 activation=relu6", "112x112x16"),
  ROW ("MobileNetV2 block2", "Conv2D", "filters=24 kernel_size=1", "56x56x144"),
  ROW ("MobileNetV2 block6 x4", "Conv2D", "filters=384 kernel_size=1 activation=relu6", "14x14x64"),
  ROW ("MobileNetV2 block16 x3", "Conv2D", "filters=160 kernel_size=1", "7x7x960"),
  ROW ("MobileNetV2 Conv_1", "Conv2D", "filters=1280 kernel_size=1 activation=relu6", "7x7x320"),
  ROW ("MobileNetV2 expanded", "DepthwiseConv2D", "kernel_size=3 padding=same activation=relu6",
       "112x112x32"),
  ROW ("EfficientNet-Lite0 x3", "DepthwiseConv2D", "kernel_size=5 padding=same activation=relu6",
       "7x7x1152"),
  ROW ("EfficientNet-Lite0", "DepthwiseConv2D",
       "kernel_size=5 strides=2 padding=same activation=relu6", "56x56x144"),
  ROW ("EfficientNet-Lite0 x3", "Conv2D", "filters=192 kernel_size=1", "7x7x1152"),
  /* what moves memory alone, where it is not folded into another layer */
  ROW ("ResNet50 conv2 x3", "Add", "", "56x56x256 56x56x256"),
  ROW ("Xception block2", "Activation", "activation=relu", "147x147x128"),
  ROW ("ResNet50 conv1", "BatchNormalization", "", "112x112x64"),
  /* large weights, last */
  ROW ("VGG16 fc2", "Dense", "units=4096 activation=relu", "4096"),
  ROW ("VGG16 fc1", "Dense", "units=4096 activation=relu", "25088"),
};

const guint n_perf_rows = G_N_ELEMENTS (perf_rows);
