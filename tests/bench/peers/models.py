# SPDX-License-Identifier: GPL-3.0-or-later
"""What all peers do with Keras' models: make, load, count, cut; and the pictures they are run on."""
import math

import numpy as np

PATTERN_SIZE, PATTERN_STEPS, PATTERN_RATE = 200, 30, 10.0


def load(path):
    import keras
    return keras.models.load_model(path, compile=False)


def make(name, path, any_size=""):
    """A model of keras.applications with seeded weights; for any size, without its top."""
    import keras
    keras.utils.set_random_seed(1)
    getattr(keras.applications, name)(weights=None, include_top=not any_size).save(path)


def leaves(model):
    for layer in model.layers:
        if getattr(layer, "layers", None):
            yield from leaves(layer)
        else:
            yield layer


def flops(path):
    total = 0
    for layer in leaves(load(path)):
        kind = type(layer).__name__
        if kind == "SeparableConv2D":
            places = math.prod(layer.output.shape[1:3])
            total += 2 * places * math.prod(layer.depthwise_kernel.shape)
            total += 2 * places * math.prod(layer.pointwise_kernel.shape)
        elif kind in ("Conv2D", "DepthwiseConv2D", "Dense"):
            places = math.prod(layer.output.shape[1:3]) if kind != "Dense" else 1
            total += 2 * places * math.prod(layer.kernel.shape)
    return total


def without_softmax(model):
    """The output of the same model before its softmax."""
    import keras
    last = model.layers[-1]
    if type(last).__name__ in ("Activation", "Softmax"):
        return last.input
    last.activation = keras.activations.linear
    return model.outputs[0]


def part(model, layer, size=(None, None)):
    """The model up to a layer, for another size of its input."""
    import keras
    nested = [inner for inner in model.layers if getattr(inner, "layers", None)]
    inside = nested[0] if nested else model
    fresh = keras.Model(inside.inputs, inside.get_layer(layer).output)
    config = fresh.get_config()
    config["layers"][0]["config"]["batch_shape"] = (None, *size, inside.input_shape[3])
    resized = keras.Model.from_config(config)
    resized.set_weights(fresh.get_weights())
    return resized


def picture(model):
    return np.random.default_rng(1).uniform(-1, 1, (1, *model.input_shape[1:])).astype("float32")


def noise():
    """Where a pattern starts."""
    return np.random.default_rng(1).uniform(0.4, 0.6, (1, PATTERN_SIZE, PATTERN_SIZE, 3)).astype("float32")
