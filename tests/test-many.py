#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory of a run over many photographs does not grow with their number. TAP.

    test-many.py CONVLENS

Photographs of many sizes, so that no block of memory fits the next picture by chance. Large blocks are
given back to the system as soon as they are free: else what malloc keeps differs by 9 MB from run to run.
That malloc keeps no arena for each photograph follows from there being no new thread for each.
"""
import os
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import zlib

EARLY, LATE, COUNT = 80, 400, 480  # photographs: EARLY's end and LATE's beginning
ALLOWED = 4  # MB between the medians; measured: -3 to 2

convlens = os.path.realpath(sys.argv[1])
here = os.path.dirname(os.path.realpath(__file__))
os.environ.setdefault("CONVLENS_DATA_DIR", f"{os.path.dirname(here)}/weights")
os.environ.pop("CONVLENS_DEBUG", None)
os.environ["MALLOC_MMAP_THRESHOLD_"] = "262144"
chance = random.Random(5)


def write_png(path, width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    row = b"\0" + bytes(x * 7 % 251 for x in range(3 * width))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
                   + chunk(b"IDAT", zlib.compress(row * height, 1)) + chunk(b"IEND", b""))


def memory(process):
    """Megabytes."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("RssAnon"))


def measure(arguments):
    """Memory after each photograph, the threads seen until EARLY, those seen after it alone, the exit status."""
    process = subprocess.Popen([convlens, *arguments, "--json"], stdout=subprocess.PIPE)
    taken, before, after = [], set(), set()
    for _ in process.stdout:
        try:
            taken.append(memory(process))
            (before if len(taken) <= EARLY else after).update(os.listdir(f"/proc/{process.pid}/task"))
        except (OSError, StopIteration):  # it has ended
            pass
    process.wait()
    return taken, before, after - before, process.returncode


with tempfile.TemporaryDirectory() as work:
    os.chdir(work)
    os.mkdir("sizes")
    os.mkdir("many")
    sizes = [(chance.randint(50, 900), chance.randint(50, 900)) for _ in range(40)]
    for index, (width, height) in enumerate(sizes):
        write_png(f"sizes/{index}.png", width, height)
    order = [index for _ in range(COUNT // 40) for index in chance.sample(range(40), 40)]
    for place, index in enumerate(order):
        os.symlink(f"../sizes/{index}.png", f"many/{place:04}.png")
    model = ["--model", f"{here}/data/keras/sequential/model.h5"]
    cases = {"predict": ["predict", "many", *model], "grad-cam": ["grad-cam", "many", *model, "--overlay", "heat"]}
    failures = 0
    for number, (name, arguments) in enumerate(cases.items(), 1):
        taken, threads, later_threads, status = measure(arguments)
        early, late = statistics.median(taken[:EARLY] or [0]), statistics.median(taken[LATE:] or [0])
        good = (len(taken) > LATE + 10 and status == 0 and late <= early + ALLOWED
                and len(later_threads) <= 2)  # the driver may start one late
        failures += not good
        print(f"{'ok' if good else 'not ok'} {number} - {name}: exit status {status}, {len(taken)} photographs, until {EARLY} "
              f"{early:.1f} MB and {len(threads)} threads, from {LATE} on {late:.1f} MB, {len(later_threads)} threads more")
    os.chdir("/")
print(f"1..{len(cases)}")
sys.exit(failures > 0)
