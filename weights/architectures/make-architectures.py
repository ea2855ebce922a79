#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the graphs of keras.applications that Convlens needs for files that hold weights only.

    pip install tensorflow-cpu
    weights/architectures/make-architectures.py [FOLDER]

Each graph is Keras' own to_json() of a fresh model, gzipped without a time stamp; layers that
Keras names by counting (conv2d, conv2d_1, …) are counted from the start.  Without top, the input is
(None, None, 3).  architectures.json is the table of what is there.

A new architecture is one row in ARCHITECTURES.
"""
import gzip
import inspect
import json
import os
import re
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

# name of the files, Keras' function, preprocessing, default input size, further arguments.
# A function that adds layers for weights="imagenet" alone (EfficientNet's second Rescaling) would
# need its graph written with them.
ARCHITECTURES = (
    ("xception", "Xception", "tf", 299, {}),
    ("vgg16", "VGG16", "caffe", 224, {}),
    ("vgg19", "VGG19", "caffe", 224, {}),
    ("resnet50", "ResNet50", "caffe", 224, {}),
    ("mobilenet_0_25", "MobileNet", "tf", 224, {"alpha": 0.25}),
    ("mobilenet_0_50", "MobileNet", "tf", 224, {"alpha": 0.50}),
    ("mobilenet_0_75", "MobileNet", "tf", 224, {"alpha": 0.75}),
    ("mobilenet_1_0", "MobileNet", "tf", 224, {"alpha": 1.0}),
)
CLASSES = 1000


def tidy(text):
    """Numbers shared_object_id, a memory address in Keras, in order of appearance."""
    seen = {}
    return re.sub(r'("shared_object_id": )(\d+)',
                  lambda match: match[1] + str(seen.setdefault(match[2], len(seen) + 1)), text)


def write(path, text):
    with open(path, "wb") as file, \
            gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(tidy(text).encode())


def graph(function, include_top, size, arguments):
    import keras

    keras.utils.clear_session()
    shape = (size, size, 3) if include_top else (None, None, 3)
    build = getattr(keras.applications, function)
    if "name" in inspect.signature(build).parameters:
        arguments = {**arguments, "name": function.lower()}
    return build(weights=None, include_top=include_top, input_shape=shape, **arguments)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    table = []
    for name, function, preprocess, size, arguments in ARCHITECTURES:
        row = {"name": name, "architecture": function.lower(), "keras": f"keras.applications.{function}",
               **arguments, "preprocess": preprocess, "input_size": size, "classes": CLASSES}
        for key, include_top in (("top", True), ("no_top", False)):
            model = graph(function, include_top, size, arguments)
            file = f"{name}.json.gz" if include_top else f"{name}-no-top.json.gz"
            write(os.path.join(folder, file), model.to_json())
            weighted = [layer for layer in model.layers if layer.weights]
            row[key] = {"file": file, "layers": len(model.layers), "layers_with_weights": len(weighted),
                        "parameters": model.count_params()}
        table.append(row)
        print(name, row["top"]["parameters"], row["no_top"]["parameters"])
    with open(os.path.join(folder, "architectures.json"), "w", encoding="utf-8") as file:
        json.dump({"architectures": table}, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
