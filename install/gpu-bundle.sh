#!/bin/sh
# Makes one folder that measures and tests Convlens on a machine with a Vulkan driver and nothing
# else: any x86-64 Linux with glibc 2.36 or newer. Copy it there (the .tar.xz beside it) and run its
# run.sh; README.txt in it says more. From a checkout, on Debian 12, whose glibc is old enough.
#
#   gpu-bundle.sh [FOLDER]    default: build/gpu-bundle/convlens-gpu
set -eu
. "$(dirname "$0")/host.sh"

fail () { echo "gpu-bundle.sh: $*" >&2; exit 1; }

# Not what a driver is tested with: GIMP's plug-in, downloads.
build=${CONVLENS_BUILD:-$checkout/build/gpu-bundle/$host}
programs='convlens bench-models compare-npy device-facts'
tests='layers goldens plan session pattern grid memory'
layer=libVkLayer_khronos_validation.so

case ${1:-} in
  -*) echo "usage: gpu-bundle.sh [FOLDER]" >&2; exit 2 ;;
esac
folder=${1:-$checkout/build/gpu-bundle/convlens-gpu}
mkdir -p "$(dirname "$folder")"
folder=$(cd "$(dirname "$folder")" && pwd)/$(basename "$folder")
[ "$host" = debian-12 ] || fail "the bundle is made on Debian 12, so that older systems can run it; this is $host"
[ ! -e "$folder" ] || [ -f "$folder/run.sh" ] || fail "$folder is there and is not a bundle: name another folder"

"$checkout/install/packages.sh" install build driver bundle

compile () {
  set -- --prefix /usr --buildtype debugoptimized -Dgimp2=disabled -Dgimp3=disabled -Ddownloads=disabled \
    "-Dc_args=-ffile-prefix-map=$checkout=." "$build" "$checkout"
  [ ! -f "$build/build.ninja" ] || set -- --reconfigure "$@"
  mkdir -p "$build"
  meson setup "$@" > "$build/setup.txt" 2>&1 && ninja -C "$build" --quiet > "$build/compile.txt" 2>&1 || {
    tail -n 30 "$build/setup.txt" "$build/compile.txt" >&2
    fail "building failed (all that was said: $build/setup.txt, compile.txt)"
  }
}

# By ninja's own list: what an older checkout has left in the folder is not in it.
built () {
  target=$(ninja -C "$build" -t targets all | sed -n "s|^\([^ ]*/$1\): c_LINKER$|\1|p")
  [ -z "$target" ] || echo "$build/$target"
}

# The libraries that files need, whole paths, without glibc's own.
needed () {
  ldd "$@" | awk '$2 == "=>" && $3 ~ "^/" { print $3 }' | sort -u | while read -r path; do
    case $(basename "$path") in
      ld-linux* | libc.so.* | libm.so.* | libdl.so.* | libpthread.so.* | librt.so.* | libresolv.so.* | \
        libutil.so.* | libmvec.so.* | libanl.so.* | libnss_*) ;;
      *) echo "$path" ;;
    esac
  done
}

library () {
  ldconfig -p | awk -v name="$1" '$1 == name && /x86-64/ { print $NF; exit }'
}

echo "Building in $build …"
compile
part=$folder.part
rm -rf "$part"
mkdir -p "$part/bin" "$part/lib" "$part/lib/spare" "$part/layers" "$part/share/tests/data" "$part/share/install"

for program in $programs $(printf 'test-%s ' $tests); do
  path=$(built "$program")
  [ -n "$path" ] || fail "$program was not built"
  strip -o "$part/bin/$program" "$path"
done

# HDF5 asks for libcurl, with forty libraries behind it, for files in the cloud, which Convlens never
# opens: something empty of that name will do.
gcc -shared -fPIC -o "$part/lib/libcurl.so.4" -Wl,-soname,libcurl.so.4 \
  -Wl,--version-script="$checkout/install/gpu-bundle/libcurl.map" -x c /dev/null
strip "$part/lib/libcurl.so.4"

# The software driver stands for all drivers: what it needs of what is carried here, others may need
# in a version of their own. Such libraries are spare, for machines that have none.
layer_path=$(library "$layer")
[ -n "$layer_path" ] || layer_path=/usr/lib/x86_64-linux-gnu/$layer
loader=$(library libvulkan.so.1)
shared=$({
  needed "$layer_path" "$(library libX11.so.6)" "$(library libXext.so.6)" /usr/lib/x86_64-linux-gnu/libvulkan_lvp.so
  echo "$loader"
  library libX11.so.6
  library libXext.so.6
} | sort -u)
{
  LD_LIBRARY_PATH=$part/lib needed "$part/bin/"*
  needed "$layer_path" "$(library libX11.so.6)" "$(library libXext.so.6)"
  echo "$loader"
  library libX11.so.6
  library libXext.so.6
} | sort -u | while read -r path; do
  case $path in "$part"/*) continue ;; esac
  to=lib
  for other in $shared; do
    [ "$(basename "$other")" != "$(basename "$path")" ] || to=lib/spare
  done
  cp -L "$path" "$part/$to/"
done

cp -L "$layer_path" "$part/layers/$layer"
sed "s|\"$layer\"|\"./$layer\"|" /usr/share/vulkan/explicit_layer.d/VkLayer_khronos_validation.json \
  > "$part/layers/VkLayer_khronos_validation.json"

cp -R "$checkout/weights" "$part/share/weights"
cp -R "$checkout/install/sample" "$part/share/install/sample"
for name in keras grid pattern; do
  cp -R "$checkout/tests/data/$name" "$part/share/tests/data/$name"
done
cp "$checkout/install/gpu-bundle/run.sh" "$checkout/install/gpu-bundle/README.txt" "$checkout/LICENSE" "$part/"
{
  git -C "$checkout" describe --always --dirty 2> /dev/null || echo unknown
} > "$part/VERSION"
# The packages whose files are carried, so that their licences and sources can be found.
for path in $(find "$part/lib" "$part/layers" -name '*.so*' ! -name libcurl.so.4 -exec basename {} \;); do
  dpkg -S "*/$path" 2> /dev/null | head -n 1 | cut -d: -f1
done | sort -u | while read -r package; do
  dpkg-query -W -f '${Package} ${Version}\n' "$package"
done > "$part/PACKAGES.txt"

for path in "$checkout" "${HOME:-}"; do
  case $path in
    '' | /) ;;
    # Not as the end of another path: HDF5 names its own sources ../../src/….
    *) ! grep -rlaP "(?<![\\w./-])\\Q$path\\E/" "$part" || fail "the files above name a path of this machine ($path)" ;;
  esac
done

rm -rf "$folder"
mv "$part" "$folder"
tar -C "$(dirname "$folder")" --owner 0 --group 0 -cf - "$(basename "$folder")" | xz -T0 -6 > "$folder.tar.xz.part"
mv "$folder.tar.xz.part" "$folder.tar.xz"
echo "The folder: $folder ($(du -sm "$folder" | cut -f1) MB)"
echo "To carry:   $folder.tar.xz ($(du -sm "$folder.tar.xz" | cut -f1) MB)"
