#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes tests/data/keras/: small seeded models by real Keras and tf-keras, and what they make of an input.

    pip install tensorflow-cpu tf-keras
    tests/data/keras/make.py [--only REGEX] [FOLDER]

A folder for each model:
    model.keras, model.h5, model.weights.h5 …   the same weights in one or more kinds of file
    architecture.json                           Keras' to_json(), where a file holds weights only
    input.npy                                   (H, W, C) float32
    activations/<layer>.npy                     each layer's output; "/" in a layer's name is "-"
    gradient-<layer>.npy                        of the class's logit, at the input and at the last convolution
    golden.json                                 the list of all that
The arrays are Keras' own in float64, written as float32; the script refuses a model whose float32 run
is not the same within 1e-5, so no ReLU or maximum of these models hangs on rounding.
A new golden is one function below, with @golden above it.
"""
import argparse
import json
import os
import re
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../keras"))
import oracle  # noqa: E402
from oracle import np  # noqa: E402

AGREEMENT = 1e-5
GOLDENS = []


def golden(size, *kinds, old=False, policy=None):
    """A function (keras, layers) -> model; kinds are file names; old asks for tf-keras."""
    def add(function):
        GOLDENS.append((function.__name__.replace("_", "-"), function, size, kinds, old, policy))
        return function
    return add


def end(layers, x, classes=5, activation="softmax"):
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return layers.Dense(classes, activation=activation, name="predictions")(x)


# ---- kinds of model ---------------------------------------------------------------

@golden((19, 13, 3), "model.keras", "model.h5", "model.weights.h5")
def sequential(keras, layers):
    return keras.Sequential([
        keras.Input((19, 13, 3)),
        layers.Conv2D(5, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(7, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(6, activation="tanh"),
        layers.Dense(4, activation="softmax")])


@golden((19, 13, 3), "model.h5", "model.weights-only.h5", "whole-h5-called.keras", old=True)
def sequential_old(keras, layers):
    return sequential(keras, layers)


def branches(keras, layers):
    image = keras.Input((17, 15, 3), name="photo")
    x = layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False, name="stem")(image)
    x = layers.ReLU(6.0, name="stem_relu6")(layers.BatchNormalization(name="stem_bn")(x))
    a = layers.Conv2D(5, 1, activation="relu", name="a")(x)
    b = layers.Conv2D(6, 3, padding="same", name="b")(x)
    b = layers.Activation("relu", name="b_relu")(layers.Add(name="sum")([b, x]))
    c = layers.MaxPooling2D(3, strides=1, padding="same", name="c_pool")(x)
    c = layers.Conv2D(3, 1, name="c")(c)
    x = layers.Concatenate(name="concat")([a, b, c])
    s = layers.GlobalAveragePooling2D(name="squeeze")(x)
    s = layers.Reshape((1, 1, 14), name="squeeze_reshape")(s)
    s = layers.Conv2D(4, 1, activation="swish", name="squeeze_reduce")(s)
    s = layers.Conv2D(14, 1, activation="sigmoid", name="squeeze_expand")(s)
    x = layers.Multiply(name="excite")([x, s])
    x = layers.Conv2D(9, 3, name="last")(x)
    return keras.Model(image, end(layers, x), name="branches")


@golden((17, 15, 3), "model.keras", "model.h5", "model.weights.h5")
def functional(keras, layers):
    return branches(keras, layers)


@golden((17, 15, 3), "model.h5", "model.weights-only.h5", old=True)
def functional_old(keras, layers):
    return branches(keras, layers)


def frozen_nest(keras, layers):
    """Frozen and trained layers interleave, inside a model inside a model."""
    inner_image = keras.Input((None, None, 4), name="inner_input")
    x = layers.Conv2D(5, 3, padding="same", activation="relu", name="frozen_conv")(inner_image)
    x = layers.BatchNormalization(name="trained_bn")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="frozen_dw")(x)
    x = layers.Conv2D(5, 1, name="trained_conv")(x)
    x = layers.BatchNormalization(name="frozen_bn")(x)
    inner = keras.Model(inner_image, layers.Activation("relu", name="inner_relu")(x), name="inner")
    for layer in inner.layers:
        if layer.name.startswith("frozen"):
            layer.trainable = False
    image = keras.Input((13, 11, 3), name="image")
    middle = keras.Sequential([keras.Input((13, 11, 3)), layers.Conv2D(4, 1, name="before"), inner,
                               layers.MaxPooling2D(2, name="middle_pool")], name="middle")
    x = layers.Conv2D(6, 3, name="last")(middle(image))
    return keras.Model(image, end(layers, x, activation=None), name="outer")


@golden((13, 11, 3), "model.keras", "model.h5", "model.weights.h5")
def nested(keras, layers):
    return frozen_nest(keras, layers)


@golden((13, 11, 3), "model.h5", "model.weights-only.h5", old=True)
def nested_old(keras, layers):
    return frozen_nest(keras, layers)


def shared_layers(keras, layers):
    image = keras.Input((12, 10, 3), name="image")
    conv = layers.Conv2D(3, 3, padding="same", name="conv")
    norm = layers.BatchNormalization(name="norm")
    twin_input = keras.Input((12, 10, 3), name="twin_input")
    twin = keras.Model(twin_input, layers.Conv2D(3, 1, activation="elu", name="mix")(twin_input), name="twin")
    x = norm(conv(image))
    x = layers.Activation("relu", name="relu")(x)
    x = norm(conv(x))
    x = twin(x)
    x = layers.Add(name="sum")([x, image])
    x = twin(x)
    x = layers.Conv2D(5, 3, name="last")(x)
    return keras.Model(image, end(layers, x), name="shared")


@golden((12, 10, 3), "model.keras", "model.h5")
def shared(keras, layers):
    return shared_layers(keras, layers)


@golden((12, 10, 3), "model.h5", old=True)
def shared_old(keras, layers):
    return shared_layers(keras, layers)


@golden((11, 9, 3), "model.keras", "model.weights.h5")
def names_against_paths(keras, layers):
    """In the file, "conv2d_1" lies at path conv2d, "conv2d" at conv2d_1, and so on."""
    image = keras.Input((11, 9, 3), name="image")
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv2d_1")(image)
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv2d")(x)
    x = layers.BatchNormalization(name="batch_normalization_1")(x)
    x = layers.BatchNormalization(name="batch_normalization")(x)
    x = layers.Conv2D(4, 3, padding="same", name="dense")(x)
    x = layers.GlobalAveragePooling2D(name="conv2d_2")(x)
    return keras.Model(image, layers.Dense(3, activation="softmax", name="re_lu")(x), name="names")


@golden((19, 13, 3), "model.h5")
def split_names(keras, layers):
    """Name lists in pieces, as Keras writes those above 64,512 bytes; here cut by hand."""
    return sequential(keras, layers)


@golden((11, 9, 3), "model.keras", policy="mixed_float16")
def half_precision(keras, layers):
    """Written under mixed_float16; what is expected is float32 arithmetic."""
    image = keras.Input((11, 9, 3), name="image")
    x = layers.Conv2D(5, 3, name="conv")(image)
    x = layers.Activation("relu", name="relu")(layers.BatchNormalization(name="bn")(x))
    return keras.Model(image, end(layers, x), name="half")


# ---- kinds of layer ---------------------------------------------------------------

@golden((37, 29, 3), "model.keras")
def convolutions(keras, layers):
    image = keras.Input((37, 29, 3), name="image")
    x = layers.Conv2D(6, (3, 5), strides=2, padding="same", name="stride2_same")(image)
    ends = [x]
    for name, arguments in {
            "stride2_valid": {"kernel_size": 3, "strides": 2},
            "stride3_same": {"kernel_size": 3, "strides": 3, "padding": "same"},
            "stride3_even_same": {"kernel_size": 4, "strides": 3, "padding": "same", "use_bias": False},
            "stride21_same": {"kernel_size": (2, 3), "strides": (2, 1), "padding": "same"},
            "pointwise_stride2": {"kernel_size": 1, "strides": 2, "padding": "same"},
            "dilated_same": {"kernel_size": 3, "dilation_rate": 2, "padding": "same"},
            "dilated_valid": {"kernel_size": (3, 2), "dilation_rate": (2, 3)},
            "groups3": {"kernel_size": 3, "groups": 3, "padding": "same"},
            "groups2_stride2": {"kernel_size": 3, "groups": 2, "strides": 2, "padding": "same"}}.items():
        ends.append(layers.Conv2D(6, activation="tanh", name=name, **arguments)(x))
    x = layers.Concatenate(name="concat")([layers.GlobalAveragePooling2D(name=f"mean{i}")(y) for i, y in enumerate(ends)])
    return keras.Model(image, layers.Dense(4, activation="softmax", name="predictions")(x), name="convolutions")


@golden((37, 29, 3), "model.keras")
def depthwise(keras, layers):
    image = keras.Input((37, 29, 3), name="image")
    x = layers.SeparableConv2D(5, 3, strides=2, padding="same", depth_multiplier=2, name="separable2")(image)
    ends = []
    for name, make in {
            "separable_valid": layers.SeparableConv2D(7, 3, use_bias=False, name="separable_valid"),
            "separable_dilated": layers.SeparableConv2D(3, 3, dilation_rate=2, padding="same", activation="relu", name="separable_dilated"),
            "depthwise2": layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", name="depthwise2"),
            "depthwise_stride2": layers.DepthwiseConv2D(5, strides=2, padding="same", use_bias=False, name="depthwise_stride2"),
            "depthwise_stride2_valid": layers.DepthwiseConv2D(3, strides=2, activation="swish", name="depthwise_stride2_valid"),
            "depthwise_dilated": layers.DepthwiseConv2D(3, dilation_rate=3, padding="same", name="depthwise_dilated")}.items():
        ends.append(layers.GlobalAveragePooling2D(name=f"mean_{name}")(layers.Activation("tanh", name=f"tanh_{name}")(make(x))))
    x = layers.Concatenate(name="concat")(ends)
    return keras.Model(image, layers.Dense(4, activation="softmax", name="predictions")(x), name="depthwise")


ACTIVATIONS = ("linear", "relu", "relu6", "leaky_relu", "elu", "selu", "sigmoid", "hard_sigmoid", "tanh",
               "softplus", "swish", "silu", "gelu", "softmax")


def all_activations(keras, layers, names, made):
    image = keras.Input((7, 5, 3), name="image")
    x = layers.Conv2D(5, 3, padding="same", name="conv")(image)
    x = layers.Rescaling(3.0, name="wide")(x)
    ends = [layers.Activation(name, name=f"layer_{name}")(x) for name in names]
    ends += [layers.Conv2D(3, 1, activation=name, name=f"conv_{name}")(x) for name in names]
    ends += [layer(x) for layer in made]
    x = layers.Concatenate(name="concat")(ends)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(4, name="logits")(x)
    return keras.Model(image, layers.Softmax(name="predictions")(x), name="activations")


@golden((7, 5, 3), "model.keras")
def activations(keras, layers):
    return all_activations(keras, layers, ACTIVATIONS + ("hard_swish", "hard_silu"), [
        layers.ReLU(name="relu"), layers.ReLU(max_value=2.0, negative_slope=0.1, threshold=0.5, name="relu_all"),
        layers.ReLU(threshold=1.0, name="relu_threshold"), layers.LeakyReLU(negative_slope=0.3, name="leaky"),
        layers.ELU(alpha=0.7, name="elu"), layers.Softmax(name="softmax")])


@golden((7, 5, 3), "model.h5", old=True)
def activations_old(keras, layers):
    """hard_sigmoid and LeakyReLU's slope have other meanings and names here."""
    return all_activations(keras, layers, ACTIVATIONS, [
        layers.ReLU(max_value=2.0, negative_slope=0.1, threshold=0.5, name="relu_all"),
        layers.LeakyReLU(alpha=0.2, name="leaky"), layers.ELU(alpha=0.7, name="elu"), layers.Softmax(name="softmax")])


@golden((19, 17, 2), "model.keras")
def pooling(keras, layers):
    image = keras.Input((19, 17, 2), name="image")
    x = layers.Conv2D(5, 3, padding="same", name="conv")(image)
    ends = [layers.GlobalMaxPooling2D(name="maximum")(x), layers.GlobalAveragePooling2D(name="mean")(x),
            layers.Flatten(name="flat_maximum")(layers.GlobalMaxPooling2D(keepdims=True, name="maximum_kept")(x)),
            layers.Flatten(name="flat_mean")(layers.GlobalAveragePooling2D(keepdims=True, name="mean_kept")(x))]
    for kind, make in (("max", layers.MaxPooling2D), ("average", layers.AveragePooling2D)):
        for pool, stride, padding in ((2, None, "valid"), (2, None, "same"), (3, 2, "same"), (3, 1, "same"),
                                      ((3, 2), (2, 3), "valid"), (2, 3, "same")):
            name = f"{kind}_{str(pool).strip('()').replace(', ', 'x')}_{str(stride).strip('()').replace(', ', 'x')}_{padding}"
            y = make(pool, strides=stride, padding=padding, name=name)(x)
            ends.append(layers.GlobalAveragePooling2D(name=f"mean_{name}")(layers.Activation("tanh", name=f"tanh_{name}")(y)))
    x = layers.Concatenate(name="concat")(ends)
    return keras.Model(image, layers.Dense(4, activation="softmax", name="predictions")(x), name="pooling")


@golden((11, 9, 3), "model.keras", "model.h5")
def normalizations(keras, layers):
    image = keras.Input((11, 9, 3), name="image")
    learned = layers.Normalization(name="learned")
    learned.adapt(np.random.default_rng(5).normal(0.3, 2, (4, 11, 9, 3)).astype("float32"))
    x = layers.Rescaling(0.5, offset=0.25, name="rescaling")(learned(image))
    x = layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.5, 0.5, 0.25], name="given")(x)
    x = layers.Conv2D(5, 3, padding="same", use_bias=False, name="conv1")(x)
    x = layers.BatchNormalization(scale=False, name="no_scale")(x)
    x = layers.BatchNormalization(center=False, epsilon=0.1, name="no_center")(layers.Conv2D(6, 1, name="conv2")(x))
    x = layers.BatchNormalization(center=False, scale=False, name="neither")(layers.DepthwiseConv2D(3, name="conv3")(x))
    x = layers.Activation("relu", name="relu")(x)
    x = layers.BatchNormalization(name="after_relu")(x)
    x = layers.Conv2D(7, 3, name="last")(x)
    return keras.Model(image, end(layers, x), name="normalizations")


@golden((16, 13, 3), "model.keras")
def shapes(keras, layers):
    image = keras.Input((16, 13, 3), name="image")
    x = layers.ZeroPadding2D(((1, 2), (3, 0)), name="pad")(image)
    x = layers.Conv2D(5, 3, name="conv")(x)
    x = layers.Cropping2D(((2, 1), (0, 3)), name="crop")(x)
    x = layers.CenterCrop(11, 8, name="center_crop")(x)
    x = layers.Resizing(15, 9, name="larger_bilinear")(x)
    x = layers.Resizing(6, 7, interpolation="nearest", name="smaller_nearest")(x)
    x = layers.Reshape((7, 6, 5), name="reshape")(x)
    x = layers.ZeroPadding2D(1, name="pad1")(x)
    x = layers.Conv2D(3, 3, activation="relu", name="last")(x)
    x = layers.Reshape((-1, 6), name="rows")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(9, activation="relu", name="dense")(x)
    return keras.Model(image, layers.Dense(1, activation="sigmoid", name="predictions")(x), name="shapes")


@golden((9, 11, 3), "model.keras", "model.h5", "model.weights.h5")
def larger(keras, layers):
    """Layers that make pictures larger, and those that turn their axes."""
    image = keras.Input((9, 11, 3), name="image")
    x = layers.Conv2DTranspose(5, 3, strides=2, padding="same", activation="swish", name="transpose_same")(image)
    y = layers.Conv2DTranspose(5, (4, 3), strides=(3, 2), name="transpose_valid")(image)
    y = layers.Cropping2D(((5, 5), (0, 1)), name="crop")(y)
    x = layers.Subtract(name="subtract")([x, y])
    x = layers.Conv2DTranspose(4, 3, strides=2, padding="valid", output_padding=(1, 0), use_bias=False, name="transpose_more")(x)
    x = layers.Permute((2, 3, 1), name="permute")(layers.AveragePooling2D(3, name="average")(x))
    x = layers.Conv2D(6, (3, 1), name="conv")(x)
    x = layers.UpSampling2D((2, 1), interpolation="bilinear", name="bilinear")(x)
    x = layers.UpSampling2D((1, 3), name="nearest")(x)
    x = layers.Conv2D(7, 3, name="last")(x)
    return keras.Model(image, end(layers, x), name="larger")


@golden((10, 9, 3), "model.keras", "model.h5")
def more_layers(keras, layers):
    """Merges, norms and slopes, and classes that keras.applications register."""
    from keras.src.applications.convnext import LayerScale, StochasticDepth
    from keras.src.applications.inception_resnet_v2 import CustomScaleLayer
    image = keras.Input((10, 9, 3), name="image")
    branches = [layers.Conv2D(6, 3, name=f"conv_{index}")(image) for index in range(6)]
    x = layers.PReLU(shared_axes=[1, 2], name="slopes")(branches[0])
    y = layers.PReLU(name="many_slopes")(branches[1])
    x = layers.Maximum(name="largest")([x, y, branches[2]])
    y = layers.Minimum(name="smallest")([branches[3], branches[4]])
    x = layers.Average(name="average")([x, y, branches[5]])
    x = layers.LayerNormalization(epsilon=1e-6, name="layer_norm")(x)
    y = layers.Conv2D(6, 1, activation="gelu", name="inner")(x)
    y = StochasticDepth(0.3, name="depth")(LayerScale(0.5, 6, name="scale")(y))
    x = x + y
    x = layers.GroupNormalization(groups=3, name="group_norm")(x)
    y = layers.Conv2D(6, 1, name="inner2")(x)
    x = CustomScaleLayer(0.2, name="custom")([x, y])
    x = keras.ops.maximum(x, keras.ops.minimum(branches[0], y - x))
    x = layers.Conv2D(5, 3, name="last")(x)
    return keras.Model(image, end(layers, x), name="more-layers")


@golden((12, 12, 3), "model.keras")
def sleeping_newer(keras, layers):
    """Augmentation of Keras 3 that does nothing at inference."""
    image = keras.Input((12, 12, 3), name="image")
    x = layers.Conv2D(3, 3, padding="same", name="conv")(image)
    for layer in (layers.RandomErasing(), layers.RandomGrayscale(), layers.RandomHue(0.2), layers.RandomSaturation(0.3),
                  layers.RandomSharpness(0.3), layers.RandomShear((0, 0.2), (0, 0.1)), layers.RandomPerspective(0.4),
                  layers.RandomGaussianBlur(0.5), layers.RandomPosterization(3), layers.RandomColorJitter((0, 255), 0.1),
                  layers.RandomColorDegeneration(0.3), layers.RandomElasticTransform(0.4), layers.RandomInvert(0.5),
                  layers.MixUp(), layers.CutMix(0.5), layers.AugMix(), layers.RandAugment(),
                  layers.Solarization(0.2, 0.3), layers.Identity()):
        x = layer(x)
    x = layers.Conv2D(5, 3, name="last")(x)
    return keras.Model(image, end(layers, x), name="sleeping-newer")


@golden((12, 12, 3), "model.keras")
def sleeping(keras, layers):
    """Layers that do something in training alone.  Keras 3.15 fails to write ActivityRegularization to .h5."""
    image = keras.Input((12, 12, 3), name="image")
    augment = keras.Sequential([keras.Input((12, 12, 3)), layers.RandomFlip("horizontal"), layers.RandomRotation(0.1),
                                layers.RandomZoom(0.2), layers.RandomContrast(0.2),
                                layers.RandomTranslation(0.1, 0.1), layers.RandomBrightness(0.1)], name="augment")
    x = layers.Conv2D(4, 3, name="conv")(augment(image))
    x = layers.GaussianNoise(0.1, name="noise")(x)
    x = layers.GaussianDropout(0.1, name="gaussian_dropout")(x)
    x = layers.SpatialDropout2D(0.3, name="spatial_dropout")(x)
    x = layers.ActivityRegularization(l2=0.01, name="regularization")(x)
    x = layers.Conv2D(5, 3, name="last")(x)
    x = layers.Dropout(0.4, name="dropout")(x)
    return keras.Model(image, end(layers, x), name="sleeping")


@golden((15, 13, 3), "model.keras", "model.weights.h5")
def inverted_residual(keras, layers):
    """MobileNet's pattern, where convolution, BatchNormalization and relu6 want to be folded."""
    image = keras.Input((15, 13, 3), name="image")
    x = layers.ZeroPadding2D(((0, 1), (0, 1)), name="pad")(image)
    x = layers.Conv2D(6, 3, strides=2, use_bias=False, name="stem_conv")(x)
    x = layers.ReLU(6.0, name="stem_relu6")(layers.BatchNormalization(name="stem_bn")(x))
    for name in ("block1", "block2"):
        y = layers.Conv2D(18, 1, use_bias=False, name=f"{name}_expand_conv")(x)
        y = layers.ReLU(6.0, name=f"{name}_expand_relu6")(layers.BatchNormalization(name=f"{name}_expand_bn")(y))
        y = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"{name}_dwconv")(y)
        y = layers.Activation("relu6", name=f"{name}_relu6")(layers.BatchNormalization(name=f"{name}_bn")(y))
        y = layers.Conv2D(6, 1, use_bias=False, name=f"{name}_project_conv")(y)
        x = layers.Add(name=f"{name}_add")([layers.BatchNormalization(name=f"{name}_project_bn")(y), x])
    x = layers.Conv2D(10, 1, name="last")(x)
    return keras.Model(image, end(layers, x), name="inverted-residual")


# ---- writing ----------------------------------------------------------------------

def split_attributes(path):
    import h5py
    with h5py.File(path, "r+") as file:
        weights = file["model_weights"]
        for group, name in [(weights, "layer_names")] + [(item, "weight_names") for item in weights.values()]:
            if name not in group.attrs or len(group.attrs[name]) < 2:
                continue
            whole = group.attrs[name]
            del group.attrs[name]
            group.attrs[f"{name}0"], group.attrs[f"{name}1"] = whole[:len(whole) // 2], whole[len(whole) // 2:]


def as_float32(keras, model):
    return keras.models.model_from_json(oracle.as_float64(keras, model).to_json().replace("float64", "float32"))


def compact(description):
    """JSON with one line for each layer, file or number."""
    lines = []
    for key, value in description.items():
        if isinstance(value, list):
            value = "[\n" + ",\n".join("  " + json.dumps(item) for item in value) + "]"
        else:
            value = json.dumps(value)
        lines.append(f" {json.dumps(key)}: {value}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def write(folder, name, function, size, kinds, old, policy):
    if old:
        import tf_keras as keras
        keras.backend.clear_session()
    else:
        import keras
        keras.utils.clear_session()
    seed = sum(name.encode())
    for attempt in range(50):
        random = np.random.default_rng([seed, attempt])
        if attempt:
            keras.backend.clear_session()
        keras.utils.set_random_seed(seed)
        if policy:
            keras.config.set_dtype_policy(policy)
        model = function(keras, keras.layers)
        if policy:
            keras.config.set_dtype_policy("float32")
        x = random.normal(0.2, 1.0, size).astype("float32")
        plain = as_float32(keras, model) if policy else model
        oracle.settle(plain, np.stack([x, random.normal(0.2, 1.0, size).astype("float32")]), [seed, attempt])
        if plain is not model:
            model.set_weights(plain.get_weights())
        single = oracle.Run(plain, x)
        double = oracle.Run(oracle.as_float64(keras, plain), x, "float64")
        index = single.top()
        wanted = ["input", single.last_convolution()]
        narrow, wide = single.gradients(wanted, index), double.gradients(wanted, index)
        off = max([np.abs(narrow[layer] - wide[layer]).max() / np.abs(wide[layer]).max() for layer in wanted]
                  + [np.abs(array - double.outputs[layer].numpy()[0]).max() / np.abs(array).max()
                     for layer, array in single.arrays().items()])
        dead = [layer for layer, array in double.arrays().items() if not np.any(array)]
        if off < AGREEMENT and not dead:
            break
        print(f"  {name}: float32 is off by {off:.1e}, dead {dead}: another seed", flush=True)
    else:
        raise SystemExit(f"{name}: no seed is good")

    home = os.path.join(folder, name)
    shutil.rmtree(home, ignore_errors=True)
    os.makedirs(os.path.join(home, "activations"))
    for kind in kinds:
        path = os.path.join(home, kind)
        if "weights" in kind:
            model.save_weights(path)
        elif kind.startswith("whole-h5"):
            model.save(path + ".h5")
            os.replace(path + ".h5", path)
        else:
            model.save(path)
        if name == "split-names":
            split_attributes(path)
    if any("weights" in kind for kind in kinds):
        with open(os.path.join(home, "architecture.json"), "w", encoding="utf-8") as file:
            file.write(model.to_json())
    oracle.save_array(os.path.join(home, "input.npy"), x)
    for layer, array in double.arrays().items():
        oracle.save_array(os.path.join(home, "activations", oracle.file_name(layer)), array)
    for layer in wanted:
        oracle.save_array(os.path.join(home, "gradient-" + oracle.file_name(layer)), wide[layer])
    description = {
        "writer": f"{keras.__name__} {keras.__version__}",
        "files": [{"file": kind, **({"architecture": "architecture.json"} if "weights" in kind else {})} for kind in kinds],
        "input": "input.npy",
        "layers": [{"name": layer, "class": double.classes[layer], "shape": list(array.shape),
                    "file": "activations/" + oracle.file_name(layer)} for layer, array in double.arrays().items()],
        "parameters": model.count_params(),
        "class": index,
        "score": "logit",
        "value": float(double.scores("logit")[index]),
        "probability": float(double.scores("probability")[index]),
        "gradients": [{"layer": layer, "file": "gradient-" + oracle.file_name(layer)} for layer in wanted],
        "float32_error": float(off),
    }
    with open(os.path.join(home, "golden.json"), "w", encoding="utf-8") as file:
        file.write(compact(description))
    total = sum(os.path.getsize(os.path.join(at, entry)) for at, _, entries in os.walk(home) for entry in entries)
    print(f"{name:22} {len(description['layers']):3} layers  {total:7} bytes  float32 within {off:.1e}", flush=True)
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default=HERE)
    parser.add_argument("--only", default="", metavar="REGEX")
    arguments = parser.parse_args()
    total = sum(write(arguments.folder, *row) for row in GOLDENS if re.search(arguments.only, row[0]))
    print(f"{total} bytes")


if __name__ == "__main__":
    main()
