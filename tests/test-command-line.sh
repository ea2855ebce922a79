#!/bin/bash
# The program from outside: help, JSON, files, and every error with its message and exit status. TAP.
#   test-command-line.sh CONVLENS
# The environment's CONVLENS_DATA_DIR says where the models are.
set -u

convlens=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
source_root=$(cd "$here/.." && pwd)
export CONVLENS_DATA_DIR=${CONVLENS_DATA_DIR:-$source_root/weights}
unset CONVLENS_DEBUG CONVLENS_DEVICE
golden=$here/golden/sequential
photo=$source_root/install/sample/coffee.jpg
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
number=0 failures=0

report () { # NAME, 0 for good, what was said
  number=$((number + 1))
  if [ "$2" -eq 0 ]; then
    echo "ok $number - $1"
  else
    failures=$((failures + 1))
    echo "not ok $number - $1"
    printf '%s\n' "$3" | sed 's/^/# /'
  fi
}

# ok NAME COMMAND…
ok () {
  local name=$1 said code=0
  shift
  said=$("$@" 2>&1) || code=$?
  report "$name" $code "$said"
}

# refuses STATUS TEXT ARGUMENT…: that exit status, one line on stderr that holds TEXT, nothing on stdout, no file.
refuses () {
  local status=$1 text=$2 code=0 wrong=
  shift 2
  rm -rf out
  mkdir out
  "$convlens" "$@" > stdout.txt 2> stderr.txt < /dev/null || code=$?
  [ $code -eq "$status" ] || wrong="$wrong exit status $code;"
  [ "$(wc -l < stderr.txt)" -eq 1 ] || wrong="$wrong not one line;"
  grep -qF -- "$text" stderr.txt || wrong="$wrong another message;"
  grep -q '^convlens' stderr.txt || wrong="$wrong does not say who speaks;"
  [ ! -s stdout.txt ] || wrong="$wrong something on stdout;"
  [ -z "$(ls -A out)" ] || wrong="$wrong a file was left;"
  local shown=$*
  report "refuses: ${shown//$source_root\//}" "$([ -z "$wrong" ]; echo $?)" "$wrong $(cat stderr.txt)"
}

# json EXPRESSION ARGUMENT…: stdout is one JSON object, and the Python expression on it, `j`, holds.
json () {
  local expression=$1
  shift
  "$convlens" "$@" --json > json.txt 2> stderr.txt < /dev/null
  ok "JSON: ${*//$source_root\//}: ${expression//$'\n'/}" python3 -c '
import json, sys
text = open ("json.txt", encoding="utf-8").read ()
assert text.endswith ("}\n") and text.count ("\n") == 1, text
j = json.loads (text)
assert isinstance (j, dict)
near = lambda a, b: abs (a - b) < 1e-5
assert eval (sys.argv[1]), text[:2000]' "$expression"
}

# edit NEW OLD-TEXT NEW-TEXT: a model file with other bytes, as many.
edit () {
  python3 -c '
import sys
name, old, new = sys.argv[1], sys.argv[2].encode (), sys.argv[3].encode ()
data = open (sys.argv[4], "rb").read ()
assert len (old) == len (new) and old in data, (old, new)
open (name, "wb").write (data.replace (old, new))' "$@" "$golden/model.h5"
}

# Help

ok "--version" sh -c '"$1" --version | grep -qx "convlens [0-9.]*"' sh "$convlens"
for command in predict layers activations gradient grad-cam devices; do
  ok "--help names $command" sh -c '"$1" --help | grep -q "^  $2 "' sh "$convlens" $command
  ok "$command --help" sh -c '"$1" "$2" --help | grep -q "^  --json "' sh "$convlens" $command
done
for option in model architecture input-size preprocess labels resize device class layer score \
  colormap opacity preset output overlay heatmap background; do
  ok "grad-cam --help names --$option" \
    sh -c '"$1" grad-cam --help | grep -q -- "^  --$2 "' sh "$convlens" $option
done
ok "what is GIMP's alone is not an option" \
  sh -c '! "$1" grad-cam --help | grep -q -- "--source"' sh "$convlens"
ok "the common options keep their order" sh -c '
  [ "$("$1" predict --help | grep -o "^  --[a-z-]*" | tr -d " \n")" = \
  "--model--architecture--input-size--preprocess--labels--resize--device--top--background--json--help" ]' \
  sh "$convlens"

# Wrong usage

refuses 2 'name a command'
refuses 2 'there is no command "paint"' paint
refuses 2 'name a photograph' predict
refuses 2 'one word too many' predict "$photo" more
refuses 2 'one word too many' devices more
refuses 2 'there is no option --colour' grad-cam "$photo" --colour red
refuses 2 'there is no option --source' grad-cam "$photo" --source visible
refuses 2 'there is no option -o' grad-cam "$photo" -o x.png
refuses 2 '--top needs a value' predict "$photo" --top
refuses 2 'top "0" is not a whole number from 1' predict "$photo" --top 0
refuses 2 'top "5x" is not a whole number' predict "$photo" --top 5x
refuses 2 'resize "cubic" is not one of bilinear, bicubic, nearest, area' \
  predict "$photo" --resize cubic
refuses 2 'preprocess "x" is not one of auto, none, tf, caffe, torch, unit' \
  predict "$photo" --preprocess x
refuses 2 'input-size "12y" is not N or WxH' predict "$photo" --input-size 12y
refuses 2 'input-size "0" is not N or WxH' predict "$photo" --input-size 0
refuses 2 'background "white" is not R,G,B' predict "$photo" --background white
refuses 2 'background "0,0,256" is not R,G,B' predict "$photo" --background 0,0,256
refuses 2 'colormap "hot" is not one of jet, viridis, inferno, turbo, gray' \
  grad-cam "$photo" --colormap hot
refuses 2 'preset "bok" is not one of none, book' grad-cam "$photo" --preset=bok
refuses 2 'score "loss" is not one of logit, probability' grad-cam "$photo" --score loss
refuses 2 'opacity "140" is not a number from 0 to 100' \
  grad-cam "$photo" --opacity 140 --output out/a.png
refuses 2 'opacity "nan" is not a number' grad-cam "$photo" --opacity nan
refuses 2 'layer is missing' activations "$photo" --raw out/a.npy

# Bad input

refuses 1 'nothing.png' predict nothing.png
refuses 1 'nothing.npy' predict nothing.npy
echo 'no picture' > text.png
refuses 1 'text.png' predict text.png --json
head -c 2000 "$photo" > cut.jpg
refuses 1 'cut.jpg' predict cut.jpg
head -c 60 "$golden/input.npy" > cut.npy
refuses 1 'cut.npy' predict cut.npy --model "$golden/model.h5"
refuses 1 'out/no/a.png cannot be written' grad-cam "$photo" --output out/no/a.png
refuses 1 'no such model' predict "$photo" --model nothing.keras
refuses 1 'text.png' predict "$photo" --model text.png
head -c 9000 "$golden/model.h5" > cut.h5
refuses 1 'cut.h5' predict "$golden/input.npy" --model cut.h5
head -c 9000 "$golden/model.keras" > cut.keras
refuses 1 'cut.keras' predict "$golden/input.npy" --model cut.keras
refuses 1 'nothing.txt' predict "$photo" --labels nothing.txt
refuses 1 'architecture' layers "$golden/model.weights.h5"
refuses 1 'no_such_net' layers "$golden/model.weights.h5" --architecture no_such_net
edit class.h5 '"MaxPooling2D"' '"MixPooling2D"'
refuses 1 'max_pooling2d' layers class.h5
refuses 1 'MixPooling2D' predict "$golden/input.npy" --model class.h5
edit first.h5 '"data_format": "channels_last"' '"data_format":"channels_first"'
refuses 1 'channels_first' layers first.h5
edit shape.h5 '"filters": 7' '"filters": 8'
refuses 1 'conv2d_1' predict "$golden/input.npy" --model shape.h5
# NaN where the file looks most like weights.
python3 - "$golden/model.h5" << 'END'
import struct, sys
data = open (sys.argv[1], "rb").read ()
start = len (data) // 2 // 4 * 4
nan = struct.pack ("<f", float ("nan"))
best = max (range (0, len (data) - 400, 4), key=lambda at: sum (
  1e-3 < abs (struct.unpack_from ("<f", data, at + 4 * i)[0]) < 4 for i in range (0, 90, 3)))
open ("nan.h5", "wb").write (data[:best + 80] + nan * 10 + data[best + 120:])
END
refuses 1 'NaN' predict "$golden/input.npy" --model nan.h5
refuses 1 'no such class' grad-cam "$photo" --class 'no such class' --output out/a.png
refuses 1 '1000' grad-cam "$photo" --class 1000
refuses 1 'crane' grad-cam "$photo" --class crane
refuses 1 'no_such_layer' grad-cam "$photo" --layer no_such_layer --overlay out/a.png
refuses 1 'no_such_layer' activations "$photo" --layer top_conv,no_such_layer --raw out/raw
refuses 1 'no positive evidence for leopard' \
  grad-cam "$photo" --class leopard --output out/a.png --overlay out/b.png --heatmap out/c.npy
refuses 1 'output needs a photograph' \
  grad-cam "$golden/input.npy" --model "$golden/model.h5" --output out/a.png
refuses 1 'preset book needs a photograph' \
  grad-cam "$golden/input.npy" --model "$golden/model.h5" --preset book
refuses 1 'no such device' predict "$photo" --device 'no such device'
CONVLENS_DEVICE='no such device' refuses 1 'no such device' predict "$photo"
VK_DRIVER_FILES=$work/none.json VK_ICD_FILENAMES=$work/none.json \
  refuses 1 'mesa-vulkan-drivers' predict "$photo"
CONVLENS_DATA_DIR=$work refuses 1 'efficientnet-lite0' predict "$photo"

# What it gives

json 'list (j) == ["model", "device", "input", "predictions", "milliseconds"]' predict "$photo"
json 'j["input"] == {"width": 224, "height": 224, "preprocess": "none", "resize": "bilinear"}' \
  predict "$photo"
json 'len (j["predictions"]) == 5 and j["predictions"][0]["label"] == "espresso"' predict "$photo"
json 'list (j["predictions"][0]) == ["index", "label", "score", "probability"]' predict "$photo"
json 'len (j["predictions"]) == 3' predict "$photo" --top 3
json 'j["class"]["label"] == "cup"' grad-cam "$photo" --class CUP
json 'j["layer"] == "top_relu6" and j["heatmap"]["width"] == j["heatmap"]["height"] == 7' \
  grad-cam "$photo"
json 'set (j["heatmap"]) == {"width", "height", "maximum", "positive_share"}' grad-cam "$photo"
json 'j["input"]["resize"] == "nearest"' grad-cam "$photo" --preset book
json 'j["parameters"] == 1700 and j["layers"][1] == {"name": "conv2d", "class": "Conv2D",
  "shape": [19, 13, 5], "parameters": 140, "inputs": ["input_layer"]}' layers "$golden/model.h5"
json 'set (j["devices"][0]) == {"index", "name", "type", "driver", "memory"}' devices
json 'j["input"]["resize"] is None and j["input"]["preprocess"] == "none"' \
  predict "$golden/input.npy" --model "$golden/model.h5"
ok "layers prints the total" \
  sh -c '"$1" layers "$2" | grep -q "^Total params: 1,700$"' sh "$convlens" "$golden/model.h5"
ok "layers takes --model as well" \
  sh -c '[ "$("$1" layers --model "$2")" = "$("$1" layers "$2")" ]' sh "$convlens" "$golden/model.h5"

# Files

npy () { # FILE SHAPE
  python3 -c '
import sys
data = open (sys.argv[1], "rb").read ()
assert data[:6] == b"\x93NUMPY"
assert ("(" + sys.argv[2] + ")") in data[:128].decode ("latin-1"), data[:128]
assert "<f4" in data[:128].decode ("latin-1")' "$@"
}
rm -rf out
mkdir out
model=(--model "$golden/model.h5")
ok "one layer to a file" "$convlens" activations "$golden/input.npy" "${model[@]}" \
  --layer conv2d --raw out/a.npy
ok "its shape" npy out/a.npy '19, 13, 5'
ok "two layers to a folder" "$convlens" activations "$golden/input.npy" "${model[@]}" \
  --layer conv2d,dense --raw out/two
ok "their files" sh -c '[ "$(ls out/two | tr "\n" " ")" = "conv2d.npy dense.npy " ]'
ok "a vector's shape" npy out/two/dense.npy '6,'
ok "all layers to a folder" "$convlens" activations "$golden/input.npy" "${model[@]}" \
  --layer all --raw out/all
ok "nested names" "$convlens" activations "$here/golden/sleeping/input.npy" \
  --model "$here/golden/sleeping/model.keras" --layer all --raw out/nested
ok "with - for /" test -s out/nested/augment-random_flip.npy
ok "a gradient to the input" "$convlens" gradient "$golden/input.npy" "${model[@]}" \
  --layer input --class 1 --raw out/g.npy
ok "its shape" npy out/g.npy '19, 13, 3'
ok "grad-cam writes three files" "$convlens" grad-cam "$photo" --output out/o.png \
  --overlay out/l.png --heatmap out/h.npy
ok "the heatmap's shape" npy out/h.npy '7, 7'
png () { # FILE COLOR-TYPE: as large as the photograph, 8 bits
  python3 -c '
import struct, sys
width, height, bits, kind = struct.unpack (">IIBB", open (sys.argv[1], "rb").read ()[16:26])
assert (width, height, bits, kind) == (600, 400, 8, int (sys.argv[2])), (width, height, bits, kind)' "$@"
}
ok "the output is RGB" png out/o.png 2
ok "the overlay is RGBA" png out/l.png 6
ok "an input array has an overlay" "$convlens" grad-cam "$golden/input.npy" "${model[@]}" \
  --overlay out/i.png
python3 - << 'END'
import struct, zlib
def png (name, width, height):
    def chunk (kind, data):
        return (struct.pack (">I", len (data)) + kind + data
                + struct.pack (">I", zlib.crc32 (kind + data)))
    row = b"\0" + bytes (x * 7 % 256 for x in range (3 * width))
    open (name, "wb").write (b"\x89PNG\r\n\x1a\n"
        + chunk (b"IHDR", struct.pack (">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk (b"IDAT", zlib.compress (row * height)) + chunk (b"IEND", b""))
png ("pixel.png", 1, 1)
png ("wide.png", 20000, 10)
END
size () { # FILE WIDTH HEIGHT
  python3 -c '
import struct, sys
assert struct.unpack (">II", open (sys.argv[1], "rb").read ()[16:24]) == (int (sys.argv[2]), int (sys.argv[3]))' "$@"
}
ok "1×1" "$convlens" grad-cam pixel.png --output out/pixel.png
ok "its size" size out/pixel.png 1 1
ok "20000×10" "$convlens" grad-cam wide.png --output out/wide.png --preset book
ok "its size" size out/wide.png 20000 10

# An interrupt at any moment: nothing is written, unless all was done.
interrupted () {
  rm -f out/x.npy
  timeout -s INT "$1" "$convlens" activations "$photo" --layer stem_conv --raw out/x.npy
  [ $? -eq 0 ] && [ -f out/x.npy ] || [ ! -e out/x.npy ]
}
for seconds in 0.02 0.1 0.3; do
  ok "interrupted after $seconds s" interrupted $seconds
done
if [ -w /dev/full ]; then
  ok "a full disk is an error" sh -c '! "$1" devices > /dev/full 2> /dev/null' sh "$convlens"
fi

echo "1..$number"
[ $failures -eq 0 ]
