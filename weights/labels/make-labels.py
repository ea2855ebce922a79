#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes weights/labels/imagenet.txt: ImageNet's 1,000 class names in Keras' order and spelling.

    pip download --no-deps torchvision==0.15.2
    weights/labels/make-labels.py torchvision-0.15.2-*.whl [imagenet_class_index.json]

The names are read out of the wheel's source, and nothing of it is run.  A Keras class index,
where one is given, is only compared with what was written.
"""
import ast
import json
import os
import sys
import zipfile

# torchvision tells namesakes apart; Keras does not
KERAS_SPELLING = {"crane bird": "crane", "maillot tank suit": "maillot"}


def main():
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        tree = ast.parse(wheel.read("torchvision/models/_meta.py"))
    names = next(ast.literal_eval(node.value) for node in tree.body
                 if isinstance(node, ast.Assign)
                 and getattr(node.targets[0], "id", "") == "_IMAGENET_CATEGORIES")
    labels = [KERAS_SPELLING.get(name, name).replace(" ", "_") for name in names]
    assert len(labels) == 1000
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "imagenet.txt")
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write("\n".join(labels) + "\n")
    if len(sys.argv) > 2:
        with open(sys.argv[2], encoding="utf-8") as file:
            index = json.load(file)
        different = [(i, label, index[str(i)][1]) for i, label in enumerate(labels)
                     if label != index[str(i)][1]]
        print(f"{len(different)} of {len(labels)} differ from {sys.argv[2]}: {different}")


if __name__ == "__main__":
    main()
