#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals at random moments over all commands that write. TAP.

    test-signals.py CONVLENS [SEED [SECONDS]]

After SIGINT, SIGTERM or SIGHUP there is no half file and none that has no name yet, and whoever sent two has the same.
After SIGKILL, which nothing survives, there may be a file without a name, which is never taken for a result.  What was
read is as it was.  The moments are drawn from a seed, which is printed.
"""
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

convlens = os.path.realpath(sys.argv[1])
seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20240229
seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 20
here = os.path.dirname(os.path.realpath(__file__))
root = os.path.dirname(here)
work = tempfile.mkdtemp()
os.chdir(work)
chance = random.Random(seed)
os.environ.setdefault("CONVLENS_DATA_DIR", f"{root}/weights")
os.environ["XDG_DATA_HOME"] = f"{work}/share"
os.environ["no_proxy"] = "*"
os.environ.pop("CONVLENS_DEBUG", None)  # time for more runs
os.environ.pop("CONVLENS_DEVICE", None)

for name in ("in", "data", "files"):
    os.mkdir(name)
golden = f"{here}/data/keras/sequential"
shutil.copy(f"{golden}/input.npy", "in/a.npy")
shutil.copy(f"{golden}/input.npy", "in/b.npy")
shutil.copy(f"{golden}/model.h5", "in/m.h5")
shutil.copy(f"{here}/data/pattern/model.keras", "in/p.keras")
shutil.copy(f"{root}/install/sample/coffee.jpg", "in/c.jpg")
with open("in/labels.txt", "w", encoding="utf-8") as file:
    file.write("one\ntwo\nthree\nfour\n")
with open("files/weights", "wb") as file:
    file.write(b"\x89HDF\r\n\x1a\n" + random.Random(1).randbytes(2000000))

server = subprocess.Popen([sys.executable, f"{here}/serve-files.py", "files", "port", "log.txt"], stdin=subprocess.PIPE)
while not os.path.exists("port"):
    time.sleep(0.02)
with open("port", encoding="utf-8") as file:
    port = file.read()
with open("files/weights", "rb") as file:
    weights = file.read()
with open(f"{root}/weights/models.json", encoding="utf-8") as file:
    entry = next(model for model in json.load(file)["models"] if model["url"])
entry = {**entry, "name": "slow", "file": "slow.h5", "url": f"http://127.0.0.1:{port}/slow/weights", "size": len(weights),
         "checksum": "sha256:" + hashlib.sha256(weights).hexdigest()}
entry["alias"] = None
with open("data/models.json", "w", encoding="utf-8") as file:
    json.dump({"models": [entry]}, file)

model, pattern = ["--model", "in/m.h5"], ["filter-pattern", "--model", "in/p.keras", "--layer", "conv", "--size", "30",
                                           "--crop", "5", "--steps", "5"]
commands = {
    "grad-cam": ["grad-cam", "in/c.jpg", *model, "--output", "out/o.png", "--overlay", "out/l.png", "--heatmap", "out/h.npy"],
    "grad-cam of many": ["grad-cam", "in/a.npy", "in/b.npy", *model, "--overlay", "out/l", "--heatmap", "out/h", "--json"],
    "activation-grid": ["activation-grid", "in/a.npy", *model, "--layer", "all", "--output", "out/g", "--raw", "out/g"],
    "activations": ["activations", "in/a.npy", *model, "--layer", "all", "--raw", "out/r"],
    "gradient": ["gradient", "in/a.npy", *model, "--layer", "input", "--raw", "out/g.npy"],
    "filter-pattern": [*pattern, "--filters", "0-5", "--output", "out/p.png", "--raw", "out/p"],
    "faithfulness": ["faithfulness", "in/a.npy", *model, "--layer", "conv2d_1", "--class", "1", "--output", "out/f.png"],
    "predict": ["predict", "in/a.npy", *model, "--json"],
    "describe": ["describe", "in/m.h5", "--labels", "in/labels.txt"],
    "get-model": ["get-model", "slow"],
}
number = failures = 0


def report(name, wrong):
    global number, failures
    number += 1
    failures += bool(wrong)
    print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
    for line in wrong:
        print("#", line)


def content(*folders):
    found = {}
    for folder in folders:
        for at, _, names in os.walk(folder):
            for each in names:
                with open(os.path.join(at, each), "rb") as opened:
                    found[os.path.join(at, each)] = hashlib.sha256(opened.read()).hexdigest()
    return found


kept = set(os.listdir("in"))


def clear():
    for folder in ("out", "share"):
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
    for each in set(os.listdir("in")) - kept:
        os.remove(f"in/{each}")


def start(arguments):
    environment = {**os.environ, "CONVLENS_DATA_DIR": f"{work}/data"} if arguments[0] == "get-model" else os.environ
    return subprocess.Popen([convlens, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
                            stdin=subprocess.DEVNULL)


clear()
inputs, whole, lasts = content("in"), {}, {}
for name, arguments in commands.items():  # what each writes when it is left alone, and how long it takes
    clear()
    start(arguments).communicate()
    begin = time.monotonic()
    clear()
    said = start(arguments)
    out, complaint = said.communicate()
    lasts[name] = time.monotonic() - begin
    whole[name] = {path: sum for path, sum in content("out", "share", "in").items() if path not in inputs}
    report(f"{name}: writes", [complaint.decode()] if said.returncode != 0 or not (whole[name] or out) else [])


def between_files():
    """Many files of one photograph: the first signal ends it after the file that is being written."""
    clear()
    process = start(["activation-grid", "in/c.jpg", "--layer", "all", "--scale", "4", "--output", "out/g", "--raw", "out/r"])
    until = time.monotonic() + 60
    while not content("out") and time.monotonic() < until:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate()
    said = complaint.decode()
    good = process.returncode == 1 and re.search(r"cancelled: (\d+) of \d+ files were written", said)
    return [] if good and int(good[1]) == len(content("out")) else [f"exit {process.returncode}", said]


report("activation-grid: ends between two files", between_files())


def try_once(name, numbers):
    """One run; gives what is wrong about what it leaves behind."""
    clear()
    process = start(commands[name])
    wait = chance.uniform(0, 1.1) * lasts[name]
    time.sleep(wait)
    for each in numbers:
        process.send_signal(each)
        time.sleep(chance.choice([0, 0.001, 0.02]) if len(numbers) > 1 else 0)
    wrong = []
    try:
        out, complaint = process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        out, complaint = process.communicate()
        wrong.append("it did not end")
    killed = signal.SIGKILL in numbers
    code = process.returncode
    good = {0, 1} | {-each for each in numbers} | {128 + each for each in numbers}
    if code not in good:
        wrong.append(f"exit status {code}: {complaint.decode()}")
    if code == 1 and b"cancelled" not in complaint:
        wrong.append(f"it failed for another reason: {complaint.decode()}")
    for path, sum in content("out", "share", "in").items():
        base = os.path.basename(path)
        if path in inputs or whole[name].get(path) == sum:
            continue
        if ".part" in base:
            continue  # a download that goes on
        if killed and base.startswith(".convlens-"):
            continue
        wrong.append(f"{path} was left, not whole")
    if code == 0 and not killed and not set(whole[name]) <= set(content("out", "share", "in")):
        wrong.append("it is content, and files are missing")
    for path, sum in inputs.items():
        if content("in").get(path) != sum:
            wrong.append(f"{path} was changed")
    if code == 0 and b"--json" in b" ".join(os.fsencode(word) for word in commands[name]) and not out.endswith(b"}\n"):
        wrong.append("half a line of JSON")
    return [f"seed {seed}, after {wait:.4f} s: {each}" for each in wrong]


kinds = {
    "INT": [signal.SIGINT], "TERM": [signal.SIGTERM], "HUP": [signal.SIGHUP],
    "INT twice": [signal.SIGINT, signal.SIGINT], "TERM and HUP": [signal.SIGTERM, signal.SIGHUP], "KILL": [signal.SIGKILL],
}
wrong = {name: [] for name in commands}
runs = dict.fromkeys(commands, 0)
end = time.monotonic() + seconds
plan = [(name, kind) for name in commands for kind in kinds]
for round in range(1000):
    chance.shuffle(plan)
    # The first round has each command once, however slow the machine is.
    first = [(name, chance.choice(list(kinds))) for name in commands]
    for name, kind in first if round == 0 else plan:
        if round > 0 and time.monotonic() >= end:
            break
        wrong[name] += [f"{kind}, {each}" for each in try_once(name, kinds[kind])]
        runs[name] += 1
for name in commands:
    report(f"{name}: signals", wrong[name] or ([] if runs[name] else ["it was never tried"]))
print(f"# seed {seed}, {sum(runs.values())} runs")

# A file without a name, as a killed run leaves it, is no photograph and no model.
clear()
shutil.copy("in/c.jpg", "out/.convlens-ABCDEF")
listed = subprocess.run([convlens, "predict", "out"], capture_output=True, check=False)
report("what a killed run leaves is no photograph",
       [] if listed.returncode == 1 and b"holds no photographs" in listed.stderr else [listed.stderr.decode()])

# A reader that goes away is no reason to leave something behind.
clear()
reader = subprocess.Popen([convlens, "grad-cam", "in/a.npy", "in/b.npy", *model, "--overlay", "out/l", "--json"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
reader.stdout.close()
complaint = reader.stderr.read().decode()
report("a reader that goes away",
       [str(reader.returncode), complaint, str(content("out"))]
       if reader.wait() != -signal.SIGPIPE or any(".convlens" in path for path in content("out")) else [])

server.stdin.close()
server.wait()
os.chdir("/")
shutil.rmtree(work)
print(f"1..{number}")
sys.exit(failures > 0)
