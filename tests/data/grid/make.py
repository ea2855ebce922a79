#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes tests/data/grid/: mosaics of gray levels by NumPy, with the steps of Deep Learning with
Python 9.4, float32 as there.

    tests/data/grid/make.py

values.npy          (19, 13, 3) float32, seeded: one channel around 0, one as after a ReLU, one of zeros
values-book.npy     its mosaic, 3 in a row
concat-book.npy     of keras/activations/activations/concat.npy, 16 in a row
The book leaves out channels that do not fill a row, so these mosaics may have fewer than ours.
"""
import os

import numpy as np

DATA = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.dirname(os.path.abspath(__file__))


def levels(channel):
    """What the book makes of one channel."""
    if channel.sum() != 0:
        channel = (channel - channel.mean()) / channel.std()
        channel = channel * 64 + 128
    return np.clip(channel, 0, 255).astype("uint8")


def mosaic(values, in_a_row):
    height, width, channels = values.shape
    rows = channels // in_a_row
    grid = np.zeros((rows * (height + 1) - 1, in_a_row * (width + 1) - 1), "uint8")
    for index in range(rows * in_a_row):
        top, left = index // in_a_row * (height + 1), index % in_a_row * (width + 1)
        grid[top:top + height, left:left + width] = levels(values[:, :, index])
    return grid


def main():
    random = np.random.default_rng(20)
    values = random.normal(0.3, 2, (19, 13, 3)).astype("float32")
    values[:, :, 1] = np.maximum(values[:, :, 1], 0)
    values[:, :, 2] = 0
    concat = np.load(os.path.join(DATA, "keras/activations/activations/concat.npy"))

    os.makedirs(FOLDER, exist_ok=True)
    np.save(os.path.join(FOLDER, "values.npy"), values)
    np.save(os.path.join(FOLDER, "values-book.npy"), mosaic(values, 3))
    np.save(os.path.join(FOLDER, "concat-book.npy"), mosaic(concat, 16))


if __name__ == "__main__":
    main()
