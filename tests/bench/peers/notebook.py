#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a notebook does for one Grad-CAM overlay, as a script: the peer of a cold run.

    notebook.py MODEL PHOTO OUTPUT.png
"""
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from PIL import Image  # noqa: E402


def last_map(model):
    pooling = ("Pooling", "Dropout", "Padding", "Reshape", "Flatten", "Dense", "Softmax")
    for layer in reversed(model.layers):
        shape = layer.output.shape
        if len(shape) == 4 and shape[1] != 1 and not any(word in type(layer).__name__ for word in pooling):
            return layer.output
    raise SystemExit("no layer has a map")


def main(model_path, photo_path, output):
    model = keras.models.load_model(model_path, compile=False)
    size = model.input_shape[1:3]
    picture = keras.utils.load_img(photo_path)
    batch = keras.utils.img_to_array(picture.resize(size[::-1]))[None] / 127.5 - 1
    model.predict(batch, verbose=0)
    both = keras.Model(model.inputs, [last_map(model), model.outputs[0]])
    with tf.GradientTape() as tape:
        values, scores = both(batch)
        score = scores[:, int(tf.argmax(scores[0]))]
    weights = tf.reduce_mean(tape.gradient(score, values), axis=(0, 1, 2))
    heat = np.maximum(np.mean(values[0] * weights, axis=-1), 0)
    heat = np.uint8(255 * heat / max(heat.max(), 1e-12))
    hot = np.stack([heat, 255 - np.abs(2 * heat.astype(int) - 255), 255 - heat], -1).astype("uint8")
    layer = Image.fromarray(hot).resize(picture.size, Image.Resampling.BICUBIC)
    Image.blend(picture, layer, 0.4).save(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
