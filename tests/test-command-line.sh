#!/bin/bash
# The program from outside: help, JSON, files, and every error with its message and exit status. TAP.
#   test-command-line.sh CONVLENS
# The environment's CONVLENS_DATA_DIR says where the models are.
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

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
for command in predict layers activations gradient activation-grid filter-pattern grad-cam devices \
  models get-model describe sanity-check faithfulness; do
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
refuses 2 'one word too many' devices more
refuses 2 'one word too many' models more
refuses 2 'name is missing' get-model
refuses 2 'option --json takes no value' predict "$photo" --json=1
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
# The rest of this is in test-get-model.sh.
XDG_DATA_HOME=$work refuses 1 'convlens get-model xception' predict "$photo" --model xception
XDG_DATA_HOME=$work refuses 1 'did you mean xception' predict "$photo" --model xeption
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
# the device's own sum, of which part is done while the plan is made
CONVLENS_DEBUG=validate,timing json 'j["milliseconds"] >= next (
  float (line.split ()[0]) for line in open ("stderr.txt") if "100.0%" in line)' predict "$photo"
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
ok "nested names" "$convlens" activations "$here/data/keras/sleeping/input.npy" \
  --model "$here/data/keras/sleeping/model.keras" --layer all --raw out/nested
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

# Activation grids

for option in layer channels columns scale normalize colormap output raw background; do
  ok "activation-grid --help names --$option" \
    sh -c '"$1" activation-grid --help | grep -q -- "^  --$2 "' sh "$convlens" $option
done
ok "destination is GIMP's alone" \
  sh -c '! "$1" activation-grid --help | grep -q -- "--destination"' sh "$convlens"
grid=(activation-grid "$golden/input.npy" --model "$golden/model.h5")
refuses 2 'columns "wide" is not auto or a whole number from 0' "${grid[@]}" --columns wide
refuses 2 'columns "-1" is not auto or a whole number' "${grid[@]}" --columns -1
refuses 2 'scale "0" is not a whole number from 1 to 64' "${grid[@]}" --scale 0
refuses 2 'normalize "x" is not one of book, channel, layer' "${grid[@]}" --normalize x
refuses 2 'there is no option --destination' "${grid[@]}" --destination image
refuses 1 'layer "dense" has no maps to show: its output is 6' \
  "${grid[@]}" --layer dense --output out/a.png --raw out/raw
refuses 1 'no_such_layer' "${grid[@]}" --layer conv2d,no_such_layer --output out/two
refuses 1 'layer "conv2d" has 5 channels, 0 to 4; there is no channel 40' \
  "${grid[@]}" --layer conv2d --channels 40 --output out/a.png
refuses 1 'channels "3-1": the first is larger than the last' "${grid[@]}" --channels 3-1
refuses 1 'channels "few" is not all, a channel (5), a range (0-31) or top:K' \
  "${grid[@]}" --channels few
refuses 1 'name a folder, or one layer' "${grid[@]}" --output out/a.png
refuses 1 'is too large; choose fewer channels' activation-grid "$photo" --layer top_conv \
  --scale 64 --columns 1 --output out/a.png

json 'list (j) == ["model", "device", "input", "layers", "milliseconds"]' activation-grid "$photo"
json '[l["name"] for l in j["layers"]] == ["conv2d", "max_pooling2d", "conv2d_1"]' "${grid[@]}"
json 'list (j["layers"][0]) == ["name", "class", "shape", "dead", "minimum", "mean", "maximum",
  "strongest"]' "${grid[@]}" --layer conv2d
json 'j["layers"][0]["class"] == "Conv2D" and j["layers"][0]["shape"] == [19, 13, 5]' \
  "${grid[@]}" --layer conv2d
json 'all (l["minimum"] <= l["mean"] <= l["maximum"] and 0 <= l["dead"] <= l["shape"][2]
  and len (set (l["strongest"])) == len (l["strongest"]) == min (5, l["shape"][2] - l["dead"])
  for l in j["layers"])' "${grid[@]}" --layer all
ok "the text tells how many channels are dead" \
  sh -c '"$@" | grep -q "^conv2d_1 (Conv2D)  *7×4×7  *[0-7] of 7 "' sh "$convlens" "${grid[@]}"

rm -rf out
mkdir out
ok "one grid to a file" "$convlens" "${grid[@]}" --layer conv2d --output out/one.png
ok "no more columns than channels" size out/one.png $((5 * 14 - 1)) 19
ok "two columns, twice the size" "$convlens" "${grid[@]}" --layer conv2d --output out/two.png \
  --columns 2 --scale 2
ok "its size" size out/two.png $((2 * 27 - 1)) $((3 * 39 - 1))
ok "automatic columns" "$convlens" "${grid[@]}" --layer conv2d --output out/auto.png --columns auto
ok "its size" size out/auto.png $((3 * 14 - 1)) $((2 * 20 - 1))
ok "0 columns" "$convlens" "${grid[@]}" --layer conv2d --output out/zero.png --columns 0
ok "is the same" cmp out/auto.png out/zero.png
ok "one channel" "$convlens" "${grid[@]}" --layer conv2d --output out/5.png --channels 4 --scale 3
ok "has no gaps" size out/5.png 39 57
ok "the k strongest" "$convlens" "${grid[@]}" --layer conv2d --output out/top.png --channels top:2
ok "their size" size out/top.png $((2 * 14 - 1)) 19
ok "another colormap" "$convlens" "${grid[@]}" --layer conv2d --output out/gray.png --colormap gray
ok "gives another picture" sh -c '! cmp -s out/one.png out/gray.png'
ok "several grids and their values" "$convlens" "${grid[@]}" --output out/book --raw out/raw
ok "their pictures" sh -c '[ "$(ls out/book | tr "\n" " ")" = \
  "conv2d.png conv2d_1.png max_pooling2d.png " ]'
ok "their arrays" sh -c '[ "$(ls out/raw | tr "\n" " ")" = \
  "conv2d.npy conv2d_1.npy max_pooling2d.npy " ]'
ok "the same picture as of one" cmp out/book/conv2d.png out/one.png
"$convlens" activations "$golden/input.npy" "${model[@]}" --layer conv2d --raw out/a.npy > stdout.txt
ok "the values of activations" cmp out/a.npy out/raw/conv2d.npy
ok "nested names" "$convlens" activation-grid "$here/data/keras/nested/input.npy" \
  --model "$here/data/keras/nested/model.keras" --output out/nested --raw out/nested
ok "with - for /" test -s out/nested/middle-inner-frozen_dw.png -a -s out/nested/middle-before.npy
ok "a photograph" "$convlens" activation-grid "$photo" --layer stem_conv --output out/photo.png
ok "its mosaic" size out/photo.png $((16 * 113 - 1)) $((2 * 113 - 1))

# Filter patterns

for option in model layer class filter filters sheet size steps rate seed start crop preset output raw; do
  ok "filter-pattern --help names --$option" \
    sh -c '"$1" filter-pattern --help | grep -q -- "^  --$2 "' sh "$convlens" $option
done
small=(--model "$here/data/pattern/model.keras" --size 30 --crop 5 --steps 2)
pattern=(filter-pattern "${small[@]}" --layer conv)
refuses 2 'name a layer or a class' filter-pattern "${small[@]}"
refuses 2 'name a layer or a class, not both' "${pattern[@]}" --class 3
refuses 2 'a class has one picture' filter-pattern "${small[@]}" --class 3 --sheet 2
refuses 2 'is one word too many' "${pattern[@]}" "$photo"
refuses 2 'steps "0" is not a whole number from 1' "${pattern[@]}" --steps 0
refuses 2 'steps "-5" is not a whole number from 1' "${pattern[@]}" --steps -5
refuses 2 'rate "0" is not a number from 0.0001' "${pattern[@]}" --rate 0
refuses 2 'size "0" is not a whole number from 1' "${pattern[@]}" --size 0
refuses 2 'preset "sharp" is not one of book, clear' "${pattern[@]}" --preset sharp
refuses 2 'filters: "3-1" is not a range' "${pattern[@]}" --filters 3-1
refuses 1 'has no layer' "${pattern[@]}" --layer konv --output out/a.png --raw out/a.npy
refuses 1 'layer "conv" has 8 filters, 0 to 7; there is no filter 8' "${pattern[@]}" --filter 8 \
  --output out/a.png
refuses 1 'there is no filter 12' "${pattern[@]}" --filters 2-12 --output out/a.png
refuses 1 'a crop of 15 pixels on each side leaves nothing of a picture of 30×30' "${pattern[@]}" \
  --crop 15 --output out/a.png
refuses 1 'a size of 5 is the least' "${pattern[@]}" --size 4 --crop 0 --output out/a.png
refuses 1 'there is no file nothing.png' "${pattern[@]}" --start nothing.png --output out/a.png
refuses 1 'is a folder' "${pattern[@]}" --start /tmp --output out/a.png
refuses 1 'it must be (height, width, 3)' "${pattern[@]}" --start "$here/data/pattern/conv-2.npy" \
  --output out/a.png
refuses 1 'no class 7: the model' filter-pattern "${small[@]}" --class 7 --output out/a.png

json 'list (j) == ["model", "device", "layer", "picture", "filters", "batch", "memory",
  "milliseconds"]' "${pattern[@]}"
json '(j["layer"] == "conv" and [f["index"] for f in j["filters"]] == [2, 3, 4]
  and all (list (f) == ["index", "before", "after", "tries"] and f["after"] > f["before"]
  and f["tries"] == 1 for f in j["filters"]) and j["batch"] == 3)' "${pattern[@]}" --filters 2-4
json 'j["class"] == {"index": 4, "label": "class 4"} and j["layer"] == "predictions"' \
  filter-pattern "${small[@]}" --class 4
json '[f["index"] for f in j["filters"]] == list (range (8))' "${pattern[@]}" --sheet 3
json 'j["picture"]["width"] == 26 and "size of the array" in j["warnings"][0]' "${pattern[@]}" \
  --start "$here/data/pattern/start.npy"
json '(j["filters"] == [{"index": 1, "before": 0, "after": 0, "tries": 4}]
  and "never woke up" in j["warnings"][0])' "${pattern[@]}" --layer sleepy --filter 1 --preset clear

rm -rf out
mkdir out
ok "one pattern" "$convlens" "${pattern[@]}" --filter 2 --output out/2.png --raw out/2.npy
ok "its size" size out/2.png 20 20
ok "its values" python3 -c '
import struct
data = open ("out/2.npy", "rb").read ()
assert b"(30, 30, 3)" in data and b"<f4" in data'
ok "a sheet of what there is" "$convlens" "${pattern[@]}" --sheet 3 --output out/sheet.png --raw out/raw
ok "its size" size out/sheet.png 70 70
ok "the values of each" sh -c '[ "$(ls out/raw | tr "\n" " ")" = \
  "conv-0.npy conv-1.npy conv-2.npy conv-3.npy conv-4.npy conv-5.npy conv-6.npy conv-7.npy " ]'
ok "alone as on the sheet" cmp out/2.npy out/raw/conv-2.npy
ok "a range" "$convlens" "${pattern[@]}" --filters 1-6 --output out/range.png
ok "its size" size out/range.png 70 45
ok "one of its own seed" "$convlens" "${pattern[@]}" --filter 2 --seed 1 --raw out/seed.npy
ok "is another" sh -c '! cmp -s out/2.npy out/seed.npy'
ok "a dream" "$convlens" "${pattern[@]}" --start "$photo" --output out/dream.png --preset clear
ok "gray" "$convlens" "${pattern[@]}" --start gray --output out/gray.png

# Whether a heatmap may be trusted

sequential=("$golden/input.npy" --model "$golden/model.h5" --layer conv2d_1 --class 1)
json 'list (j) == ["model", "device", "input", "predictions", "class", "layer", "stages", "empty",
  "remaining", "sentence", "milliseconds", "warnings"]' sanity-check "${sequential[@]}"
json '([stage["name"] for stage in j["stages"]] == ["dense_1", "dense", "conv2d_1", "conv2d"]
  and j["stages"][2]["layers"] == ["batch_normalization", "conv2d_1"]
  and all (set (stage) == {"name", "layers", "correlation", "empty"} for stage in j["stages"]))' \
  sanity-check "${sequential[@]}"
json 'len (j["stages"]) == 2 and j["sentence"].endswith (".")' sanity-check "${sequential[@]}" --stages 2
json '(set (j["deletion"]) == set (j["insertion"]) == {"area", "centre", "curve", "centre_curve"}
  and len (j["deletion"]["curve"]) == 10 and 0 <= j["insertion"]["area"] <= 1
  and near (j["insertion"]["curve"][9], j["class"]["probability"]))' \
  faithfulness "${sequential[@]}" --steps 9
refuses 1 'output needs a photograph' sanity-check "${sequential[@]}" --output out/strip.png
refuses 1 'no positive evidence' sanity-check "$photo" --class leopard --output out/strip.png
refuses 1 'no positive evidence' faithfulness "$photo" --class leopard --output out/curves.png
refuses 2 'stages "0" is not' sanity-check "$photo" --stages 0
ok "a strip" "$convlens" sanity-check "$photo" --stages 2 --output out/strip.png
ok "curves" "$convlens" faithfulness "$photo" --steps 4 --output out/curves.png
ok "are both there" test -s out/strip.png -a -s out/curves.png

# Many photographs

# lines EXPRESSION ARGUMENT…: as json, on `j`, the list of the lines' objects; and the exit status, `status`.
lines () {
  local expression=$1 code=0
  shift
  "$convlens" "$@" --json > json.txt 2> stderr.txt < /dev/null || code=$?
  ok "JSON lines: ${*//$source_root\//}: ${expression//$'\n'/}" python3 -c '
import json, sys
text, said = open ("json.txt", encoding="utf-8").read (), open ("stderr.txt", encoding="utf-8").read ()
assert text == "" or text.endswith ("}\n"), text
j, status = [json.loads (line) for line in text.splitlines ()], int (sys.argv[2])
assert eval (sys.argv[1]), (status, said, text[:2000])' "$expression" "$code"
}

rm -rf out many elsewhere
mkdir -p out many/sub.png many/.hidden.png elsewhere
cp "$photo" many/cup.JPG
cp pixel.png many/a.png
cp wide.png many/b.png
cp pixel.png many/.c.png
echo 'no picture' > many/bad.jpeg
echo 'no picture either' > many/notes.txt
cp pixel.png elsewhere/a.png
names='["a.png", "b.png", "bad.jpeg", "cup.JPG"]'
lines "(status == 1 and [x['photo'] for x in j] == ['many/' + n for n in $names]
  and [list (x) == ['photo', 'error'] for x in j] == [False, False, True, False])" predict many
ok "of a bad one a line on stderr" sh -c '[ "$(wc -l < stderr.txt)" -eq 1 ]'
ok "with its name" grep -q '^convlens predict: many/bad.jpeg: neither a PNG nor a JPEG' stderr.txt
lines '(status == 0 and [x["photo"] for x in j] == ["many/cup.JPG", "many/a.png"]
  and list (j[0]) == ["photo", "model", "device", "input", "predictions", "milliseconds"]
  and said == "")' predict many/cup.JPG many/a.png
lines 'status == 1 and ["error" in x for x in j] == [True, False]' predict nothing.png many/a.png
ok "the text names each photograph" sh -c \
  '"$1" predict many/a.png many/b.png | grep -c "^many/[ab].png$" | grep -qx 2' sh "$convlens"

several=(grad-cam many --output out/heat --overlay out/layer --heatmap out/map)
lines 'status == 1 and len (j) == 4' "${several[@]}"
ok "files are called after their photographs" sh -c \
  '[ "$(ls out/heat out/layer out/map | tr "\n" " ")" = "out/heat: a.png b.png cup.png  out/layer: \
a.png b.png cup.png  out/map: a.npy b.npy cup.npy " ]'
"$convlens" grad-cam many/cup.JPG --output one.png --overlay layer.png --heatmap one.npy > stdout.txt
ok "and as those of a run for each" sh -c \
  'cmp one.png out/heat/cup.png && cmp layer.png out/layer/cup.png && cmp one.npy out/map/cup.npy'
ok "one photograph into a folder" "$convlens" grad-cam many/cup.JPG --output out
ok "is called so too" cmp one.png out/cup.png
rm -rf out
mkdir out
ok "grids of several layers" "$convlens" activation-grid many/a.png many/cup.JPG \
  --layer stem_conv,top_conv --channels top:4 --output out/grids --raw out/grids
ok "have a folder each" sh -c '[ "$(ls out/grids out/grids/cup | tr "\n" " ")" = "out/grids: a cup  \
out/grids/cup: stem_conv.npy stem_conv.png top_conv.npy top_conv.png " ]'
ok "grids of one layer" "$convlens" activation-grid many/a.png many/cup.JPG --layer stem_conv \
  --output out/stem
ok "have none" sh -c '[ "$(ls out/stem | tr "\n" " ")" = "a.png cup.png " ]'
ok "arrays" "$convlens" activations "$golden/input.npy" "$here/data/keras/sequential-old/input.npy" \
  "${model[@]}" --layer conv2d
refuses 1 'would both be written as input.npy in out/raw' activations "$golden/input.npy" \
  "$here/data/keras/sequential-old/input.npy" "${model[@]}" --layer conv2d --raw out/raw
refuses 1 'many/a.png and elsewhere/a.png would both be written as a.png in out' \
  grad-cam many elsewhere/a.png --output out
refuses 1 'many/a.png is named twice' grad-cam many many/a.png --output out
refuses 1 'another option writes a.png there too' grad-cam many --output out/x --overlay out/../out/x
refuses 1 'a.png would be written over the photograph many/a.png' grad-cam many --output elsewhere/../many
refuses 1 'a.png would be written over the photograph' grad-cam many/a.png --output many
refuses 1 'the folder out holds no photographs' predict out
refuses 1 'output out/a.png is one file, and there are several photographs; name a folder' \
  grad-cam many --output out/a.png
refuses 1 'output text.png is one file' grad-cam many --output text.png
refuses 1 'no folder out/no' grad-cam many --output out/no/heat
refuses 1 'no such model' predict many --model nothing.keras
refuses 1 'no such device' predict many --device 'no such device'
ok "the photographs are as they were" cmp many/a.png pixel.png

wait_for_lines () { # NUMBER
  for _ in $(seq 300); do
    [ "$(wc -l < json.txt)" -lt "$1" ] || return 0
    sleep 0.1
  done
}

# The model is gone after the first of many: it is opened once.
once () {
  local code=0
  cp "$golden/model.h5" gone.h5
  mkdir arrays
  for i in $(seq 300); do ln -s "$golden/input.npy" arrays/$i.npy; done
  : > json.txt
  "$convlens" predict arrays --model gone.h5 --json > json.txt 2> stderr.txt &
  wait_for_lines 1
  rm gone.h5
  wait $! || code=$?
  cat stderr.txt
  [ $code -eq 0 ] && [ "$(wc -l < json.txt)" -eq 300 ]
}
ok "the model is opened once" once

# Two workers do what one does.
workers () {
  local code=0
  mkdir alone together
  "$convlens" grad-cam many --output alone --json > alone.txt 2> stderr.txt || code=$?
  [ $code -eq 1 ] || return 1
  code=0
  find many -name '*.[jJp]*' -type f ! -name '.*' -print0 \
    | xargs -0 -P 2 -n 2 "$convlens" grad-cam --output together --json > together.txt 2> stderr.txt \
    || code=$?
  [ $code -eq 123 ] && diff -r alone together || return 1
  for file in alone.txt together.txt; do
    sed 's/,"milliseconds":[^,}]*//' $file | sort > sorted-$file
  done
  diff sorted-alone.txt sorted-together.txt
}
ok "two workers give what one run gives" workers

# An interrupt: whole lines and whole files of those that were done, and none of the others.
interrupt_many () {
  local code=0
  mkdir crowd
  for i in $(seq 300); do ln -s "$photo" crowd/$i.jpg; done
  : > json.txt
  # A job in the background has SIGINT ignored; TERM is handled alike.
  "$convlens" grad-cam crowd --output crowd-heat --json > json.txt 2> stderr.txt &
  wait_for_lines 3
  kill -TERM $!
  wait $! || code=$?
  cat stderr.txt
  [ $code -eq 1 ] && grep -q ' of 300 photographs were done: cancelled' stderr.txt \
    && [ "$(wc -l < stderr.txt)" -eq 1 ] || return 1
  python3 -c '
import json, os, sys
names = [json.loads (line)["photo"][6:-4] + ".png" for line in open ("json.txt")]
made = os.listdir ("crowd-heat")
assert len (names) > 0 and sorted (names) == sorted (made), (names, made)
first = open ("one.png", "rb").read ()
assert all (open ("crowd-heat/" + name, "rb").read () == first for name in made)'
}
ok "an interrupt among many photographs" interrupt_many

# An interrupt at any moment: nothing is written, or all of it, where it came too late.
"$convlens" activations "$photo" --layer stem_conv --raw whole.npy > stdout.txt
interrupted () {
  rm -f out/x.npy
  timeout -s INT "$1" "$convlens" activations "$photo" --layer stem_conv --raw out/x.npy
  [ ! -e out/x.npy ] || cmp out/x.npy whole.npy
}
for seconds in 0.02 0.1 0.3; do
  ok "interrupted after $seconds s" interrupted $seconds
done
# In the middle of a climb that would take hours. --foreground: one signal, since a second one is obeyed at once.
stopped () {
  local code=0
  timeout --foreground -s "$1" 3 "$convlens" filter-pattern --layer block3b_expand_relu6 --sheet 8 \
    --steps 10000 --output out/never.png --raw out/never 2> stderr.txt || code=$?
  cat stderr.txt
  [ $code -eq 124 ] && [ ! -e out/never.png ] && [ ! -e out/never ] && grep -q cancelled stderr.txt
}
for signal in INT TERM; do
  ok "filter-pattern stopped by $signal leaves nothing" stopped $signal
done
if [ -w /dev/full ]; then
  ok "a full disk is an error" sh -c '! "$1" devices > /dev/full 2> /dev/null' sh "$convlens"
fi

finish
