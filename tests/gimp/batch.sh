# shellcheck shell=bash
# The batch test of one GIMP, `version`; sourced by batch-2.10.sh and batch-3.sh.

make_pictures > /dev/null # ImageMagick 7 says "list" of its -fx
make_profile

expect color color
expect gray gray --colormap gray
expect transparent transparent
expect black transparent --background 0,0,0
expect pixel pixel
expect wide wide
expect book color --preset book
expect moved color --class cup --colormap viridis

log=$work/batch.log
script=$work/batch.scm
{
  cat "$here/prelude-$version.scm"
  echo "(define work \"$work\")"
  cat "$here/checks.scm"
} > "$script"
if [ "$version" = 2.10 ]; then
  console -b "$(cat "$script")" -b '(gimp-quit 0)'
else
  console -b "$(cat "$script")"
fi > "$log" 2>&1 || echo "# GIMP's exit code is $?"

# Scheme's own checks.
while read -r _ result name; do
  ok "$name" [ "$result" = good ]
done < <(grep '^CHECK ' "$work/said.txt")
ok "the script came to its end" grep -q '^END' "$work/said.txt"

said () { grep -qF -- "$1" "$log" "$work/said.txt"; }
ok "message: colormap" said 'colormap "rainbow" is not one of jet, viridis, inferno, turbo, gray'
ok "message: preset" said 'preset "bok" is not one of none, book'
ok "message: source" said 'source "nowhere" is not one of drawable, visible'
ok "message: input-size" said 'input-size "12y" is not N or WxH'
ok "message: background" said 'background "red" is not R,G,B'
ok "message: class" said 'no such class'
ok "message: layer" said 'no_such_layer'
ok "message: model" said '/no/such/model.keras'
ok "message: labels" said '/no/such/labels.txt'
ok "message: device" said 'no such device'
ok "message: a result" said 'this layer is a Convlens result; choose the picture'

# The layer's name from the program's own report.
member () { # FILE, MEMBER of "class"
  sed 's/.*"class":{\([^}]*\)}.*/\1/' "$1" | sed "s/.*\"$2\":\"\{0,1\}\([^,\"]*\).*/\1/"
}
layer=$(sed 's/.*"layer":"\([^"]*\)".*/\1/' "$work/color.json")
name=$(printf 'Grad-CAM: %s %.2f (%s)' "$(member "$work/color.json" label)" \
  "$(member "$work/color.json" probability)" "$layer")
ok "the layer is called $name" said "NAME $name"
ok "the report lists the predictions" grep -q '^REPORT {.*"predictions":\[{"index"' "$work/said.txt"
ok "the parasite holds report and settings" \
  grep -q '^PARASITE {.*"predictions".*"command":"grad-cam","settings":{.*"colormap":"jet"' "$work/said.txt"

same () { ok "$1" "$compare" "$work/$2.png" "$work/$3.png" "${@:4}"; }
same "the picture's own layer is untouched" before after
same "the heat is the program's" color-heat color.overlay
same "the whole picture is the program's" color-whole color.output 1
same "the second run's heat is the first's" again-heat color-heat
same "the visible image's heat is the picture's" visible-heat color-heat
same "gray: gray heat" gray-heat gray.overlay
same "16 bits, linear: the same heat" linear-heat color.overlay 1
same "floats, linear: the same heat" float-heat color.overlay 1
same "transparent: over white" transparent-heat transparent.overlay
same "transparent: over black" black-heat black.overlay
same "1×1" pixel-heat pixel.overlay
same "20000×10" wide-heat wide.overlay
same "the book's picture" book-heat book.overlay
same "another class and colormap, a layer elsewhere" moved-heat moved.overlay
ok "gray: the report says so" \
  grep -q '^REPORT of gray .*"warnings":\["The image is in grayscale' "$work/said.txt"
ok "indexed: the report says so" \
  grep -q '^REPORT of indexed .*"warnings":\["The image is indexed' "$work/said.txt"
ok "color: nothing to warn of" sh -c '! grep "^REPORT of linear .*warnings" "$1"' sh "$work/said.txt"
ok "indexed: a picture came out" test -s "$work/indexed-heat.png"
ok "gray: bright differs from dark" test "$(convert "$work/gray-heat.png" -unique-colors -format %w info:)" -gt 16

# The example, with a file in the folder that is no picture.
mkdir "$work/photos" "$work/heat"
cp "$work/color.png" "$work/photos/a.png"
cp "$work/gray.png" "$work/photos/b.c.png"
echo 'no picture' > "$work/photos/d.png"
example="(load \"$source_root/plugin/scripts/grad-cam-folder-$version.scm\")
  (grad-cam-folder \"$work/photos\" \"$work/heat\" \"\")"
if [ "$version" = 2.10 ]; then
  console -b "$example" -b '(gimp-quit 0)'
else
  console -b "$example"
fi > "$work/example.log" 2>&1 || true
for file in a.png a.xcf b.c.png b.c.xcf; do
  ok "example: $file" test -s "$work/heat/$file"
done
ok "example: what is no picture is named" grep -q '^d.png: failed' "$work/example.log"
ok "example: the picture is the program's" "$compare" "$work/heat/a.png" "$work/color.output.png" 1

if [ $failures -gt 0 ]; then
  grep -A 1 'Error' "$log" | sed 's/^/# /'
fi
finish
