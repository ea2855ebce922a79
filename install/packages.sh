#!/bin/sh
# The one place that names Debian's packages.
#
#   packages.sh list    SET…   the names, one a line
#   packages.sh missing SET…   those of them that are not installed
#   packages.sh install SET…   installs what is missing (root), or names the command that does
#
# SET: build, run, test, tree (all that a test tree needs), driver (the software driver for Vulkan),
# bundle or swiftshader. CONVLENS_RELEASE=13 lists for another Debian release than this machine's.
set -eu

release () {
  if [ -n "${CONVLENS_RELEASE:-}" ]; then
    echo "$CONVLENS_RELEASE"
  else
    sed -n 's/^VERSION_ID="\{0,1\}\([0-9]*\).*/\1/p' /etc/os-release
  fi
}

# No release of Debian carries both of GIMP's development packages.
gimp_development () {
  case $(release) in
    12) echo libgimp2.0-dev ;;
    *) echo libgimp-3.0-dev ;;
  esac
}

# The style is checked with one version of it, Debian 12's.
formatter () {
  case $(release) in
    12) echo clang-format ;;
  esac
}

names () {
  for set in "$@"; do
    case $set in
      build)
        echo meson ninja-build pkg-config gcc libc6-dev libglib2.0-dev libvulkan-dev \
          glslang-tools libjson-glib-dev libhdf5-dev libzip-dev libpng-dev zlib1g-dev \
          libjpeg62-turbo-dev libcurl4-openssl-dev "$(gimp_development)"
        ;;
      run)
        echo gimp
        names driver
        ;;
      driver) echo mesa-vulkan-drivers ;;
      test)
        names display
        # Inside the tree the parts that need these are not run.
        [ -n "${CONVLENS_IN_TREE:-}" ] ||
          echo "$(formatter)" bubblewrap debootstrap debian-archive-keyring python3-venv
        ;;
      display) echo vulkan-validationlayers xvfb openbox xdotool imagemagick ;;
      tree) names build run display ;;
      # What a driver may want and a machine without a display may lack comes along.
      bundle) echo vulkan-validationlayers libvulkan1 libx11-6 libxext6 xz-utils ;;
      swiftshader) echo chromium-common ;; # is looked into, never installed
      *)
        echo "packages.sh: no set called '$set' (build, run, test, tree, driver, bundle, swiftshader)" >&2
        exit 2
        ;;
    esac
  done
}

list () {
  names "$@" | tr -s ' ' '\n' | sed '/^$/d' | sort -u
}

missing () {
  for name in $(list "$@"); do
    case $(dpkg-query -W -f '${Status}\n' "$name" 2> /dev/null) in
      *'install ok installed'*) ;;
      *) echo "$name" ;;
    esac
  done
}

install () {
  wanted=$(missing "$@" | tr '\n' ' ')
  [ -n "$wanted" ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    echo "These packages are missing. Install them once, then run this again:" >&2
    echo "  sudo apt-get install --no-install-recommends $wanted" >&2
    exit 1
  fi
  echo "Installing: $wanted"
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  # Somebody's own unreachable source fails the update, but need not fail the install.
  apt-get -o DPkg::Lock::Timeout=300 update > "$log" 2>&1 < /dev/null || true
  # shellcheck disable=SC2086
  if ! apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $wanted \
    >> "$log" 2>&1 < /dev/null; then
    tail -n 30 "$log" >&2
    rm -f "$log"
    echo "packages.sh: apt-get could not install the packages (its last lines are above)" >&2
    exit 1
  fi
  rm -f "$log"
}

action=${1:-}
case $action in
  list | missing | install)
    shift
    "$action" "$@"
    ;;
  *)
    echo "usage: packages.sh list|missing|install SET…" >&2
    exit 2
    ;;
esac
