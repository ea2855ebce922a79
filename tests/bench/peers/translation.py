# SPDX-License-Identifier: GPL-3.0-or-later
"""A model and what Keras itself makes of it, for peers whose processes have no TensorFlow in them."""
import dataclasses
import os
import pickle
import subprocess
import sys
import tempfile

import numpy as np

LIMIT = {"float32": 1e-3, "float64": 1e-6}  # of what a peer may be off, of the largest value


@dataclasses.dataclass
class Translation:
    """All in float64, where no ReLU flips by rounding and sends a gradient another way."""
    steps: list             # of graph.py
    picture: np.ndarray     # N,H,W,C
    target: str             # whose gradients Grad-CAM takes
    expected: np.ndarray    # the result; of a forward run before the softmax; of one filter

    def scores(self):
        """The steps without a softmax at the end."""
        return self.steps[:-1] if self.steps[-1].kind == "softmax" else self.steps

    def check(self, result, precision):
        """Refuses a peer that does not run the same network."""
        result = result.reshape(self.expected.shape)
        off = float(np.abs(result - self.expected).max() / np.abs(self.expected).max())
        print(f"differs from Keras by {off:.1e}", file=sys.stderr)
        if not off <= LIMIT[precision] or result.argmax() != self.expected.argmax():
            raise SystemExit("this is not the same network")


def double(model):
    config = model.get_config()
    for layer in config["layers"]:
        layer["config"]["dtype"] = "float64"
    doubled = type(model).from_config(config)
    doubled.set_weights(model.get_weights())
    return doubled


def translate(job, path, layer, output):
    import graph
    import keras
    import models
    import on_keras
    from notebook import last_map
    model = double(models.load(path))
    picture, target = models.picture(model), None
    if job == "pattern":
        picture = models.noise()
        steps = graph.steps_of(models.part(model, layer, picture.shape[1:3]))
        expected = on_keras.prepare(job, model, layer)()
    elif job == "forward":
        steps = graph.steps_of(model)
        expected = on_keras.prepare(job, keras.Model(model.inputs, models.without_softmax(model)))()
    else:
        if job == "grad-cam":
            target = next(inner.name for inner in model.layers if inner.output is last_map(model))
        expected = on_keras.prepare(job, model)()
        steps = graph.steps_of(keras.Model(model.inputs, models.without_softmax(model)), [target])
    with open(output, "wb") as file:
        pickle.dump(Translation(steps, picture, target, expected), file)


def translated(job, path, layer):
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "translation")
        subprocess.run([sys.executable, os.path.dirname(os.path.abspath(__file__)), "translate", job, path, layer,
                        output], check=True, stdout=subprocess.DEVNULL)
        with open(output, "rb") as file:
            return pickle.load(file)
