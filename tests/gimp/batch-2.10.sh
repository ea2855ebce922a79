#!/bin/bash
# GIMP 2.10 in batch: what it makes is read back and compared with what the program makes.
#   batch-2.10.sh CONVLENS PLUG-IN COMPARE-PNG
set -u
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
need gimp-console-2.10 convert
version=2.10
. "$here/batch.sh"
