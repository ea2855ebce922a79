#!/bin/bash
# The folder that install/gpu-bundle.sh makes, where there is nothing but a driver: a bare Debian 13
# tree without GLib, development packages or Vulkan's loader. Called by install/test.sh --all-hosts.
# The last line is the sum; exit code 77: there is no tree, and no way to make one.
#
#   test-gpu-bundle.sh
set -u
checkout=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 129' HUP INT TERM
passed=0 failed=0

# check WHAT COMMAND…
check () {
  local what=$1
  shift
  if "$@" > "$work/check" 2>&1; then
    passed=$((passed + 1))
    echo "ok: $what"
  else
    failed=$((failed + 1))
    echo "FAILED: $what"
    sed 's/^/    /' "$work/check"
  fi
}

"$checkout/install/debian-13-tree.sh" --bare > "$work/tree.txt" || {
  code=$?
  cat "$work/tree.txt"
  exit $code
}
tree=$(tail -n 1 "$work/tree.txt")
room=$tree/srv/convlens # nothing of this machine is seen in there
rm -rf "$room"
mkdir -p "$room"

in_tree () { CONVLENS_DEBIAN13=$tree "$checkout/install/in-debian-13.sh" --alone "$@"; }
inside=/srv/convlens/convlens-gpu
results=$room/convlens-gpu/results

bare () {
  local found
  found=$(find "$tree/usr/lib" -name 'libglib-2.0.so*' -o -name 'libvulkan.so*' -o -name 'libhdf5*')
  echo "$found"
  [ -z "$found" ]
}
size () { # of the archive, in MB
  echo "$(stat -c %s "$bundle.tar.xz") bytes"
  [ "$(stat -c %s "$bundle.tar.xz")" -le 40000000 ]
}
unpack () { tar -C "$room" -xf "$bundle.tar.xz"; }
# row STEP WORDS: the step's line of the summary begins so and has the words, a regular expression.
row () { cat "$results/summary.txt"; grep -q "^$1 .*$2" "$results/summary.txt"; }
files () {
  ls -l "$results"
  [ "$(ls "$results" | tr '\n' ' ')" = 'device.txt grad-cam.png log.txt models.txt perf.txt summary.txt tests.txt timing.txt ' ]
}
refused () { # a device that is not there
  ! in_tree env CONVLENS_DEVICE=no-such-device "$inside/run.sh" > "$work/refused" 2>&1 &&
    cat "$work/refused" && grep -q '^device  *no Vulkan device is called “no-such-device”; there is' "$work/refused"
}
# Where the loader finds no description, one is written for the driver's library.
undescribed () {
  in_tree env VK_DRIVER_FILES=/nowhere "$inside/run.sh" --device &&
    grep -q "^driver's description: .*/libvulkan_lvp.so.json" "$results/device.txt"
}
# As in containers: NVIDIA's name, in a folder that neither the loader nor the linker knows.
elsewhere () {
  local code=0
  mkdir -p "$tree/usr/local/nvidia/lib64"
  cp "$tree/usr/lib/x86_64-linux-gnu/libvulkan_lvp.so" "$tree/usr/local/nvidia/lib64/libGLX_nvidia.so.0"
  in_tree env VK_DRIVER_FILES=/nowhere "$inside/run.sh" --device &&
    grep -q '"library_path": "/usr/local/nvidia/lib64/libGLX_nvidia.so.0"' "$results/device.txt" || code=1
  rm -r "$tree/usr/local/nvidia"
  return $code
}

bundle=$checkout/build/gpu-bundle/convlens-gpu
check "the tree is bare" bare
check "the bundle is made" "$checkout/install/gpu-bundle.sh" "$bundle"
check "its archive is no larger than 40 MB" size
check "the archive unpacks" unpack
check "a short run in the bare tree" in_tree "$inside/run.sh" --short
check "eight files" files
check "the heat map is Keras'" row grad-cam 'equal'
for step in layers goldens plan memory session grid pattern; do
  check "test-$step" row $step '[1-9][0-9]* passed, 0 failed, [0-9]* skipped, 0 messages of the validation layer ('
done
check "layers' speed" row perf 'done: sum: .* [1-9][0-9]* rows, [1-9][0-9]* lines, 0 errors'
check "whole models' speed" row models 'done'
check "a model's time" row ' *mobilenetv2_1_0' 'forward  *[0-9]'
check "tables of kernel times" row timing 'times in timing.txt: [1-9]'
cp "$results/summary.txt" "$work/summary" 2> /dev/null && sed 's/^/  /' "$work/summary"
check "a driver without a description" undescribed
check "a driver in a folder of its own" elsewhere
check "a device that is not there" refused
rm -rf "$room"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
