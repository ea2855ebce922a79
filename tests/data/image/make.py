#!/usr/bin/env python3
"""Makes the small pictures and arrays that tests/test-image.c compares with.

What is right is what Pillow says: resizing (version 13 or later, which chooses the order of its two
passes by the sizes), PNG kinds, JPEG with its orientation applied. The book's overlay is made by
Keras' and matplotlib's own functions, as the notebook of chapter 9.4 calls them.

    pip install numpy 'pillow>=13' keras tensorflow-cpu matplotlib
    python3 tests/data/image/make.py
"""
import os
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

HERE = os.path.dirname(os.path.abspath(__file__))
FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "nearest": Image.Resampling.NEAREST,
    "area": Image.Resampling.BOX,
}
# source size, target sizes: up, down, one axis only, tall ones that lose rows first
RESIZES = {
    ("rgb", 13, 29): [(7, 5), (31, 40), (13, 11), (5, 29), (12, 9), (1, 1)],
    ("gray", 37, 10): [(11, 23), (8, 10), (74, 3)],
}


def path(name):
    return os.path.join(HERE, name)


def save(name, array):
    np.save(path(name), np.ascontiguousarray(array, np.uint8))


def pattern(random, height, width, channels):
    """Smooth waves with noise and hard edges, so that every filter overshoots somewhere."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    waves = 128 + 100 * np.sin(x / 3 + c) * np.cos(y / 4 - c) + random.normal(0, 30, x.shape)
    waves[y > height * 2 // 3] = np.where(waves[y > height * 2 // 3] > 128, 255, 0)
    return np.clip(np.rint(waves), 0, 255).astype(np.uint8)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_png(name, width, height, depth, color, rows, extra=(), interlace=0):
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace)
    with open(path(name), "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header))
        for kind, data in extra:
            file.write(chunk(kind, data))
        file.write(chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def rows_of(array):
    return b"".join(b"\0" + np.ascontiguousarray(row).tobytes() for row in array)


def adam7(array):
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    return b"".join(rows_of(array[y::dy, x::dx]) for x, y, dx, dy in passes if array[y::dy, x::dx].size)


def make_resizes(random):
    for (kind, width, height), targets in RESIZES.items():
        source = pattern(random, height, width, 3 if kind == "rgb" else 1)
        name = f"{kind}-{width}x{height}"
        save(name + ".npy", source)
        image = Image.fromarray(source if kind == "rgb" else source[:, :, 0])
        for size in targets:
            for label, which in FILTERS.items():
                result = np.asarray(image.resize(size, which)).reshape(size[1], size[0], -1)
                save(f"{name}-{label}-{size[0]}x{size[1]}.npy", result)
    rgb = Image.fromarray(np.load(path("rgb-13x29.npy")))
    save("rgb-13x29-gray.npy", np.asarray(rgb.convert("L"))[:, :, None])


def make_pngs(random):
    rgba = pattern(random, 9, 11, 4)
    rgb = Image.fromarray(np.ascontiguousarray(rgba[:, :, :3]))
    def keep(name, image, expected, **options):
        image.save(path(f"png-{name}.png"), **options)
        save(f"png-{name}.npy", np.asarray(expected).reshape(image.height, image.width, -1))
    gray = rgb.convert("L")
    keep("rgb", rgb, rgb)
    keep("rgba", Image.fromarray(rgba), rgba)
    keep("gray", gray, gray)
    gray_alpha = Image.fromarray(rgba).convert("LA")
    keep("gray-alpha", gray_alpha, gray_alpha)
    bits = rgb.convert("1")
    keep("1-bit", bits, bits.convert("L"))
    palette = rgb.quantize(13)
    keep("palette", palette, palette.convert("RGB"))
    palette.save(path("png-palette-transparent.png"), transparency=3)
    with Image.open(path("png-palette-transparent.png")) as image:
        save("png-palette-transparent.npy", image.convert("RGBA"))
    color = tuple(int(value) for value in rgba[4, 5, :3])
    rgb.save(path("png-rgb-transparent.png"), transparency=color)
    with Image.open(path("png-rgb-transparent.png")) as image:
        save("png-rgb-transparent.npy", image.convert("RGBA"))
    keep("1x1", rgb.crop((0, 0, 1, 1)), rgb.crop((0, 0, 1, 1)))

    deep = np.clip(rgba[:, :, :3].astype(int) * 257 + random.integers(-100, 101, (9, 11, 3)), 0, 65535)
    write_png("png-16-bit.png", 11, 9, 16, 2, rows_of(deep.astype(">u2")))
    save("png-16-bit.npy", np.rint(deep / 257))
    write_png("png-interlaced.png", 11, 9, 8, 2, adam7(rgba[:, :, :3]), interlace=1)
    save("png-interlaced.npy", rgba[:, :, :3])
    # chunks that ask for another look and are not listened to
    colors = [(b"gAMA", struct.pack(">I", 100000)), (b"cHRM", struct.pack(">8I", *[20000] * 8))]
    write_png("png-gamma.png", 11, 9, 8, 2, rows_of(rgba[:, :, :3]), colors)
    save("png-gamma.npy", rgba[:, :, :3])
    # a few bytes that claim four thousand million pixels
    write_png("bomb.png", 65535, 65535, 8, 2, b"\0" * 64)


def make_jpegs(random):
    waves = Image.fromarray(pattern(random, 4, 6, 3)).resize((24, 16), Image.Resampling.BICUBIC)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        name = path(f"jpeg-{orientation}.jpg")
        waves.save(name, quality=90, exif=exif)
        with Image.open(name) as image:
            save(f"jpeg-{orientation}.npy", ImageOps.exif_transpose(image))
    for mode in ("L", "CMYK"):
        name = path(f"jpeg-{mode.lower()}.jpg")
        waves.convert(mode).save(name, quality=90, progressive=mode == "L")
        with Image.open(name) as image:
            save(f"jpeg-{mode.lower()}.npy", np.asarray(image if mode == "L" else image.convert("RGB")).reshape(16, 24, -1))


def make_book(random):
    import keras
    import matplotlib
    photo = np.load(path("rgb-13x29.npy")).astype("float32")
    heat = np.maximum(random.normal(0, 1, (4, 3)), 0).astype("float32")
    heat /= heat.max()
    np.save(path("book-heat.npy"), heat)
    colors = matplotlib.colormaps["jet"](np.arange(256))[:, :3][np.uint8(255 * heat)]
    overlay = keras.utils.array_to_img(colors).resize((photo.shape[1], photo.shape[0]))
    picture = keras.utils.array_to_img(keras.utils.img_to_array(overlay) * 0.4 + photo)
    save("book-picture.npy", np.asarray(picture))


if __name__ == "__main__":
    generator = np.random.default_rng(9)
    make_resizes(generator)
    make_pngs(generator)
    make_jpegs(generator)
    make_book(generator)
