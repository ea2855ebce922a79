# SPDX-License-Identifier: GPL-3.0-or-later
"""A peer that stays warm: does a job once for every line of its standard input, and tells its seconds.

    peers make NAME FILE [any-size]           writes a model of keras.applications with seeded weights
    peers flops MODEL                         multiplications and additions of a forward run
    peers PEER JOB MODEL [LAYER [FILTERS]]    JOB: forward, gradient, grad-cam, pattern
    peers translate JOB MODEL LAYER FILE      the model and Keras' own result, for peers that do not read Keras' files
    peers PEER has                            whether the packages (and the device) are there
"""
import importlib.util
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

PACKAGES = {"keras": "keras", "tf.function": "keras", "openvino": "openvino", "torch": "torch", "ncnn": "ncnn",
            "ncnn-vulkan": "ncnn"}


def has(peer):
    if importlib.util.find_spec(PACKAGES[peer]) is None:
        return False
    if peer == "ncnn-vulkan":
        import on_ncnn
        return on_ncnn.devices() > 0
    return True


def prepare(peer, job, path, layer, filters):
    """A function that does the job once."""
    if peer in ("keras", "tf.function"):
        import models
        import on_keras
        return on_keras.prepare(job, models.load(path), layer, filters, peer == "tf.function")
    if peer != "torch" and job != "forward":
        raise SystemExit(f"{peer} has no gradients")
    if peer == "openvino":
        import on_openvino
        return on_openvino.prepare(path)
    from translation import translated
    model = translated(job, path, layer)
    if peer == "torch":
        import on_torch
        model.check(on_torch.prepare(job, model.scores(), model, precision="float64")(), "float64")
        return on_torch.prepare(job, model.steps, model, filters)
    import on_ncnn
    run = on_ncnn.prepare(model.steps, model.picture, peer == "ncnn-vulkan")
    model.check(run(model.scores()[-1].output), "float32")
    return run


def main(peer, *rest):
    if peer in ("make", "flops"):
        import models
        {"make": models.make, "flops": lambda path: print(models.flops(path))}[peer](*rest)
    elif peer == "translate":
        import translation
        translation.translate(*rest)
    elif rest[0] == "has":
        sys.exit(not has(peer))
    else:
        job, path, layer, filters = (*rest, *("", "1")[len(rest) - 2:])
        run = prepare(peer, job, path, layer, int(filters))
        run()
        if job != "pattern":
            run()
        print("ready", flush=True)
        for _line in sys.stdin:
            started = time.perf_counter()
            run()
            print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
