#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the corpus of the fuzz targets, corpus/TARGET/, and the small model.

    make.py [CASES]

Needs h5py (Debian's python3-h5py) and jpegtran (libjpeg-turbo-progs).  CASES: a folder of files that once brought a reader
down, which are copied as they are; without it those that are there stay.  What is made is the same
at each run, but for HDF5's own.
"""
import io
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import zipfile

import h5py
import numpy

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent
CORPUS = HERE / "corpus"


def put(target, name, data):
    """A file of a target's corpus."""
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)


def compact(value):
    return json.dumps(value, separators=(",", ":"))


# --- the small model: an 8×8×3 picture → convolution → mean → dense ---

def layer(class_name, name, source, **config):
    return {"module": "keras.layers", "class_name": class_name, "name": name,
            "config": {"name": name, **config},
            "inbound_nodes": [[[source, 0, 0, {}]]] if source else []}


def small_config(**conv):
    return {"module": "keras", "class_name": "Functional", "keras_version": "2.15.0", "config": {
        "name": "small", "layers": [
            layer("InputLayer", "image", None, batch_shape=[None, 8, 8, 3]),
            layer("Conv2D", "conv", "image", filters=4, kernel_size=[3, 3], padding="same",
                  activation="relu", **conv),
            layer("BatchNormalization", "norm", "conv", axis=-1, epsilon=0.001),
            layer("GlobalAveragePooling2D", "pool", "norm"),
            layer("Dense", "dense", "pool", units=2, activation="softmax")],
        "input_layers": [["image", 0, 0]], "output_layers": [["dense", 0, 0]]}}


WEIGHTS = [("conv", "conv2d", [("kernel", (3, 3, 3, 4)), ("bias", (4,))]),
           ("norm", "batch_normalization", [("gamma", (4,)), ("beta", (4,)), ("moving_mean", (4,)),
                                            ("moving_variance", (4,))]),
           ("dense", "dense", [("kernel", (4, 2)), ("bias", (2,))])]


def numbers(shape):
    n = int(numpy.prod(shape))
    return (1 / numpy.arange(1, n + 1, dtype="f4")).reshape(shape)


def hdf5(fill):
    memory = io.BytesIO()
    with h5py.File(memory, "w", libver="earliest") as file:
        fill(file)
    return memory.getvalue()


def legacy(group, fixed=False, split=False, **dataset):
    """Groups named after layers; names of a fixed length, or split into chunks, as Keras may do."""
    text = "S16" if fixed else h5py.string_dtype()

    def names(where, attribute, values):
        if split:
            for i, value in enumerate(values):
                where.attrs.create(f"{attribute}{i}", [value.encode()], dtype="S16")
        else:
            where.attrs.create(attribute, [v.encode() if fixed else v for v in values], dtype=text)

    names(group, "layer_names", [name for name, _, _ in WEIGHTS])
    group.attrs["keras_version"] = "2.15.0"
    group.attrs["backend"] = "tensorflow"
    for name, _, variables in WEIGHTS:
        own = group.create_group(name)
        names(own, "weight_names", [f"{name}/{variable}:0" for variable, _ in variables])
        for variable, shape in variables:
            own.create_dataset(f"{name}/{variable}:0", data=numbers(shape), **dataset)


def paths(file, **dataset):
    """As Keras 3 has them."""
    for _, name, variables in WEIGHTS:
        for i, (_, shape) in enumerate(variables):
            file.create_dataset(f"layers/{name}/vars/{i}", data=numbers(shape), **dataset)


def whole(file, config=None, **more):
    file.attrs["model_config"] = compact(config or small_config())
    file.attrs["keras_version"] = "2.15.0"
    legacy(file.create_group("model_weights"), **more)


def archive(config, weights, packed=False):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as out:
        for name, data in (("metadata.json", '{"keras_version": "3.5.0"}'), ("config.json", config),
                           ("model.weights.h5", weights)):
            out.writestr(zipfile.ZipInfo(name), data,
                         compress_type=zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED)
    return memory.getvalue()


KINDS = {"plain": {}, "half": {"dtype": "<f2"}, "double": {"dtype": ">f8"},
         "integer": {"dtype": "<i4"}}
PACKED = {"chunked": {"chunks": True}, "packed": {"compression": "gzip", "shuffle": True}}


def models():
    (HERE / "small.json").write_text(json.dumps(small_config(), indent=1) + "\n")
    (HERE / "small.weights-only.h5").write_bytes(hdf5(legacy))
    for name, how in {**KINDS, "fixed": {"fixed": True}, "split": {"split": True}}.items():
        put("hdf5-weights", name + ".h5", hdf5(lambda file, how=how: legacy(file, **how)))
    put("hdf5-model", "plain.h5", hdf5(whole))
    put("hdf5-model", "fixed.h5", hdf5(lambda file: whole(file, fixed=True)))
    put("hdf5-model", "split.h5", hdf5(lambda file: whole(file, split=True, dtype="<f2")))
    shutil.copy(TESTS / "data/keras/shared-old/model.h5", CORPUS / "hdf5-model/shared.h5")
    for name, how in {**KINDS, **PACKED}.items():
        put("hdf5-paths", name + ".h5", hdf5(lambda file, how=how: paths(file, **how)))
    config = compact(small_config())
    for packed in (False, True):
        data = archive(config, hdf5(paths), packed)
        put("keras-zip", "packed.keras" if packed else "stored.keras", data)
        put("zip", "packed.keras" if packed else "stored.keras", data)
    put("keras-zip", "half.keras", archive(config, hdf5(lambda file: paths(file, dtype="<f2"))))
    put("zip", "comment.keras", data[:-2] + struct.pack("<H", 5) + b"hello")
    put("zip", "empty.keras", b"PK\5\6" + bytes(18))


def configs():
    put("config", "small.json", compact(small_config()))
    for name in ("functional", "half-precision", "larger", "more-layers", "nested", "normalizations",
                 "sequential", "shapes", "shared", "sleeping", "names-against-paths", "depthwise"):
        with zipfile.ZipFile(TESTS / f"data/keras/{name}/model.keras") as file:
            put("config", name + ".json", compact(json.loads(file.read("config.json"))))
    for name in ("functional-old", "nested-old", "sequential-old"):
        put("config", name + ".json",
            compact(json.loads((TESTS / f"data/keras/{name}/architecture.json").read_text())))


def texts():
    put("labels", "lines.txt", "cat\ndog\nbird\n")
    put("labels", "counted.txt", "0 cat\n1 dog\n2 a bird\r\n")
    put("labels", "bom.txt", "\ufeffKatze\nHündin\n\n")
    put("labels", "list.json", '["cat", "dog"]')
    put("labels", "index.json", '{"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}')
    put("labels", "named.json", '{"cat": 0, "dog": 1}')
    put("sidecar", "all.json", compact({"architecture": "xception", "preprocess": "tf",
                                        "input_size": [8, 8], "labels": ["cat", "dog"]}))
    put("sidecar", "square.json", '{"preprocess": "caffe", "input_size": 8}')
    put("sidecar", "index.json", '{"labels": {"0": ["n1", "cat"], "1": ["n2", "dog"]}}')
    put("sidecar", "file.json", '{"labels": "labels.txt"}')
    put("sidecar", "graph.json", compact(small_config()))
    registry = json.loads((TESTS.parent / "weights/models.json").read_text())
    registry["models"] = registry["models"][:4]
    put("registry", "four.json", compact(registry))
    put("registry", "none.json", '{"models": []}')
    put("pins", "two.json", compact({"mobilenet_1_0": "sha256:" + "0" * 64, "vgg16": "md5:" + "1" * 32}))
    put("pins", "empty.json", "{}")
    put("pins", "other.json", '{"mobilenet_1_0": 3, "vgg16": ["x"]}')


def pictures():
    for path in (TESTS / "data/image").glob("*.png"):
        put("png", path.name, path.read_bytes())
    for path in (TESTS / "data/image").glob("*.jpg"):
        put("jpeg", path.name, path.read_bytes())
        if path.stem in ("jpeg-6", "jpeg-l"):
            for name, options in (("progressive", ["-progressive"]), ("arithmetic", ["-arithmetic"]),
                                  ("restarts", ["-restart", "1B"])):
                put("jpeg", f"{path.stem}-{name}.jpg",
                    subprocess.run(["jpegtran", "-copy", "all", *options, path], check=True,
                                   stdout=subprocess.PIPE).stdout)
    for name, array in (("floats", numbers((2, 3))), ("doubles", numbers((2, 3)).astype("<f8")),
                        ("halves", numbers((4,)).astype("<f2")), ("bytes", numpy.ones((1, 2, 1), "u1")),
                        ("scalar", numpy.float32(3)), ("fortran", numpy.asfortranarray(numbers((2, 3)))),
                        ("integers", numpy.ones(3, "<i8")), ("none", numbers((0, 3)))):
        memory = io.BytesIO()
        numpy.save(memory, array)
        put("npy", name + ".npy", memory.getvalue())
    memory = io.BytesIO()
    numpy.lib.format.write_array(memory, numbers((2, 3)), version=(2, 0))
    put("npy", "version-2.npy", memory.getvalue())


def segment(marker, data):
    return bytes([0xff, marker]) + struct.pack(">H", len(data) + 2) + data


def scans(width, height, n):
    """A huge progressive JPEG of three components, n scans that say of it all that it stays as it is."""
    result = b"\xff\xd8" + segment(0xdb, b"\0" + bytes([1] * 64)) + segment(
        0xc2, struct.pack(">BHHB", 8, height, width, 3) + b"".join(bytes([i, 0x11, 0]) for i in (1, 2, 3)))
    result += segment(0xc4, b"\x10" + bytes([1] + [0] * 15) + b"\xe0")  # one code: 0, a run of blocks' ends
    runs = -(-((width + 7) // 8 * ((height + 7) // 8)) // 32767)
    bits = ("0" + "1" * 14) * runs + "1" * 8
    data = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits) - 7, 8)).replace(b"\xff", b"\xff\0")
    for i in range(n):
        result += segment(0xda, bytes([1, 1 + i % 3, 0, 1, 63, 0])) + data
    return result + b"\xff\xd9"


def attacks(cases):
    """What once brought a reader down."""
    comment = '/* " */'  # the JSON library skips it; who reads plain JSON sees a string begin
    for target in ("sidecar", "registry", "pins", "config"):
        put(target, "attack-depth.json", comment + "[" * 80000)
    put("labels", "attack-depth.json", "[ " + comment + "[" * 80000)
    put("keras-zip", "attack-depth.keras", archive(comment + "[" * 80000, b""))
    put("pins", "attack-number.json", '{"mobilenet_1_0":1e18}')  # written again as 1e+18.0
    registry = json.loads((CORPUS / "registry/four.json").read_text())
    registry["models"][1]["parameters"] = 2**63 - 1
    put("registry", "attack-parameters.json", compact(registry))
    put("jpeg", "attack-scans.jpg", scans(65500, 2040, 199))
    if cases is not None:
        for path in sorted(cases.glob("*.keras")):
            put("keras-zip", "attack-" + path.name, path.read_bytes())
        for path in sorted(cases.glob("*.json")):
            put("config", "attack-" + path.name, path.read_bytes())


if __name__ == "__main__":
    os.umask(0o022)
    models()
    configs()
    texts()
    pictures()
    attacks(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else None)
