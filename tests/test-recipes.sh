#!/bin/sh
# Every file and folder that CONTRIBUTING.md and tests/README.md name is there. Called with the source folder. TAP.
set -eu
cd "$1"
number=0 failed=0

# names FILE: its `paths`, those with a slash; NAME and … stand for what a contributor adds, and what lies
# outside of the source is left out.
names () {
  grep -o '`[^` ]*/[^` ]*`' "$1" | tr -d '`' | grep -v 'NAME\|…\|^/\|^\.\./' | sort -u
}

# check FILE FOLDER…: its paths lie in one of the folders.
check () {
  file=$1
  shift
  for path in $(names "$file"); do
    number=$((number + 1)) found=no
    for folder in "$@"; do
      # unquoted: some have a *
      for match in $folder/$path; do [ ! -e "$match" ] || found=yes; done
    done
    if [ $found = yes ]; then
      echo "ok $number - $file: $path"
    else
      echo "not ok $number - $file: $path is not there"
      failed=1
    fi
  done
}

check CONTRIBUTING.md .
check tests/README.md . tests
echo "1..$number"
exit $failed
