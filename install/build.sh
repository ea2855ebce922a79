#!/bin/sh
# Sets up the packages, compiles in build/<host> and installs: as root for all users of this
# machine, otherwise for the user who runs it.
#
#   build.sh [--no-install] [MESON-OPTION…]
set -eu
. "$(dirname "$0")/host.sh"

install=yes
if [ "${1:-}" = --no-install ]; then
  install=no
  shift
fi

"$checkout/install/packages.sh" install build run
find_gimp

case $gimp_version in
  2.*) set -- -Dplugindir2="$plug_ins" "$@" ;;
  *) set -- -Dplugindir3="$plug_ins" "$@" ;;
esac
set -- --prefix "$prefix" --buildtype debugoptimized "$@"
[ ! -f "$build/build.ninja" ] || set -- --reconfigure "$@"

echo "Building in $build …"
mkdir -p "$build"
if ! meson setup "$@" "$build" "$checkout" > "$build/setup.txt" 2>&1; then
  tail -n 30 "$build/setup.txt" >&2
  echo "build.sh: meson could not set up $build (all it said: $build/setup.txt)" >&2
  exit 1
fi
if ! ninja -C "$build" --quiet > "$build/compile.txt" 2>&1; then
  tail -n 60 "$build/compile.txt" >&2
  echo "build.sh: compiling failed (all it said: $build/compile.txt)" >&2
  exit 1
fi

if [ $install = yes ]; then
  [ "$(id -u)" -eq 0 ] || make_profile "$(dirname "$plug_ins")"
  meson install -C "$build" --no-rebuild --quiet
  for program in "$prefix/bin/convlens" "$plug_ins/convlens/convlens"; do
    [ -x "$program" ] || { echo "build.sh: $program was not installed" >&2; exit 1; }
  done
  echo "Installed: $prefix/bin/convlens and GIMP $gimp_version's plug-in $plug_ins/convlens"
fi
