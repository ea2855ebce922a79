# SPDX-License-Identifier: GPL-3.0-or-later
"""PyTorch on the CPU, float32, channels last."""
import math

import models
import numpy as np
import torch
import torch.nn.functional as F

LAST = torch.channels_last


def tensor(maps):
    return torch.tensor(maps, dtype=torch.get_default_dtype()).permute(0, 3, 1, 2).contiguous(memory_format=LAST)


def weights(step):
    return [torch.tensor(values, dtype=torch.get_default_dtype()) for values in (step.kernel, step.bias)]


def padded(step, value, fill=0.0):
    """(the value, padding that is left for the operation itself)"""
    top, bottom, left, right = step.padding
    if (top, left) == (bottom, right):
        return value, (top, left)
    return F.pad(value, (left, right, top, bottom), value=fill), 0


def convolution(step):
    kernel, bias = weights(step)
    kernel = kernel.contiguous(memory_format=LAST)

    def run(value):
        value, padding = padded(step, value)
        return F.conv2d(value, kernel, bias, step.strides, padding, 1, step.groups)
    return run


def maximum(step):
    def run(value):
        value, padding = padded(step, value, -math.inf)
        return F.max_pool2d(value, step.size, step.strides, padding)
    return run


def dense(step):
    kernel, bias = weights(step)
    return lambda value: F.linear(value, kernel, bias)


FUNCTIONS = {
    "conv": convolution,
    "dense": dense,
    "maximum": maximum,
    "scale": lambda step: lambda value: value * step.scale + step.offset,
    "pad": lambda step: lambda value: F.pad(value, (*step.padding[2:], *step.padding[:2])),
    "mean": lambda step: lambda value: value.mean((2, 3)),
    "flatten": lambda step: lambda value: value.contiguous().flatten(1),
    "add": lambda step: lambda one, other: one + other,
    "relu": lambda step: lambda value: value,
    "softmax": lambda step: lambda value: value.softmax(1),
}


def function_of(step):
    inner = FUNCTIONS[step.kind](step)
    if step.limit is None:
        return inner
    inplace = step.kind != "relu"  # where the value is the operation's own
    if step.limit == math.inf:
        return lambda *values: F.relu(inner(*values), inplace)
    return lambda *values: F.hardtanh(inner(*values), 0.0, step.limit, inplace)


class Network:
    def __init__(self, steps):
        first, *steps = steps
        self.input, self.output = first.output, steps[-1].output
        last_use = {name: step for step in steps for name in step.inputs}
        self.steps = [(function_of(step), step.inputs, step.output,
                       [name for name in set(step.inputs) if last_use[name] is step]) for step in steps]

    def __call__(self, picture, leaf=None):
        """(output, the value of that name, which gradients go back to and no further)"""
        values, seen = {self.input: picture}, None
        for function, inputs, output, done in self.steps:
            value = function(*(values[name] for name in inputs))
            if output == leaf:
                value = seen = value.detach().requires_grad_()
            values[output] = value
            for name in done:
                del values[name]
        return values[self.output], seen


def prepare(job, steps, model, filters=1, precision="float32"):
    """A function that does the job once and gives its result, maps as N,H,W,C."""
    torch.set_default_dtype(getattr(torch, precision))
    network, batch = Network(steps), tensor(model.picture)

    def forward():
        with torch.inference_mode():
            return network(batch)[0].numpy()

    def gradient():
        leaf = batch.detach().requires_grad_()
        score = network(leaf)[0].max()
        return torch.autograd.grad(score, leaf)[0].permute(0, 2, 3, 1).numpy()

    def grad_cam():
        scores, maps = network(batch, model.target)
        shares = torch.autograd.grad(scores.max(), maps)[0].mean((0, 2, 3))
        return F.relu((maps.detach()[0] * shares[:, None, None]).sum(0)).numpy()

    def pattern():
        images = []
        for index in range(filters):
            image = batch
            for _ in range(models.PATTERN_STEPS):
                image = image.detach().requires_grad_()
                loss = network(image)[0][:, index, 2:-2, 2:-2].mean()
                gradient = torch.autograd.grad(loss, image)[0]
                image = image.detach() + models.PATTERN_RATE * gradient / gradient.norm().clamp(min=1e-6)
            images.append(image.permute(0, 2, 3, 1).numpy())
        return np.concatenate(images)
    return {"forward": forward, "gradient": gradient, "grad-cam": grad_cam, "pattern": pattern}[job]
