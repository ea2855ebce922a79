#!/bin/sh
# Runs a command inside the Debian 13 tree, with the checkout at its own path, in the present folder
# (or in the checkout, where the tree does not have that). There is no network unless asked for.
# The exit code is the command's.
#
#   in-debian-13.sh [--network] [--bind PATH]… COMMAND…
#   in-debian-13.sh --alone COMMAND…           in /, with nothing of this machine
#   in-debian-13.sh --administer COMMAND…      as root, with network (for apt)
set -eu

checkout=$(cd "$(dirname "$0")/.." && pwd)
tree=${CONVLENS_DEBIAN13:-${XDG_CACHE_HOME:-$HOME/.cache}/convlens/debian-13}
network=no
administer=no
binds=$checkout
folder=$checkout

fail () { echo "in-debian-13: $*" >&2; exit 1; }

while [ $# -gt 0 ]; do
  case $1 in
    --network) network=yes ;;
    --alone) binds='' folder=/ ;;
    --administer) network=yes administer=yes ;;
    --bind) shift; binds="$binds
$1" ;;
    --) shift; break ;;
    *) break ;;
  esac
  shift
done
[ $# -gt 0 ] || fail "name a command"
[ -d "$tree/usr" ] || fail "no tree at $tree: run install/debian-13-tree.sh first"
if [ $administer = no ] && [ ! -f "$tree/.convlens-packages" ]; then
  fail "the tree at $tree is not whole: run install/debian-13-tree.sh first"
fi

here=$(pwd)
home=/root
[ "$(id -u)" -eq 0 ] || home=/tmp

# Nothing of the caller's session: its display, Python, proxies for the language tools, caches.
clean () {
  env -u DISPLAY -u WAYLAND_DISPLAY -u XAUTHORITY -u DBUS_SESSION_BUS_ADDRESS \
    -u XDG_CACHE_HOME -u XDG_CONFIG_HOME -u XDG_DATA_HOME -u XDG_RUNTIME_DIR -u XDG_STATE_HOME \
    -u VIRTUAL_ENV -u PYTHONPATH -u PYTHONHOME -u TMPDIR -u CONVLENS_DEBIAN13 -u CONVLENS_BUILD \
    -u VK_DRIVER_FILES -u VK_ICD_FILENAMES \
    HOME=$home LANG=C.UTF-8 LC_ALL=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

if command -v bwrap > /dev/null && bwrap --bind / / true 2> /dev/null; then
  first=$1
  shift
  set -- --setenv CONVLENS_IN_TREE 1 --die-with-parent "$first" "$@"
  if [ $administer = yes ]; then
    set -- --cap-add ALL "$@"
  else
    # Bound last, so that a checkout under /tmp is seen too.
    IFS='
'
    for path in $binds; do
      set -- --bind "$path" "$path" "$@"
      case $here/ in "$path"/*) folder=$here ;; esac
    done
    set -- --chdir "$folder" "$@"
    unset IFS
  fi
  [ $network = yes ] || set -- --unshare-net "$@"
  clean bwrap --bind "$tree" / --dev /dev --proc /proc --tmpfs /tmp --unshare-pid "$@"
elif [ "$(id -u)" -eq 0 ]; then
  # Where bubblewrap may not make namespaces. The checkout needs a mount then, or to be copied in.
  if [ $administer = no ] && [ -n "$binds" ] && ! mountpoint -q "$tree$checkout"; then
    mkdir -p "$tree$checkout"
    mount --bind "$checkout" "$tree$checkout" || fail "this machine lets neither bubblewrap nor mount work"
    trap 'umount "$tree$checkout"' EXIT
    trap 'exit 129' HUP INT TERM
  fi
  clean CONVLENS_IN_TREE=1 chroot "$tree" sh -c \
    'cd "$1" 2> /dev/null || cd "$2" 2> /dev/null || cd /; shift 2; exec "$@"' \
    sh "$here" "$folder" "$@"
else
  fail "bubblewrap is missing or may not work here: apt-get install bubblewrap"
fi
