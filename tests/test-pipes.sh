#!/bin/bash
# A photograph from a pipe: -, /dev/stdin, a FIFO, a process substitution. TAP.
#   test-pipes.sh CONVLENS
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

cp "$photo" c.jpg
python3 - << 'PY'
import struct, zlib
def chunk (kind, data):
    return struct.pack (">I", len (data)) + kind + data + struct.pack (">I", zlib.crc32 (kind + data))
rows = b"".join (b"\0" + bytes ((x * y) % 251 for x in range (3 * 200)) for y in range (300))
open ("p.png", "wb").write (b"\x89PNG\r\n\x1a\n" + chunk (b"IHDR", struct.pack (">IIBBBBB", 200, 300, 8, 2, 0, 0, 0))
    + chunk (b"IDAT", zlib.compress (rows, 0)) + chunk (b"IEND", b""))
PY
cp "$golden/input.npy" a.npy
mkfifo fifo
answer () { "$@" --json | sed 's/,"milliseconds":[^,}]*//'; }
# as_a_file FILE ARGUMENT…: each way gives what the file gives.
as_a_file () {
  local file=$1
  shift
  answer "$convlens" predict "$file" "$@" > wanted.txt
  [ "$(wc -l < wanted.txt)" -eq 1 ] || echo none > wanted.txt
  same () { diff wanted.txt <("$@"); }
  from_pipe () { cat "$file" | answer timeout 60 "$convlens" predict "$@"; }
  slowly () { (head -c 1000 "$file"; sleep 0.3; tail -c +1001 "$file") | answer timeout 60 "$convlens" predict - "$@"; }
  from_file () { answer timeout 60 "$convlens" predict - "$@" < "$file"; }
  from_fifo () {
    (sleep 0.2; cat "$file" > fifo) &
    answer timeout 60 "$convlens" predict fifo "$@"
    wait
  }
  substituted () { answer timeout 60 "$convlens" predict <(cat "$file") "$@"; }
  ok "$file: - from a pipe" same from_pipe - "$@"
  ok "$file: /dev/stdin from a pipe" same from_pipe /dev/stdin "$@"
  ok "$file: slowly" same slowly "$@"
  ok "$file: - from a file" same from_file "$@"
  ok "$file: a FIFO" same from_fifo "$@"
  ok "$file: a process substitution" same substituted "$@"
}
as_a_file c.jpg
as_a_file p.png
as_a_file a.npy --model "$golden/model.h5"

two () {
  answer "$convlens" predict c.jpg p.png | sed 's/"photo":"[^"]*",//' > wanted.txt
  answer timeout 60 "$convlens" predict <(cat c.jpg) <(cat p.png) | sed 's/"photo":"[^"]*",//' | diff wanted.txt -
}
ok "two substitutions" two
mkdir out
whole () {
  cat c.jpg | "$convlens" grad-cam - --output out && "$convlens" grad-cam c.jpg --output c.png && cmp c.png out/stdin.png
}
ok "its file in a folder is called stdin" whole
input_kept () { ! "$convlens" grad-cam - --output c.jpg < c.jpg 2> stderr.txt && grep -q 'written over the photograph' stderr.txt; }
ok "the standard input's file is not written over" input_kept

# Not what it is for.
short () { head -c 5000 c.jpg | "$convlens" predict -; }
refuses "an end too early" 1 'standard input: damaged JPEG' short
nothing () { : | "$convlens" predict -; }
refuses "nothing" 1 'standard input: the file is empty' nothing
words () { echo words | "$convlens" predict -; }
refuses "words" 1 'standard input: neither a PNG nor a JPEG' words
device () { "$convlens" predict - < /dev/null; }
refuses "a device" 1 'standard input: is a device' device
closed () { "$convlens" predict - <&-; }
refuses "a closed one" 1 'standard input: ' closed
endless () { yes | timeout 60 "$convlens" predict -; }
refuses "an endless pipe" 1 'more than 512 MB came through the pipe' endless
zeros () { timeout 60 "$convlens" predict <(cat /dev/zero); }
refuses "an endless substitution" 1 'more than 512 MB came through the pipe' zeros
for option in model labels; do
  other () { timeout 60 "$convlens" predict c.jpg --$option <(cat labels 2> /dev/null); }
  refuses "--$option from a pipe" 1 'is a pipe; only the photograph may come from one' other
done
started () { timeout 60 "$convlens" filter-pattern --layer stem_conv --start <(cat c.jpg) --output out/x.png; }
refuses "--start from a pipe" 1 'start /dev/fd/' started

# interrupted SIGNAL PHOTO: while it waits for a pipe into which nothing comes.
interrupted () {
  local code=0
  sleep 20 > fifo &
  local writer=$!
  env --default-signal=INT "$convlens" predict "$2" < fifo > stdout.txt 2> stderr.txt &
  local process=$!
  sleep 0.5
  kill -s "$1" $process
  local start=$SECONDS
  wait $process || code=$?
  local took=$((SECONDS - start))
  kill $writer
  cat stderr.txt
  [ $code -eq 1 ] && [ $took -le 2 ] && grep -q 'cancelled' stderr.txt
}
for signal in INT TERM; do
  ok "$signal while - waits" interrupted $signal -
  ok "$signal while /dev/stdin waits" interrupted $signal /dev/stdin
done
# Nobody has opened the other end yet.
lonely () {
  local code=0
  mkfifo lonely
  env --default-signal=INT timeout --foreground -s INT 0.5 "$convlens" predict lonely 2> stderr.txt || code=$?
  [ $code -eq 124 ] && grep -q 'cancelled' stderr.txt
}
ok "INT while a FIFO has no writer" lonely
finish
