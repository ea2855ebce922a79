# SPDX-License-Identifier: GPL-3.0-or-later
"""Keras on TensorFlow, as it is or compiled by tf.function."""
import keras
import models
import numpy as np
import tensorflow as tf
from notebook import last_map


def prepare(job, model, layer="", filters=1, compiled=True):
    """A function that does the job once and gives its result, maps as N,H,W,C."""
    wrap = tf.function if compiled else (lambda function: function)
    if job == "pattern":
        return pattern(model, layer, filters, wrap)
    batch = tf.constant(models.picture(model), model.inputs[0].dtype)
    if job == "forward":
        run = wrap(lambda x: model(x, training=False))
        return lambda: run(batch).numpy()
    target = last_map(model) if job == "grad-cam" else None
    logits = models.without_softmax(model)
    both = keras.Model(model.inputs, [logits] + ([target] if target is not None else []))

    def step(x):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            values = both(x, training=False)
            scores = values[0] if target is not None else values
            scores = scores[0] if isinstance(scores, (list, tuple)) else scores
            score = tf.reduce_max(scores[0])
        if target is None:
            return tape.gradient(score, x)
        weights = tf.reduce_mean(tape.gradient(score, values[1]), axis=(0, 1, 2))
        return tf.nn.relu(tf.reduce_sum(values[1][0] * weights, axis=-1))
    run = wrap(step)
    return lambda: run(batch).numpy()


def pattern(model, layer, filters, wrap):
    part = models.part(model, layer)

    def ascend(image, index):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(image)
            values = part(image, training=False)
            loss = tf.reduce_mean(tf.gather(values[:, 2:-2, 2:-2], index, axis=-1))
        gradient = tf.math.l2_normalize(tape.gradient(loss, image))
        return image + models.PATTERN_RATE * gradient
    step = wrap(ascend)

    def run():
        images = []
        for index in range(filters):
            image = tf.constant(models.noise(), part.inputs[0].dtype)
            for _ in range(models.PATTERN_STEPS):
                image = step(image, tf.constant(index))
            images.append(image.numpy())
        return np.concatenate(images)
    return run
