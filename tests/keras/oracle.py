# SPDX-License-Identifier: GPL-3.0-or-later
"""What Keras itself makes of a model: every layer's output, gradients, heatmaps.

Works alike on Keras 3 and on tf-keras (the oracle for files older than Keras 3).  Layers are named
as the program names them: "outer/inner" for a nested model, "name#2" for a layer's second use.
"""
import contextlib
import json
import os
import zipfile

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
# TensorFlow 2.21's oneDNN corrupts memory in the filter gradient of a small strided 1x1 convolution
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

ACTIVATION_LIMIT = 1e-4      # max-norm, relative

CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D")
WITHOUT_ARITHMETIC = ("Reshape", "Flatten", "Dropout", "Activation", "Softmax")


def leaf_layers(model, prefix=""):
    """(name, layer) of every layer that is not itself a model."""
    for layer in model.layers:
        if getattr(layer, "layers", None):
            yield from leaf_layers(layer, f"{prefix}{layer.name}/")
        elif type(layer).__name__ != "InputLayer":
            yield prefix + layer.name, layer


class Run:
    """One forward run: `outputs` (name -> tensor, in order), `classes`, `logits`, `result`."""

    def __init__(self, model, array, dtype="float32"):
        self.input = tf.convert_to_tensor(np.asarray(array, dtype)[None])
        self.outputs, self.classes, self.uses = {}, {}, {}
        self.candidates, self.layers = [], {}
        leaves = list(leaf_layers(model))
        restore = []
        self.tape = tf.GradientTape(persistent=True, watch_accessed_variables=False)
        try:
            for name, layer in leaves:
                restore.append((layer, getattr(layer, "activation", None)))
                self._listen(name, layer)
            with self.tape:
                self.tape.watch(self.input)
                self.result = model(self.input, training=False)
                self._find_logits()
        finally:
            for layer, activation in restore:
                if "call" in vars(layer):
                    del layer.call
                if activation is not None:
                    layer.activation = activation

    def _listen(self, name, layer):
        call, kind = layer.call, type(layer).__name__
        before = []
        if getattr(getattr(layer, "activation", None), "__name__", "") in ("softmax", "sigmoid"):
            activation = layer.activation

            def listening(x, *args, **kwargs):
                before.append(x)
                return activation(x, *args, **kwargs)
            listening.__name__ = activation.__name__
            layer.activation = listening

        def recorded(*args, **kwargs):
            before.clear()
            y = call(*args, **kwargs)
            if not tf.is_tensor(y):
                return y
            use = self.uses[name] = self.uses.get(name, 0) + 1
            key = name if use == 1 else f"{name}#{use}"
            self.outputs[key], self.classes[key] = y, kind
            self.layers[key] = layer
            logits = args[0] if kind == "Softmax" else before[0] if before else None
            self.candidates.append((kind, logits))
            return y
        layer.call = recorded

    def _find_logits(self):
        """What goes into a last softmax or sigmoid, else the result itself."""
        self.logits, self.last_is_single = None, False
        for kind, logits in reversed(self.candidates):
            if logits is not None:
                self.logits = tf.reshape(logits, (-1,))
                break
            if kind not in WITHOUT_ARITHMETIC:
                break
        self.normalized = self.logits is not None
        if self.logits is None:
            self.logits = tf.reshape(self.result, (-1,))
        self.flat_result = tf.reshape(self.result, (-1,))
        self.single = self.normalized and self.logits.shape[0] == 1

    def scores(self, which):
        if which == "logit":
            vector = self.logits
            return tf.stack([-vector[0], vector[0]]) if self.single else vector
        vector = self.flat_result if self.normalized else tf.nn.softmax(self.logits)
        return tf.stack([1 - vector[0], vector[0]]) if self.single else vector

    def top(self):
        return int(np.argmax(self.scores("logit").numpy()))

    def gradients(self, names, index, which="logit"):
        with self.tape:
            score = self.scores(which)[index]
        sources = [self.input if name == "input" else self.outputs[name] for name in names]
        found = self.tape.gradient(score, sources)
        return {name: (np.zeros(source.shape[1:], "float32") if gradient is None
                       else tf.convert_to_tensor(gradient).numpy()[0])
                for name, source, gradient in zip(names, sources, found)}

    def arrays(self):
        return {name: tensor.numpy()[0] for name, tensor in self.outputs.items()}

    def last_convolution(self):
        for name in reversed(self.outputs):
            if self.classes[name] in CONVOLUTIONS and np.prod(self.outputs[name].shape[1:3]) > 1:
                return name
        return None

    def heatmap(self, name, index, which):
        """The book's recipe: channels weighted by the mean of their gradient, averaged, positive part."""
        weights = self.gradients([name], index, which)[name].mean(axis=(0, 1))
        heat = np.maximum((self.outputs[name].numpy()[0] * weights).mean(axis=-1), 0)
        return heat / heat.max() if heat.max() > 0 else heat


class Climb:
    """The book's gradient ascent: to a layer's filter, or to a class's logit where layer is empty.

    Starts behind a leading Rescaling or Normalization; a nested model climbs in its own input."""

    def __init__(self, keras, model, layer, size, dtype="float32"):
        if layer:
            *outer, layer = next(name for name, _ in leaf_layers(model)
                                 if name == layer or name.endswith(f"/{layer}")).split("/")
            for name in outer:
                model = model.get_layer(name)
        first = next(one for one in model.layers if type(one).__name__ != "InputLayer")
        start = first.output if type(first).__name__ in ("Rescaling", "Normalization") else model.inputs[0]
        end = model.get_layer(layer).output if layer else model.outputs[0]
        self.net = rebuilt(keras, keras.Model(start, end), dtype, size)
        if not layer:
            self.net.layers[-1].activation = keras.activations.linear
        self.dtype = dtype
        self.shape = self.net.input_shape[1:]
        picture = tf.TensorSpec((1, *self.shape), dtype)
        index = tf.TensorSpec((), "int32")
        self._loss = tf.function(self._loss, input_signature=(picture, index))
        self._step = tf.function(self._step, input_signature=(picture, index, tf.TensorSpec((), dtype)))

    def _loss(self, image, index):
        value = self.net(image, training=False)
        return tf.reduce_mean(value[:, 2:-2, 2:-2, index] if len(value.shape) == 4 else value[:, index])

    def _step(self, image, index, rate):
        with tf.GradientTape() as tape:
            tape.watch(image)
            loss = self._loss(image, index)
        return image + rate * tf.math.l2_normalize(tape.gradient(loss, image))

    def value(self, picture, index):
        return float(self._loss(np.asarray(picture, self.dtype)[None], index))

    def climb(self, picture, index, steps, rate=10.0):
        image = tf.convert_to_tensor(np.asarray(picture, self.dtype)[None])
        for _ in range(steps):
            image = self._step(image, index, rate)
        return image.numpy()[0]


def book_layers(model, run):
    """Names of the convolution and pooling layers that have a map, in the model's order."""
    return [name for name, layer in leaf_layers(model)
            if type(layer).__name__ in (*CONVOLUTIONS, "MaxPooling2D", "AveragePooling2D")
            and len(run.outputs[name].shape) == 4]


def dead(values, least=0.0):
    """How many channels of (H, W, C) are nowhere more than least."""
    return int((np.abs(values).max(axis=(0, 1)) <= least).sum())


def book_mosaic(values, columns=16):
    """The notebook's display_grid of a layer's (H, W, C): whole rows of channels only."""
    height, width, channels = values.shape
    rows = channels // columns
    grid = np.zeros(((height + 1) * rows - 1, (width + 1) * columns - 1)) if rows else np.zeros((0, 0))
    for row in range(rows):
        for column in range(columns):
            image = values[:, :, row * columns + column].copy()
            if image.sum() != 0:
                image -= image.mean()
                image /= image.std()
                image *= 64
                image += 128
            y, x = row * (height + 1), column * (width + 1)
            grid[y:y + height, x:x + width] = np.clip(image, 0, 255).astype("uint8")
    return grid


def book_deprocessed(picture, crop=25):
    """The notebook's deprocess_image."""
    image = picture.copy()
    image -= image.mean()
    image /= image.std()
    image *= 64
    image += 128
    return np.clip(image, 0, 255).astype("uint8")[crop:-crop, crop:-crop]


def rebuilt(keras, model, dtype=None, size=None):
    """The same model from its config: with all arithmetic in dtype, or with a square input of another size."""
    def change(node):
        if isinstance(node, dict):
            return {key: dtype if dtype and key == "dtype" and value is not None
                    else [*value[:1], size, size, *value[3:]] if size and key in ("batch_shape", "batch_input_shape")
                    else change(value) for key, value in node.items()}
        return [change(item) for item in node] if isinstance(node, list) else node
    twin = keras.models.model_from_json(json.dumps(change(json.loads(model.to_json()))))
    twin.set_weights([weight.astype(dtype or weight.dtype) for weight in model.get_weights()])
    for _, layer in leaf_layers(twin):
        if type(layer).__name__ == "Normalization" and layer.weights:
            layer.finalize_state()
    return twin


def as_float64(keras, model):
    """The same model with all arithmetic in float64."""
    return rebuilt(keras, model, "float64")


@contextlib.contextmanager
def in_float64(keras, model):
    """The same without another building: the model's own layers, their arithmetic in float64."""
    class Policy(keras.DTypePolicy):
        def _parse_name(self, name):
            return "float64", "float32"

    def change(policies):
        for layer, policy in policies.items():
            layer.dtype_policy = policy
            if type(layer).__name__ == "Normalization" and layer.weights:
                layer.finalize_state()
    layers = [model, *(layer for _, layer in leaf_layers(model))]
    before = {layer: layer.dtype_policy for layer in layers}
    try:
        change(dict.fromkeys(layers, Policy("float64")))
        yield model
    finally:
        change(before)


def file_version(path):
    """The major Keras version that wrote a whole-model file; 1 for unknown."""
    with open(path, "rb") as file:
        start = file.read(4)
    if start == b"PK\x03\x04":
        with zipfile.ZipFile(path) as archive:
            return int(json.loads(archive.read("metadata.json"))["keras_version"].split(".")[0])
    import h5py
    with h5py.File(path, "r") as file:
        version = file.attrs.get("keras_version", "1")
    return int((version.decode() if isinstance(version, bytes) else version).split(".")[0])


def oracle_for(path):
    """keras or tf_keras, as the file's age asks for."""
    if file_version(path) < 3:
        import tf_keras
        return tf_keras
    import keras
    return keras


def load(path):
    """(keras module, model)"""
    module = oracle_for(path)
    if module.__name__ == "tf_keras" and not path.endswith((".h5", ".hdf5")):
        # tf-keras goes by the name; an HDF5 file may be called .keras
        import h5py
        with h5py.File(path, "r") as file:
            return module, module.src.saving.legacy.hdf5_format.load_model_from_hdf5(file, compile=False)
    return module, module.models.load_model(path, compile=False)


def settle(model, batch, seed, logit_spread=2.0, damped=(), damping=0.25, lift=0.1):
    """Seeded weights that fit the data: kernels He-like, scaled so that what comes out of each
    layer spreads by about 1, or by the damping; BatchNormalization has the batch's own statistics,
    a little shaken, and lifts by so much of its spread what a ReLU gets."""
    random = np.random.default_rng(seed)
    leaves = list(leaf_layers(model))
    last = next((layer for _, layer in reversed(leaves) if layer.weights), None)
    done = set()

    def prepare(layer, x):
        kind = type(layer).__name__
        weights = layer.get_weights()
        usual = damping if layer in damped else 1.0
        if kind == "BatchNormalization":
            values = x.numpy().reshape(-1, x.shape[-1])
            fresh = []
            if layer.scale:
                fresh.append(usual * random.uniform(0.7, 1.3, values.shape[1]))
            if layer.center:
                fresh.append(usual * random.normal(lift, 0.2, values.shape[1]))
            spread = values.std(axis=0)
            fresh.append(values.mean(axis=0) + 0.1 * spread * random.normal(size=spread.shape))
            fresh.append(np.maximum(spread ** 2, 0.01 * (spread ** 2).mean() + 1e-6)
                         * random.uniform(0.8, 1.25, spread.shape))
            layer.set_weights(fresh)
            return
        fresh = []
        for weight in weights:
            if weight.ndim == 1:
                fresh.append(np.zeros(weight.shape))
            else:
                fan = np.prod(weight.shape[:-1])
                if "depthwise" in kind.lower() or (kind == "SeparableConv2D" and not fresh):
                    fan = np.prod(weight.shape[:2])
                fresh.append(random.normal(0, np.sqrt(2 / fan), weight.shape))
        layer.set_weights(fresh)
        activation = getattr(layer, "activation", None)
        if activation is not None:
            layer.activation = lambda y: y
        values = originals[layer](x).numpy()
        spread = float(np.std(values) if values.shape[-1] > 1 else np.sqrt(np.mean(values ** 2))) or 1.0
        if activation is not None:
            layer.activation = activation
        goal = logit_spread if layer is last else usual
        kernels = sum(weight.ndim > 1 for weight in fresh)
        fresh = [weight * (goal / spread) ** (1 / kernels) if weight.ndim > 1
                 else random.normal(0, 0.1, weight.shape) for weight in fresh]
        layer.set_weights(fresh)

    originals = {}
    for _, layer in leaves:
        originals[layer] = layer.call

        def call(x, *args, _layer=layer, **kwargs):
            if _layer.weights and type(_layer).__name__ != "Normalization" and _layer not in done:
                done.add(_layer)
                prepare(_layer, x)
            return originals[_layer](x, *args, **kwargs)
        layer.call = call
    try:
        model(tf.convert_to_tensor(np.asarray(batch, "float32")), training=False)
    finally:
        for _, layer in leaves:
            del layer.call


def file_name(layer, ending=".npy"):
    return layer.replace("/", "-") + ending


def max_norm(ours, theirs):
    """Largest difference over largest value; infinite for another shape or a NaN."""
    if ours.shape != theirs.shape or not np.isfinite(ours).all():
        return float("inf")
    if not theirs.size:
        return 0.0
    return float(np.abs(ours.astype("float64") - theirs).max() / (np.abs(theirs).max() or 1))


def l2(ours, theirs):
    if ours.shape != theirs.shape or not np.isfinite(ours).all():
        return float("inf")
    return float(np.linalg.norm(ours.astype("float64") - theirs) / (np.linalg.norm(theirs) or 1))


def save_array(path, array):
    np.save(path, np.ascontiguousarray(array, dtype="<f4"))
