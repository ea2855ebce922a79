#!/bin/sh
# Makes the manual's pictures anew, with the built-in model and the sample photograph. With a file of
# Xception (or of a model that has Xception inside) as well its sheets, named below by its layers.
#
#   make-pictures.sh CONVLENS [XCEPTION]
#
# ImageMagick makes them small enough to be read beside text.
set -eu
convlens=$1
xception=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
photo=$here/../../install/sample/coffee.jpg
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# grid LAYER SCALE
grid () {
  "$convlens" activation-grid "$photo" --layer "$1" --channels top:32 --columns 8 --scale "$2" \
    --output "$work/$1.png" > /dev/null
}
grid stem_relu6 2
grid block3b_relu6 4
grid block5c_relu6 8
convert "$work/stem_relu6.png" "$work/block3b_relu6.png" "$work/block5c_relu6.png" \
  -resize 640x -append -colors 64 "$here/activation-grid.png"

"$convlens" sanity-check "$photo" --output "$work/sanity-check.png" > /dev/null
convert "$work/sanity-check.png" -colors 128 "$here/sanity-check.png"
"$convlens" faithfulness "$photo" --output "$here/faithfulness.png" > /dev/null

# dream LAYER FILTER
dream () {
  "$convlens" filter-pattern --layer "$1" --filter "$2" --start "$photo" --size 320 --crop 0 \
    --preset clear --steps 12 --output "$work/$1.png"
}
dream block3b_expand_relu6 10
dream block6a_expand_relu6 15
convert "$photo" -resize '320x320!' "$work/photo.png"
convert "$work/photo.png" "$work/block3b_expand_relu6.png" "$work/block6a_expand_relu6.png" \
  +append -quality 88 "$here/dream.jpg"

# sheets LAYER NAME OPTION…: book on the left, clear on the right
sheets () {
  layer=$1 name=$2
  shift 2
  for preset in book clear; do
    "$convlens" filter-pattern "$@" --layer "$layer" --sheet 8 --preset $preset \
      --output "$work/$preset.png"
  done
  convert "$work/book.png" "$work/clear.png" +append -resize 1200x -quality 80 "$here/$name.jpg"
}
for layer in block2a_expand_relu6 block3b_expand_relu6 block6a_expand_relu6; do
  sheets $layer "patterns-$layer"
done

# sheet LAYER OPTION…
sheet () {
  layer=$1
  shift
  "$convlens" filter-pattern --model "$xception" --layer "$layer" --sheet 8 --preset clear \
    --output "$work/sheet.png" "$@"
  convert "$work/sheet.png" -resize 800x -quality 80 "$here/xception-$layer.jpg"
}
[ -n "$xception" ] || exit 0
sheet block2_sepconv1
sheet block4_sepconv1
sheet block8_sepconv1 --size 160 --crop 20
