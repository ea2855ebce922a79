#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes tests/data/pattern/: a small smooth net and its filter patterns by Keras in float64, with
the steps of Deep Learning with Python 9.4.  Needs the packages of tests/keras/requirements.txt.

    tests/data/pattern/make.py

model.keras              seeded; a Rescaling in front, and a layer `sleepy` whose filter 1 never wakes
                         and whose filter 2 sleeps, but for what goes into its relu
start.npy                (30, 26, 3) float32, in the units after the Rescaling
<layer>-<filter>-<n>.npy the picture after n steps of 3
<layer>-<filter>.npy     its activation before and after the last of them
class-4…                 the same for the logit of class 4, at the model's own (24, 20, 3)
"""
import os
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import layers

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(FOLDER, "../../keras"))
import oracle  # noqa: E402

RATE = 3.0
STEPS = (1, 10)
NAMES = ("conv", "separable", "normal", "wide", "sleepy", "average")
FILTERS = (("conv", 2), ("separable", 5), ("wide", 7), ("sleepy", 0))


def build():
    keras.utils.set_random_seed(9)
    image = keras.Input((24, 20, 3), name="image")
    x = layers.Rescaling(1 / 127.5, -1.0, name="rescaling")(image)
    x = layers.Conv2D(8, 3, padding="same", activation="swish", name="conv")(x)
    x = layers.SeparableConv2D(12, 3, name="separable")(x)
    x = layers.BatchNormalization(name="normal")(x)
    x = layers.Conv2D(10, 3, strides=2, activation="tanh", name="wide")(x)
    x = layers.Conv2D(4, 2, activation="relu", name="sleepy")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(image, layers.Dense(6, activation="softmax", name="predictions")(x), name="pattern")


def settle(model, start):
    """Weights that make every layer's values of a size, BatchNormalization's among them."""
    random = np.random.default_rng(17)
    for layer in model.layers:
        layer.set_weights([random.normal(0, 0.8 / np.sqrt(max(np.prod(w.shape[:-1]), 1)), w.shape)
                           for w in layer.get_weights()])
    model.get_layer("normal").set_weights([random.uniform(0.5, 2, 12), random.normal(0, 1, 12),
                                           random.normal(0, 1, 12), random.uniform(0.5, 2, 12)])
    sleepy = model.get_layer("sleepy")
    kernel, bias = sleepy.get_weights()
    sleepy.set_weights([kernel, bias * 0 + 10])
    values = part(model, NAMES[:-1])(start[None]).numpy()[0] - 10
    low, high = values.min((0, 1)), values.max((0, 1))
    sleepy.set_weights([kernel, np.array([0.1 - low[0], -100, -0.02 - high[2], 0.1 - low[3]])])


def part(model, names):
    """The layers of these names on a picture of any size, after the Rescaling."""
    picture = keras.Input((None, None, 3))
    x = picture
    for name in names:
        x = model.get_layer(name)(x)
    return keras.Model(picture, x)


def climb(score, start, path):
    picture = tf.constant(start[None], tf.float64)
    before = float(score(picture))
    for step in range(1, STEPS[-1] + 1):
        with tf.GradientTape() as tape:
            tape.watch(picture)
            loss = score(picture)
        picture += RATE * tf.math.l2_normalize(tape.gradient(loss, picture))
        if step in STEPS:
            np.save(f"{path}-{step}.npy", picture.numpy()[0].astype("float32"))
    np.save(f"{path}.npy", np.array([before, float(score(picture))], "float32"))


def main():
    os.makedirs(FOLDER, exist_ok=True)
    model = build()
    start = np.random.default_rng(5).uniform(0.4, 0.6, (30, 26, 3)).astype("float32")
    settle(model, start)
    model.save(os.path.join(FOLDER, "model.keras"))
    exact = oracle.as_float64(keras, model)
    np.save(os.path.join(FOLDER, "start.npy"), start)

    for name, index in FILTERS:
        maps = part(exact, NAMES[:NAMES.index(name) + 1])
        climb(lambda x: tf.reduce_mean(maps(x)[:, 2:-2, 2:-2, index]), start, os.path.join(FOLDER, f"{name}-{index}"))
    pooled = part(exact, NAMES)
    kernel, bias = exact.get_layer("predictions").get_weights()
    climb(lambda x: tf.reduce_mean((pooled(x) @ kernel + bias)[:, 4]), start[:24, :20], os.path.join(FOLDER, "class-4"))


if __name__ == "__main__":
    main()
