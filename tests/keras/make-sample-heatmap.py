#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes install/sample/grad-cam.npy: the heat map that Keras itself makes of the sample photograph with the default
model, (h, w) of the layer, 0…1, float32. install/gpu-bundle.sh takes it along, as what any device has to come to.

    tests/keras/make-sample-heatmap.py
"""
import os

import oracle  # first: it sets TensorFlow's environment
import keras
import numpy as np
from PIL import Image

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLE = os.path.join(ROOT, "install", "sample")
LAYER = "top_relu6"


def main():
    model = keras.saving.load_model(os.path.join(ROOT, "weights", "efficientnet-lite0.keras"), compile=False)
    height, width = model.input_shape[1:3]
    photo = Image.open(os.path.join(SAMPLE, "coffee.jpg")).convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
    run = oracle.Run(model, np.asarray(photo, "float32"))
    heat = run.heatmap(LAYER, run.top(), "logit").astype("float32")
    np.save(os.path.join(SAMPLE, "grad-cam.npy"), heat)
    print(f"class {run.top()}, {heat.shape[0]}×{heat.shape[1]} cells")


if __name__ == "__main__":
    main()
