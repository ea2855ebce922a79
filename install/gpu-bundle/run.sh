#!/bin/sh
# Tests and measures Convlens on this machine's best Vulkan device, in less than eight minutes.
#
#   run.sh [--short | --device]
#
# $CONVLENS_DEVICE (an index or part of a name) chooses another device. Eight files are left in $OUT,
# by default the folder `results` beside this script: summary.txt, device.txt, tests.txt, perf.txt,
# models.txt, timing.txt, log.txt and grad-cam.png. The summary is also printed last. The exit status
# is 0 when all that was run is right. --short: a sample of everything, in two minutes where it is the
# processor that calculates, with more time for slow ones. --device: finds and describes the device only.
set -u

here=$(cd "$(dirname "$0")" && pwd)
short=no device_only=no
case ${1:-} in
  '') ;;
  --short) short=yes ;;
  --device) device_only=yes ;;
  *) echo "usage: run.sh [--short | --device]" >&2; exit 2 ;;
esac

started=$(date +%s)
# Seconds. A short run is for machines that may be slow: it has its time.
time_in_all=465
[ $short = no ] || time_in_all=1200
out=${OUT:-$here/results}
if ! mkdir -p "$out" 2> /dev/null || [ ! -w "$out" ]; then
  echo "run.sh: the folder $out cannot be written to; name another one: OUT=FOLDER $0" >&2
  exit 1
fi
out=$(cd "$out" && pwd)
work=$(mktemp -d 2> /dev/null) || work=$(mktemp -d "$out/work.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
log=$out/log.txt summary=$out/summary.txt
for name in summary device tests perf models timing log; do
  : > "$out/$name.txt" || exit 1
done
rm -f "$out/grad-cam.png"
failed=0

say () { echo "$*" | tee -a "$log"; }
seconds () { echo $(($(date +%s) - started)); }
# left LIMIT [END]: what is left of the time in all, or until END, at most LIMIT.
left () {
  rest=$((${2:-$time_in_all} - $(seconds)))
  [ $rest -lt "$1" ] || rest=$1
  [ $rest -gt 0 ] || rest=1
  echo $rest
}
# row STEP RESULT: a line of the table at the end.
row () { printf '%-10s %s\n' "$1" "$2" >> "$summary"; }
bad () { failed=$((failed + 1)); row "$@"; }

# --- what the programs run with ---

# A library of lib/spare is taken where this machine has none of its name: drivers want their own.
known_libraries () { { ldconfig -p || /sbin/ldconfig -p; } 2> /dev/null | grep 'x86-64'; }
has_library () {
  known_libraries | grep -q "^[[:space:]]*$1 " && return
  for folder in /lib/x86_64-linux-gnu /usr/lib/x86_64-linux-gnu /lib64 /usr/lib64 /usr/local/lib; do
    [ ! -e "$folder/$1" ] || return 0
  done
  return 1
}

mkdir "$work/spare" "$work/cache"
for path in "$here"/lib/spare/*; do
  has_library "$(basename "$path")" || ln -s "$path" "$work/spare/"
done
libraries=$here/lib:$work/spare
driver=

# ours SECONDS PROGRAM…: one of our programs; 124 when its time was over.
ours () {
  limit=$1 program=$2
  shift 2
  timeout -k 5 "$limit" env LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" \
    ${driver:+VK_DRIVER_FILES="$driver" VK_ICD_FILENAMES="$driver"} VK_LAYER_PATH="$here/layers" \
    HOME="$work" XDG_CACHE_HOME="$work/cache" MESA_SHADER_CACHE_DIR="$work/cache" \
    __GL_SHADER_DISK_CACHE_PATH="$work/cache" \
    CONVLENS_DATA_DIR="$here/share/weights" CONVLENS_SOURCE_ROOT="$here/share" \
    G_TEST_SRCDIR="$here/share/tests" CONVLENS_SHARED=/none LC_ALL=C.UTF-8 \
    "$here/bin/$program" "$@"
}

# ended CODE LIMIT: how a program ended, for people.
ended () {
  case $1 in
    0) echo "done" ;;
    124 | 137) echo "cut off after $2 s" ;;
    1) echo "failed" ;;
    *) [ "$1" -gt 128 ] && echo "crashed (signal $(($1 - 128)))" || echo "failed (exit status $1)" ;;
  esac
}

# --- the device ---

# Whether a device opens, a real one unless the caller chose: its facts are in $work/facts then.
# Any device's are kept in $work/software, with the driver that has it, for want of a better one.
probe () {
  echo "probe: ${driver:-found by the loader}" >> "$log"
  if ! CONVLENS_DEBUG='' ours 20 device-facts > "$work/facts" 2> "$work/errors"; then
    cat "$work/errors" >> "$log"
    [ -s "$work/reason" ] || grep . "$work/errors" | tail -n 1 > "$work/reason"
    return 1
  fi
  cat "$work/errors" >> "$log"
  [ -z "${CONVLENS_DEVICE:-}" ] || return 0
  ! grep -q '^type: software' "$work/facts" && return
  [ -e "$work/software" ] || { cp "$work/facts" "$work/software"; echo "$driver" > "$work/software-driver"; }
  return 1
}

# Where drivers lie that the loader does not look for: descriptions, then libraries. Containers mount
# them, so other file systems are searched too.
descriptions () {
  timeout 20 find /usr /opt /etc /run/opengl-driver -path '*vulkan/icd.d/*.json' 2> /dev/null |
    grep -v -E '^/(etc|usr/share|usr/local/share|usr/local/etc)/vulkan/' | sort -u
}

# In $work/libraries, those of real devices first.
find_libraries () {
  [ ! -e "$work/libraries" ] || return
  set -- libGLX_nvidia.so.0 libEGL_nvidia.so.0 libvulkan_radeon.so amdvlk64.so libvulkan_intel.so \
    libvulkan_nouveau.so libvulkan_asahi.so libvulkan_lvp.so
  pattern=$(echo "$*" | sed 's/\./\\./g; s/ /|/g')
  {
    known_libraries | awk '{ print $NF }'
    timeout 30 find /usr /opt -regextype posix-extended -regex ".*/($pattern)" 2> /dev/null
  } > "$work/all"
  for name; do
    grep "/$name\$" "$work/all"
  done | awk '!seen[$0]++' > "$work/libraries"
}

find_device () {
  driver=
  probe && return
  find_libraries
  # A description may name its library without a folder, and a library others beside it.
  while read -r library; do
    known_libraries | grep -q "=> $(dirname "$library")/" || libraries=$libraries:$(dirname "$library")
  done < "$work/libraries"
  descriptions > "$work/descriptions"
  while read -r driver; do
    probe < /dev/null && return
  done < "$work/descriptions"
  while read -r library; do
    driver=$work/$(basename "$library").json
    printf '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s", "api_version": "1.3.0"}}\n' \
      "$library" > "$driver"
    probe < /dev/null && return
  done < "$work/libraries"
  driver=
  [ -e "$work/software" ] && mv "$work/software" "$work/facts" && driver=$(cat "$work/software-driver")
}

# What a driver that is there lacks, and what this machine is.
system_facts () {
  echo
  uname -srm
  ldd --version 2>&1 | head -n 1
  grep -m 1 '^model name' /proc/cpuinfo
  echo "processors: $(nproc), memory: $(sed -n 's/^MemTotal: *//p' /proc/meminfo)"
  echo "spare libraries in use: $(ls "$work/spare" | tr '\n' ' ')"
  echo "driver's description: ${driver:-found by the loader}"
  [ -z "$driver" ] || cat "$driver"
  # shellcheck disable=SC2012
  echo "device files: $(ls -d /dev/nvidia* /dev/dri/* 2> /dev/null | tr '\n' ' ')"
  find_libraries
  while read -r library; do
    missing=$(LD_LIBRARY_PATH=$libraries ldd "$library" 2>&1 | sed -n 's/^[[:space:]]*\(.*\) => not found/\1/p' | tr '\n' ' ')
    echo "$library${missing:+ LACKS $missing}"
  done < "$work/libraries"
  nvidia=$(grep -m 1 nvidia "$work/libraries")
  if [ -n "$nvidia" ]; then
    for name in libnvidia-glcore libnvidia-glvkspirv libnvidia-gpucomp libnvidia-tls libnvidia-eglcore; do
      ls "$(dirname "$nvidia")"/$name.so.* > /dev/null 2>&1 || echo "beside $nvidia there is no $name"
    done
    timeout 20 nvidia-smi 2>&1 || echo "nvidia-smi does not run"
  fi
}

say "Convlens $(cat "$here/VERSION"), results in $out"
if find_device; then
  cp "$work/facts" "$out/device.txt"
  name=$(sed -n 's/^device: //p' "$work/facts")
  row device "$name ($(sed -n 's/^type: //p' "$work/facts"), $(sed -n 's/^driver: //p' "$work/facts"))"
else
  bad device "$(cat "$work/reason") (device.txt and log.txt say what was tried)"
  { VK_LOADER_DEBUG=all ours 20 device-facts; } >> "$log" 2>&1
fi
system_facts >> "$out/device.txt" 2>&1
ours 20 convlens devices >> "$out/device.txt" 2>&1
cat "$out/device.txt" >> "$log"
if [ $failed -gt 0 ] || [ $device_only = yes ]; then
  cat "$out/device.txt" "$summary"
  exit $failed
fi
say "$(cat "$summary")"

# --- one picture ---

say "Grad-CAM of the sample photograph …"
ours 40 convlens grad-cam "$here/share/install/sample/coffee.jpg" --output "$out/grad-cam.png" \
  --heatmap "$work/heat.npy" > "$work/said" 2>&1
code=$?
cat "$work/said" >> "$log"
if [ $code -eq 0 ] && ours 20 compare-npy "$work/heat.npy" "$here/share/install/sample/grad-cam.npy" 1e-4 > "$work/compared" 2>&1; then
  row grad-cam "heat map as Keras' own: $(cat "$work/compared")"
else
  bad grad-cam "$(ended $code 40); $(cat "$work/compared" 2> /dev/null || tail -n 1 "$work/said")"
fi
tail -n 1 "$summary"

# --- the tests, with the validation layer ---

# tap NAME DEBUG LIMIT: runs a test program; how many rows passed, failed, were skipped.
tap () {
  test=$1 debug=$2 limit=$3
  shift 3
  { echo; echo "=== test-$test, CONVLENS_DEBUG=$debug"; } >> "$out/tests.txt"
  CONVLENS_DEBUG=$debug ours "$limit" "test-$test" --tap "$@" > "$work/tap" 2>&1
  code=$?
  cat "$work/tap" >> "$out/tests.txt"
  skipped=$(grep -c '^ok .*# SKIP' "$work/tap")
  passed=$(($(grep -c '^ok ' "$work/tap") - skipped))
  wrong=$(grep -c '^not ok ' "$work/tap")
  planned=$(sed -n 's/^1\.\.\([0-9]*\)$/ of \1 rows/p' "$work/tap" | head -n 1)
  messages=$(grep -c 'Vulkan validation:' "$work/tap")
  whole=no
  [ $code -gt 1 ] || [ $((passed + skipped + wrong)) -eq 0 ] || whole=yes
}

test_program () {
  name=$1 limit=$2
  shift 2
  begun=$(date +%s)
  tap "$name" validate "$limit" "$@"
  how=
  [ $whole = yes ] || how=", $(ended $code "$limit")$planned"
  result="$passed passed, $wrong failed, $skipped skipped, $messages messages of the validation layer$how"
  good=no
  [ $whole = no ] || [ $code -ne 0 ] || [ "$messages" -ne 0 ] || good=yes
  if [ $whole = no ] && [ $code -ne 124 ] && [ $code -ne 137 ]; then
    # A message ends the program: what is right without the layer is worth knowing.
    tap "$name" '' "$limit" "$@"
    result="$result; without the layer $passed passed, $wrong failed"
  fi
  if [ $good = yes ]; then
    row "$name" "$result ($(($(date +%s) - begun)) s)"
  else
    bad "$name" "$result ($(($(date +%s) - begun)) s)"
  fi
  say "$(tail -n 1 "$summary")"
}

say "Tests …"
if [ $short = yes ]; then
  test_program layers "$(left 240)" -p /layers/Conv2D -p /layers/DepthwiseConv2D -p /layers/winograd
  tests_end=$time_in_all each=240
else
  tests_end=$(($(seconds) + 155)) each=45
  test_program layers "$(left 110)"
fi
for name in goldens plan memory session grid pattern; do
  test_program $name "$(left $each $tests_end)"
done

# --- speed ---

# What models were left out is a long list, and stands in models.txt.
short_line () { sed 's/^left out: nothing/all was measured/; s/^left out: .*/what found no time is at the end of models.txt/'; }

# measured NAME LIMIT FILE PROGRAM…: its table goes to FILE, its last line to the summary.
measured () {
  step=$1 limit=$2 file=$3
  shift 3
  begun=$(date +%s)
  CONVLENS_DEBUG='' ours "$limit" "$@" > "$work/said" 2> "$work/errors"
  code=$?
  cat "$work/said" "$work/errors" >> "$file"
  result="$(ended $code "$limit"): $(grep -v '^$' "$work/said" | tail -n 1 | short_line) ($(($(date +%s) - begun)) s)"
  if [ $code -eq 0 ]; then row "$step" "$result"; else bad "$step" "$result"; fi
  say "$(tail -n 1 "$summary")"
}

say "Layers' speed …"
if [ $short = yes ]; then
  measured perf "$(left 240)" "$out/perf.txt" test-layers --perf --seconds 10
else
  measured perf "$(left 75)" "$out/perf.txt" test-layers --perf --seconds 60
fi

say "Whole models' speed …"
mkdir "$work/models"
photo=$here/share/install/sample/coffee.jpg
if [ $short = yes ]; then
  measured models "$(left 240)" "$out/models.txt" bench-models --program "$here/bin/convlens" --work "$work/models" --photo "$photo" \
    --seconds 20 mobilenetv2_1_0
else
  # All of the time but what the tables after it take; the last measurement may be a long one.
  limit=$(left 300 $((time_in_all - 40)))
  measured models "$limit" "$out/models.txt" bench-models --program "$here/bin/convlens" --work "$work/models" --photo "$photo" \
    --seconds $((limit > 120 ? limit - 90 : limit / 4))
fi
# The lines that tell most.
printf '           %-18s %-24s %9s %9s %9s\n' model what 'best ms' 'median ms' GFLOP/s >> "$summary"
grep -E '  (forward|grad-cam|input gradient|cold|pattern, 30 steps|sheet of 16, 30 steps)  +[0-9]' "$out/models.txt" |
  sed -E 's/  +/|/g' |
  awk -F'|' '{ printf "           %-18s %-24s %9s %9s %9s\n", $1, $2, $3, $4, $5 }' >> "$summary"

say "Where the time goes …"
# timed MODEL COMMAND…: of two photographs, since the second has its kernels.
cp "$photo" "$work/again.jpg"
timed () {
  model=$1
  shift
  limit=$(left 30)
  { echo; echo "=== $1 $(basename "$model")"; } >> "$out/timing.txt"
  CONVLENS_DEBUG=timing ours "$limit" convlens "$@" "$photo" "$work/again.jpg" --model "$model" --json >> "$out/timing.txt" 2>&1
  code=$?
  [ $code -eq 0 ] || bad timing "$1 $(basename "$model"): $(ended $code "$limit")"
}
timed efficientnet-lite0 grad-cam --output "$work/timed"
if [ $short = no ]; then
  for made in "$work"/models/resnet50*; do
    [ ! -f "$made" ] || timed "$made" gradient --layer input --raw "$work/timed"
  done
fi
row timing "tables of kernel times in timing.txt: $(grep -c 'layer and kernel' "$out/timing.txt")"

row time "$(seconds) s in all"
say ""
say "$(cat "$summary")"
[ $failed -eq 0 ]
