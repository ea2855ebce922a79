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
# weights="imagenet" asks for the graph that the published weights belong to where that is another one:
# EfficientNet has a second Rescaling then.  Nothing is downloaded for it.
ARCHITECTURES = (
    ("xception", "Xception", "tf", 299, {}),
    ("vgg16", "VGG16", "caffe", 224, {}),
    ("vgg19", "VGG19", "caffe", 224, {}),
    ("resnet50", "ResNet50", "caffe", 224, {}),
    ("resnet101", "ResNet101", "caffe", 224, {}),
    ("resnet152", "ResNet152", "caffe", 224, {}),
    ("resnet50v2", "ResNet50V2", "tf", 224, {}),
    ("resnet101v2", "ResNet101V2", "tf", 224, {}),
    ("resnet152v2", "ResNet152V2", "tf", 224, {}),
    ("inceptionv3", "InceptionV3", "tf", 299, {}),
    ("inceptionresnetv2", "InceptionResNetV2", "tf", 299, {}),
    ("mobilenet_0_25", "MobileNet", "tf", 224, {"alpha": 0.25}),
    ("mobilenet_0_50", "MobileNet", "tf", 224, {"alpha": 0.50}),
    ("mobilenet_0_75", "MobileNet", "tf", 224, {"alpha": 0.75}),
    ("mobilenet_1_0", "MobileNet", "tf", 224, {"alpha": 1.0}),
    ("mobilenetv2_0_35", "MobileNetV2", "tf", 224, {"alpha": 0.35}),
    ("mobilenetv2_0_50", "MobileNetV2", "tf", 224, {"alpha": 0.50}),
    ("mobilenetv2_0_75", "MobileNetV2", "tf", 224, {"alpha": 0.75}),
    ("mobilenetv2_1_0", "MobileNetV2", "tf", 224, {"alpha": 1.0}),
    ("mobilenetv2_1_3", "MobileNetV2", "tf", 224, {"alpha": 1.3}),
    ("mobilenetv2_1_4", "MobileNetV2", "tf", 224, {"alpha": 1.4}),
    ("mobilenetv3small_0_75", "MobileNetV3Small", "none", 224, {"alpha": 0.75}),
    ("mobilenetv3small_1_0", "MobileNetV3Small", "none", 224, {"alpha": 1.0}),
    ("mobilenetv3small_minimalistic", "MobileNetV3Small", "none", 224, {"minimalistic": True}),
    ("mobilenetv3large_0_75", "MobileNetV3Large", "none", 224, {"alpha": 0.75}),
    ("mobilenetv3large_1_0", "MobileNetV3Large", "none", 224, {"alpha": 1.0}),
    ("mobilenetv3large_minimalistic", "MobileNetV3Large", "none", 224, {"minimalistic": True}),
    ("densenet121", "DenseNet121", "torch", 224, {}),
    ("densenet169", "DenseNet169", "torch", 224, {}),
    ("densenet201", "DenseNet201", "torch", 224, {}),
    ("efficientnetb0", "EfficientNetB0", "none", 224, {"weights": "imagenet"}),
    ("efficientnetb1", "EfficientNetB1", "none", 240, {"weights": "imagenet"}),
    ("efficientnetb2", "EfficientNetB2", "none", 260, {"weights": "imagenet"}),
    ("efficientnetb3", "EfficientNetB3", "none", 300, {"weights": "imagenet"}),
    ("efficientnetv2b0", "EfficientNetV2B0", "none", 224, {}),
    ("convnexttiny", "ConvNeXtTiny", "none", 224, {}),
    ("nasnetmobile", "NASNetMobile", "tf", 224, {}),
)
# Without top these have the default size too: where it is open, Keras builds them otherwise.
ONE_SIZE = ("NASNetMobile",)
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
    """A fresh model, its weights random whatever they are called."""
    import keras
    from unittest import mock

    shape = (size, size, 3) if include_top or function in ONE_SIZE else (None, None, 3)
    build = getattr(keras.applications, function)
    arguments = {"weights": None, "include_top": include_top, "input_shape": shape, **arguments}
    name = inspect.signature(build).parameters.get("name")
    if name is not None and name.default is None:
        arguments["name"] = function.lower()
    with mock.patch.object(keras.src.utils.file_utils, "get_file"), mock.patch.object(keras.Model, "load_weights"):
        return build(**arguments)


def main():
    import keras

    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    table = []
    for name, function, preprocess, size, arguments in ARCHITECTURES:
        row = {"name": name, "architecture": function.lower(), "keras": f"keras.applications.{function}",
               **arguments, "preprocess": preprocess, "input_size": size, "classes": CLASSES}
        for key, include_top in (("top", True), ("no_top", False)):
            keras.utils.clear_session()
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
