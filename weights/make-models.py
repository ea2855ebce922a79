#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes models.json, the registry of weight files that can be had from Keras' own addresses.

    pip install tensorflow-cpu
    weights/make-models.py [FILE]

The models are those of architectures/make-architectures.py.  Keras itself is asked for everything
about them: its functions are run with weights="imagenet", but what they ask the network for is
noted down instead of being downloaded, so that address and checksum are what Keras would use.
How the input is prepared is seen from what preprocess_input makes of a few numbers.  Only the
licence of each family of weights is said here, since Keras' sources do not say it.

The model that comes with Convlens is the first entry.

Fields that may be null: alias; url, of a model that is built in; checksum, where Keras publishes none; size, in bytes, which Keras
never says; labels, for a model without its top.
"""
import hashlib
import importlib.util
import inspect
import json
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

HERE = os.path.dirname(os.path.abspath(__file__))

# By Keras' module: SPDX identifier, and where it is said.  "docs": the licence sections of the page of
# applications in Keras' documentation, 2.2 and 2.3; else the repository of those who trained them.
LICENCES = {
    "vgg16": ("CC-BY-4.0", "docs"),
    "vgg19": ("CC-BY-4.0", "docs"),
    "xception": ("MIT", "docs"),
    "resnet": ("MIT", "docs"),
    "resnet_v2": ("BSD-3-Clause", "docs"),
    "inception_v3": ("Apache-2.0", "docs"),
    "inception_resnet_v2": ("Apache-2.0", "docs"),
    "mobilenet": ("Apache-2.0", "docs"),
    "mobilenet_v2": ("Apache-2.0", "docs"),
    "mobilenet_v3": ("Apache-2.0", "github.com/tensorflow/models"),
    "densenet": ("BSD-3-Clause", "docs"),
    "nasnet": ("Apache-2.0", "docs"),
    "efficientnet": ("Apache-2.0", "github.com/tensorflow/tpu"),
    "efficientnet_v2": ("Apache-2.0", "github.com/google/automl"),
    "convnext": ("MIT", "github.com/facebookresearch/ConvNeXt"),
}
LABELS = {1000: "imagenet"}


def architectures():
    """The rows of make-architectures.py."""
    path = os.path.join(HERE, "architectures", "make-architectures.py")
    spec = importlib.util.spec_from_file_location("make_architectures", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [(name, function, size, {key: value for key, value in arguments.items() if key != "weights"})
            for name, function, _preprocess, size, arguments in module.ARCHITECTURES]


def asked_for(build, include_top, arguments):
    """The model, and the address and checksum of the file that Keras wants for it."""
    from keras.src.models import Functional
    from keras.src.utils import file_utils
    import keras

    wishes = []

    def get_file(_name, origin, file_hash=None, **_rest):
        wishes.append((origin, file_hash))
        return "weights.h5"

    keras.utils.clear_session()
    kept = file_utils.get_file, Functional.load_weights
    file_utils.get_file, Functional.load_weights = get_file, lambda *_rest, **_more: None
    try:
        model = build(weights="imagenet", include_top=include_top, **arguments)
    finally:
        file_utils.get_file, Functional.load_weights = kept
    assert len(wishes) == 1, wishes
    return model, *wishes[0]


def checksum_of(text):
    """As Keras' get_file tells them apart."""
    return text and ("sha256:" if len(text) == 64 else "md5:") + text


def preprocess_of(prepare):
    import numpy

    pixel = numpy.array([[[[0.0, 100.0, 255.0]]]], "float32")
    mean, deviation = numpy.array([.485, .456, .406]), numpy.array([.229, .224, .225])
    kinds = {
        "none": pixel,
        "tf": pixel / 127.5 - 1,
        "caffe": pixel[..., ::-1] - numpy.array([103.939, 116.779, 123.68]),
        "torch": (pixel / 255 - mean) / deviation,
        "unit": pixel / 255,
    }
    made = numpy.asarray(prepare(pixel.copy()))
    fitting = [kind for kind, values in kinds.items() if numpy.allclose(made, values, atol=1e-4)]
    assert len(fitting) == 1, fitting
    return fitting[0]


def is_default(build, arguments):
    parameters = inspect.signature(build).parameters
    return all(parameters[name].default == value for name, value in arguments.items())


def entry(name, function, size, arguments, include_top):
    import keras

    build = getattr(keras.applications, function)
    module = sys.modules[build.__module__]
    family = build.__module__.rsplit(".", 1)[-1]
    model, url, checksum = asked_for(build, include_top, arguments)
    classes = model.output_shape[-1] if include_top else None
    suffix = "" if include_top else "-no-top"
    # MobileNetV3 takes any size, and says in its files' names what they were trained at.
    assert not include_top or size == model.input_shape[1] or f"_{size}_" in url
    return {
        "name": name + suffix,
        # Keras' plain name stands for its default variant
        "alias": function.lower() + suffix
                 if is_default(build, arguments) and function.lower() != name else None,
        "keras": f"keras.applications.{function}",
        "architecture": name,
        "top": include_top,
        "url": url,
        "file": name + suffix + os.path.splitext(url)[1],
        "checksum": checksum_of(checksum),
        "size": None,
        "parameters": model.count_params(),
        "input_size": size,
        "preprocess": preprocess_of(module.preprocess_input),
        "classes": classes if include_top else 0,
        "labels": LABELS[classes] if include_top else None,
        "licence": LICENCES[family][0],
        "licence_from": LICENCES[family][1],
    }


def built_in():
    """The model that is installed with Convlens; make-default-model.py makes it."""
    import keras

    name = "efficientnet-lite0"
    path = os.path.join(HERE, name + ".keras")
    model = keras.models.load_model(path, compile=False)
    classes = model.output_shape[-1]
    with open(path, "rb") as file:
        data = file.read()
    return {
        "name": name,
        "alias": None,
        "keras": "no function of keras.applications",
        "architecture": name,
        "top": True,
        "url": None,
        "file": name + ".keras",
        "checksum": "sha256:" + hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "parameters": model.count_params(),
        "input_size": model.input_shape[1],
        "preprocess": "none",  # its first layer
        "classes": classes,
        "labels": LABELS[classes],
        "licence": "Apache-2.0",
        "licence_from": "weights/README.md",
    }


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "models.json")
    import keras

    models = [built_in()]
    for name, function, size, arguments in architectures():
        for include_top in (True, False):
            models.append(entry(name, function, size, arguments, include_top))
            print(models[-1]["name"], models[-1]["checksum"], models[-1]["url"])
    with open(path, "w", encoding="utf-8") as file:
        # One field a line: install/get-weights.sh reads it with awk.
        json.dump({"from": f"Keras {keras.__version__}", "models": models}, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
