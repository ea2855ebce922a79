#!/bin/sh
# From nothing to a Grad-CAM overlay made in GIMP: packages, build, install, one picture.
#
#   demo.sh [PHOTO [MODEL]]    default: the sample photograph, the built-in model
#
# The pictures go to $CONVLENS_DEMO, by default the folder convlens-demo here.
set -eu
. "$(dirname "$0")/host.sh"

fail () { echo "demo.sh: $*" >&2; exit 1; }

photo=${1:-$checkout/install/sample/coffee.jpg}
model=${2:-}
[ -f "$photo" ] || fail "there is no photograph $photo"
photo=$(realpath "$photo")
[ ! -f "$model" ] || model=$(realpath "$model")

"$checkout/install/build.sh"
find_gimp

mkdir -p "${CONVLENS_DEMO:-convlens-demo}"
out=$(cd "${CONVLENS_DEMO:-convlens-demo}" && pwd)
name=$(basename "${photo%.*}")-grad-cam
png=$out/$name.png xcf=$out/$name.xcf report=$out/$name.json
rm -f "$png" "$xcf" "$report"

# The profile of whoever runs this stays as it is.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 129' HUP INT TERM
if [ "$(id -u)" -ne 0 ]; then
  make_profile "$work/profile"
  mkdir -p "$work/profile/plug-ins"
  ln -s "$plug_ins/convlens" "$work/profile/plug-ins/convlens"
fi

# A Scheme string.
quote () { printf '"%s"' "$(printf %s "$1" | sed 's/[\\"]/\\&/g')"; }

write_report="(let ((port (open-output-file $(quote "$report"))))
  (display (cadr made) port)
  (close-output-port port))"

# The one place that knows the procedure's arguments.
batch2 () {
  common="$(quote "$model") \"\" \"\" \"auto\" \"\" \"bilinear\" \"\"" # model … device
  own='"auto" "auto" "logit" "jet" 40.0 "none"'                        # class … preset
  seen='"255,255,255" "drawable"'                                      # background, source
  cat << END
(let* ((image (car (gimp-file-load RUN-NONINTERACTIVE $(quote "$photo") $(quote "$photo"))))
       (drawable (car (gimp-image-get-active-drawable image)))
       (made (plug-in-convlens-grad-cam RUN-NONINTERACTIVE image drawable $common $own $seen)))
  (gimp-file-save RUN-NONINTERACTIVE image drawable $(quote "$xcf") $(quote "$xcf"))
  (let ((flat (car (gimp-image-flatten image))))
    (gimp-file-save RUN-NONINTERACTIVE image flat $(quote "$png") $(quote "$png")))
  $write_report)
END
}

batch3 () {
  cat << END
(script-fu-use-v3)
(let* ((image (gimp-file-load RUN-NONINTERACTIVE $(quote "$photo")))
       (made (plug-in-convlens-grad-cam #:run-mode RUN-NONINTERACTIVE #:image image
               #:drawables (gimp-image-get-selected-drawables image) #:model $(quote "$model"))))
  (gimp-file-save RUN-NONINTERACTIVE image $(quote "$xcf"))
  (gimp-image-flatten image)
  (gimp-file-save RUN-NONINTERACTIVE image $(quote "$png"))
  $write_report)
END
}

echo "GIMP $gimp_version looks at $photo …"
case $gimp_version in
  2.*)
    GIMP2_DIRECTORY=$work/profile timeout 600 "$gimp" -i -d -f \
      -b "$(batch2)" -b '(gimp-quit 0)' > "$work/log" 2>&1 < /dev/null || true
    ;;
  *)
    GIMP3_DIRECTORY=$work/profile timeout 600 "$gimp" -i -d -f --quit \
      --batch-interpreter=plug-in-script-fu-eval -b "$(batch3)" > "$work/log" 2>&1 < /dev/null || true
    ;;
esac

# GIMP 2.10's exit code is always 0: the files tell.
if [ ! -s "$png" ] || [ ! -s "$xcf" ] || [ ! -s "$report" ]; then
  cat "$work/log" >&2
  fail "GIMP $gimp_version made no overlay; what it said is above"
fi

# The report is JSON: one line a prediction, its probability and its label.
predictions=$(tr '\n' ' ' < "$report" |
  sed -n 's/.*"predictions" *: *\[\([^]]*\)\].*/\1/p' | tr '{' '\n' |
  sed -n 's/.*"label" *: *"\(\([^"\\]\|\\.\)*\)".*"probability" *: *\([0-9.eE+-]*\).*/\3 \1/p')
[ -n "$predictions" ] || { cat "$report" >&2; fail "the report above names no prediction"; }

echo "What the model saw:"
echo "$predictions" | LC_ALL=C awk '{
  probability = 100 * $1
  $1 = ""
  printf "  %5.1f %% %s\n", probability, $0
}'
echo "The overlay:     $png"
echo "GIMP's layers:   $xcf"
echo "The full report: $report"
