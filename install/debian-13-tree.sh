#!/bin/sh
# Makes or finds a Debian 13 tree with GIMP 3 and all that building and testing needs.
# The last line it prints is the tree's path. Exit code 77: it would have to be made, by root.
#
#   debian-13-tree.sh [DIR]           default: $CONVLENS_DEBIAN13, else ~/.cache/convlens/debian-13
#   debian-13-tree.sh --bare [DIR]    with the software driver for Vulkan and nothing else, as on a
#                                     machine that only has a driver, not even with Vulkan's loader;
#                                     default: …/debian-13-bare
set -eu

here=$(cd "$(dirname "$0")" && pwd)
caches=${XDG_CACHE_HOME:-$HOME/.cache}/convlens
case ${1:-} in
  --bare)
    tree=${2:-$caches/debian-13-bare}
    set=driver
    ;;
  *)
    tree=${1:-${CONVLENS_DEBIAN13:-$caches/debian-13}}
    set=tree
    ;;
esac
mark=$tree/.convlens-packages # holds the checksum of the package list that is in the tree
packages=$(CONVLENS_RELEASE=13 "$here/packages.sh" list $set)
checksum=$(echo "$packages" | cksum)

say () { echo "debian-13-tree: $*" >&2; }
fail () { say "$*"; exit 1; }
whole () { [ "$(cat "$mark" 2> /dev/null)" = "$checksum" ]; }

if whole; then
  echo "$tree"
  exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
  say "making the tree needs root, once: sudo $0 '$tree'"
  exit 77
fi

# The archive this machine itself uses: the URI of the source that has its release's main part.
archive () {
  codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2> /dev/null |
    awk -v suite="$codename" '
      $1 == "deb" {
        sub (/\[[^]]*\]/, "")
        if ($3 == suite && $4 == "main") print $2
      }'
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] || continue
    # A stanza ends at an empty line; a comment may stand inside it.
    { cat "$file"; echo; } | awk -v suite="$codename" '
      function has (list, word,   part, n, i) {
        n = split (list, part, " ")
        for (i = 1; i <= n; i++) if (part[i] == word) return 1
        return 0
      }
      /^#/ { next }
      /^URIs:/ { uri = $2 }
      /^Suites:/ { suites = $0 }
      /^Components:/ { components = $0 }
      /^[ \t]*$/ {
        if (uri && has (suites, suite) && has (components, "main")) print uri
        uri = suites = components = ""
      }'
  done
}

make () {
  uri=$(archive | grep -E -m 1 '^(https?|file):') || fail "found no Debian archive in the apt sources"
  # Files of a run that was broken off; a file system it had mounted there is left alone.
  part=$tree.part
  rm -rf --one-file-system "$part"
  say "making a Debian 13 tree in $tree from $uri (some minutes)"
  debootstrap --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
    trixie "$part" "$uri" > "$part.log" 2>&1 < /dev/null ||
    { tail -n 20 "$part.log" >&2; fail "debootstrap failed (all it said: $part.log)"; }
  printf '#!/bin/sh\nexit 101\n' > "$part/usr/sbin/policy-rc.d"
  chmod 755 "$part/usr/sbin/policy-rc.d"
  mv "$part" "$tree"
}

fill () {
  say "installing the packages into $tree (some minutes)"
  rm -f "$mark"
  # The machine's own apt settings and name server: what reaches the archive here does so there.
  cp -L /etc/resolv.conf "$tree/etc/resolv.conf"
  for file in /etc/apt/apt.conf.d/99*; do
    [ ! -f "$file" ] || cp "$file" "$tree/etc/apt/apt.conf.d/"
  done
  # shellcheck disable=SC2016,SC2086
  CONVLENS_DEBIAN13=$tree "$here/in-debian-13.sh" --administer sh -c '
      export DEBIAN_FRONTEND=noninteractive
      dpkg --configure -a &&
      apt-get update && apt-get install -f -y &&
      apt-get install -y --no-install-recommends "$@" &&
      apt-get clean' sh $packages > "$tree.log" 2>&1 < /dev/null ||
    { tail -n 20 "$tree.log" >&2; fail "the packages were not installed (all it said: $tree.log)"; }
  # Debian's driver packages ask for the loader; a driver's own installer may not bring it.
  [ $set != driver ] || chroot "$tree" dpkg --purge --force-depends libvulkan1 >> "$tree.log" 2>&1 ||
    fail "the loader could not be taken out of $tree (all it said: $tree.log)"
  echo "$checksum" > "$mark"
}

mkdir -p "$(dirname "$tree")"
exec 9> "$tree.lock"
flock 9
if ! whole; then # another run may have made it while this one waited
  started=$(date +%s)
  if [ ! -d "$tree" ]; then
    command -v debootstrap > /dev/null || fail "debootstrap is missing: apt-get install debootstrap"
    make
  elif [ ! -f "$tree/usr/sbin/policy-rc.d" ] || ! grep -q '^13' "$tree/etc/debian_version"; then
    fail "$tree exists and is not a tree of ours: name another folder"
  fi
  fill
  say "ready after $(($(date +%s) - started)) s"
fi
echo "$tree"
