# What the tests of the program from outside share: TAP, and a folder of their own to work in. Sourced with the
# program as the first argument.
# shellcheck shell=bash disable=SC2034
set -u

convlens=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) # tests/
source_root=$(cd "$here/.." && pwd)
export CONVLENS_DATA_DIR=${CONVLENS_DATA_DIR:-$source_root/weights}
unset CONVLENS_DEVICE
# A message of the validation layer ends the program.
export CONVLENS_DEBUG=validate G_DEBUG=fatal-warnings
golden=$here/data/keras/sequential
photo=$source_root/install/sample/coffee.jpg
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
number=0 failures=0

report () { # NAME, 0 for good, what was said
  number=$((number + 1))
  if [ "$2" -eq 0 ]; then
    echo "ok $number - $1"
  else
    failures=$((failures + 1))
    echo "not ok $number - $1"
    printf '%s\n' "$3" | sed 's/^/# /'
  fi
}

skip () { # NAME WHY
  number=$((number + 1))
  echo "ok $number - $1 # SKIP $2"
}

ok () { # NAME COMMAND…
  local name=$1 said code=0
  shift
  said=$("$@" 2>&1) || code=$?
  report "$name" $code "$said"
}

# refuses NAME STATUS TEXT COMMAND…: that exit status, one line on stderr that holds TEXT, nothing on stdout.
refuses () {
  local name=$1 status=$2 text=$3 code=0 wrong=
  shift 3
  "$@" > stdout.txt 2> stderr.txt || code=$?
  [ $code -eq "$status" ] || wrong="$wrong exit status $code;"
  [ "$(grep -c . stderr.txt)" -eq 1 ] || wrong="$wrong not one line;"
  grep -qF -- "$text" stderr.txt || wrong="$wrong another message;"
  [ ! -s stdout.txt ] || wrong="$wrong something on stdout;"
  report "$name" "$([ -z "$wrong" ]; echo $?)" "$wrong $(cat stderr.txt)"
}

finish () {
  echo "1..$number"
  [ $failures -eq 0 ]
}
