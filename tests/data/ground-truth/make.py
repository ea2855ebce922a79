#!/usr/bin/env python3
"""Makes the cut-outs and the placements that tests/test-ground-truth.c composes pictures of.

A cut-out is taken when its row is in stamps.csv (a photograph whose name is a class of ImageNet and
whose terms allow it to be passed on) and when the default model, shown it alone on gray at 80 % of
its input, answers with that name. Of several with one name the one that the model is surest of is
taken. Nothing here looks at a heatmap. Pictures come in two sets: two cut-outs side by side, and one
at a random place in a random size.

    pip install pillow
    apt-get download tuxpaint-stamps-default && dpkg -x tuxpaint-stamps-default_*.deb unpacked
    python3 tests/data/ground-truth/make.py unpacked --convlens build/plugin/convlens
"""
import argparse
import csv
import json
import os
import random
import subprocess
import tempfile

from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
SIDE = 224  # of the picture, which is the model's input
ALONE = 0.8  # of the side, when a cut-out is chosen
GRAY = (128, 128, 128)
BOX = (100, 150)  # that a cut-out fits into, inside a half of 112 pixels
MARGIN = 4
PICTURES = 120
SINGLE_TIMES = 2  # that each cut-out is the only thing
SINGLE_SIDES = (72, 144)  # of its longer side: a third to two thirds of the picture
BACKGROUNDS = 8
BLOBS = 8  # sides of a background before it is enlarged
SEED = 5


def load(package, stamp):
    path = os.path.join(package, "usr/share/tuxpaint/stamps", stamp + ".png")
    image = Image.open(path).convert("RGBA")
    return image.crop(image.getchannel("A").getbbox())


def fit(image, width, height):
    """By premultiplied colours, so that what is under the transparency does not bleed in."""
    scale = min(width / image.width, height / image.height)
    size = [max(1, round(side * scale)) for side in image.size]
    return image.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")


def answer(program, image, folder):
    """The model's best guess for a cut-out alone on gray."""
    side = round(SIDE * ALONE)
    small = fit(image, side, side)
    picture = Image.new("RGBA", (SIDE, SIDE), GRAY)
    picture.alpha_composite(small, ((SIDE - small.width) // 2, (SIDE - small.height) // 2))
    path = os.path.join(folder, "alone.png")
    picture.convert("RGB").save(path)
    run = subprocess.run([program, "predict", path, "--json"], capture_output=True, check=True)
    return json.loads(run.stdout)["predictions"][0]


def choose(package, program):
    """The best stamp of each class, as (row of stamps.csv, prediction, image)."""
    best = {}
    with open(os.path.join(HERE, "stamps.csv"), encoding="utf-8", newline="") as table, \
            tempfile.TemporaryDirectory() as folder:
        for row in csv.DictReader(table):
            image = load(package, row["stamp"])
            guess = answer(program, image, folder)
            right = guess["label"] in row["classes"].split("|")
            print("%-45s %s %.3f%s" % (row["stamp"], guess["label"], guess["probability"],
                                       "" if right else "  (not its name)"))
            taken = best.get(guess["index"])
            if right and (taken is None or taken[1]["probability"] < guess["probability"]):
                best[guess["index"]] = (row, guess, image)
    return [best[index] for index in sorted(best)]


def save_cutouts(chosen):
    folder = os.path.join(HERE, "cutouts")
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(folder):
        os.remove(os.path.join(folder, name))
    sizes = {}
    with open(os.path.join(HERE, "cutouts.csv"), "w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow("file class label alone stamp author licence source".split())
        for row, guess, image in chosen:
            name = guess["label"].lower()
            small = fit(image, *BOX)
            small.save(os.path.join(folder, name + ".png"), optimize=True)
            sizes[name] = small.size
            writer.writerow([name, guess["index"], guess["label"], "%.3f" % guess["probability"],
                             row["stamp"], row["author"], row["licence"], row["source"]])
    return sizes


def save_backgrounds(chance):
    """Parts of the sample photograph, shrunk until no thing is left in them, side by side."""
    photo = Image.open(os.path.join(ROOT, "install/sample/coffee.jpg")).convert("RGB")
    strip = Image.new("RGB", (BACKGROUNDS * BLOBS, BLOBS))
    for i in range(BACKGROUNDS):
        side = chance.randrange(min(photo.size) // 3, min(photo.size))
        x = chance.randrange(photo.width - side)
        y = chance.randrange(photo.height - side)
        part = photo.crop((x, y, x + side, y + side))
        strip.paste(part.resize((BLOBS, BLOBS), Image.Resampling.BOX), (i * BLOBS, 0))
    strip.save(os.path.join(HERE, "backgrounds.png"), optimize=True)


def draw_pairs(names, chance):
    """Every cut-out as often as the others, give or take one; never one with itself."""
    deck, pairs = [], []
    while len(pairs) < PICTURES:
        if len(deck) < 2:
            more = list(names)
            chance.shuffle(more)
            deck = more + deck
        one, other = deck.pop(), deck.pop()
        if one == other:
            deck = [other] + deck + [one]
        else:
            pairs.append((one, other))
    return pairs


def draw_background(number, chance):
    """A colour, or the number of a part of the strip, in turn."""
    plain = "#%02x%02x%02x" % tuple(chance.randrange(48, 240) for _ in range(3))
    return chance.randrange(BACKGROUNDS) if number % 2 else plain


def save_pairs(sizes, chance):
    """A row for each picture: background, then either half's cut-out and its upper left corner."""
    half = SIDE // 2
    with open(os.path.join(HERE, "pictures.csv"), "w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow("background left left_x left_y right right_x right_y".split())
        for i, pair in enumerate(draw_pairs(sorted(sizes), chance)):
            row = [draw_background(i, chance)]
            for side, name in enumerate(pair):
                width, height = sizes[name]
                row += [name, side * half + chance.randrange(MARGIN, half - MARGIN - width + 1),
                        chance.randrange(MARGIN, SIDE - MARGIN - height + 1)]
            writer.writerow(row)


def save_single(sizes, chance):
    """A row for each picture: background, the cut-out, its upper left corner and its size."""
    with open(os.path.join(HERE, "single.csv"), "w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow("background thing x y width height".split())
        for i, name in enumerate(sorted(sizes) * SINGLE_TIMES):
            background = draw_background(i + i // len(sizes), chance)
            scale = chance.randint(*SINGLE_SIDES) / max(sizes[name])
            width, height = (max(1, round(side * scale)) for side in sizes[name])
            writer.writerow([background, name, chance.randint(0, SIDE - width), chance.randint(0, SIDE - height),
                             width, height])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", help="folder that the Debian package was unpacked into")
    parser.add_argument("--convlens", default="convlens", help="the program (%(default)s)")
    options = parser.parse_args()
    chance = random.Random(SEED)

    sizes = save_cutouts(choose(options.package, options.convlens))
    save_backgrounds(chance)
    save_pairs(sizes, chance)
    save_single(sizes, chance)
    print("%d cut-outs, %d pictures of two things, %d of one"
          % (len(sizes), PICTURES, len(sizes) * SINGLE_TIMES))


if __name__ == "__main__":
    main()
