#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Convlens against live Keras for every graph in weights/architectures: layers, outputs, gradients.

    pip install tensorflow-cpu tf-keras
    tests/keras/parity_architectures.py CONVLENS [--work FOLDER] [--only REGEX] [--checks REGEX]

Published weights are not needed: each architecture gets seeded ones that keep its values in bounds.
A small picture is put through a whole .keras file of it, layer by layer and back; one of the usual size
through files that hold weights only: as Keras 3 writes them, whose graph has to be found by names and
shapes, and as tf-keras does, whose layers may be called otherwise.  New rows come from the table of
make-architectures.py.
"""
import argparse
import importlib.util
import json
import os
import re
import sys
import time
from unittest import mock

import oracle
from oracle import ACTIVATION_LIMIT, l2, max_norm, np, tf
from parity import GRADIENT_LIMIT, SOURCE, Bench, Trouble

SMALL, SMALL_SIZES = 96, {"VGG16": 64, "VGG19": 64, "ConvNeXtTiny": 64}
PICTURES, MORE_PICTURES = 5, 12
IMAGENET_MEAN, IMAGENET_VARIANCE = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def architectures():
    path = os.path.join(SOURCE, "weights", "architectures", "make-architectures.py")
    spec = importlib.util.spec_from_file_location("make_architectures", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Row:
    """The name and options that Bench reports and passes on."""

    def __init__(self, name, function, preprocess, size, arguments):
        self.name, self.function, self.preprocess = name, function, preprocess
        self.size, self.arguments = size, arguments
        self.small = SMALL_SIZES.get(function, SMALL)


def pictures(count, size, preprocess, seed):
    """Coarse and fine noise in colours, in the units that the model takes."""
    images = np.zeros((count, size, size, 3), "float32")
    for number in range(count):
        random = np.random.default_rng([seed, number])
        for cells in (3, 7, 20, size):
            noise = random.normal(0, 40, (cells, cells, 3)).astype("float32")
            images[number] += tf.image.resize(noise, (size, size), "bicubic").numpy()
    images = np.clip(images + 128, 0, 255)
    if preprocess == "tf":
        return images / np.float32(127.5) - 1
    if preprocess == "caffe":
        return images[..., ::-1] - np.array((103.939, 116.779, 123.68), "float32")
    if preprocess == "torch":
        return ((images / 255 - np.array(IMAGENET_MEAN)) / np.array(IMAGENET_VARIANCE)).astype("float32")
    return images


def leaf_names(model, prefix=""):
    for operation in getattr(model, "operations", model.layers):
        if type(operation).__name__ == "InputLayer":
            continue
        if getattr(operation, "layers", None):
            yield from leaf_names(operation, f"{prefix}{operation.name}/")
        else:
            yield prefix + operation.name


def settle(model, row, size, seed):
    """Weights for a model that gets pictures of a size."""
    for _, layer in oracle.leaf_layers(model):
        if type(layer).__name__ == "Normalization" and layer.weights:
            layer.set_weights([np.array(IMAGENET_MEAN, "float32"), np.array(IMAGENET_VARIANCE, "float32") ** 2,
                               np.array(0)])
            layer.finalize_state()
    oracle.settle(model, pictures(6 if size == row.small else 2, size, row.preprocess, seed), seed)
    return model


def small(keras, make, row):
    if "weights" in row.arguments:  # Keras allows its own size alone
        return oracle.rebuilt(keras, make.graph(row.function, True, row.size, row.arguments), size=row.small)
    return make.graph(row.function, True, row.small, row.arguments)


def logits(keras, model):
    """The same model without its last softmax, which may be taken from this one."""
    last = model.layers[-1]
    if type(last).__name__ in ("Activation", "Softmax"):
        return keras.Model(model.input, last.input)
    last.activation = keras.activations.linear
    return model


def gradients(model, batch, classes, dtype):
    """Of each picture's own class's logit."""
    batch = tf.convert_to_tensor(batch.astype(dtype))
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(batch)
        values = model(batch, training=False)
        score = tf.reduce_sum(tf.gather(values, classes, axis=1, batch_dims=1))
    return tape.gradient(score, batch).numpy()


def save_legacy(model, path):
    """The kind of file that keras.applications are published in."""
    import h5py
    from keras.src.legacy.saving import legacy_h5_format
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


def save_old(row, model, path):
    """The same by tf-keras, with its names; Keras 3 takes over weights by order, and so does this."""
    import tf_keras
    tf_keras.backend.clear_session()
    arguments = {"weights": None, "input_shape": model.input_shape[1:], **row.arguments}
    with mock.patch("tf_keras.src.utils.data_utils.get_file"), mock.patch.object(tf_keras.Model, "load_weights"):
        old = getattr(tf_keras.applications, row.function)(**arguments)
    theirs = [layer for layer in old.layers if layer.weights]
    ours = [layer for layer in model.layers if layer.weights]
    for target, source in zip(theirs, ours, strict=True):
        target.set_weights(source.get_weights())
    old.save_weights(path)
    return [layer.name for layer in theirs] != [layer.name for layer in ours]


class Check:
    def __init__(self, bench, keras, make, row, table):
        self.bench, self.keras, self.make, self.row, self.table = bench, keras, make, row, table
        self.folder = bench.fresh(row.name)
        keras.utils.clear_session()
        self.x = pictures(1, row.small, row.preprocess, 2)[0]
        for attempt in range(5):
            self.model = settle(small(keras, make, row), row, row.small, sum(row.name.encode()) + attempt)
            self.double = oracle.as_float64(keras, self.model)
            self.run = oracle.Run(self.model, self.x)
            exact = oracle.Run(self.double, self.x, "float64").arrays()
            self.own = max(max_norm(theirs, exact[name]) for name, theirs in self.run.arrays().items())
            if self.own <= ACTIVATION_LIMIT / 2:
                break
            print(f"{row.name}: Keras' float32 is off by {self.own:.1e}: another seed", flush=True)
            keras.utils.clear_session()

    def path(self, name):
        return os.path.join(self.folder, name)

    def picture(self, name, array):
        path = self.path(name + ".npy")
        oracle.save_array(path, array)
        return path

    def ends(self, model, x, names):
        """What goes into the last layer, for a softmax may be all 0 and 1, and what comes out."""
        tensors = [model.layers[-1].input, model.output][-len(names):]
        values = self.keras.Model(model.input, tensors)(x[None].astype(model.compute_dtype), training=False)
        return {name: value.numpy()[0] for name, value in zip(names, values if len(names) > 1 else [values])}

    def compare(self, row, kind, what, note, model, x, names, file, *options):
        """Against Keras; where random weights blow rounding up, against float64, and Keras with it."""
        ours, limit = {}, ACTIVATION_LIMIT
        for name in names:
            path = os.path.join(self.bench.fresh("value"), "value.npy")
            self.bench.call("activations", self.picture("value", x), "--model", file, *options, "--layer", name, "--raw", path)
            ours[name] = np.load(path)
        theirs = self.ends(model, x, names)
        error = max(max_norm(ours[name], theirs[name]) for name in names)
        if error > limit:
            exact = self.ends(oracle.as_float64(self.keras, model), x, names)
            own = max(max_norm(theirs[name], exact[name]) for name in names)
            error = max(max_norm(ours[name], exact[name]) for name in names)
            limit, note = max(limit, 2 * own), f"{note}, Keras itself {own:.1e}"
        self.bench.report(row, kind, what, note, error, limit)

    def whole(self, row, kind, what):
        """Every layer of the small model."""
        file = self.path("small.keras")
        self.model.save(file)
        folder = self.bench.fresh("activations")
        self.bench.call("activations", self.picture("small", self.x), "--model", file, "--layer", "all", "--raw", folder)
        worst, where = -1.0, ""
        for name, theirs in self.run.arrays().items():
            found = os.path.join(folder, oracle.file_name(name))
            error = max_norm(np.load(found), theirs) if os.path.exists(found) else float("inf")
            if error > worst:
                worst, where = error, name
        self.bench.report(row, kind, what, f"{where} of {len(self.run.outputs)}, Keras itself {self.own:.1e}", worst,
                          ACTIVATION_LIMIT)

    def gradient(self, row, kind, what):
        file = self.path("small.keras")
        if not os.path.exists(file):
            self.model.save(file)
        single, double = logits(self.keras, self.model), logits(self.keras, self.double)
        straight, ours, own = [], [], []

        def measure(batch, twin):
            classes = single(batch, training=False).numpy().argmax(axis=1)
            exact = gradients(double, batch, classes, "float64")
            keras = [gradients(single, one, classes, "float32") for one in (batch, *twin)]
            for number, right in enumerate(exact):
                target = os.path.join(self.bench.fresh("gradient"), "input.npy")
                self.bench.call("gradient", self.picture("gradient", batch[number]), "--model", file, "--layer", "input",
                                "--class", classes[number], "--score", "logit", "--raw", target)
                array = np.load(target)
                straight.append(max_norm(array, right))
                ours.append(l2(array, right))
                own.append(max(l2(one[number], right) for one in keras))

        def judge():
            if max(straight) <= GRADIENT_LIMIT:
                return max(straight), GRADIENT_LIMIT
            averages = (np.median,) if len(ours) == PICTURES else (np.median, np.mean)
            return min(((float(average(ours)), 2 * float(average(own)) + 1e-4) for average in averages),
                       key=lambda verdict: verdict[0] / verdict[1])

        batch = pictures(MORE_PICTURES, row.small, row.preprocess, 3)
        measure(batch[:PICTURES], ())
        error, allowed = judge()
        if error > allowed:
            # a switch flips: parity.check_gradients tells why, and why Keras' twin counts
            for found in (straight, ours, own):
                found.clear()
            nudge = np.random.default_rng(1).choice([-1e-7, 1e-7], batch.shape)
            measure(batch, ((batch * (1 + nudge)).astype("float32"),))
            error, allowed = judge()
        self.bench.report(row, kind, what, f"{len(ours)} pictures, Keras itself {np.median(own):.1e} (L2)", error, allowed)

    def graph(self, row, kind, what, model, file, variant):
        """Layers, parameters and names of the graph that the program took."""
        answer = self.bench.json("layers", "--model", file)
        entry = self.table[variant]
        ours = [layer["name"] for layer in answer["layers"] if layer["class"] != "InputLayer"]
        wrong = set(ours) ^ set(leaf_names(self.model))  # the first that was built has the names of the graph
        counts = (len(model.layers) - entry["layers"], answer["parameters"] - model.count_params(),
                  entry["parameters"] - model.count_params(), len(ours) - len(set(ours)))
        self.bench.report(row, kind, what, f"{entry['layers']} layers, {answer['parameters']} parameters"
                          + (f", not in both: {sorted(wrong)[:3]}" if wrong else ""), len(wrong) + sum(map(abs, counts)), 0)

    def usual(self, row, kind, what):
        """Weights alone, with top, at the usual size."""
        file = self.path("usual.h5")
        # in the same session: the layers that Keras names by counting count on
        model = self.make.graph(row.function, True, row.size, row.arguments)
        settle(model, row, row.size, 4)
        x = pictures(1, row.size, row.preprocess, 5)[0]
        names = [layer.name for layer in self.model.layers[-2:]]
        save_legacy(model, file)
        self.bench.attempt(row, kind, "graph", lambda *a: self.graph(*a, model, file, "top"))
        self.compare(row, kind, what, ", ".join(names), model, x, names, file)
        os.remove(file)
        if self.bench.wants("tf-keras"):
            self.bench.attempt(row, "tf-keras", "tf-keras", lambda *a: self.old(*a, model, x, names))

    def old(self, row, kind, what, model, x, names):
        file = self.path("old.h5")
        other = save_old(row, model, file)
        with open(file + ".json", "w", encoding="utf-8") as sidecar:
            json.dump({"architecture": row.name}, sidecar)
        self.compare(row, kind, what, "other names" if other else "the same names", model, x, names, file)
        os.remove(file)

    def headless(self, row, kind, what):
        """Weights alone, without top, at the small size where the graph leaves it open."""
        file = self.path("headless.h5")
        model = self.make.graph(row.function, False, row.size, row.arguments)
        size = row.size if row.function in self.make.ONE_SIZE else row.small
        settle(model, row, size, 6)
        x = pictures(1, size, row.preprocess, 7)[0]
        save_legacy(model, file)
        answer = self.bench.json("layers", "--model", file)
        counts = {answer["parameters"], self.table["no_top"]["parameters"], model.count_params()}
        self.bench.report(row, kind, f"{what}: graph", f"{answer['parameters']} parameters", len(counts) - 1, 0)
        last = answer["layers"][-1]["name"]
        self.compare(row, kind, what, last, model, x, [last], file, "--input-size", size)
        os.remove(file)


def examine(bench, keras, make, row, table):
    start = time.time()
    check = Check(bench, keras, make, row, table)
    bench.attempt(row, "keras 3", "every layer", check.whole)
    bench.attempt(row, "keras 3", "input gradient", check.gradient)
    bench.attempt(row, "weights only", "output", check.usual)
    bench.attempt(row, "weights only", "no top", check.headless)
    for name in os.listdir(check.folder):
        os.remove(check.path(name))
    print(f"{row.name}: {time.time() - start:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the convlens binary")
    parser.add_argument("--work", default="parity-work", help="folder for scratch files")
    parser.add_argument("--only", default="", metavar="REGEX", help="architectures whose name matches")
    parser.add_argument("--checks", default="", metavar="REGEX", help="checks whose name matches")
    parser.add_argument("--device", default="", help="passed on to the program")
    arguments = parser.parse_args()
    import keras
    make = architectures()
    with open(os.path.join(SOURCE, "weights", "architectures", "architectures.json"), encoding="utf-8") as file:
        table = {row["name"]: row for row in json.load(file)["architectures"]}
    bench = Bench(os.path.abspath(arguments.program), arguments.work, PICTURES, arguments.device, arguments.checks)
    for row in (Row(*row) for row in make.ARCHITECTURES):
        if not re.search(arguments.only, row.name):
            continue
        if row.name not in table:
            raise Trouble(f"architectures.json has no {row.name}")
        examine(bench, keras, make, row, table[row.name])
    bench.table()
    return 1 if bench.failed or not bench.passed else 0


if __name__ == "__main__":
    sys.exit(main())
