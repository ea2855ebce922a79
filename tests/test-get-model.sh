#!/bin/bash
# get-model, models, describe and install/get-weights.sh from outside, against a local server. TAP.
#   test-get-model.sh CONVLENS [without-downloads]
set -u

if [ "${2:-}" = without-downloads ]; then
  echo '1..0 # SKIP this build is without downloads'
  exit 0
fi

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"
get_weights=$source_root/install/get-weights.sh
export no_proxy='*'
export XDG_DATA_HOME=$work/share CONVLENS_DATA_DIR=$work/data
folder=$XDG_DATA_HOME/convlens/models
mkdir -p "$work/files" "$CONVLENS_DATA_DIR"

mkfifo hold
python3 "$here/serve-files.py" files port log.txt < hold &
server=$!
exec 7> hold # the server ends with it
trap 'exec 7>&-; wait $server; rm -rf "$work"' EXIT
for _ in $(seq 300); do
  [ -s port ] && break
  sleep 0.1
done

# json NAME EXPRESSION COMMAND…: stdout is one JSON object, and the Python expression on it, `j`, holds.
json () {
  local name=$1 expression=$2
  shift 2
  "$@" --json > json.txt 2> stderr.txt < /dev/null
  ok "$name: ${expression//$'\n'/}" python3 -c '
import json, os, sys
text = open ("json.txt", encoding="utf-8").read ()
assert text.endswith ("}\n") and text.count ("\n") == 1, text + open ("stderr.txt").read ()
j = json.loads (text)
assert eval ("(" + sys.argv[1] + ")"), text[:2000]' "$expression"
}

# The registry: the built-in model, one that can be opened, and one for each of the server's moods.
cp "$golden/model.h5" files/golden
python3 - "$source_root" "$(cat port)" << 'END'
import hashlib, json, os, random, sys
root, port = sys.argv[1:]
random.seed (7)
data = b"\x89HDF\r\n\x1a\n" + random.randbytes (2_999_992)
open ("files/weights", "wb").write (data)
golden = open ("files/golden", "rb").read ()

def entry (name, way, file, checksum, size, parameters, **more):
    return {"name": name, "alias": None, "keras": "keras.applications.X", "architecture": "xception",
        "top": True, "url": f"http://127.0.0.1:{port}/{way}/{file}", "file": name + ".h5",
        "checksum": checksum, "size": size, "parameters": parameters, "input_size": 32,
        "preprocess": "tf", "classes": 1000, "labels": "imagenet", "licence": "MIT", **more}

def weights (name, way, checksum="sha256:" + hashlib.sha256 (data).hexdigest (), size=len (data)):
    return entry (name, way, "weights", checksum, size, 750000)

with open (root + "/weights/models.json") as file:
    built_in = [model for model in json.load (file)["models"] if model["url"] is None]
models = built_in + [
    weights ("whole", "whole"),
    entry ("golden_net", "whole", "golden", "md5:" + hashlib.md5 (golden).hexdigest (), len (golden),
           1700, alias="gold", preprocess="caffe", classes=4),
    weights ("slow", "slow"),
    weights ("cut", "cut/1000000"),
    weights ("norange", "norange"),
    weights ("unverified", "slow", None, None),
    weights ("wrongsum", "whole", "md5:" + "0" * 32),
    weights ("wrongsize", "size/2000000"),
    weights ("toosmall", "whole", size=3000001),
    weights ("page", "page", None, None),
    weights ("missing", "status/404"),
    {**weights ("unreachable", "whole"), "url": "http://127.0.0.1:9/weights"}]
with open ("data/models.json", "w") as file:
    json.dump ({"models": models}, file, indent=2)
for name in ("labels", "architectures", "efficientnet-lite0.keras"):
    os.symlink (f"{root}/weights/{name}", f"data/{name}")
END

fresh () {
  rm -rf "$XDG_DATA_HOME/convlens"
  : > log.txt
}
# The file is there, and nothing else but perhaps the pins.
whole () { # NAME
  local left
  left=$(find "$folder" -type f ! -name "$1.h5" ! -name pins.json)
  [ -z "$left" ] && cmp "$folder/$1.h5" files/weights
}
nothing () { [ -z "$(find "$folder" -type f 2> /dev/null)" ]; }
# Nothing under the final name; what came is there, and right as far as it goes.
halfway () { # NAME
  [ ! -e "$folder/$1.h5" ] || return 1
  local size
  size=$(stat -c %s "$folder/$1.h5.part") && [ "$size" -gt 0 ] && [ "$size" -lt 3000000 ] &&
    cmp -n "$size" "$folder/$1.h5.part" files/weights
}
requests () { [ "$(wc -l < log.txt)" -eq "$1" ] || { cat log.txt; return 1; }; }
# Waits until something has come.
coming () { # NAME
  for _ in $(seq 200); do
    [ -s "$folder/$1.h5.part" ] && return
    sleep 0.05
  done
  return 1
}

# --- the list ---

ok "--help names the three" sh -c '"$1" --help > help.txt && grep -q "^  get-model NAME " help.txt &&
  grep -q "^  models " help.txt && grep -q "^  describe \[MODEL\] " help.txt' sh "$convlens"
ok "--force takes no value" sh -c '"$1" get-model --help | grep -q "^  --force  "' sh "$convlens"
json "models" 'j["models"][0]["name"] == "efficientnet-lite0" and j["models"][0]["state"] == "built in"
  and all (m["state"] == "to download" and m["file"] is None for m in j["models"][1:])
  and {"name", "state", "file", "size", "about", "here", "input_size", "preprocess", "classes",
  "architecture", "licence", "address", "checksum"} == set (j["models"][1])' "$convlens" models
ok "models prints size, input and licence" sh -c '"$1" models |
  grep -q "^efficientnet-lite0  *built in  *9.9 MB  *224×224  *Apache-2.0$"' sh "$convlens"

# --- names ---

refuses "one that is not there yet" 1 'this gets it: convlens get-model whole' \
  "$convlens" layers whole
refuses "with its size" 1 'the model "whole" (3.0 MB) has to be downloaded first' \
  "$convlens" predict "$photo" --model whole
refuses "an unknown one: the nearest" 1 'no such model file: "hwole"; did you mean whole?' \
  "$convlens" predict "$photo" --model hwole
refuses "nothing is near" 1 'no such model file: "nonsense"' "$convlens" layers nonsense
refuses "get-model: the nearest" 1 'there is no model "wrongsun" to get; did you mean wrongsum?' \
  "$convlens" get-model wrongsun
refuses "the built-in one" 1 'comes with Convlens' "$convlens" get-model efficientnet-lite0
refuses "no name" 2 'name is missing' "$convlens" get-model
refuses "two names" 2 'one word too many' "$convlens" get-model whole slow
refuses "an odd value of a switch" 2 'force "perhaps" is not one of no, yes' \
  "$convlens" get-model whole --force=perhaps

# --- complete ---

fresh
json "get-model" 'j["model"] == "whole" and j["state"] == "downloaded" and j["size"] == 3000000
  and j["resumed"] == 0 and j["trust"] == "published" and j["checksum"].startswith ("sha256:")
  and j["file"].endswith ("/convlens/models/whole.h5")' "$convlens" get-model whole
ok "it is whole" whole whole
json "again" 'j["state"] == "there already"' "$convlens" get-model WHOLE
ok "nothing was fetched" requests 1
ok "--force" "$convlens" get-model whole --force
ok "fetches it" requests 2
json "models tells" '[m["state"] for m in j["models"] if m["name"] == "whole"] == ["downloaded"]' \
  "$convlens" models
echo damaged > "$folder/whole.h5"
refuses "something else of its name" 1 'is there already, but is not the model: wrong size' \
  "$convlens" get-model whole
ok "--from a file" "$convlens" get-model whole --force --from files/weights
ok "is whole" whole whole

fresh
json "without a checksum" 'j["trust"] == "unverified" and "Unverified" in j["warnings"][0]' \
  "$convlens" get-model unverified
ok "is pinned" grep -q '"unverified" : "sha256:[0-9a-f]*"' "$folder/pins.json"
json "later it is known" 'j["trust"] == "pinned"' "$convlens" get-model unverified
head -c 2999999 files/weights > other && printf x >> other
refuses "and another is not taken for it" 1 'where an earlier download had' \
  "$convlens" get-model unverified --force --from other
ok "the first one stays" whole unverified

# --- troubles ---

fresh
for case in 'wrongsum:wrong checksum' 'wrongsize:wrong size' 'toosmall:wrong size' \
  'page:not a file of weights' 'missing:404 (there is no such file)' 'unreachable:no network?'; do
  refuses "${case%%:*}" 1 "${case#*:}" "$convlens" get-model "${case%%:*}"
  ok "nothing is left" nothing
done
refuses "a --from that is not there" 1 'cannot be read' "$convlens" get-model whole --from none
refuses "a --from of another kind" 1 'is not an address of http' \
  "$convlens" get-model whole --from ftp://127.0.0.1/weights
ok "nothing is left" nothing
: > log.txt
ok "cut off again and again" "$convlens" get-model cut
ok "it was gone on with" requests 3
ok "and is whole" whole cut

# signalled NAME SIGNAL: sent in the middle of the download.
signalled () {
  # What a shell starts in the background ignores SIGINT.
  env --default-signal=INT "$convlens" get-model "$1" > stdout.txt 2> stderr.txt &
  local process=$! code=0
  coming "$1" || return 1
  kill -s "$2" $process
  wait $process 2> /dev/null || code=$?
  cat stderr.txt
  [ $code -ne 0 ] && { [ "$2" = KILL ] || { [ $code -eq 1 ] && grep -q 'cancelled' stderr.txt; }; }
}
for pair in slow:INT slow:TERM slow:KILL unverified:INT unverified:KILL; do
  name=${pair%:*}
  fresh
  ok "$name: ended by ${pair#*:}" signalled "$name" "${pair#*:}"
  ok "halfway, nothing under its name" halfway "$name"
  json "models tells" "[m['state'] for m in j['models'] if m['name'] == '$name'] == ['unfinished']" \
    "$convlens" models
  refuses "to use it tells how to go on" 1 "this goes on with it: convlens get-model $name" \
    "$convlens" layers "$name"
  json "resumed" 'j["resumed"] > 0 and j["state"] == "downloaded"' "$convlens" get-model "$name"
  ok "it is whole" whole "$name"
done

fresh
mkdir -p "$folder"
head -c 1500000 files/weights > "$folder/norange.h5.part"
json "a server without ranges" 'j["resumed"] == 0' "$convlens" get-model norange
ok "it is whole" whole norange

# A limit on the size of files is as good as a full disk.
limited () { (trap '' XFSZ; ulimit -f 1000; exec "$@"); }
fresh
refuses "a full disk" 1 'the disk is full' limited "$convlens" get-model slow
ok "halfway, nothing under its name" halfway slow
json "with room again" 'j["resumed"] > 0' "$convlens" get-model slow
ok "it is whole" whole slow

program () { "$convlens" get-model "$1"; }
script () { "$get_weights" "$1"; }
# two NAME FIRST SECOND: the second while the first is at work, and one request for both.
two () {
  local code=0 first
  $2 "$1" > one.txt 2>&1 &
  first=$!
  coming "$1"
  $3 "$1" > two.txt 2>&1 || code=$?
  wait $first || code=$?
  cat one.txt two.txt log.txt
  [ $code -eq 0 ] && whole "$1" && requests 1 && grep -q 'there already' two.txt
}
for name in slow unverified; do
  fresh
  ok "two at once" two $name program program
done

# --- the script for those without the program ---

# complains TEXT COMMAND…
complains () {
  local text=$1
  shift
  ! "$@" > stdout.txt 2> stderr.txt || return 1
  cat stderr.txt
  grep -qF -- "$text" stderr.txt
}
for with in curl wget; do
  if ! command -v $with > /dev/null || ! command -v flock > /dev/null; then
    skip "get-weights.sh with $with" "no $with here, or no flock"
    continue
  fi
  export CONVLENS_FETCH=$with
  fresh
  ok "$with: get-weights.sh" "$get_weights" Whole
  ok "it is whole" whole whole
  ok "again" sh -c '"$1" whole | grep -q "there already"' sh "$get_weights"
  ok "nothing was fetched" requests 1
  json "the program finds it" 'j["state"] == "there already"' "$convlens" get-model whole
  head -c 1500000 files/weights > "$folder/slow.h5.part"
  ok "$with: resumed" "$get_weights" slow
  ok "it is whole" cmp "$folder/slow.h5" files/weights
  ok "from where it was" sh -c 'tail -n 1 log.txt | grep -q "^/slow/weights bytes=1500000-$"'
  head -c 1500000 files/weights > "$folder/norange.h5.part"
  ok "$with: a server without ranges" "$get_weights" norange
  ok "it is whole" cmp "$folder/norange.h5" files/weights
  fresh
  mkdir -p "$folder"
  { printf x; head -c 1499999 files/weights; } > "$folder/whole.h5.part"
  ok "$with: a part of something else" "$get_weights" whole
  ok "it is whole" whole whole
  fresh
  ok "$with: without a checksum" sh -c '"$1" unverified | grep -q "^Unverified: "' sh "$get_weights"
  ok "it is whole" whole unverified
  json "and pinned, for the program too" 'j["trust"] == "pinned"' "$convlens" get-model unverified
  fresh
  for case in 'wrongsum:wrong checksum' 'wrongsize:wrong size' 'page:not a file of weights' \
    'missing:could not be downloaded' 'unreachable:could not be downloaded'; do
    ok "$with: ${case%%:*}" complains "${case#*:}" "$get_weights" "${case%%:*}"
    ok "nothing is left" nothing
  done
  ok "$with: a full disk" complains 'could not be downloaded' limited "$get_weights" whole
  ok "nothing under its name" test ! -e "$folder/whole.h5"
  fresh
  ok "$with: the script and the program at once" two slow script program
done
unset CONVLENS_FETCH
if command -v flock > /dev/null; then
  fresh
  ok "the program and the script at once" two slow program script
fi
refuses "get-weights.sh: an unknown name" 1 'there is no model "hwole"' "$get_weights" hwole
refuses "get-weights.sh: the built-in one" 1 'comes with Convlens' "$get_weights" efficientnet-lite0
ok "get-weights.sh lists names" sh -c '"$1" | grep -qx golden_net' sh "$get_weights"

# --- models of the registry and of the folder, by name ---

fresh
ok "get-model by its alias" "$convlens" get-model gold
json "--model NAME" 'j["model"] == "golden_net" and j["input"]["preprocess"] == "caffe"' \
  "$convlens" predict "$photo" --model golden_net
json "its path is as good" 'j["input"]["preprocess"] == "caffe"' \
  "$convlens" predict "$photo" --model "$folder/golden_net.h5"
json "an option wins" 'j["input"]["preprocess"] == "unit"' \
  "$convlens" predict "$photo" --model gold --preprocess unit
json "describe tells from where" 'j["registered"] == "golden_net" and j["licence"] == "MIT"
  and j["preprocess"] == {"name": "caffe", "from": "the registry", "own_layer": None}
  and j["input"]["from"] == "the model itself" and j["labels"]["count"] is None and j["sidecar"] is None' \
  "$convlens" describe golden_net
cp "$golden/model.h5" "$folder/mine.h5"
json "a file in the folder" 'j["parameters"] == 1700' "$convlens" layers mine
json "models lists it" 'j["models"][-1]["name"] == "mine" and j["models"][-1]["state"] == "own"' \
  "$convlens" models

# --- describe ---

mkdir mine
cp "$golden/model.h5" mine/
printf 'cat\ndog\nbird\nfish\n' > four.txt
printf 'cat\ndog\nbird\n' > three.txt
json "nothing is known" 'j["preprocess"]["from"] is None and j["labels"]["from"] is None
  and j["written"] is None' "$convlens" describe mine/model.h5
ok "nothing is written" test ! -e mine/model.h5.json
json "written" 'j["written"] == "mine/model.h5.json" and j["labels"] == {"count": 4,
  "first": ["cat", "dog", "bird"], "from": "the option"}' \
  "$convlens" describe mine/model.h5 --labels four.txt --preprocess unit
ok "the sidecar" python3 -c '
import json
j = json.load (open ("mine/model.h5.json"))
assert j == {"preprocess": "unit", "labels": ["cat", "dog", "bird", "fish"]}, j'
json "it is gone by" 'j["input"]["preprocess"] == "unit"
  and j["predictions"][0]["label"] in ("cat", "dog", "bird", "fish")' \
  "$convlens" predict "$photo" --model mine/model.h5
json "and shown" 'j["preprocess"]["from"] == j["labels"]["from"] == "the sidecar"' \
  "$convlens" describe mine/model.h5
ok "more is added" "$convlens" describe mine/model.h5 --input-size 13x19
ok "to what was there" python3 -c '
import json
j = json.load (open ("mine/model.h5.json"))
assert j["input_size"] == [13, 19] and j["preprocess"] == "unit" and len (j["labels"]) == 4, j'
cp mine/model.h5.json kept.json
refuses "too few labels" 1 '3 labels for a model of 4 classes (the labels are in "three.txt")' \
  "$convlens" describe mine/model.h5 --labels three.txt
refuses "another size than the model's" 1 \
  'input-size 20×20 contradicts the model, which takes 13×19' \
  "$convlens" describe mine/model.h5 --input-size 20
ok "the sidecar stays" cmp mine/model.h5.json kept.json
cp "$source_root/weights/efficientnet-lite0.keras" mine/lite.keras
refuses "preparing twice" 1 'preprocess tf contradicts the model: its own layer "rescaling"' \
  "$convlens" describe mine/lite.keras --preprocess tf
ok "no sidecar then" test ! -e mine/lite.keras.json
refuses "the built-in model" 1 'the built-in model brings all this along' \
  "$convlens" describe --preprocess none
refuses "a folder that is not there" 1 'no such model file' "$convlens" describe none/model.h5

# Sidecars that contradict the model.
sidecar () { echo "$1" > mine/model.h5.json; }
sidecar '{"labels": ["cat", "dog", "bird"]}'
refuses "labels of a sidecar" 1 \
  '3 labels for a model of 4 classes (the labels are in "model.h5.json")' \
  "$convlens" layers mine/model.h5
ok "describe puts it right" "$convlens" describe mine/model.h5 --labels four.txt
ok "so that it opens" "$convlens" layers mine/model.h5
sidecar '{"input_size": 224}'
refuses "its size" 1 'contradicts the model: input_size 224×224, where the model takes 13×19' \
  "$convlens" layers mine/model.h5
sidecar '{"input_size": "large"}'
refuses "a size that is none" 1 'has an input_size that is neither N nor [width, height]' \
  "$convlens" layers mine/model.h5
sidecar '{"preprocess": "keras"}'
refuses "a preprocess that is none" 1 \
  'says preprocess "keras", which is not one of auto, none, tf' "$convlens" layers mine/model.h5
echo '{"preprocess": "tf"}' > mine/lite.keras.json
json "preparing twice is told" 'any ("does so once more" in w for w in j["warnings"])' \
  "$convlens" predict "$photo" --model mine/lite.keras
refuses "a class of two meanings" 1 \
  'class "crane" is ambiguous: it could be 134, 517; give the index' \
  "$convlens" grad-cam "$photo" --class crane

# A registry that is broken says what is wrong, and does not stand in the way of one's own models.
python3 - << 'END'
import json
with open ("data/models.json") as file:
    j = json.load (file)
del j["models"][1]["licence"]
with open ("data/models.json", "w") as file:
    json.dump (j, file, indent=2)
END
refuses "a broken registry" 1 'entry 1 (whole): "licence" is missing or wrong' "$convlens" models
refuses "get-model" 1 '"licence" is missing or wrong' "$convlens" get-model whole
rm mine/model.h5.json
ok "a model of one's own" "$convlens" layers mine/model.h5

finish
