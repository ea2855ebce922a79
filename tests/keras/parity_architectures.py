#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Convlens against live Keras for every graph in weights/architectures, with top and without.

    pip install tensorflow-cpu tf-keras
    tests/keras/parity_architectures.py CONVLENS [--work FOLDER] [--only REGEX] [--checks REGEX] [--thorough]

Published weights are not needed: each architecture gets seeded ones that keep its values in bounds, and
with top and without share them.  Counts and names of layers and parameters, outputs and the input's
gradient are compared.  Whole .keras files are looked at layer by layer, with a small picture.  Files that
hold weights only are of the two kinds that keras.applications are published in: one as Keras 3 would write
it, whose graph has to be found by names and shapes, and one that lies where `convlens get-model` puts it,
whose graph the registry names; there MobileNetV3's layers have other names, those of tf-keras.
--thorough takes every file in all these ways.  New rows come from the table of make-architectures.py.
"""
import argparse
import gc
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

SMALL, SMALL_SIZES = 75, {"VGG16": 64, "VGG19": 64, "ConvNeXtTiny": 64, "NASNetMobile": 64, "InceptionV3": 91,
                          "InceptionResNetV2": 91}
LIFT = 1.0  # most of what a ReLU gets is beyond its kink, as rounding should rarely cross it
POINTS, POINT_SIZE = {"InceptionV3": 75, "InceptionResNetV2": 75}, 32  # where maps shrink to one cell
MATRICES = ("VGG16", "VGG19")  # as large as the picture makes them
PICTURES, MORE_PICTURES = 5, 12
RENAMED = ("MobileNetV3Small", "MobileNetV3Large")
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
        self.point = POINTS.get(function, POINT_SIZE)


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


def named_operations(model, prefix=""):
    for operation in getattr(model, "operations", model.layers):
        if getattr(operation, "layers", None):
            yield from named_operations(operation, f"{prefix}{operation.name}/")
        else:
            yield prefix + operation.name, operation


def leaf_names(model, before=()):
    """Those that Keras made by counting on after the names before (conv2d_94, …) are counted from the start."""
    from keras.src.utils.naming import to_snake_case
    counted, names = {}, []
    for name, operation in named_operations(model):
        kind = to_snake_case(type(operation).__name__)
        if kind == "input_layer":
            continue
        match = re.fullmatch(rf"{kind}(?:_(\d+))?", name)
        if before and match and name not in before:
            counted.setdefault(kind, []).append((int(match[1] or 0), len(names)))
        names.append(name)
    for kind, found in counted.items():
        for number, (_, place) in enumerate(sorted(found)):
            names[place] = kind + (f"_{number}" if number else "")
    return names


def weighted(model):
    return [layer for layer in model.layers if layer.weights]


def branch_ends(model):
    """What the residual branches end with, where it is added to a path that goes on.

    Were these not damped, a hundred blocks of random weights would make rounding grow past all limits,
    in Keras too, as no trained net does."""
    ends = set()
    for add in model.layers:
        if type(add).__name__ not in ("Add", "CustomScaleLayer"):
            continue
        found = []
        for tensor in add._inbound_nodes[0].input_tensors:
            layer = tensor._keras_history.operation
            while type(layer).__name__ == "Dropout":
                layer = layer._inbound_nodes[0].input_tensors[0]._keras_history.operation
            if layer.weights:
                found.append(layer)
        if len(found) < len(add._inbound_nodes[0].input_tensors):
            ends.update(found)
    return ends


def prepare_input(model):
    for _, layer in oracle.leaf_layers(model):
        if type(layer).__name__ == "Normalization" and layer.weights:
            layer.set_weights([np.array(IMAGENET_MEAN, "float32"), np.array(IMAGENET_VARIANCE, "float32") ** 2,
                               np.array(0)])
            layer.finalize_state()


def settle(model, row, seed):
    prepare_input(model)
    oracle.settle(model, pictures(6, row.small, row.preprocess, seed), seed, damped=branch_ends(model),
                  lift=LIFT)


def take_over(source, target, whole):
    """The weights by order; a matrix that is as large as the picture makes it is drawn anew."""
    random = np.random.default_rng(1)
    pairs = list(zip(weighted(source), weighted(target)))
    if len(pairs) != len(weighted(target)) or whole and len(pairs) != len(weighted(source)):
        raise Trouble(f"{len(weighted(target))} layers with weights, of {len(weighted(source))}")
    for old, new in pairs:
        values = []
        for have, want in zip(old.get_weights(), new.weights, strict=True):
            if have.shape == tuple(want.shape):
                values.append(have)
            elif have.ndim == len(want.shape) == 2:
                values.append(random.normal(0, np.sqrt(2 / want.shape[0]), want.shape))
            else:
                raise Trouble(f"{new.name}: {tuple(want.shape)} in place of {have.shape}")
        new.set_weights(values)
    prepare_input(target)


def small(keras, make, row, usual, headless):
    """With top, for a small picture."""
    body = [type(layer).__name__ for layer in headless.layers]
    if row.function in (*make.ONE_SIZE, *MATRICES) \
            or body != [type(layer).__name__ for layer in usual.layers[:len(body)]]:
        return make.graph(row.function, True, row.small, row.arguments)
    x = headless.output
    for layer in usual.layers[len(body):]:
        x = type(layer).from_config(layer.get_config())(x)
    return keras.Model(headless.input, x)


def logits(keras, model):
    """The same model without its last softmax, which may be taken from this one."""
    last = model.layers[-1]
    if type(last).__name__ in ("Activation", "Softmax"):
        return keras.Model(model.input, last.input)
    last.activation = keras.activations.linear
    return model


def gradients(model, batch, dtype, index=None):
    """Of a class's score in each picture, and which class it is: one that no picture's last ReLU makes zero."""
    batch = tf.convert_to_tensor(batch.astype(dtype))
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(batch)
        values = tf.reshape(model(batch, training=False), (len(batch), -1))
        if index is None:
            index = int(tf.argmax(tf.reduce_min(values, axis=0)))
        score = tf.reduce_sum(values[:, index])
    return tape.gradient(score, batch).numpy(), index


def save_legacy(model, path):
    """The kind of file that keras.applications are published in."""
    import h5py
    from keras.src.legacy.saving import legacy_h5_format
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


def save_old(row, model, top, path):
    """The same by tf-keras, with its names; Keras 3 takes over weights by order, and so does this."""
    import tf_keras
    tf_keras.backend.clear_session()
    arguments = {"weights": None, "include_top": top, "input_shape": model.input_shape[1:], **row.arguments}
    with mock.patch("tf_keras.src.utils.data_utils.get_file"), mock.patch.object(tf_keras.Model, "load_weights"):
        old = getattr(tf_keras.applications, row.function)(**arguments)
    for target, source in zip(weighted(old), weighted(model), strict=True):
        target.set_weights(source.get_weights())
    old.save_weights(path)
    return [layer.name for layer in weighted(old)] != [layer.name for layer in weighted(model)]


class Check:
    def __init__(self, bench, keras, make, row, table, registry):
        self.bench, self.keras, self.row, self.table, self.registry = bench, keras, row, table, registry
        self.folder = bench.fresh(row.name)
        keras.utils.clear_session()
        # in one session: the layers that Keras names by counting count on in the second
        self.usual = make.graph(row.function, True, row.size, row.arguments)
        self.headless = make.graph(row.function, False, row.size, row.arguments)
        self.small = small(keras, make, row, self.usual, self.headless)
        self.x = pictures(1, row.small, row.preprocess, 2)[0]
        for attempt in range(5):
            settle(self.small, row, sum(row.name.encode()) + attempt)
            self.run = oracle.Run(self.small, self.x)
            with oracle.in_float64(keras, self.small):
                exact = oracle.Run(self.small, self.x, "float64").arrays()
            self.own = max(max_norm(theirs, exact[name]) for name, theirs in self.run.arrays().items())
            if self.own <= ACTIVATION_LIMIT / 3:
                break
            print(f"{row.name}: Keras' float32 is off by {self.own:.1e}: another seed", flush=True)
        take_over(self.small, self.usual, True)
        take_over(self.small, self.headless, False)
        self.file = self.path("small.keras")
        self.small.save(self.file)

    def path(self, name):
        return os.path.join(self.folder, name)

    def picture(self, name, array):
        path = self.path(name + ".npy")
        oracle.save_array(path, array)
        return path

    def whole(self, row, kind, what):
        """Every layer of the small model."""
        folder = self.bench.fresh("activations")
        self.bench.call("activations", self.picture("small", self.x), "--model", self.file, "--layer", "all", "--raw", folder)
        worst, where = -1.0, ""
        for name, theirs in self.run.arrays().items():
            found = os.path.join(folder, oracle.file_name(name))
            error = max_norm(np.load(found), theirs) if os.path.exists(found) else float("inf")
            if error > worst:
                worst, where = error, name
        self.bench.report(row, kind, what, f"{where} of {len(self.run.outputs)}, Keras itself {self.own:.1e}", worst,
                          ACTIVATION_LIMIT)

    def gradient(self, row, kind, what, model, size, options):
        straight, ours, own = [], [], []

        def measure(batch, twin):
            single, index = gradients(model, batch, "float32")
            keras = [single, *(gradients(model, one, "float32", index)[0] for one in twin)]
            with oracle.in_float64(self.keras, model):
                exact = gradients(model, batch, "float64", index)[0]
            folder = self.bench.fresh("gradients")
            names = [f"picture-{number}" for number in range(len(batch))]
            self.bench.call("gradient", *map(self.picture, names, batch), *options, "--layer", "input",
                            "--class", index, "--score", "logit", "--raw", folder)
            for number, name in enumerate(names):
                array, right = np.load(os.path.join(folder, name + ".npy")), exact[number]
                straight.append(max_norm(array, right))
                ours.append(l2(array, right))
                own.append(max(l2(one[number], right) for one in keras))

        def judge():
            if max(straight) <= GRADIENT_LIMIT:
                return max(straight), GRADIENT_LIMIT
            averages = (np.median,) if len(ours) == PICTURES else (np.median, np.mean)
            return min(((float(average(ours)), 2 * float(average(own)) + 1e-4) for average in averages),
                       key=lambda verdict: verdict[0] / verdict[1])

        batch = pictures(MORE_PICTURES, size, row.preprocess, 3)
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

    def graph(self, row, kind, what, model, names, variant, options):
        """Layers, parameters and names of the graph that the program took."""
        answer = self.bench.json("layers", *options)
        entry = self.table[variant]
        ours = [layer["name"] for layer in answer["layers"] if layer["class"] != "InputLayer"]
        wrong = set(ours) ^ set(names)
        counts = (len(model.layers) - entry["layers"], len(ours) - len(names), len(ours) - len(set(ours)),
                  answer["parameters"] - model.count_params(), entry["parameters"] - model.count_params())
        self.bench.report(row, kind, what, f"{entry['layers']} layers, {answer['parameters']} parameters"
                          + (f", not in both: {sorted(wrong)[:3]}" if wrong else ""), len(wrong) + sum(map(abs, counts)), 0)

    def ends(self, model, x, count):
        """What comes out, and before it what goes into the last layer, for a softmax may be all 0 and 1."""
        tensors = [model.layers[-1].input, model.output][-count:]
        values = self.keras.Model(model.input, tensors)(x[None].astype(model.compute_dtype), training=False)
        return [value.numpy()[0] for value in (values if isinstance(values, (list, tuple)) else [values])]

    def output(self, row, kind, what, model, x, names, theirs, options):
        """Against Keras; where random weights blow rounding up, against float64, and Keras with it."""
        folder, limit, note = self.bench.fresh("values"), ACTIVATION_LIMIT, ", ".join(names)
        paths = [os.path.join(folder, oracle.file_name(name)) for name in names]
        self.bench.call("activations", self.picture("value", x), *options, "--layer", ",".join(names),
                        "--raw", folder if len(names) > 1 else paths[0])
        ours = [np.load(path) for path in paths]
        error = max(map(max_norm, ours, theirs))
        if error > limit:
            with oracle.in_float64(self.keras, model):
                exact = self.ends(model, x, len(names))
            own = max(map(max_norm, theirs, exact))
            error = max(map(max_norm, ours, exact))
            limit, note = max(limit, 2 * own), f"{note}, Keras itself {own:.1e}"
        self.bench.report(row, kind, what, note, error, limit)

    def files(self, model, top):
        """(kind, options) of files that hold weights only, one after another."""
        name = self.row.name if top else f"{self.row.name}-no-top"
        by_name = os.path.join(self.registry["folder"], self.registry[name])
        by_look = self.path("weights.h5")
        old = self.row.function in RENAMED
        ways = [(by_look, False, ("--model", by_look)), (by_name, old, ("--model", name))]
        if self.bench.thorough:
            ways.append((by_name, not old, ("--model", name)))
        elif old:
            ways = ways[1:]
        else:
            ways = ways[:1] if top else ways[1:]
        for path, as_old, options in ways:
            other = save_old(self.row, model, top, path) if as_old else save_legacy(model, path)
            yield ("tf-keras" if as_old else "keras 3") + (", registry" if path == by_name else "") + (
                ", other names" if other else ""), options
            os.remove(path)

    def weights_only(self, row, model, size, top):
        """The usual size with top, a small one where the graph leaves it open."""
        label, count = ("top", 2) if top else ("no top", 1)
        names = leaf_names(model, () if top else leaf_names(self.usual))
        x = pictures(1, size, row.preprocess, 5)[0]
        theirs = self.ends(model, x, count)
        for kind, options in self.files(model, top):
            self.bench.attempt(row, kind, f"{label}: layers", lambda *a: self.graph(
                *a, model, names, "top" if top else "no_top", options))
            if not top:
                options = (*options, "--input-size", size)
            self.bench.attempt(row, kind, f"{label}: output", lambda *a: self.output(
                *a, model, x, names[-count:], theirs, options))
            yield kind, options

    def all(self, make):
        row = self.row
        self.bench.attempt(row, "keras 3, whole", "top: every layer", self.whole)
        self.bench.attempt(row, "keras 3, whole", "top: gradient", lambda *a: self.gradient(
            *a, logits(self.keras, self.small), row.small, ("--model", self.file)))
        for _ in self.weights_only(row, self.usual, row.size, True):
            pass
        fixed = row.function in make.ONE_SIZE
        for kind, options in self.weights_only(row, self.headless, row.size if fixed else row.small, False):
            if not fixed:
                self.bench.attempt(row, kind, "no top: gradient", lambda *a: self.gradient(
                    *a, self.headless, row.point, (*options[:2], "--input-size", row.point)))
        if fixed:
            file = self.path("point.keras")
            model = oracle.rebuilt(self.keras, self.headless, size=row.point)
            model.save(file)
            self.bench.attempt(row, "keras 3, whole", "no top: gradient", lambda *a: self.gradient(
                *a, model, row.point, ("--model", file)))
        for name in os.listdir(self.folder):
            os.remove(self.path(name))


def registry(work):
    """The registry's file names, and the user's folder as the program is to see it."""
    home = os.path.join(os.path.abspath(work), "home")
    os.environ["XDG_DATA_HOME"] = home
    with open(os.path.join(SOURCE, "weights", "models.json"), encoding="utf-8") as file:
        names = {row["name"]: row["file"] for row in json.load(file)["models"]}
    names["folder"] = os.path.join(home, "convlens", "models")
    os.makedirs(names["folder"], exist_ok=True)
    return names


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the convlens binary")
    parser.add_argument("--work", default="parity-work", help="folder for scratch files")
    parser.add_argument("--only", default="", metavar="REGEX", help="architectures whose name matches")
    parser.add_argument("--checks", default="", metavar="REGEX", help="checks whose name matches")
    parser.add_argument("--thorough", action="store_true", help="every file in every way")
    parser.add_argument("--device", default="", help="passed on to the program")
    arguments = parser.parse_args()
    import keras
    make = architectures()
    with open(os.path.join(SOURCE, "weights", "architectures", "architectures.json"), encoding="utf-8") as file:
        table = {row["name"]: row for row in json.load(file)["architectures"]}
    files = registry(arguments.work)
    bench = Bench(os.path.abspath(arguments.program), arguments.work, PICTURES, arguments.device, arguments.checks)
    bench.thorough = arguments.thorough
    for row in (Row(*row) for row in make.ARCHITECTURES):
        if not re.search(arguments.only, row.name):
            continue
        start = time.time()
        try:
            Check(bench, keras, make, row, table[row.name], files).all(make)
        except (Trouble, OSError, KeyError, ValueError) as error:
            bench.failed += 1
            print(f"{row.name}: FAILED: {type(error).__name__}: {error}", flush=True)
        print(f"{row.name}: {time.time() - start:.0f} s", flush=True)
        gc.collect()
    bench.table()
    return 1 if bench.failed or not bench.passed else 0


if __name__ == "__main__":
    sys.exit(main())
