# SPDX-License-Identifier: GPL-3.0-or-later
"""ncnn in float32, on the CPU or on its first Vulkan device; forward alone, there is no backward."""
import collections
import math
import os
import struct
import tempfile

import ncnn
import numpy as np


class Writer:
    """Writes the steps of a model as ncnn's .param and .bin. Options are numbers; ncnn's operators.md tells which."""

    def __init__(self, steps):
        self.input, self.output = steps[0].output, steps[-1].output
        self.lines, self.weights, self.blobs = [], [], 0
        self.copies = collections.defaultdict(list)
        uses = collections.Counter(name for step in steps for name in step.inputs)
        for step in steps:
            getattr(self, "write_" + step.kind)(step)
            if uses[step.output] > 1:  # ncnn allows a value one reader
                copies = [f"{step.output}#{number}" for number in range(uses[step.output])]
                self.line("Split", [step.output], copies, {})
                self.copies[step.output] = copies

    def save(self, folder):
        param, weights = os.path.join(folder, "model.param"), os.path.join(folder, "model.bin")
        with open(param, "w", encoding="ascii") as file:
            file.write("\n".join(["7767517", f"{len(self.lines)} {self.blobs}", *self.lines, ""]))
        with open(weights, "wb") as file:
            file.writelines(self.weights)
        return param, weights

    def line(self, kind, inputs, outputs, options):
        inputs = [self.copies[name].pop() if self.copies[name] else name for name in inputs]
        words = [kind, outputs[0], len(inputs), len(outputs), *inputs, *outputs]
        self.lines.append(" ".join(map(str, words + [f"{key}={value}" for key, value in options.items()])))
        self.blobs += len(outputs)

    def simple(self, kind, step, options):
        self.line(kind, step.inputs, [step.output], options)

    def weighted(self, kind, step, options):
        if step.limit == math.inf:
            options[9] = 1
        elif step.limit is not None:
            options.update({9: 3, -23310: f"2,0.0,{step.limit}"})
        self.weights += [struct.pack("<I", 0), step.kernel.astype("<f4").tobytes(), step.bias.astype("<f4").tobytes()]
        self.simple(kind, step, options)

    def write_input(self, step):
        height, width, channels = step.shape
        self.simple("Input", step, {0: width, 1: height, 2: channels})

    def write_conv(self, step):
        outputs, _, height, width = step.kernel.shape
        top, bottom, left, right = step.padding
        options = {0: outputs, 1: width, 11: height, 3: step.strides[1], 13: step.strides[0],
                   4: left, 15: right, 14: top, 16: bottom, 5: 1, 6: step.kernel.size}
        if step.groups > 1:
            options[7] = step.groups
        self.weighted("ConvolutionDepthWise" if step.groups > 1 else "Convolution", step, options)

    def write_dense(self, step):
        self.weighted("InnerProduct", step, {0: len(step.kernel), 1: 1, 2: step.kernel.size})

    def write_maximum(self, step):
        top, bottom, left, right = step.padding
        self.simple("Pooling", step, {0: 0, 1: step.size[1], 11: step.size[0], 2: step.strides[1], 12: step.strides[0],
                                      3: left, 14: right, 13: top, 15: bottom, 5: 1})

    def write_scale(self, step):
        self.line("BinaryOp", step.inputs, [step.output + "/scale"], {0: 2, 1: 1, 2: float(step.scale)})
        self.line("BinaryOp", [step.output + "/scale"], [step.output], {0: 0, 1: 1, 2: float(step.offset)})

    def write_pad(self, step):
        self.simple("Padding", step, dict(enumerate(step.padding)))

    def write_mean(self, step):
        self.simple("Pooling", step, {0: 1, 4: 1})

    def write_add(self, step):
        self.simple("BinaryOp", step, {0: 0})

    def write_flatten(self, step):
        self.simple("Flatten", step, {})

    def write_relu(self, step):
        if step.limit == math.inf:
            self.simple("ReLU", step, {})
        else:
            self.simple("Clip", step, {0: 0.0, 1: float(step.limit)})

    def write_softmax(self, step):
        self.simple("Softmax", step, {0: 0, 1: 1})


def prepare(steps, picture, vulkan):
    """A function that does a forward run and gives the output of the last step, or of another."""
    writer = Writer(steps)
    net = ncnn.Net()
    for low in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_packed", "bf16_storage"):
        if hasattr(net.opt, "use_" + low):  # not every version has them all
            setattr(net.opt, "use_" + low, False)
    net.opt.num_threads = os.cpu_count()
    if vulkan:
        net.opt.use_vulkan_compute = True
        net.set_vulkan_device(ncnn.get_default_gpu_index())
    with tempfile.TemporaryDirectory() as folder:
        param, weights = writer.save(folder)
        if net.load_param(param) or net.load_model(weights):
            raise SystemExit("ncnn cannot load the model")
    maps = np.ascontiguousarray(picture[0].transpose(2, 0, 1), "float32")

    def run(output=writer.output):
        extractor = net.create_extractor()
        extractor.input(writer.input, ncnn.Mat(maps).clone())
        failed, values = extractor.extract(output)
        if failed:
            raise SystemExit("ncnn cannot run the model")
        return np.array(values)
    return run


def devices():
    return ncnn.get_gpu_count()
