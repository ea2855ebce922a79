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
forbid 'libgimp|gegl\.h|gtk/' 'GIMP and GTK are seen in plugin/gimp alone' \
  $(find plugin -name '*.[ch]' | grep -v -E '^plugin/gimp/')
forbid 'CHECK_VERSION|\bgint32\b|\bGimp(Param(Def)?|Procedure(Config)?|Layer|Drawable)\b' \
  'what differs between GIMPs is known to host*.h and the registrations alone' \
  $(find plugin/gimp -name '*.[ch]' | grep -v -E '/(host|host[23]|gimp[23])\.[ch]$')
forbid 'strcmp \((argument|changed|option|row)->name' \
  'what is done with an argument hangs on its kind, not its name' \
  $(find plugin/cli plugin/gimp -name '*.[ch]')
forbid 'hdf5\.h|zip\.h' 'HDF5 and zip are seen in core/keras alone' $(others '^core/keras/')
forbid '#include "keras.h"' 'a reader of files is seen in core/network alone' $(others '^core/(keras|network)/')
forbid '#include "(keras_|config_|hdf5_|weights_)[a-z_]*\.h"' "a reader's inside is its own" $(others '^core/keras/')
forbid 'keras_major' "what a version of Keras means is resolved in its reader" $(others '^core/keras/')
forbid '#include "(store|network|session|visualize|image|cnn)[a-z_]*\.h"' \
  'a reader sees core/model and core/json alone' $(find core/keras -name '*.[ch]')
forbid '#include "(session|visualize|image|cnn)[a-z_]*\.h"' 'core/network sees no session' \
  $(find core/network -name '*.[ch]')
forbid '#include "(visualize|ascent|noise)[a-z_]*\.h"' 'core/session sees no method' \
  $(find core/session -name '*.[ch]')
forbid 'json-glib' 'JSON comes in by core/json; core/keras and core/store use it, plugin writes it' \
  $(find core -name '*.[ch]' | grep -v -E '^core/(json|keras|store)/')
forbid 'json_parser_|JsonParser|json_from_string|json_gobject_from|json_reader_' \
  "json-glib's parser is behind the door of core/json alone" $(others '^core/json/')
forbid 'g_file_get_contents|g_mapped_file|g_fopen|\bfopen|GFileInputStream' \
  'files of others are opened by core/base/regular.h' $(find core/json core/keras core/network -name '*.[ch]') \
  core/store/pins.c core/store/registry.c
forbid 'g_utf8_make_valid|%\.[0-9*]+s' 'texts of files are made valid, and cut, by core/base/regular.h' \
  $(find core/json core/keras core/network core/store -name '*.[ch]') plugin/cli/command-line.c
forbid 'curl/' 'the network is seen in core/store alone' $(others '^core/store/')
forbid '#include "(gpu|tensor|layer|model|plan|reader|keras|network|image|cnn|session)[a-z_]*\.h"' \
  'core/store sees core/base and core/json alone' $(find core/store -name '*.[ch]')
forbid 'curl/|json-glib' 'what a face sees of core/store is GLib' core/store/store.h
forbid '#include "(store|gpu|tensor|layer|model|plan|reader|keras|network|image|cnn|session)[a-z_]*\.h"' \
  'core/json sees core/base alone' $(find core/json -name '*.[ch]')
forbid '#include "(layer|model|plan|tensor|reader|keras|network|session|batch|visualize|convolution|internal)\.h"' \
  'a face sees cnn.h alone' $(find plugin -name '*.[ch]')

exit $failed
