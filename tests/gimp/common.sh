# shellcheck shell=bash
# What the tests of both GIMPs share; sourced. Results are TAP.
#
#   … CONVLENS PLUG-IN COMPARE-PNG [without-downloads]: the program, GIMP's plug-in and the comparer, as built
#
# The environment's CONVLENS_DATA_DIR says where the models are.

convlens=$(realpath "$1") plug_in=$(realpath "$2") compare=$(realpath "$3")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_root=$(cd "$here/../.." && pwd)
export CONVLENS_DATA_DIR=${CONVLENS_DATA_DIR:-$source_root/weights}
unset CONVLENS_DEBUG
number=0
failures=0

skip_all () {
  echo "1..0 # SKIP $*"
  exit 0
}

# ok NAME COMMAND…: a test that passes if the command does.
ok () {
  local name=$1
  shift
  number=$((number + 1))
  if "$@" > "$work/output" 2>&1; then
    echo "ok $number - $name"
  else
    failures=$((failures + 1))
    echo "not ok $number - $name"
    sed 's/^/# /' "$work/output"
  fi
}

finish () {
  echo "1..$number"
  [ $failures -eq 0 ]
  exit
}

need () {
  for tool in "$@"; do
    command -v "$tool" > /dev/null || skip_all "$tool is not here"
  done
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 129' HUP INT TERM
profile=$work/profile

# console COMMAND…: GIMP on a profile of its own, without a screen. `version` is 2.10 or 3.
console () {
  if [ "$version" = 2.10 ]; then
    GIMP2_DIRECTORY=$profile timeout 600 gimp-console-2.10 -i -d -f "$@"
  else
    GIMP3_DIRECTORY=$profile timeout 600 "$gimp3" -i -d -f --quit \
      --batch-interpreter=plug-in-script-fu-eval "$@"
  fi < /dev/null
}

# GIMP makes its profile only where there is none, so the plug-in goes in after that. This first run makes a picture
# that is too wide for ImageMagick.
make_profile () {
  local from="\"$work/color.png\"" to="\"$work/wide.png\""
  if [ "$version" = 2.10 ]; then
    console -b "(let ((image (car (gimp-file-load RUN-NONINTERACTIVE $from $from))))
      (gimp-image-scale image 20000 10)
      (gimp-file-save RUN-NONINTERACTIVE image (car (gimp-image-flatten image)) $to $to))" \
      -b '(gimp-quit 0)'
  else
    console -b "(script-fu-use-v3)
      (let ((image (gimp-file-load RUN-NONINTERACTIVE $from)))
        (gimp-image-scale image 20000 10)
        (gimp-file-save RUN-NONINTERACTIVE image $to))"
  fi > "$work/profile.log" 2>&1
  mkdir -p "$profile/plug-ins/convlens"
  cp "$plug_in" "$profile/plug-ins/convlens/convlens"
}

find_gimp3 () {
  for gimp3 in gimp-console-3.2 gimp-console-3.0; do
    ! command -v "$gimp3" > /dev/null || return 0
  done
  skip_all "GIMP 3 is not here"
}

# Pictures of all kinds, from the sample photograph.
make_pictures () {
  local plain=(-strip -define png:exclude-chunks=all) sample=$source_root/install/sample/coffee.jpg
  convert "$sample" -resize '150x100!' "${plain[@]}" "PNG24:$work/color.png"
  convert "$sample" -resize '150x100!' -colorspace Gray "${plain[@]}" "$work/gray.png"
  convert "$work/color.png" -alpha set -channel A -fx '(i>100)?0:((i>50)?0.5:1)' +channel \
    "${plain[@]}" "PNG32:$work/transparent.png"
  convert "$work/color.png" -crop 1x1+70+50 +repage "${plain[@]}" "PNG24:$work/pixel.png"
}

# expect NAME PHOTO OPTION…: what the program makes of it: NAME.overlay.png, NAME.output.png
expect () {
  local name=$1 photo=$2
  shift 2
  "$convlens" grad-cam "$work/$photo.png" --overlay "$work/$name.overlay.png" \
    --output "$work/$name.output.png" --json "$@" > "$work/$name.json"
}

# make COMMAND OPTION…: a picture that the program makes, without what it says.
make () {
  "$convlens" "$@" > "$work/make.log" 2>&1 || cat "$work/make.log"
}
