#!/bin/bash
# The dialog of GIMP 3 under a virtual screen.
#   dialog-3.sh CONVLENS PLUG-IN COMPARE-PNG
set -u
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
find_gimp3
need convert
version=3
. "$here/dialog.sh"
