#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Convlens and its peers side by side; README.md tells how.

    bench.py CONVLENS [--python PYTHON] [--jobs REGEX] [--peers REGEX] [--pairs N] [--shared FOLDER] [--work FOLDER]
"""
import argparse
import dataclasses
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
SAMPLE = os.path.join(SOURCE, "install", "sample", "coffee.jpg")
PEERS = os.path.join(HERE, "peers")
BUILT_IN, SMALL, XCEPTION, VGG16, RESNET50 = "efficientnet-lite0", "mobilenet 0.25", "Xception", "VGG16", "ResNet50"
ANY_SIZE = " of any size"    # and without its top
PATTERN_STEPS = 30    # the peers' too
LONG_ENOUGH = 3    # seconds of a peer's jobs in one round
SLOWING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")    # peers that use OpenBLAS
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in SLOWING}


@dataclasses.dataclass
class Job:
    name: str
    kind: str            # cold, first, warm, pattern, steps
    model: str
    command: list        # ours, without the photograph and the model
    peers: tuple = ()
    job: str = ""        # the peer's
    passes: float = 0    # forward runs that the arithmetic is worth
    copies: int = 24     # of a photograph, for a warm run
    layer: str = ""
    filters: int = 1
    sizes: tuple = ()    # two sides of the input: how the job grows, instead of peers


WARM = ("tf.function", "keras", "torch")
FORWARD = (*WARM, "openvino", "ncnn", "ncnn-vulkan")
JOBS = [
    Job("grad-cam, cold", "cold", BUILT_IN, ["grad-cam"], ("notebook",)),
    Job("grad-cam, cold", "cold", SMALL, ["grad-cam"], ("notebook",)),
    Job("grad-cam, cold", "cold", XCEPTION, ["grad-cam"], ("notebook",)),
    Job("grad-cam, first", "first", BUILT_IN, ["grad-cam"]),
    Job("grad-cam, first", "first", XCEPTION, ["grad-cam"]),
    Job("grad-cam, warm", "warm", BUILT_IN, ["grad-cam"], WARM, "grad-cam", copies=100),
    Job("grad-cam, warm", "warm", XCEPTION, ["grad-cam"], WARM, "grad-cam"),
    Job("forward", "warm", BUILT_IN, ["predict"], FORWARD, "forward", 1, copies=100),
    Job("forward", "warm", XCEPTION, ["predict"], FORWARD, "forward", 1),
    Job("forward", "warm", VGG16, ["predict"], FORWARD, "forward", 1),
    Job("forward", "warm", RESNET50, ["predict"], FORWARD, "forward", 1),
    Job("input gradient", "warm", XCEPTION, ["gradient", "--layer", "input"], ("tf.function", "torch"),
        "gradient", 2),
    Job("activation-grid, all layers", "warm", BUILT_IN, ["activation-grid", "--layer", "all"]),
    Job("filter-pattern, one", "pattern", XCEPTION, ["filter-pattern", "--filter", "2"],
        ("tf.function", "torch"), "pattern", layer="block3_sepconv1"),
    Job("filter-pattern, one, warm", "steps", XCEPTION, ["filter-pattern", "--filter", "2"],
        ("tf.function", "torch"), "pattern", layer="block3_sepconv1"),
    Job("filter-pattern, sheet of 64", "pattern", XCEPTION, ["filter-pattern", "--sheet", "8"],
        ("tf.function", "torch"), "pattern", layer="block3_sepconv1", filters=64),
    Job("forward, twice the pixels", "warm", XCEPTION + ANY_SIZE, ["activations", "--layer", "block14_sepconv2_act"],
        copies=2, sizes=(299, 423)),
    Job("forward, twice the pixels", "warm", VGG16 + ANY_SIZE, ["activations", "--layer", "block5_conv3"],
        copies=2, sizes=(224, 317)),
    Job("pattern, twice the pixels", "pattern", XCEPTION, ["filter-pattern", "--filter", "2"], layer="block3_sepconv1",
        sizes=(200, 283)),
]


@dataclasses.dataclass
class Measure:
    seconds: float
    memory: int = 0      # bytes at the peak, of a process of its own


def run(command, **environment):
    """(Measure, standard output) of a process that has to end well."""
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE, env={**ENVIRONMENT, **environment})
        said = process.stderr.read()
        _pid, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed:\n{said.decode(errors='replace')[-2000:]}")
        output.seek(0)
        return Measure(seconds, usage.ru_maxrss * 1024), output.read().decode()


class Peer:
    """A process of peers/ that waits for its turn."""

    def __init__(self, python, name, job, model):
        arguments = [job.job, model] + ([job.layer, str(job.filters)] if job.layer else [])
        self.process = subprocess.Popen([python, PEERS, name, *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=ENVIRONMENT)
        said = ""
        while said.strip() != "ready":  # exporting a model talks
            said = self.process.stdout.readline()
            if not said:
                raise SystemExit(f"{name} cannot do {job.job} of {model}")

    def measure(self, copies):
        """The mean of so many jobs, as ours is; of fewer where they take long."""
        seconds = []
        while len(seconds) < copies and sum(seconds) < LONG_ENOUGH:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
            seconds.append(float(self.process.stdout.readline()))
        return Measure(statistics.mean(seconds))

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Bench:
    def __init__(self, options):
        self.options = options
        self.python = options.python
        self.work = options.work or os.path.join(
            os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "convlens", "bench")
        os.makedirs(self.work, exist_ok=True)
        self.scratch = tempfile.mkdtemp(prefix="convlens-bench-")
        self.flops = {}

    def model(self, name):
        """A path, or None where it cannot be had here."""
        if name == BUILT_IN:
            return os.path.join(SOURCE, "weights", "efficientnet-lite0.keras")
        if name == SMALL:
            path = os.path.join(self.options.shared or "", "models", "mobilenet_v1_0.25_224_imagenet.h5")
            return path if os.path.exists(path) else None
        path = os.path.join(self.work, name + ".keras")
        if not os.path.exists(path) and self.has("keras"):
            family = name.removesuffix(ANY_SIZE)
            run([self.python, PEERS, "make", family, path + ".part.keras"] + (["any-size"] if family != name else []))
            os.replace(path + ".part.keras", path)
        return path if os.path.exists(path) else None

    def has(self, peer):
        name = "keras" if peer == "notebook" else peer
        return self.python and subprocess.run(
            [self.python, PEERS, name, "has"], check=False, env=ENVIRONMENT, stderr=subprocess.DEVNULL).returncode == 0

    def operations(self, model):
        if model not in self.flops:
            self.flops[model] = int(run([self.python, PEERS, "flops", model])[1]) \
                if self.has("keras") else 0
        return self.flops[model]

    def photographs(self, count):
        folder = os.path.join(self.scratch, str(count))
        if not os.path.isdir(folder):
            os.makedirs(folder)
            for number in range(count):
                shutil.copy(SAMPLE, os.path.join(folder, f"{number:03}.jpg"))
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]

    def ours(self, job, model, size=None):
        """One measurement, as the job's kind has it."""
        program = [self.options.convlens, *job.command]
        own = ["--model", model]
        if size:
            own += ["--size" if job.kind == "pattern" else "--input-size", str(size)]
        output = os.path.join(self.scratch, "output.png")
        if job.kind == "cold":
            return run([*program, SAMPLE, *own, "--output", output])[0]
        if job.kind == "first":
            fresh = tempfile.mkdtemp(dir=self.scratch)
            return run([*program, SAMPLE, *own, "--output", output], XDG_CACHE_HOME=fresh,
                       MESA_SHADER_CACHE_DIR=fresh)[0]
        if job.kind == "steps":
            seconds = []
            for times in (1, 2):
                measure, report = run([*program, *own, "--layer", job.layer, "--output", output, "--json",
                                       "--steps", str(times * PATTERN_STEPS)])
                seconds.append(json.loads(report)["milliseconds"] / 1e3)
            return Measure(seconds[1] - seconds[0], measure.memory)
        if job.kind == "pattern":
            measure, report = run([*program, *own, "--layer", job.layer, "--output", output, "--json"])
            return Measure(json.loads(report)["milliseconds"] / 1e3, measure.memory)
        one, _report = run([*program, *self.photographs(1), *own, "--json"])
        many, _report = run([*program, *self.photographs(1 + job.copies), *own, "--json"])
        return Measure((many.seconds - one.seconds) / job.copies, many.memory)

    def pairs(self, job, model, peer):
        """The job and its peer in turn: two lists."""
        ours, theirs = [], []
        warm = Peer(self.python, peer, job, model) if peer and peer != "notebook" else None
        output = os.path.join(self.scratch, "notebook.png")
        self.ours(job, model)
        if peer == "notebook":
            run([self.python, os.path.join(PEERS, "notebook.py"), model, SAMPLE, output])
        for _pair in range(self.options.pairs):
            ours.append(self.ours(job, model))
            if warm:
                theirs.append(warm.measure(1 if job.job == "pattern" else job.copies))
            elif peer:
                theirs.append(run([self.python, os.path.join(PEERS, "notebook.py"), model, SAMPLE, output])[0])
        if warm:
            warm.end()
        return ours, theirs

    def growth(self, job, model):
        """The job at its two sizes in turn: how much more the larger one takes."""
        both = []
        for _pair in range(self.options.pairs + 1):  # the first one warms caches
            both.append([self.ours(job, model, size) for size in job.sizes])
        ratios = sorted(large.seconds / small.seconds for small, large in both[1:])
        small, large = zip(*both[1:])
        memory = [max(one.memory for one in of_size) / 1e6 for of_size in (small, large)]
        seconds = [statistics.median(one.seconds for one in of_size) for of_size in (small, large)]
        pixels = (job.sizes[1] / job.sizes[0]) ** 2
        print(f"{job.name:28} {job.model:18} {seconds[0]:8.3f} → {seconds[1]:.3f} s   "
              f"{memory[0]:.0f} → {memory[1]:.0f} MB   {pixels:.2f}× the pixels take {statistics.median(ratios):.2f}× the time "
              f"({ratios[0]:.2f} … {ratios[-1]:.2f}), {memory[1] / memory[0]:.2f}× the memory", flush=True)

    def report(self, job, model, peer):
        ours, theirs = self.pairs(job, model, peer)
        time_of = lambda all_of: statistics.median(one.seconds for one in all_of)  # noqa: E731
        memory = max(one.memory for one in ours)
        line = f"{job.name:28} {job.model:18} {time_of(ours):8.3f} s"
        line += f" {job.passes * self.operations(model) / time_of(ours) / 1e9:6.1f} GFLOP/s" if job.passes else " " * 15
        line += f" {memory / 1e6:6.0f} MB"
        if theirs:
            ratios = sorted(their.seconds / our.seconds for our, their in zip(ours, theirs))
            line += f"   {peer:12} {time_of(theirs):8.3f} s"
            line += f"   {statistics.median(ratios):6.2f}× as fast ({ratios[0]:.2f} … {ratios[-1]:.2f})"
            if theirs[0].memory:
                line += f"   {memory / max(one.memory for one in theirs):.2f} of its memory"
        print(line, flush=True)

    def all(self):
        for job in JOBS:
            if not re.search(self.options.jobs, f"{job.name} {job.model}"):
                continue
            model = self.model(job.model)
            if model is None:
                print(f"{job.name:28} {job.model:18} left out: the model is not here")
                continue
            if job.sizes:
                self.growth(job, model)
                continue
            peers = [peer for peer in job.peers if re.search(self.options.peers, peer) and self.has(peer)]
            for peer in peers or [None]:
                self.report(job, model, peer)
        shutil.rmtree(self.scratch)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("convlens")
    parser.add_argument("--python", default=sys.executable, help="a Python that has the peers")
    parser.add_argument("--jobs", default="", help="those whose name and model it matches")
    parser.add_argument("--peers", default="")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--shared", default=os.environ.get("CONVLENS_SHARED"))
    parser.add_argument("--work", help="where models are kept")
    Bench(parser.parse_args()).all()


if __name__ == "__main__":
    main()
