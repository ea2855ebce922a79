#!/bin/bash
# What a driver would not survive is found before it is loaded: a full disk under its cache, too little memory, a width
# of vectors that it cannot have. TAP.
#   test-limits.sh CONVLENS
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"
# The layer that validates has an address space of its own.
unset CONVLENS_DEBUG

cp "$golden/input.npy" in.npy
small=(in.npy --model "$golden/model.h5")
pattern=(filter-pattern --model "$here/data/pattern/model.keras" --layer conv --size 30 --crop 5 --steps 2)

# --- the width of vectors ---

for width in 0 -5 '' 64 129 1024 256x wide; do
  refuses "LP_NATIVE_VECTOR_WIDTH=$width" 1 "LP_NATIVE_VECTOR_WIDTH is \"$width\"" \
    env LP_NATIVE_VECTOR_WIDTH="$width" timeout 30 "$convlens" predict "${small[@]}"
done
refuses "also where devices are listed" 1 'takes 128, 256 or 512' \
  env LP_NATIVE_VECTOR_WIDTH=0 timeout 30 "$convlens" devices
ok "it does not matter where no device is used" env LP_NATIVE_VECTOR_WIDTH=0 "$convlens" layers "$golden/model.h5"
for width in 128 256 512; do
  ok "LP_NATIVE_VECTOR_WIDTH=$width" sh -c 'LP_NATIVE_VECTOR_WIDTH=$1 "$2" devices | grep -q "$1 bits"' sh $width "$convlens"
done

# --- drivers ---

refuses "no driver" 1 'no Vulkan driver was found; install' env VK_DRIVER_FILES=none.json VK_ICD_FILENAMES=none.json \
  "$convlens" predict "${small[@]}"
echo '{"file_format_version": "1.0.0", "ICD": {"library_path": "/none/libvulkan_none.so", "api_version": "1.1.0"}}' \
  > broken.json
refuses "a driver that cannot be loaded" 1 'a Vulkan driver is installed (broken.json), but none could be loaded' \
  env VK_DRIVER_FILES=broken.json VK_ICD_FILENAMES=broken.json "$convlens" predict "${small[@]}"

# --- little memory ---

# limited KB COMMAND…: done, or refused with a reason; never a crash, which would be a status from 128 on.
limited () {
  local code=0 limit=$1
  shift
  (ulimit "$limit_of" "$limit"; exec timeout 60 "$convlens" "$@") > stdout.txt 2> stderr.txt || code=$?
  [ $code -eq 0 ] && return 0
  echo "status $code: $(cat stderr.txt)"
  [ $code -eq 1 ] && [ "$(wc -l < stderr.txt)" -eq 1 ] && grep -q 'too little memory\|no memory\|out of memory' stderr.txt
}
limit_of=-v
for kb in 200000 300000 400000 450000 500000 550000 600000 650000 700000 800000 900000; do
  ok "predict in $kb kB" limited $kb predict "${small[@]}"
  ok "filter-pattern in $kb kB" limited $kb "${pattern[@]}"
done
for kb in 600000 700000 900000; do
  ok "grad-cam of a photograph in $kb kB" limited $kb grad-cam "$photo" --output o.png
done
limit_of=-d
for kb in 100000 200000 300000 400000; do
  ok "predict in $kb kB of data" limited $kb predict "${small[@]}"
done
limit_of=-v
says_how_much () {
  ! limited_quietly 300000 && grep -q 'this process may have 292 MB (ulimit -v, ulimit -d), and needs about [0-9]* MB' stderr.txt
}
limited_quietly () { (ulimit -v "$1"; exec "$convlens" predict "${small[@]}") > stdout.txt 2> stderr.txt; }
ok "the message says how much" says_how_much
# It need not be much more than what the message says.
enough () {
  limited_quietly 300000
  local needed
  needed=$(grep -o 'needs about [0-9]*' stderr.txt | grep -o '[0-9]*')
  limited_quietly $((needed * 1024 + 20480)) || { cat stderr.txt; return 1; }
}
ok "what the message says is enough" enough

# --- full disks: a file system of our own, in a name space that ends with the command ---

mkdir disk
# with_disk SIZE FILLED COMMAND…
with_disk () {
  local size=$1 filled=$2
  shift 2
  unshare --mount sh -c '
    mount -t tmpfs -o size="$1" tmpfs disk || exit 99
    [ "$2" = no ] || dd if=/dev/zero of=disk/filled bs=1k 2> /dev/null
    shift 2
    exec "$@"' sh "$size" "$filled" "$@"
}
if with_disk 100k no true 2> /dev/null; then
  # full NAME WARNED VARIABLE SIZE FILLED
  full () {
    local code=0
    with_disk "$4" "$5" env -u XDG_CACHE_HOME "$3" timeout 60 "$convlens" predict "${small[@]}" --json \
      > stdout.txt 2> stderr.txt || code=$?
    cat stdout.txt stderr.txt
    [ $code -eq 0 ] && [ ! -s stderr.txt ] || return 1
    [ "$(grep -c 'too little space for the driver' stdout.txt)" -eq "$2" ]
  }
  for _ in 1 2 3; do
    ok "a full disk under \$XDG_CACHE_HOME" full x 1 XDG_CACHE_HOME=disk 100k yes
  done
  ok "under \$MESA_SHADER_CACHE_DIR" full x 1 MESA_SHADER_CACHE_DIR=disk 100k yes
  ok "a folder that is still to be made" full x 1 XDG_CACHE_HOME=disk/a/b 100k yes
  ok "one with little space" full x 1 XDG_CACHE_HOME=disk 2m no
  ok "one with enough" full x 0 XDG_CACHE_HOME=disk 64m no
  no_names () {
    unshare --mount sh -c 'mount -t tmpfs -o size=64m,nr_inodes=10 tmpfs disk && XDG_CACHE_HOME=disk "$@"' sh \
      "$convlens" predict "${small[@]}" | grep -c 'too little space' | grep -qx 1
  }
  ok "one without names for files" no_names
  # Where a result goes: the old file stays, and nothing else does.
  full_results () {
    with_disk 300k no sh -c '
      cp in.npy disk/o.png
      dd if=/dev/zero of=disk/filled bs=1k 2> /dev/null
      ! "$1" grad-cam "$2" --output disk/o.png 2> stderr.txt && grep -q "No space left" stderr.txt &&
        cmp in.npy disk/o.png && [ "$(ls -A disk)" = "filled
o.png" ]' sh "$convlens" "$photo"
  }
  ok "a full disk under a result" full_results
  # What the kernel says of its memory.
  little () {
    sed 's/^\(MemAvailable\|SwapFree\): .*/\1: 1000 kB/' /proc/meminfo > meminfo
    unshare --mount sh -c 'mount --bind meminfo /proc/meminfo && "$@"' sh "$convlens" predict "${small[@]}" \
      | grep -q 'Note: .*The machine has 1 MB of memory left'
  }
  ok "a machine with little memory left is said" little
else
  skip "full disks" "no file system can be mounted here"
fi
finish
