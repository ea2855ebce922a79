# shellcheck shell=bash
# The batch test of one GIMP, `version`; sourced by batch-2.10.sh and batch-3.sh.

make_pictures > /dev/null # ImageMagick 7 says "list" of its -fx
# A folder with a file in it that is no picture.
mkdir "$work/photos"
cp "$work/color.png" "$work/photos/a.png"
cp "$work/gray.png" "$work/photos/b.c.png"
echo 'no picture' > "$work/photos/d.png"
make_profile

expect color color
expect gray gray --colormap gray
expect transparent transparent
expect black transparent --background 0,0,0
expect pixel pixel
expect wide wide
expect book color --preset book
expect moved color --class cup --colormap viridis

two=stem_conv,block1a_project_conv
make activation-grid "$work/color.png" --layer $two --output "$work/grids"
make activation-grid "$work/color.png" --layer block1a_project_conv --channels 0-5 --columns 3 --scale 2 \
  --output "$work/grid.png"
make activation-grid "$work/gray.png" --layer stem_conv --colormap gray --output "$work/gray.grid.png"
make activation-grid "$work/gray.png" --layer stem_conv --output "$work/gray.canvas.png"
small=(filter-pattern --layer block2a_project_conv --size 64 --crop 5 --seed 7)
make "${small[@]}" --steps 3 --filter 2 --output "$work/filter-2.png"
make "${small[@]}" --steps 3 --filter 3 --output "$work/filter-3.png"
make "${small[@]}" --steps 3 --sheet 2 --output "$work/four.png"
make "${small[@]}" --steps 3 --filter 2 --start "$work/color.png" --output "$work/dreamt.png"
make "${small[@]}" --steps 1 --filter 2 --start "$work/dreamt.png" --output "$work/dreamt-again.png"

log=$work/batch.log
script=$work/batch.scm
{
  cat "$here/prelude-$version.scm"
  echo "(define work \"$work\")"
  cat "$here/checks.scm" "$here/filters.scm" "$here/end.scm"
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

ok "message: channels" said 'channels'
ok "message: columns" said 'columns "5000" is not auto or a whole number from 0 to 1024'
ok "message: scale" said 'scale "0" is not a whole number from 1 to 64'
ok "message: destination" said 'destination "elsewhere" is not one of image, new-image'
ok "message: filter" said '999'
ok "message: filters" said '"3-1" is not a range'
ok "message: no steps" said 'steps "0" is not a whole number from 1 to'
ok "message: steps below 0" said 'steps "-5" is not a whole number from 1 to'
ok "message: rate" said 'rate "-1" is not a number from'
ok "message: crop" said 'crop'
ok "message: size" said 'size'
ok "message: pattern's preset" said 'preset "bok" is not one of book, clear'
ok "message: start" said '/no/such/start.png'
ok "message: an image that is not open" said 'there is no open image with the ID 999'
ok "message: no ID" said 'start "image:first" is not image:ID'

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
same "one grid is the program's" grid-one grid
for name in stem_conv block1a_project_conv; do
  same "two grids: $name is the program's" "grid-$name" "grids/$name"
  same "new image: $name is the program's" "canvas-$name" "grids/$name"
done
same "grids are left out of the visible image" visible-grids color-heat
same "gray: a gray grid" grid-gray gray.grid
same "gray, a new image: a grid in colours" canvas-gray gray.canvas
ok "grids: the report tells of both layers" \
  grep -q '^GRID REPORT {.*"layers":\[{"name":"stem_conv".*"name":"block1a_project_conv"' "$work/said.txt"
ok "grids: the parasite holds report and settings" \
  grep -q "^GRID PARASITE {.*\"layers\".*\"command\":\"activation-grid\",\"settings\":{.*\"layer\":\"$two\"" "$work/said.txt"
ok "grids: the image's parasite as well" \
  grep -q '^CANVAS PARASITE {.*"command":"activation-grid","settings":{.*"destination":"new-image"' "$work/said.txt"
ok "grids: the group has a name" grep -q '^GROUP Activation Grid' "$work/said.txt"
same "pattern: the program's" pattern-2 filter-2 1
same "two patterns: the first is the program's" patterns-2 filter-2 1
same "two patterns: the second" patterns-3 filter-3 1
same "sheet: the program's" sheet four 1
same "an open image to start from, without our layers" dream dreamt 1
same "a pattern to start from" dream-again dreamt-again 1
ok "pattern: the report tells of the filter" \
  grep -q '^PATTERN REPORT {.*"filters":\[{"index":2,"before":' "$work/said.txt"
ok "pattern: the parasite holds report and settings" \
  grep -q '^PATTERN PARASITE {.*"filters".*"command":"filter-pattern","settings":{.*"seed":7' "$work/said.txt"
same "a folder: the picture is the program's" many/a color.output
ok "a folder: the second picture" test -s "$work/many/b.c.png"
ok "a folder: a line for each" grep -q '^FOLDER {"photo":".*/a.png","model":' "$work/said.txt"
ok "a folder: also for what is no picture" grep -q '^{"photo":".*/d.png","error":"' "$work/said.txt"
ok "gray: bright differs from dark" test "$(convert "$work/gray-heat.png" -unique-colors -format %w info:)" -gt 16

# The example.
mkdir "$work/heat"

# example NAME EXPRESSION: runs one of the scripts that come with the plug-in.
example () {
  local script="(load \"$source_root/plugin/scripts/$1-$version.scm\") $2"
  if [ "$version" = 2.10 ]; then
    console -b "$script" -b '(gimp-quit 0)'
  else
    console -b "$script"
  fi > "$work/$1.log" 2>&1 || true
}

example grad-cam-folder "(grad-cam-folder \"$work/photos\" \"$work/heat\" \"\")"
for file in a.png a.xcf b.c.png b.c.xcf; do
  ok "grad-cam-folder: $file" test -s "$work/heat/$file"
done
ok "grad-cam-folder: what is no picture is named" grep -q '^d.png: failed' "$work/grad-cam-folder.log"
same "grad-cam-folder: the picture is the program's" heat/a color.output 1

mkdir "$work/mosaics" "$work/sheets"
example activation-grid-folder "(activation-grid-folder \"$work/photos\" \"$work/mosaics\" \"$two\" \"\")"
for layer in stem_conv block1a_project_conv; do
  same "activation-grid-folder: $layer is the program's" "mosaics/a-$layer" "grids/$layer"
done
ok "activation-grid-folder: the second picture" test -s "$work/mosaics/b.c-block1a_project_conv.png"
ok "activation-grid-folder: what is no picture is named" \
  grep -q '^d.png: failed' "$work/activation-grid-folder.log"

make filter-pattern --layer stem_conv --sheet 2 --output "$work/sheets.stem_conv.png"
example filter-pattern-sheets \
  "(filter-pattern-sheets (list \"stem_conv\" \"no_such_layer\") \"$work/sheets\" 2 \"book\" \"\")"
same "filter-pattern-sheets: the sheet is the program's" sheets/stem_conv sheets.stem_conv 1
ok "filter-pattern-sheets: what is no layer is named" \
  grep -q '^no_such_layer: failed' "$work/filter-pattern-sheets.log"

if [ $failures -gt 0 ]; then
  grep -A 1 'Error' "$log" | sed 's/^/# /'
  sed 's/^/# /' "$work"/*-folder.log "$work"/*-sheets.log
fi
finish
