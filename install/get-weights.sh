#!/bin/sh
# Downloads the weights of a well-known model, for those who have a checkout but not (yet) the
# program: `convlens get-model NAME` does the same and more. Needs curl or wget.
#
#   get-weights.sh          lists the models
#   get-weights.sh NAME     gets one, or goes on with it
set -eu

checkout=$(cd "$(dirname "$0")/.." && pwd)
registry=${CONVLENS_DATA_DIR:-$checkout/weights}/models.json
folder=${XDG_DATA_HOME:-$HOME/.local/share}/convlens/models
pins=$folder/pins.json

fail () {
  echo "get-weights.sh: $*" >&2
  exit 1
}

# entries PROGRAM: runs it with key and value of every line of the registry, which has a field a line.
entries () {
  awk -v wanted="$name" -v field="${2:-}" '
    function fold (text) { gsub (/[-_. ]/, "", text); return tolower (text) }
    { key = $1; gsub (/[":]/, "", key)
      value = $0; sub (/^[^:]*: */, "", value); sub (/,$/, "", value); gsub (/^"|"$/, "", value) }
    '"$1" "$registry"
}

# The entry's own name, for what was typed.
entry_name () {
  # shellcheck disable=SC2016
  entries 'key == "name" { last = value }
    (key == "name" || key == "alias") && value != "null" && fold(value) == fold(wanted) { print last; exit }'
}

# field KEY: of the entry called $name; nothing for null.
field () {
  # shellcheck disable=SC2016
  entries 'key == "name" { here = value == wanted }
    here && key == field { if (value != "null") print value; exit }' "$1"
}

list () {
  # shellcheck disable=SC2016
  entries 'key == "name" { last = value } key == "url" && value != "null" { print last }'
}

bytes () { wc -c < "$1" | tr -d ' '; }

pinned () {
  [ ! -f "$pins" ] || sed -n "s/^ *\"$name\" *: *\"\\([^\"]*\\)\".*/\\1/p" "$pins"
}

# Keeps the checksum of what nobody has published one for.
pin () { # CHECKSUM
  (
    exec 8< "$folder"
    ! command -v flock > /dev/null || flock 8
    {
      [ ! -f "$pins" ] || sed -n 's/^ *\("[^"]*"\) *: *\("[^"]*"\).*/\1 \2/p' "$pins"
      echo "\"$name\" \"$1\""
    } | awk 'BEGIN { print "{" } { printf "%s  %s : %s", n++ ? ",\n" : "", $1, $2 } END { print "\n}" }' \
      > "$pins.$$"
    mv -f "$pins.$$" "$pins"
  )
}

# verify FILE: 0 when it is the model; says in $wrong what is not right, in $trust how it was told.
verify () {
  wrong='' trust=''
  if [ -n "$size" ] && [ "$(bytes "$1")" -ne "$size" ]; then
    wrong="wrong size: $(bytes "$1") bytes, where the model has $size"
    return 1
  fi
  known=$checksum
  [ -n "$known" ] || known=$(pinned)
  case $known in
    md5:*) have=md5:$(md5sum < "$1" | cut -d ' ' -f 1) ;;
    *) have=sha256:$(sha256sum < "$1" | cut -d ' ' -f 1) ;;
  esac
  if [ -z "$known" ]; then
    # HDF5 begins so; a provider's log-in page does not.
    if [ "$(head -c 4 "$1" | tail -c 3)" != HDF ]; then
      wrong='what came is not a file of weights'
      return 1
    fi
    trust="Unverified: Keras publishes no checksum for this file. Its own, $have, is kept in $pins."
    pin "$have"
  elif [ "$known" != "$have" ]; then
    wrong="wrong checksum: $have, where $known was expected"
    return 1
  else
    trust="Checked: $have"
  fi
}

# One at a time; convlens itself keeps to this lock too. Whoever had it may have renamed the file.
lock () {
  while :; do
    exec 9>> "$part"
    command -v flock > /dev/null || return 0
    if ! flock -n 9; then
      echo "Another download of $name is under way; waiting for it." >&2
      flock 9
    fi
    # shellcheck disable=SC3013
    if [ "$part" -ef /dev/fd/9 ]; then return 0; fi
    exec 9>&-
  done
}

fetch () {
  if command -v curl > /dev/null && [ "${CONVLENS_FETCH:-curl}" = curl ]; then
    bar=--silent
    [ ! -t 2 ] || bar=--progress-bar
    curl "$bar" --show-error --fail --location --proto '=http,https' --connect-timeout 30 \
      --speed-limit 1 --speed-time 30 --continue-at - --output "$part" "$url" 9>&-
  elif command -v wget > /dev/null; then
    bar=--no-verbose
    [ ! -t 2 ] || bar=--show-progress
    wget "$bar" --continue --tries=1 --timeout=30 --output-document="$part" "$url" 9>&-
  else
    fail 'neither curl nor wget is here'
  fi
}

name=${1:-}
[ -f "$registry" ] || fail "there is no $registry"
if [ -z "$name" ]; then
  list
  exit
fi
if [ $# -gt 1 ]; then
  echo 'usage: get-weights.sh [NAME]' >&2
  exit 2
fi
typed=$name
name=$(entry_name)
[ -n "$name" ] || fail "there is no model \"$typed\"; get-weights.sh without a name lists them"
url=$(field url) file=$(field file) checksum=$(field checksum) size=$(field size)
[ -n "$url" ] || fail "the model $name comes with Convlens; there is nothing to get"
path=$folder/$file
part=$path.part
(umask 077 && mkdir -p "$folder")

already_there () {
  verify "$path" || fail "$path is there already, but is not the model: $wrong; remove it, and try again"
  echo "$name: there already: $path"
  echo "$trust"
  exit 0
}

[ ! -f "$path" ] || already_there
lock
if [ -f "$path" ]; then
  rm -f "$part"
  already_there
fi

# Without a checksum nothing tells that what was left belongs to what comes now.
[ -n "$checksum" ] || : > "$part"
left=$(bytes "$part")
for try in first second; do
  code=0
  fetch || code=$?
  if [ $code -ne 0 ] && ! { [ "$left" -gt 0 ] && verify "$part"; }; then
    if [ "$try" = first ] && [ "$left" -gt 0 ] && [ "$(bytes "$part")" -eq "$left" ]; then
      # Perhaps the server cannot go on in the middle.
      : > "$part"
      left=0
      continue
    fi
    kept=$(bytes "$part")
    [ "$kept" -gt 0 ] || rm -f "$part"
    fail "$url could not be downloaded; $kept bytes of it are kept, to be gone on with"
  fi
  if verify "$part"; then break; fi
  if [ "$try" = first ] && [ "$left" -gt 0 ]; then
    : > "$part"
    left=0
    continue
  fi
  rm -f "$part" "$part.from"
  fail "$url: $wrong; nothing was kept"
done
sync "$part" 2> /dev/null || true
mv -f "$part" "$path"
rm -f "$part.from"
echo "$name: $path, $(bytes "$path") bytes, licence $(field licence)"
echo "$trust"
