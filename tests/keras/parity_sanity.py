#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""convlens sanity-check and faithfulness against live Keras, on the default model.

    tests/keras/parity_sanity.py CONVLENS [--work FOLDER] [--seeds 10] [--faithfulness 3] [--own-numbers]

Ten photographs of $CONVLENS_SHARED (some of them mirrored).  In Keras the weights are randomised by the
same definition (core/cnn.h) and, since GLib's numbers are the Mersenne twister's as NumPy's old ones are,
with the same numbers; --own-numbers takes others, and then the means are two samples of one thing.
Compared are, per stage, the mean |rank correlation| over all photographs and seeds, empty maps apart, and
the areas under the deletion and insertion curves.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import oracle
from oracle import np, tf
from parity import SHARED, SOURCE, PHOTOS, prepare

MODEL = os.path.join(SOURCE, "weights", "efficientnet-lite0.keras")
LAYER = "top_relu6"
STAGES, STEPS = 8, 56
MEAN_LIMIT, AREA_LIMIT = 0.05, 1e-3


def call(program, *arguments):
    done = subprocess.run([program, *map(str, arguments), "--json"], capture_output=True, text=True, timeout=1800)
    if done.returncode:
        sys.exit(f"{arguments[0]}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def ranks(values):
    """From 1, equal values sharing their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse.ravel()]


def rank_correlation(left, right):
    a, b = ranks(left) - (left.size + 1) / 2, ranks(right) - (right.size + 1) / 2
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


# ---- the cascade ------------------------------------------------------------------

class Cascade:
    """The model in Keras with Grad-CAM of a batch, and its layers from the top."""

    def __init__(self):
        self.keras, self.model = oracle.load(MODEL)
        self.model.layers[-1].activation = self.keras.activations.linear
        self.net = self.keras.Model(self.model.inputs, [self.model.get_layer(LAYER).output, self.model.outputs[0]])
        self.layers = [layer for layer in reversed(self.model.layers)
                       if layer.weights and type(layer).__name__ != "Normalization"]
        self.own = [layer.get_weights() for layer in self.layers]
        self.units = [i + 1 for i, layer in enumerate(self.layers) if any(w.name.endswith("kernel") for w in layer.weights)]
        self.units[-1] = len(self.layers)
        self.maps = tf.function(self._maps)

    def _maps(self, batch, classes):
        with tf.GradientTape() as tape:
            values, logits = self.net(batch, training=False)
            score = tf.reduce_sum(tf.gather(logits, classes, batch_dims=1))
        weights = tf.reduce_mean(tape.gradient(score, values), (1, 2), keepdims=True)
        return tf.nn.relu(tf.reduce_sum(weights * values, -1))

    def end(self, stage):
        """How many layers are random after it."""
        return self.units[stage * (len(self.units) - 1) // (STAGES - 1)]

    def renew(self, index, random):
        layer = self.layers[index]
        fresh = []
        for i, weight in enumerate(layer.weights):
            name, shape = weight.name.split("/")[-1].split(":")[0], tuple(weight.shape)
            if name.endswith("kernel"):
                depthwise = type(layer).__name__ == "DepthwiseConv2D" or name == "depthwise_kernel"
                limit = np.sqrt(6 / np.prod(shape[:2] if depthwise else shape[:-1]))
                fresh.append(random(index, i, limit, int(np.prod(shape))).reshape(shape).astype("float32"))
            else:
                fresh.append(np.full(shape, float(name in ("gamma", "moving_variance")), "float32"))
        layer.set_weights(fresh)

    def restore(self):
        for layer, weights in zip(self.layers, self.own):
            layer.set_weights(weights)


def same_numbers(seed):
    def draw(index, weight, limit, count):
        twister = np.random.RandomState(np.array([seed, 0, index, weight], np.uint32))
        return -limit + 2 * limit * (twister._bit_generator.random_raw(count) * 2.0 ** -32)
    return draw


def other_numbers(seed):
    random = np.random.default_rng(seed + 12345)
    return lambda index, weight, limit, count: random.uniform(-limit, limit, count)


def tell(what, detail, error, limit):
    good = error <= limit
    print(f"{what:32} {detail:60} {error:.1e}  {limit:.0e}  {'ok' if good else 'FAILED'}", flush=True)
    return good


def check_cascade(program, paths, inputs, seeds, numbers):
    cascade = Cascade()
    batch = tf.constant(np.stack(inputs))
    classes = tf.constant(np.argmax(cascade.net(batch, training=False)[1], -1)[:, None])
    originals = cascade.maps(batch, classes).numpy()
    ours, theirs = (np.full((STAGES, seeds, len(paths)), np.nan) for _ in range(2))
    good = True
    for seed in range(seeds):
        random, done = numbers(seed), 0
        for stage in range(STAGES):
            for done in range(done, cascade.end(stage)):
                cascade.renew(done, random)
            done = cascade.end(stage)
            for i, heat in enumerate(cascade.maps(batch, classes).numpy()):
                if heat.max() > 0:
                    theirs[stage, seed, i] = rank_correlation(originals[i], heat)
        cascade.restore()
        for i, path in enumerate(paths):
            answer = call(program, "sanity-check", path, "--model", MODEL, "--preprocess", "none", "--seed", seed)
            if answer["class"]["index"] != int(classes[i, 0]) or answer["layer"] != LAYER:
                sys.exit(f"{path}: class {answer['class']} in {answer['layer']}")
            ends = np.cumsum([len(row["layers"]) for row in answer["stages"]]).tolist()
            if ends != [cascade.end(stage) for stage in range(STAGES)]:
                sys.exit(f"the stages end after {ends} layers")
            for stage, row in enumerate(answer["stages"]):
                if bool(row["empty"]) != (row["correlation"] is None):
                    sys.exit(f"{path}, stage {stage + 1}: {row}")
                ours[stage, seed, i] = np.nan if row["empty"] else row["correlation"]
        print(f"seed {seed}: largest difference of a correlation {np.nanmax(np.abs(ours[:, seed] - theirs[:, seed])):.4f}, "
              f"empty {int(np.isnan(ours[:, seed]).sum())}, in Keras {int(np.isnan(theirs[:, seed]).sum())}", flush=True)
    for stage in range(STAGES):
        left, right = (np.nanmean(np.abs(side[stage])) for side in (ours, theirs))
        detail = (f"{left:.4f}, Keras {right:.4f}; empty {int(np.isnan(ours[stage]).sum())}, "
                  f"Keras {int(np.isnan(theirs[stage]).sum())} of {ours[stage].size}")
        good &= tell(f"stage {stage + 1}: {cascade.layers[cascade.end(stage) - 1].name}", detail, abs(left - right), MEAN_LIMIT)
    return good


# ---- deletion and insertion -------------------------------------------------------

def enlarged(heat, height, width):
    """Bicubic (a = −0.5), half-pixel centres, edges clamped, within the map's own range."""
    def matrix(n, size):
        rows = np.zeros((size, n))
        for i in range(size):
            at = (i + 0.5) * n / size - 0.5
            for k in range(int(np.floor(at)) - 1, int(np.floor(at)) + 3):
                d = abs(at - k)
                weight = 1.5 * d ** 3 - 2.5 * d ** 2 + 1 if d < 1 else -0.5 * d ** 3 + 2.5 * d ** 2 - 4 * d + 2
                rows[i, min(max(k, 0), n - 1)] += weight
        return rows
    big = matrix(heat.shape[0], height) @ heat.astype("float64") @ matrix(heat.shape[1], width).T
    return np.clip(big, heat.min(), heat.max())


def blurred(x):
    sigma = min(x.shape[:2]) / 20
    radius = int(np.ceil(3 * sigma))
    window = np.exp(-np.arange(-radius, radius + 1) ** 2 / (2 * sigma ** 2))
    window /= window.sum()
    for axis in (0, 1):
        padded = np.pad(x.astype("float64"), [(radius, radius) if a == axis else (0, 0) for a in range(3)], mode="edge")
        x = sum(weight * np.take(padded, range(k, k + x.shape[axis]), axis) for k, weight in enumerate(window))
    return x.astype("float32")


def areas(predict, x, index, heat):
    """(deletion, insertion)"""
    pixels = x.shape[0] * x.shape[1]
    order = np.argsort(-heat.ravel(), kind="stable")
    found = []
    for start, end in ((x, np.broadcast_to(x.mean((0, 1), dtype="float64").astype("float32"), x.shape)), (blurred(x), x)):
        pictures = []
        for step in range(STEPS + 1):
            picture = start.reshape(pixels, -1).copy()
            first = order[:pixels * step // STEPS]
            picture[first] = end.reshape(pixels, -1)[first]
            pictures.append(picture.reshape(x.shape))
        found.append(float(np.trapezoid(predict(np.stack(pictures))[:, index], dx=1 / STEPS)))
    return found


def check_faithfulness(program, paths, inputs):
    _, model = oracle.load(MODEL)
    cascade = Cascade()
    predict = lambda batch: model.predict(batch, batch_size=19, verbose=0)  # noqa: E731
    good = True
    for path, x in zip(paths, inputs):
        answer = call(program, "faithfulness", path, "--model", MODEL, "--preprocess", "none")
        index = int(np.argmax(predict(x[None])[0]))
        heat = cascade.maps(tf.constant(x[None]), tf.constant([[index]])).numpy()[0]
        height, width = x.shape[:2]
        y, z = np.mgrid[:height, :width]
        centre = -(((2 * z + 1 - width) / width) ** 2 + ((2 * y + 1 - height) / height) ** 2)
        for key, values in (("area", enlarged(heat / heat.max(), height, width)), ("centre", centre)):
            for what, theirs in zip(("deletion", "insertion"), areas(predict, x, index, values)):
                ours = answer[what][key]
                good &= tell(f"{what}, {'heat' if key == 'area' else key}",
                             f"{os.path.basename(path)}: {ours:.4f}, Keras {theirs:.4f}", abs(ours - theirs), AREA_LIMIT)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--work", default=None)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--faithfulness", type=int, default=3, help="of how many photographs")
    parser.add_argument("--own-numbers", action="store_true")
    options = parser.parse_args()
    work = options.work or tempfile.mkdtemp(prefix="parity-sanity-")
    os.makedirs(work, exist_ok=True)

    inputs, paths = [], []
    for mirrored in (False, True):
        for name in PHOTOS[:10 - len(PHOTOS)] if mirrored else PHOTOS:
            x = prepare(os.path.join(SHARED, "photos", name), (224, 224, 3), "none")
            inputs.append(np.ascontiguousarray(x[:, ::-1] if mirrored else x))
            paths.append(os.path.join(work, f"{os.path.splitext(name)[0]}{'-mirrored' if mirrored else ''}.npy"))
            oracle.save_array(paths[-1], inputs[-1])
    program = os.path.realpath(options.program)
    numbers = other_numbers if options.own_numbers else same_numbers
    good = not options.faithfulness or check_faithfulness(program, paths[:options.faithfulness], inputs)
    if options.seeds:
        good &= check_cascade(program, paths, inputs, options.seeds, numbers)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
