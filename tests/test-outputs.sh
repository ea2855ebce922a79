#!/bin/bash
# No file that a run reads is written over, whatever it is called, and none twice; what is replaced keeps its mode and its links. TAP.
#   test-outputs.sh CONVLENS
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

mkdir real sub models
ln -s real way
cp "$photo" real/c.jpg
ln real/c.jpg real/hard.png
ln -s c.jpg real/soft.png
ln -s ../way/soft.png real/chain.png
cp "$golden/model.h5" models/m.h5
echo '{"labels": ["one", "two", "three", "four"]}' > models/m.h5.json
ln models/m.h5 models/hard.png
ln -s m.h5.json models/soft.npy
printf '%s\n' one two three four > labels.txt
cp "$golden/input.npy" in.npy
cp "$here/data/pattern/start.npy" start.npy
cp labels.txt "$work/sub/list.png"
cp "$photo" sub/c.png
cp "$golden/model.h5" models/named.h5
cp labels.txt models/four.txt
echo '{"labels": "four.txt"}' > models/named.h5.json
find . -type f ! -name 'std*.txt' -exec sha256sum {} + | sort > before.txt
sums=$work/before.txt
unchanged () {
  find . -type f ! -name 'std*.txt' ! -name '*before.txt' -exec sha256sum {} + | sort | diff "$sums" -
}
sed -i '/before.txt/d' before.txt

# Each: the option's command, what is named, what the message calls it.
cam=(grad-cam real/c.jpg)
golden_cam=(grad-cam in.npy --model models/m.h5)
pattern=(filter-pattern --model "$here/data/pattern/model.keras" --layer conv --size 30 --crop 5 --steps 2)
# written_over NAME TEXT ARGUMENT…
written_over () {
  local name=$1 text=$2
  shift 2
  refuses "$name: refused" 1 "would be written over $text" timeout 60 "$convlens" "$@"
  # Nothing was computed: a device that is not there has not been missed.
  refuses "$name: before anything is computed" 1 "would be written over $text" \
    timeout 60 "$convlens" "$@" --device 'no such device'
}
for way in real/c.jpg ./real/c.jpg way/c.jpg real/hard.png real/soft.png real/chain.png "$work/way/../real/c.jpg"; do
  written_over "grad-cam --output $way" 'the photograph real/c.jpg' "${cam[@]}" --output "$way"
done
for option in overlay heatmap; do
  written_over "grad-cam --$option" 'the photograph' "${cam[@]}" --$option way/hard.png
done
for file in m.h5 hard.png; do
  written_over "the model as $file" 'the model models/m.h5' "${golden_cam[@]}" --overlay models/$file
done
for file in m.h5.json soft.npy; do
  written_over "its sidecar as $file" "the model's sidecar models/m.h5.json" "${golden_cam[@]}" \
    --heatmap models/$file
done
cp "$golden/model.h5" models/bare.h5
written_over "a sidecar that is not there" "the model's sidecar models/bare.h5.json" grad-cam in.npy \
  --model models/bare.h5 --overlay way/../models/bare.h5.json
rm models/bare.h5
written_over "the labels" 'labels sub/list.png' "${golden_cam[@]}" --labels sub/list.png --overlay sub/list.png
echo '{}' > sub/graph.png
written_over "an architecture" 'architecture sub/graph.png' "${golden_cam[@]}" --architecture sub/graph.png \
  --overlay sub/graph.png
rm sub/graph.png
written_over "activation-grid --output" 'the photograph' activation-grid sub/c.png --layer stem_conv --output sub/c.png
written_over "activations --raw" 'the photograph in.npy' activations in.npy --model models/m.h5 --layer conv2d \
  --raw ./in.npy
written_over "gradient --raw" 'the photograph in.npy' gradient in.npy --model models/m.h5 --layer conv2d --raw in.npy
written_over "sanity-check --output" 'the photograph' sanity-check sub/c.png --output sub/c.png
written_over "faithfulness --output" 'the photograph' faithfulness sub/c.png --output sub/c.png
written_over "filter-pattern --start PHOTO" 'start sub/c.png' "${pattern[@]}" --start sub/c.png --output sub/c.png
written_over "filter-pattern --start NPY" 'start start.npy' "${pattern[@]}" --start start.npy --raw start.npy
refuses "the labels that a sidecar names" 1 "would be written over the model's labels models/four.txt" \
  "$convlens" grad-cam in.npy --model models/named.h5 --overlay models/four.txt
refuses "the same where others are given" 1 "would be written over the model's labels models/four.txt" \
  "$convlens" activations in.npy --model models/named.h5 --labels labels.txt --layer conv2d --raw models/../models/four.txt
refuses "describe: labels from the sidecar itself" 1 'would be written over labels models/soft.npy' \
  "$convlens" describe models/m.h5 --labels models/soft.npy
written_over "one into its own folder" 'the photograph sub/c.png' grad-cam sub/c.png --output sub
ln -s ../models/m.h5 sub/input.npy
ln -s ../models/m.h5 sub/conv2d.npy
written_over "a folder with a link to the model" 'the model models/m.h5' grad-cam "$golden/input.npy" in.npy \
  --model models/m.h5 --heatmap sub
# What the file will be called is known late, but not too late.
refuses "a layer's file" 1 'would be written over the model models/m.h5' "$convlens" activations in.npy \
  --model models/m.h5 --layer conv2d,dense --raw sub
rm sub/input.npy sub/conv2d.npy

# two TEXT ARGUMENT…: two outputs of one run with one name
two () {
  local text=$1
  shift
  refuses "two outputs: ${*: -3}" 1 "would both be written to $text; name a file for each" \
    timeout 60 "$convlens" "$@" --device 'no such device'
}
ln -s later.png dangling.png
two x.png "${cam[@]}" --output x.png --overlay x.png
two ./x.png "${cam[@]}" --output x.png --overlay ./x.png
two way/x.png "${cam[@]}" --output real/x.png --overlay way/x.png
two later.png "${cam[@]}" --output dangling.png --overlay later.png
two x "${cam[@]}" --output x --heatmap x
two x "${pattern[@]}" --output x --raw x
two sub/c.png grad-cam real/c.jpg --output sub --overlay sub/c.png
ok "all is as it was" unchanged
# A pipe that is written to: the opening waits for nobody.
mkfifo nobody
refuses "a pipe that nobody reads" 1 'nobody: nobody reads from this pipe' timeout 60 "$convlens" "${golden_cam[@]}" --heatmap nobody
reads_it () {
  "$convlens" "${golden_cam[@]}" --heatmap plain.npy && { cat nobody > piped.npy & } || return 1
  for _ in $(seq 100); do # until cat has opened it
    timeout 60 "$convlens" "${golden_cam[@]}" --heatmap nobody > said.txt 2>&1 && wait && cmp plain.npy piped.npy && return
    grep -q 'nobody reads' said.txt || break
  done
  cat said.txt
  return 1
}
ok "a pipe that somebody reads" reads_it
# More than a pipe holds, and a reader that takes none of it: one signal ends it.
gives_up () {
  exec 7<> nobody
  "$convlens" grad-cam "$photo" --overlay nobody > said.txt 2>&1 &
  local pid=$! code=0
  sleep 4
  kill -TERM $pid
  for _ in $(seq 100); do kill -0 $pid 2> /dev/null || break; sleep 0.1; done
  kill -KILL $pid 2> /dev/null && echo "it went on"
  wait $pid || code=$?
  exec 7>&-
  cat said.txt
  grep -q cancelled said.txt && [ $code -eq 1 ]
}
ok "a pipe whose reader sleeps" gives_up
rm nobody plain.npy piped.npy said.txt
ok "--output /dev/null twice is no harm" "$convlens" "${golden_cam[@]}" --overlay /dev/null --heatmap /dev/null

# Modes and links.
# mode_kept OLD-MODE UMASK: of a file that is replaced.
mode_kept () {
  rm -f old.npy
  echo old > old.npy
  chmod "$1" old.npy
  (umask "$2"; "$convlens" "${golden_cam[@]}" --heatmap old.npy) || return 1
  stat -c %a old.npy
  [ "$(stat -c %a old.npy)" = "$1" ] && [ "$(head -c 6 old.npy | tail -c 5)" = NUMPY ]
}
for mode in 600 640 666 444; do
  ok "a file of mode $mode keeps it" mode_kept $mode 022
done
new_mode () {
  rm -f new.npy
  (umask "$1"; "$convlens" "${golden_cam[@]}" --heatmap new.npy) && [ "$(stat -c %a new.npy)" = "$2" ]
}
ok "a new file has what umask leaves" new_mode 027 640
ok "also where umask leaves all" new_mode 000 666
linked () {
  rm -f behind.npy link.npy
  echo old > sub/behind.npy
  chmod 600 sub/behind.npy
  ln -s sub/behind.npy link.npy
  "$convlens" "${golden_cam[@]}" --heatmap link.npy && [ -L link.npy ] && [ "$(stat -c %a sub/behind.npy)" = 600 ] &&
    cmp sub/behind.npy new.npy
}
ok "what a symbolic link points at is replaced" linked
dangles () {
  "$convlens" "${golden_cam[@]}" --heatmap dangling.png && [ -L dangling.png ] && cmp later.png new.npy
}
ok "or made" dangles
if [ "$(id -u)" -eq 0 ]; then
  owned () {
    echo old > owned.npy
    chown 12345:23456 owned.npy
    "$convlens" "${golden_cam[@]}" --heatmap owned.npy && [ "$(stat -c %u:%g owned.npy)" = 12345:23456 ]
  }
  ok "root leaves a file to its owner" owned
else
  skip "root leaves a file to its owner" "not root"
fi
sidecar_mode () {
  echo '{}' > models/behind.json
  chmod 600 models/behind.json
  ln -sf behind.json models/m.h5.json
  "$convlens" describe models/m.h5 --labels labels.txt && [ -L models/m.h5.json ] &&
    [ "$(stat -c %a models/behind.json)" = 600 ] && grep -q three models/behind.json
}
ok "so does a sidecar" sidecar_mode
ok "no temporary file is left" sh -c '[ -z "$(find . -name ".convlens*")" ]'
# Without standard output, input and error a result must not get what is said.
closed () {
  local code=0
  rm -f shut.png
  eval '"$convlens" "${golden_cam[@]}" --overlay shut.png' "$1" 2> stderr.txt || code=$?
  echo "status $code"
  [ $code -eq "$2" ] && cmp shut.png open.png
}
"$convlens" "${golden_cam[@]}" --overlay open.png > stdout.txt
ok "no standard output" closed '>&-' 1
ok "no standard input" closed '<&-' 0
ok "none of the three" closed '<&- >&- 2>&-' 1
# A limit on the size of files is as good as a full disk.
limited () { # FILE TEXT ARGUMENT…
  local file=$1 text=$2 code=0
  shift 2
  cp "$file" before.bin
  (ulimit -f 1; exec "$convlens" "$@") 2> stderr.txt || code=$?
  cat stderr.txt
  [ $code -eq 1 ] && grep -qF -- "$text" stderr.txt && cmp before.bin "$file" && [ -z "$(find . -name '.convlens*')" ]
}
cp "$golden/model.h5" models/full.h5
echo '{}' > models/full.h5.json
for name in one two three four; do printf '%s%01000d\n' $name 0; done > long.txt
ok "a full disk leaves the old file" limited models/full.h5.json 'full.h5.json cannot be written: File too large' \
  describe models/full.h5 --labels long.txt
cp new.npy limited.png
ok "a driver's memory that could not be is not begun" limited limited.png '(ulimit -f)' \
  grad-cam "$photo" --output limited.png
ln -s circle.png circle.png
refuses "a link to itself" 1 'circle.png cannot be written' "$convlens" "${golden_cam[@]}" --overlay circle.png
ok "and it stays a link" [ -L circle.png ]
finish
