#!/bin/bash
# GIMP 3 in batch: what it makes is read back and compared with what the program makes.
#   batch-3.sh CONVLENS PLUG-IN COMPARE-PNG
set -u
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
find_gimp3
need convert
version=3
. "$here/batch.sh"
