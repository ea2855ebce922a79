#!/bin/bash
# test-layers --perf: the lines of its table, for rows that take no time. TAP.
#   test-perf.sh TEST_LAYERS
set -u

program=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
number=0 failures=0

# ok NAME COMMAND…
ok () {
  local name=$1 code=0
  shift
  "$@" > said.txt 2>&1 || code=$?
  number=$((number + 1))
  if [ $code -eq 0 ]; then
    echo "ok $number - $name"
  else
    failures=$((failures + 1))
    echo "not ok $number - $name"
    sed 's/^/# /' said.txt table.txt errors.txt
  fi
}

# measure STATUS ARGUMENT…: into table.txt and errors.txt, with that exit status.
measure () {
  local wanted=$1 code=0
  shift
  "$program" --perf "$@" > table.txt 2> errors.txt || code=$?
  [ $code -eq "$wanted" ]
}

# has_line CLASS INPUT DIRECTION KERNEL: a line with a positive time and rate of bytes, which begins with the row's number.
has_line () {
  awk -v class="$1" -v input="$2" -v direction="$3" -v kernel="$4" '
    $1 == "row" && $3 == class {
      for (i = 4; i < NF; i++)
        if ($i == input && $(i + 1) == direction && $(i + 2) > 0 && $(i + 4) ~ /^[0-9.]+$/ && $(i + 5) == kernel)
          found = 1
    }
    END { exit !found }' table.txt
}

ok "two rows" measure 0 '/layers/Conv2D/*kernel_size=2 padding=same' -p '/layers/MaxPooling2D/*pool_size=2,3'
ok "the device comes first" grep -Eq '^[^,]+.*, subgroups of [0-9]+, (storage|texel) reads, ' <(head -n 1 table.txt)
ok "then the columns" grep -Eq '^where +class .* ms +GFLOP/s +GB/s' <(sed -n 2p table.txt)
for direction in forward backward; do
  ok "a convolution $direction" has_line Conv2D 7x9x3 $direction conv2d_relu
done
ok "pooling forward" has_line MaxPooling2D 7x9x5 forward max_pool
ok "pooling forward for a gradient" has_line MaxPooling2D 7x9x5 forward+grad max_pool
ok "pooling backward" has_line MaxPooling2D 7x9x5 backward max_pool_backward
ok "no other lines but a sum" test "$(wc -l < table.txt)" -eq 8
ok "the sum" grep -Eq '^sum: forward [0-9.]+ ms .* 2 rows, 5 lines, 0 errors' table.txt
ok "nothing else is said" test ! -s errors.txt

ok "no time" measure 0 --seconds 0 'VGG16*Dense'
ok "no time leaves rows out" grep -q '^2 rows left out after 0 s' table.txt
ok "an unknown row" measure 1 '/layers/NoSuchLayer'
ok "an unknown row is an error" grep -q 'no row matches' errors.txt
ok "an unknown option" measure 1 --no-such

echo "1..$number"
[ $failures -eq 0 ]
