#!/bin/sh
# The house's walls: which room may see what. Called with the source folder.
set -eu
cd "$1"
failed=0

# forbid PATTERN WHY FILE…
forbid ()
{
  pattern=$1 why=$2
  shift 2
  if grep -nE "$pattern" "$@"; then
    echo "not ok: $why" >&2
    failed=1
  else
    echo "ok: $why"
  fi
}

others () { find core plugin -name '*.[ch]' | grep -v -E "$1"; }

forbid 'vulkan/|\bVk[A-Z][a-z]|\bvk[A-Z]' 'Vulkan is seen in core/gpu alone' $(others '^core/gpu/')
forbid '\bVk[A-Z][a-z]|vulkan/' 'no Vulkan type in a header for other rooms' core/gpu/gpu.h
forbid 'libgimp|gegl\.h|babl/' 'GIMP is seen in plugin alone' $(find core -name '*.[ch]')
forbid 'libgimp|gegl\.h|gtk/' 'GIMP and GTK are seen in the two hosts alone' \
  $(find plugin -name '*.[ch]' | grep -v -E 'gimp')
forbid 'hdf5\.h|zip\.h' 'HDF5 and zip are seen in core/keras alone' $(others '^core/keras/')
forbid 'json-glib' 'JSON is read in core/keras and core/store, and written in plugin' \
  $(find core -name '*.[ch]' | grep -v -E '^core/(keras|store)/')
forbid 'curl/' 'the network is seen in core/store alone' $(others '^core/store/')
forbid '#include "(gpu|tensor|layer|model|plan|keras|image|cnn|session)[a-z_]*\.h"' \
  'core/store sees core/base alone' $(find core/store -name '*.[ch]')
forbid 'curl/|json-glib' 'what a face sees of core/store is GLib' core/store/store.h
forbid '#include "(layer|model|plan|tensor|keras|convolution|internal)\.h"' \
  'a face sees cnn.h alone' $(find plugin -name '*.[ch]')

exit $failed
