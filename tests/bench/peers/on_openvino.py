# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenVINO on the CPU."""
import tempfile

import models
import openvino


def prepare(path):
    model = models.load(path)
    batch = models.picture(model)
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, verbose=False)
        converted = openvino.convert_model(folder, input=list(batch.shape))
        compiled = openvino.compile_model(converted, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda: compiled(batch)[0]
