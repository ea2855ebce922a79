#!/bin/bash
# The dialog of GIMP 2.10 under a virtual screen.
#   dialog-2.10.sh CONVLENS PLUG-IN COMPARE-PNG
set -u
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
need gimp-console-2.10 convert
version=2.10
. "$here/dialog.sh"
