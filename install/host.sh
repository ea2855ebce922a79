# shellcheck shell=sh
# What the scripts of this folder need to know of this machine; they source it.
# Sets checkout, host (debian-12), build, gimp (the console program), gimp_version (2.10, 3.0),
# prefix and plug_ins (where the plug-in's folder goes).

checkout=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck disable=SC2034
host=$(. /etc/os-release && echo "${ID:-unknown}-${VERSION_ID:-0}")
# shellcheck disable=SC2034
build=${CONVLENS_BUILD:-$checkout/build/$host}

# Only after the packages are there.
find_gimp () {
  for gimp in gimp-console-3.2 gimp-console-3.0 gimp-console-2.10 gimp-console; do
    ! command -v "$gimp" > /dev/null || break
  done
  gimp_version=$("$gimp" --version | sed -n 's/.* \([0-9]*\.[0-9]*\)\..*/\1/p')
  [ -n "$gimp_version" ] || { echo "no GIMP was found: apt-get install gimp" >&2; exit 1; }
  if [ "$(id -u)" -eq 0 ]; then
    prefix=/usr/local
    case $gimp_version in
      2.*) plug_ins=$(pkg-config --variable=gimplibdir gimp-2.0)/plug-ins ;;
      *) plug_ins=$(pkg-config --variable=gimplibdir gimp-3.0)/plug-ins ;;
    esac
  else
    # shellcheck disable=SC2034
    prefix=$HOME/.local
    # shellcheck disable=SC2034
    plug_ins=${XDG_CONFIG_HOME:-$HOME/.config}/GIMP/$gimp_version/plug-ins
  fi
}

# GIMP makes a profile only where there is no folder yet; one that holds a plug-in and nothing else
# makes it complain later on.
make_profile () {
  [ ! -d "$1" ] || return 0
  mkdir -p "$(dirname "$1")"
  case $gimp_version in
    2.*) GIMP2_DIRECTORY=$1 timeout 120 "$gimp" -i -d -f -b '(gimp-quit 0)' ;;
    *) GIMP3_DIRECTORY=$1 timeout 120 "$gimp" -i -d -f --quit ;;
  esac > /dev/null 2>&1 < /dev/null || true
}
