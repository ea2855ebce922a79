#!/bin/bash
# Names are names: control characters in those of layers, labels and files reach neither the terminal nor a file's name. TAP.
#   test-names.sh CONVLENS
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

# C0 with escape and newline, DEL, C1; two that become the same file name; a leading "-"; a very long one.
python3 - "$golden/model.keras" << 'PY'
import json, sys, zipfile
names = iter (["red\x1b[31m\nnext", "c1\u009b2Jdel\x7funit\x1f", "a/b", "a-b", "-leading", "long" + "ö" * 300])
with zipfile.ZipFile (sys.argv[1]) as old, zipfile.ZipFile ("m.keras", "w", zipfile.ZIP_STORED) as new:
    for info in old.infolist ():
        data = old.read (info)
        if info.filename == "config.json":
            config = json.loads (data)
            for layer in config["config"]["layers"]:
                if layer["class_name"] in ("Conv2D", "Dense", "MaxPooling2D", "BatchNormalization"):
                    layer["config"]["name"] = next (names)
            data = json.dumps (config)
        new.writestr (info.filename, data)
PY
esc=$'\e' newline=$'\n' c1=$'\u009b' del=$'\x7f'
printf '%s\n' "on${esc}[2Je" "tw${c1}o" "thr${del}ee" $'fo\u202eur' > labels.txt
odd="od${esc}]0;d${newline}photo.npy"
cp "$golden/input.npy" "$odd"
mkdir "folder${esc}[5m"
cp "$golden/input.npy" "folder${esc}[5m/x.npy"
model=(--model m.keras --labels labels.txt)

# clean FILE: of control characters nothing but newlines. With "json": nothing but the last newline.
cat > clean.py << 'PY'
import sys
text = open (sys.argv[1], "rb").read ().decode ()  # and it is UTF-8
turning = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
bad = [c for c in text if (ord (c) < 32 and c != "\n") or 0x7f <= ord (c) <= 0x9f or c in turning]
assert text and not bad, (bad, text[:1000])
PY
# prints NAME LINES COMMAND…: stdout, and stderr where stdout is empty, are clean; LINES lines.
prints () {
  local name=$1 lines=$2
  shift 2
  "$@" > stdout.txt 2> stderr.txt
  [ -s stdout.txt ] || mv stderr.txt stdout.txt
  ok "$name: clean" python3 clean.py stdout.txt
  ok "$name: lines" sh -c '[ "$(wc -l < stdout.txt)" -eq "$1" ]' sh "$lines"
}
prints "layers" 14 "$convlens" layers m.keras
ok "the names can be read" grep -q 'red␛\[31m␊next (Conv2D)' stdout.txt
cp "$golden/input.npy" in.npy
prints "predict" 7 "$convlens" predict in.npy "${model[@]}"
prints "several photographs" 17 "$convlens" predict in.npy "$odd" "${model[@]}"
ok "a photograph's name" grep -q '^od␛]0;d␊photo.npy$' stdout.txt
prints "activations" 12 "$convlens" activations in.npy "${model[@]}" --layer all
prints "activation-grid" 8 "$convlens" activation-grid in.npy "${model[@]}" --layer all
prints "grad-cam" 8 "$convlens" grad-cam in.npy "${model[@]}" --layer "red${esc}[31m${newline}next"
prints "describe" 10 "$convlens" describe m.keras --labels labels.txt --input-size 13x19
rm m.keras.json
prints "an error with a layer's name" 1 "$convlens" activations in.npy "${model[@]}" --layer "no${esc}such${newline}layer"
prints "one with a file's name" 1 "$convlens" predict "no${esc}[7m${newline}thing.png"
prints "one with a folder's" 1 "$convlens" predict "none${esc}[7m/"
prints "one with an option" 1 "$convlens" predict in.npy "--${esc}[7m"
prints "one with a command" 1 "$convlens" "${esc}[7m"
prints "one with bytes that are no UTF-8" 1 "$convlens" predict $'\xff\x9b\x1b.png'
prints "JSON" 1 "$convlens" activations in.npy "${model[@]}" --layer all --json
ok "is JSON with the names as they are" python3 -c '
import json
names = [layer["name"] for layer in json.load (open ("stdout.txt"))["layers"]]
assert {"red\x1b[31m\nnext", "c1\u009b2Jdel\x7funit\x1f", "a/b", "a-b"} <= set (names), names'
prints "JSON of several" 2 "$convlens" predict "$odd" in.npy "${model[@]}" --json
prints "JSON of an error" 2 "$convlens" predict "no${esc}${del}.png" "folder${esc}[5m/y.png" --json

# The progress on a terminal.
terminal () {
  script -qec "'$convlens' activations 'folder${esc}[5m' --model m.keras --layer all > /dev/null" /dev/null > typescript
  python3 -c '
text = open ("typescript", "rb").read ().decode ()
rest = text.replace ("\r", "").replace ("\n", "").replace ("\x1b[K", "")
assert "%" in rest and not [c for c in rest if ord (c) < 32 or 0x7f <= ord (c) <= 0x9f], text'
}
if command -v script > /dev/null; then
  ok "progress on a terminal" terminal
else
  skip "progress on a terminal" "no script"
fi

# Files.
ok "files of layers" "$convlens" activation-grid in.npy --model m.keras --layer all --output grids --raw grids
ok "are called without control characters" python3 -c '
import os
names = sorted (os.listdir ("grids"))
assert not [c for name in names for c in name if ord (c) < 32 or 0x7f <= ord (c) <= 0x9f or c == "/"], names
assert all (name[0] != "-" and len (name.encode ()) < 255 for name in names), names
assert {"red_[31m_next.png", "a-b.png", "a-b~2.png", "a-b.npy", "a-b~2.npy"} <= set (names), names'
"$convlens" activations in.npy --model m.keras --layer a/b --raw first.npy > stdout.txt
"$convlens" activations in.npy --model m.keras --layer a-b --raw second.npy > stdout.txt
ok "and each is its layer's" sh -c 'cmp grids/a-b.npy first.npy && cmp grids/a-b~2.npy second.npy && ! cmp -s first.npy second.npy'
finish
