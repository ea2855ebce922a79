#!/bin/bash
# From nothing to passed tests: packages, build, every check. The last line is the sum:
# N passed, N failed, N skipped. The exit code is 0 when nothing failed.
#
#   test.sh                what this machine's GIMP allows
#   test.sh --all-hosts    also in a Debian 13 tree (GIMP 3, a newer Mesa), the layers with other
#                          subgroups and on a second driver, the demo in both, the bundle for
#                          graphics cards in a bare tree, and the comparison with live Keras
set -eu
. "$(dirname "$0")/host.sh"

all_hosts=no
case ${1:-} in
  '') ;;
  --all-hosts) all_hosts=yes ;;
  *) echo "usage: test.sh [--all-hosts]" >&2; exit 2 ;;
esac

exec 2>&1
cd "$checkout"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/convlens
passed=0 failed=0 skipped=0
logs=$build-logs
mkdir -p "$logs"

# add PASSED FAILED SKIPPED
add () {
  passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

# stage TITLE COMMAND [ARGUMENT…]: the command's 0 is a pass, 77 a skip, anything else a failure;
# 78 and 79 say that it did well or badly and that what is to be counted has been.
stage () {
  local title=$1 started=$SECONDS code=0
  shift
  echo "── $title"
  "$@" || code=$?
  case $code in
    0) add 1 0 0; echo "   passed, $((SECONDS - started)) s" ;;
    77) add 0 0 1; echo "   skipped, $((SECONDS - started)) s" ;;
    78) echo "   done, $((SECONDS - started)) s" ;;
    79) echo "   FAILED, $((SECONDS - started)) s" ;;
    *) add 0 1 0; echo "   FAILED, $((SECONDS - started)) s" ;;
  esac
  [ $code -eq 0 ] || [ $code -eq 78 ]
}

uncounted () {
  "$@" || return
  return 78
}

sum () {
  echo "$passed passed, $failed failed, $skipped skipped"
  [ $failed -eq 0 ]
}

finish () {
  wait
  echo "── all in $((SECONDS / 60)) min $((SECONDS % 60)) s"
  sum && [ $passed -gt 0 ]
  exit
}

# meson_tests FOLDER LOG [OPTION…]: runs and counts a build's tests.
meson_tests () {
  local folder=$1 name=$2 code=0
  local log=$folder/meson-logs/$name.json
  shift 2
  rm -f "$log"
  meson test -C "$folder" --logbase "$name" --no-rebuild --print-errorlogs --timeout-multiplier 4 "$@" \
    < /dev/null || code=$?
  count () { grep -c -E "\"result\": \"($1)\"" "$log" 2> /dev/null || true; }
  local good bad left
  good=$(count 'OK|EXPECTEDFAIL') left=$(count SKIP)
  bad=$(count 'FAIL|ERROR|TIMEOUT|INTERRUPT|UNEXPECTEDPASS')
  add "${good:-0}" "${bad:-0}" "${left:-0}"
  if [ "${bad:-0}" -eq 0 ] && { [ "$code" -ne 0 ] || [ "${good:-0}" -eq 0 ]; }; then
    echo "meson test ended with $code and counted no failure" >&2
    return 1
  fi
  [ "${bad:-0}" -eq 0 ] || return 79
  return 78
}

sanitized_tests () {
  local keep=$build-sanitized/keep-loaded.so
  gcc -shared -fPIC -o "$keep" install/keep-loaded.c || return 1
  LD_PRELOAD=$keep ASAN_OPTIONS=verify_asan_link_order=0 \
    UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
    meson_tests "$build-sanitized" testlog --no-suite dialog --no-suite unsanitized
}

format () {
  case $(clang-format --version 2> /dev/null) in
    *' 14.'*) ;;
    *) echo "   the style is checked with clang-format 14 (Debian 12's), which is not here"; return 77 ;;
  esac
  local bad
  bad=$(find core compute_shaders plugin tests install -name '*.[ch]' | sort | while read -r file; do
    clang-format --dry-run -Werror "$file" > /dev/null 2>&1 || echo "   $file"
  done)
  [ -z "$bad" ] || { echo "   put these into style with clang-format -i:"; echo "$bad"; return 1; }
}

# counted NAME COMMAND…: shows what the command says, and takes its last line as its own count; 77
# without one is a skip.
counted () {
  local log=$logs/$1.txt sum code
  shift
  "$@" 2>&1 < /dev/null | tee "$log" | sed 's/^/   │ /'
  code=${PIPESTATUS[0]}
  sum=$(tail -n 1 "$log" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed\(, \([0-9]*\) skipped\)\{0,1\}$/\1 \2 \4/p')
  if [ -z "$sum" ]; then
    [ "$code" -eq 77 ] && return 77
    return 1
  fi
  # shellcheck disable=SC2086
  set -- $sum
  add "$1" "$2" "${3:-0}"
  [ "$2" -eq 0 ] || return 79
  [ "$code" -eq 0 ] || return 1
  return 78
}

# begin NAME COMMAND…: a command that counts for itself, at the same time as what follows.
declare -A begun
begin () {
  local name=$1
  shift
  "$@" > "$logs/$name-live.txt" 2>&1 < /dev/null &
  begun[$name]=$!
}
# ended NAME: waits for it, shows what it said, and takes its count.
ended () {
  local code=0
  wait "${begun[$1]}" || code=$?
  # shellcheck disable=SC2016
  counted "$1" sh -c 'cat "$1"; exit "$2"' sh "$logs/$1-live.txt" "$code"
}

# layer_tests LOG LANES VARIABLE=VALUE…: on another driver, or on this one with subgroups of so
# many lanes; for `begin`.
layer_tests () {
  local log=$1
  export CONVLENS_TEST_LANES="$2" "${@:3}"
  passed=0 failed=0 skipped=0
  stage "$*" meson_tests "$build" "$log" layers || true
  sum
}

swiftshader_ready () {
  second_driver=$(install/swiftshader.sh 2>&1) && return
  set -- $?
  echo "   $second_driver"
  return "$1"
}

tree_ready () {
  local code=0
  wait "$tree_job" || code=$?
  sed 's/^/   /' "$logs/tree.txt"
  return "$code"
}

in_tree () {
  local shared=$checkout/../shared
  [ -d "$shared" ] && set -- --bind "$(realpath "$shared")" "$@"
  "$checkout/install/in-debian-13.sh" "$@"
}

demo () {
  CONVLENS_DEMO=$checkout/build/demo-$1 "${@:2}" "$checkout/install/demo.sh" < /dev/null
}

# What Keras' Python packages are is said beside the comparisons, those of which only the files are
# wanted in requirements-no-deps.txt.
keras_venv () {
  local venv=$cache/keras folder=tests/keras wanted
  [ -f "$folder/parity.py" ] || { echo "   there is no $folder/parity.py"; return 77; }
  wanted=$(cat "$folder"/requirements*.txt)
  [ "$(cat "$venv/installed.txt" 2> /dev/null)" != "$wanted" ] || return 0
  rm -rf "$venv"
  mkdir -p "$cache"
  if ! {
    python3 -m venv "$venv" &&
      "$venv/bin/pip" install --quiet --retries 1 -r "$folder/requirements.txt" &&
      { [ ! -f "$folder/requirements-no-deps.txt" ] ||
        "$venv/bin/pip" install --quiet --no-deps -r "$folder/requirements-no-deps.txt"; }
  } > "$logs/venv.txt" 2>&1; then
    echo "   no Keras to compare with: $(tail -n 1 "$logs/venv.txt")"
    return 77
  fi
  echo "$wanted" > "$venv/installed.txt"
}

# keras_parity SCRIPT: a comparison's own count is its last line.
keras_parity () {
  env CONVLENS_DATA_DIR="$checkout/weights" CONVLENS_SHARED="$checkout/../shared" \
    "$cache/keras/bin/python" "tests/keras/$1" "$build/plugin/convlens" --work "$cache/keras-work/${1%.py}"
}

stage "packages" uncounted "$checkout/install/packages.sh" install build run test || finish

use_tree=no
if [ $all_hosts = yes ] && [ "$host" != debian-12 ]; then
  echo "── the Debian 13 tree is made on Debian 12 only; this is $host"
elif [ $all_hosts = yes ]; then
  use_tree=yes
  "$checkout/install/debian-13-tree.sh" > "$logs/tree.txt" 2>&1 < /dev/null &
  tree_job=$!
fi

stage "build for $host" "$checkout/install/build.sh" --no-install -Dwerror=true || finish
stage "tests on $host" meson_tests "$build" testlog || true

if [ $all_hosts = yes ] || [ -n "${CONVLENS_IN_TREE:-}" ]; then
  begin lanes-4 layer_tests lanes-4 4 LP_NATIVE_VECTOR_WIDTH=128
  # The proof of a row of core/gpu/wide.c: Debian 12's driver is right at 512 bits. Debian 13's is known to be
  # wrong there, and is tested as it is used, by the tests above.
  [ "$host" != debian-12 ] || begin lanes-16 layer_tests lanes-16 16 LP_NATIVE_VECTOR_WIDTH=512
  if [ $all_hosts = yes ] && stage "SwiftShader, a second driver" uncounted swiftshader_ready; then
    begin swiftshader layer_tests swiftshader 4 \
      VK_DRIVER_FILES="$second_driver" VK_ICD_FILENAMES="$second_driver"
    stage "layers on SwiftShader" ended swiftshader || true
  fi
  stage "layers at 128 bits, in subgroups of 4" ended lanes-4 || true
  [ "$host" != debian-12 ] || stage "layers at 512 bits, in subgroups of 16" ended lanes-16 || true
fi

if [ -z "${CONVLENS_IN_TREE:-}" ]; then
  stage "style" format || true
  stage "build with the address and undefined-behaviour sanitizers" \
    env CONVLENS_BUILD="$build-sanitized" "$checkout/install/build.sh" --no-install \
    -Db_sanitize=address,undefined -Db_lundef=false &&
    stage "tests with the sanitizers" sanitized_tests
fi || true

if [ $all_hosts = yes ]; then
  stage "demo on $host" demo "$host" env || true
  if [ $use_tree = yes ] && stage "the Debian 13 tree" uncounted tree_ready; then
    stage "tests on Debian 13" counted debian-13 in_tree "$checkout/install/test.sh" || true
    stage "demo on Debian 13" demo debian-13 in_tree env || true
  fi
  if [ "$host" = debian-12 ]; then
    stage "the bundle for graphics cards in a bare Debian 13" counted gpu-bundle tests/test-gpu-bundle.sh || true
  fi
  # Both at a time: each leaves a processor idle for half of its time.
  if stage "live Keras" uncounted keras_venv; then
    begin architectures keras_parity parity_architectures.py
    stage "comparison with live Keras" counted keras keras_parity parity.py || true
    stage "architectures against live Keras" ended architectures || true
  fi
fi
finish
