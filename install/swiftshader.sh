#!/bin/sh
# Finds or gets SwiftShader, a second software driver for Vulkan, out of the Debian package that has
# it; nothing is installed. The last line it prints is the path of the driver's description, for
# VK_DRIVER_FILES. Exit code 77: the package cannot be had.
#
#   swiftshader.sh [DIR]    default: ~/.cache/convlens/swiftshader
set -eu

here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/convlens/swiftshader}
package=$("$here/packages.sh" list swiftshader)
description=vk_swiftshader_icd.json # names the library as one that lies beside it

say () { echo "swiftshader: $*" >&2; }

if [ -f "$folder/$description" ]; then
  echo "$folder/$description"
  exit 0
fi

mkdir -p "$(dirname "$folder")"
part=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$part"' EXIT
trap 'exit 129' HUP INT TERM

# Where apt has no lists, or old ones, it gets them into a folder of ours: that asks for no root.
lists="-o Dir::State::Lists=$part/lists -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root"
download () {
  # shellcheck disable=SC2086
  (cd "$part" && apt-get "$@" -o APT::Sandbox::User=root download "$package")
}
{
  mkdir -p "$part/lists/partial"
  # shellcheck disable=SC2086
  download || { apt-get $lists update; download $lists; }
} > "$part/log" 2>&1 < /dev/null || {
  say "$package cannot be had: $(grep -m 1 '^E:' "$part/log" || tail -n 1 "$part/log")"
  exit 77
}

mkdir "$part/files"
dpkg --fsys-tarfile "$part/$package"_*.deb |
  tar -x -C "$part/files" --strip-components 4 --wildcards ./usr/lib/chromium/*swiftshader*
[ -f "$part/files/$description" ] || { say "there is no $description in $package"; exit 77; }
mv -T "$part/files" "$folder" 2> /dev/null || [ -f "$folder/$description" ] # another run's is as good
echo "$folder/$description"
