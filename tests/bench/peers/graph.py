# SPDX-License-Identifier: GPL-3.0-or-later
"""A Keras model as a list of steps in order, N,C,H,W, for libraries that do not read Keras' files.

As their own converters do it, padding, BatchNormalization and activations go into the convolution they belong to.
"""
import collections
import dataclasses
import math

import numpy as np


@dataclasses.dataclass
class Step:
    kind: str                       # input, scale, conv, dense, maximum, mean, pad, add, flatten, relu, softmax
    inputs: list                    # outputs of earlier steps
    output: str
    kernel: np.ndarray = None       # O,I/groups,H,W; of dense O,I
    bias: np.ndarray = None
    groups: int = 1
    size: tuple = (1, 1)            # of a maximum's window
    strides: tuple = (1, 1)
    padding: tuple = (0, 0, 0, 0)   # top, bottom, left, right
    limit: float = None             # of the relu that follows: infinity or 6; None: no relu
    scale: float = 1
    offset: float = 0
    shape: tuple = ()               # of an input: H,W,C


def steps_of(model, kept=()):
    """The steps; outputs are named as Keras' layers. Those of `kept` layers stay to be seen."""
    return Lowering(model, kept).steps


def same(size, window, stride):
    whole = max((math.ceil(size / stride) - 1) * stride + window - size, 0)
    return whole // 2, whole - whole // 2


class Lowering:
    def __init__(self, model, kept):
        self.steps = []
        self.names = {}             # of Keras' tensors
        self.uses = collections.Counter(kept)
        for layer in model.layers:
            self.names[id(layer.output)] = layer.name
        for tensor in model.outputs:
            self.uses[self.names[id(tensor)]] += 1
        for layer in model.layers:
            for tensor in self.inputs(layer):
                self.uses[self.names[id(tensor)]] += 1
        for layer in model.layers:
            method = getattr(self, "lower_" + type(layer).__name__, None)
            if method is None:
                raise SystemExit(f"{layer.name}: no step for a {type(layer).__name__}")
            method(layer, layer.name)

    @staticmethod
    def inputs(layer):
        if type(layer).__name__ == "InputLayer":
            return []
        return layer.input if isinstance(layer.input, list) else [layer.input]

    def add(self, kind, layer, output, inputs=None, **more):
        inputs = inputs or [self.names[id(tensor)] for tensor in self.inputs(layer)]
        self.steps.append(Step(kind, inputs, output, **more))

    def only(self, output, *kinds):
        """The step that made it, where it is of these kinds and nobody else needs its output."""
        made = next(step for step in self.steps if step.output == output)
        return made if made.kind in kinds and self.uses[output] <= 1 and made.limit is None else None

    def activate(self, layer, output):
        """The layer's activation, of what was added last."""
        name = layer.activation.__name__
        if name == "relu":
            self.relu(self.steps[-1].output, output, math.inf)
        elif name == "softmax":
            self.steps.append(Step("softmax", [self.steps[-1].output], output))
        elif name == "linear":
            self.steps[-1].output = output
        else:
            raise SystemExit(f"{output}: no step for {name}")

    def relu(self, value, output, limit):
        made = self.only(value, "conv", "dense")
        if made:
            made.limit, made.output = limit, output
        else:
            self.steps.append(Step("relu", [value], output, limit=limit))

    def convolution(self, layer, kernel, bias, groups, output):
        """A layer's only or first convolution, which has its strides and padding."""
        inputs = [self.names[id(layer.input)]]
        padding = [0, 0, 0, 0]
        if layer.padding == "same":
            padding = [*same(layer.input.shape[1], kernel.shape[2], layer.strides[0]),
                       *same(layer.input.shape[2], kernel.shape[3], layer.strides[1])]
        padded = self.only(inputs[0], "pad")
        if padded:
            self.steps.remove(padded)
            inputs, padding = padded.inputs, [sum(two) for two in zip(padding, padded.padding)]
        self.add("conv", layer, output, inputs, kernel=np.ascontiguousarray(kernel), bias=bias, groups=groups,
                 strides=tuple(layer.strides), padding=tuple(padding))

    @staticmethod
    def bias(layer, channels):
        return np.array(layer.bias) if layer.use_bias else np.zeros(channels)

    @staticmethod
    def depthwise(kernel):
        height, width, channels, multiplier = kernel.shape
        return kernel.transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)

    def lower_InputLayer(self, layer, name):
        self.add("input", layer, name, shape=layer.output.shape[1:])

    def lower_Rescaling(self, layer, name):
        self.add("scale", layer, name, scale=float(layer.scale), offset=float(layer.offset))

    def lower_Conv2D(self, layer, name):
        kernel = np.array(layer.kernel).transpose(3, 2, 0, 1)
        self.convolution(layer, kernel, self.bias(layer, len(kernel)), 1, name + "/linear")
        self.activate(layer, name)

    def lower_DepthwiseConv2D(self, layer, name):
        kernel = self.depthwise(np.array(layer.kernel))
        self.convolution(layer, kernel, self.bias(layer, len(kernel)), layer.input.shape[3], name + "/linear")
        self.activate(layer, name)

    def lower_SeparableConv2D(self, layer, name):
        kernel = self.depthwise(np.array(layer.depthwise_kernel))
        self.convolution(layer, kernel, np.zeros(len(kernel)), layer.input.shape[3], name + "/depth")
        kernel = np.ascontiguousarray(np.array(layer.pointwise_kernel).transpose(3, 2, 0, 1))
        self.add("conv", layer, name + "/linear", [name + "/depth"], kernel=kernel, bias=self.bias(layer, len(kernel)))
        self.activate(layer, name)

    def lower_BatchNormalization(self, layer, name):
        made = self.only(self.names[id(layer.input)], "conv")
        if not made:
            raise SystemExit(f"{name}: no convolution to go into")
        scale = 1 / np.sqrt(np.array(layer.moving_variance) + layer.epsilon)
        if layer.scale:
            scale = scale * np.array(layer.gamma)
        made.kernel = made.kernel * scale[:, None, None, None]
        made.bias = (made.bias - np.array(layer.moving_mean)) * scale
        if layer.center:
            made.bias = made.bias + np.array(layer.beta)
        made.output = name

    def lower_Activation(self, layer, name):
        if layer.activation.__name__ != "relu":
            raise SystemExit(f"{name}: no step for {layer.activation.__name__}")
        self.relu(self.names[id(layer.input)], name, math.inf)

    def lower_ReLU(self, layer, name):
        self.relu(self.names[id(layer.input)], name, math.inf if layer.max_value is None else layer.max_value)

    def lower_MaxPooling2D(self, layer, name):
        padding = (0, 0, 0, 0)
        if layer.padding == "same":
            padding = (*same(layer.input.shape[1], layer.pool_size[0], layer.strides[0]),
                       *same(layer.input.shape[2], layer.pool_size[1], layer.strides[1]))
        self.add("maximum", layer, name, size=tuple(layer.pool_size), strides=tuple(layer.strides), padding=padding)

    def lower_ZeroPadding2D(self, layer, name):
        self.add("pad", layer, name, padding=(*layer.padding[0], *layer.padding[1]))

    def lower_GlobalAveragePooling2D(self, layer, name):
        self.add("mean", layer, name)

    def lower_Add(self, layer, name):
        self.add("add", layer, name)

    def lower_Flatten(self, layer, name):
        self.add("flatten", layer, name, shape=layer.input.shape[1:])

    def lower_Dropout(self, layer, _name):
        self.names[id(layer.output)] = self.names[id(layer.input)]

    def lower_Dense(self, layer, name):
        kernel = np.array(layer.kernel)
        flat = self.only(self.names[id(layer.input)], "flatten")
        if flat:  # its rows are in the order H,W,C
            kernel = kernel.reshape(*flat.shape, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
        self.add("dense", layer, name + "/linear", kernel=np.ascontiguousarray(kernel.T), bias=np.array(layer.bias))
        self.activate(layer, name)
