#!/bin/sh
# Builds Debian's libhdf5 from its source package with AddressSanitizer, so that the fuzzers see what
# it reads beyond its memory.
#   hdf5.sh FOLDER [JOBS]
# Then: meson setup … --pkg-config-path FOLDER/installed/lib/pkgconfig (README.md has all of it).
# Skips, with a word, where the source package cannot be reached.
set -eu
mkdir -p "$1"
folder=$(cd "$1" && pwd)
jobs=${2:-1}
cd "$folder"
[ ! -e installed/lib/pkgconfig/hdf5.pc ] || exit 0

skip () {
  echo "SKIP: $*" >&2
  exit 77
}

# The system's own list of packages stays as it is.
. /etc/os-release
mkdir -p lists/partial cache/archives/partial
echo "deb-src http://deb.debian.org/debian $VERSION_CODENAME main" > sources.list
packages () {
  apt-get -q -o Dir::Etc::sourcelist="$folder/sources.list" -o Dir::Etc::sourceparts=- \
    -o Dir::State::lists="$folder/lists" -o Dir::Cache="$folder/cache" -o APT::Sandbox::User="$(id -un)" "$@"
}
packages update > log.txt 2>&1 || skip "no list of Debian's source packages: $(tail -n 1 log.txt)"
packages source --download-only hdf5 >> log.txt 2>&1 || skip "no source of hdf5: $(tail -n 1 log.txt)"
rm -rf source
dpkg-source --no-check -x hdf5_*.dsc source >> log.txt 2>&1 || skip "the source of hdf5 does not unpack (log.txt)"

# Without tools, tests and bindings; statically, since the sanitizer's own run-time is in the fuzzer.
mkdir -p build
cd build
CC=clang-14 CFLAGS='-g -O1 -fno-omit-frame-pointer -fsanitize=address,fuzzer-no-link -w' \
  ../source/configure --prefix="$folder/installed" --disable-shared --disable-hl --disable-tests --disable-tools \
  --disable-cxx --disable-fortran --with-zlib --without-szlib >> ../log.txt 2>&1
make -C src -j"$jobs" install >> ../log.txt 2>&1
mkdir -p ../installed/lib/pkgconfig
cat > ../installed/lib/pkgconfig/hdf5.pc << END
Name: hdf5
Description: HDF5 with AddressSanitizer
Version: $(sed -n 's/^.*H5_PACKAGE_VERSION "\([0-9.]*\).*$/\1/p' src/H5pubconf.h)
Libs: -L$folder/installed/lib -lhdf5 -lz -ldl -lm
Cflags: -I$folder/installed/include
END
