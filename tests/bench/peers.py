#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A peer that stays warm: does a job once for every line of its standard input, and tells its seconds.

    peers.py make NAME FILE                    writes a model of keras.applications with seeded weights
    peers.py flops MODEL                       multiplications and additions of a forward run
    peers.py PEER JOB MODEL [LAYER [FILTERS]]  PEER: keras, tf.function, openvino; JOB: forward, gradient, grad-cam, pattern
    peers.py PEER has                          whether the packages are there
"""
import os
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
for slows in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(slows, None)


def load(path):
    import keras
    return keras.models.load_model(path, compile=False)


def make(name, path):
    import keras
    keras.utils.set_random_seed(1)
    getattr(keras.applications, name)(weights=None).save(path)


def leaves(model):
    for layer in model.layers:
        if getattr(layer, "layers", None):
            yield from leaves(layer)
        else:
            yield layer


def flops(path):
    import math
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
    print(total)


def last_map(model):
    from notebook import last_map as find
    return find(model)


def without_softmax(model):
    """(output of the same model, logits) for a score before the softmax."""
    import keras
    last = model.layers[-1]
    if type(last).__name__ in ("Activation", "Softmax"):
        return last.input
    last.activation = keras.activations.linear
    return model.outputs[0]


def picture(model, size=None):
    import numpy as np
    height, width = size or model.input_shape[1:3]
    return np.random.default_rng(1).uniform(-1, 1, (1, height, width, model.input_shape[3])).astype("float32")


def keras_job(job, path, layer, filters, compiled):
    import keras
    import tensorflow as tf
    model = load(path)
    wrap = tf.function if compiled else (lambda function: function)
    if job == "pattern":
        return pattern_job(model, layer, filters, wrap)
    batch = tf.constant(picture(model))
    if job == "forward":
        run = wrap(lambda x: model(x, training=False))
        return lambda: run(batch).numpy()
    target = last_map(model) if job == "grad-cam" else None
    logits = without_softmax(model)
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


def pattern_job(model, layer, filters, wrap):
    import keras
    import tensorflow as tf
    nested = [inner for inner in model.layers if getattr(inner, "layers", None)]
    inside = nested[0] if nested else model
    fresh = keras.Model(inside.inputs, inside.get_layer(layer).output)
    config = fresh.get_config()
    config["layers"][0]["config"]["batch_shape"] = (None, None, None, inside.input_shape[3])
    part = keras.Model.from_config(config)
    part.set_weights(fresh.get_weights())

    def ascend(image, index):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(image)
            values = part(image, training=False)
            loss = tf.reduce_mean(tf.gather(values[:, 2:-2, 2:-2], index, axis=-1))
        gradient = tf.math.l2_normalize(tape.gradient(loss, image))
        return image + 10.0 * gradient
    step = wrap(ascend)

    def run():
        for index in range(filters):
            image = tf.random.uniform((1, 200, 200, 3), 0.4, 0.6, seed=1)
            for _ in range(30):
                image = step(image, tf.constant(index))
            image.numpy()
    return run


def openvino_job(job, path):
    import openvino
    model = load(path)
    batch = picture(model)
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, verbose=False)
        compiled = openvino.compile_model(openvino.convert_model(folder, input=list(batch.shape)), "CPU")
    return lambda: compiled(batch)


def main(peer, *rest):
    if peer == "make":
        make(*rest)
    elif peer == "flops":
        flops(*rest)
    elif rest[0] == "has":
        import importlib.util
        sys.exit(importlib.util.find_spec("openvino" if peer == "openvino" else "keras") is None)
    else:
        job, path, layer, filters = (*rest, "", "1")[:4] if len(rest) == 2 else (*rest, "1")[:4]
        run = openvino_job(job, path) if peer == "openvino" else keras_job(job, path, layer, int(filters),
                                                                           peer == "tf.function")
        run()
        if job != "pattern":
            run()
        print("ready", flush=True)
        for _line in sys.stdin:
            started = time.perf_counter()
            run()
            print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
