# shellcheck shell=bash
# The dialog test of one GIMP, `version`, under a virtual screen; sourced by dialog-2.10.sh and dialog-3.sh. Pictures of
# the screen go to the folder named by $CONVLENS_SCREENSHOTS, if it is set.

[ "${4:-}" != without-downloads ] || skip_all 'this build is without downloads'
shots=${CONVLENS_SCREENSHOTS:-$work/shots}
mkdir -p "$shots"
make_pictures > /dev/null # ImageMagick 7 says "list" of its -fx
if [ "$version" = 2.10 ]; then
  gimp=gimp-2.10
else
  gimp=${gimp3/-console/}
fi
need "$gimp" Xvfb openbox xdotool import pgrep python3
make_profile

# A registry with one more model, a copy of the built-in one, to be had from a slow server of our own.
export XDG_DATA_HOME=$work/share no_proxy='*'
mkdir "$work/data" "$work/files"
ln -s "$CONVLENS_DATA_DIR"/* "$work/data"
rm "$work/data/models.json"
ln -s "$CONVLENS_DATA_DIR/efficientnet-lite0.keras" "$work/files/slow-net.keras"
mkfifo "$work/hold"
python3 "$source_root/tests/serve-files.py" "$work/files" "$work/port" "$work/served.txt" < "$work/hold" &
exec 7> "$work/hold" # the server ends with it
for _ in $(seq 300); do
  [ ! -s "$work/port" ] || break
  sleep 0.1
done
python3 - "$CONVLENS_DATA_DIR" "$work" << 'END'
import json, sys
data, work = sys.argv[1:]
registry = json.load(open(f"{data}/models.json", encoding="utf-8"))
port = open(f"{work}/port").read().strip()
extra = dict(registry["models"][0], name="slow-net", file="slow-net.keras",
             url=f"http://127.0.0.1:{port}/slow/slow-net.keras")
registry["models"].append(extra)
json.dump(registry, open(f"{work}/data/models.json", "w", encoding="utf-8"))
END
export CONVLENS_DATA_DIR=$work/data
cat > "$profile/gimprc" << END
(show-welcome-dialog no)
(check-updates no)
(config-version "3.0.4")
END
[ "$version" != 2.10 ] || sed -i '/welcome\|updates\|config-version/d' "$profile/gimprc"

# A screen of our own; its processes end with this script.
exec 3> "$work/display"
Xvfb -displayfd 3 -screen 0 1280x900x24 -nolisten tcp 2> "$work/xvfb.log" &
screen=$!
gimp_process=
manager=
stop () {
  for process in $gimp_process $manager $screen; do
    kill "$process" 2> /dev/null
  done
  exec 7>&-
  wait
  rm -rf "$work"
} 2> /dev/null
trap stop EXIT
for _ in $(seq 100); do
  [ ! -s "$work/display" ] || break
  sleep 0.1
done
DISPLAY=:$(cat "$work/display")
export DISPLAY NO_AT_BRIDGE=1
openbox > /dev/null 2>&1 &
manager=$!

export GIMP2_DIRECTORY=$profile GIMP3_DIRECTORY=$profile
"$gimp" -n "$work/color.png" > "$work/gimp.log" 2>&1 < /dev/null &
gimp_process=$!

# title PATTERN [SECONDS]: waits for a visible window whose title has it, and sets `window`. After a failure it waits
# for nothing long.
title () {
  local tries=$((${2:-20} * 4))
  [ $failures -eq 0 ] || tries=12
  while [ $tries -gt 0 ]; do
    window=$(xdotool search --onlyvisible --name "$1" 2> /dev/null | head -n 1)
    [ -z "$window" ] || return 0
    sleep 0.25
    tries=$((tries - 1))
  done
  xdotool search --onlyvisible --name '.' getwindowname %@ 2> /dev/null
  return 1
}
gone () {
  for _ in $(seq $((failures == 0 ? 80 : 12))); do
    [ -n "$(xdotool search --onlyvisible --name "$1" 2> /dev/null)" ] || return 0
    sleep 0.25
  done
  return 1
}
picture () {
  xdotool mousemove 1270 890
  sleep 0.7
  import -window root "$shots/gimp-$version-$1.png"
}
keys () {
  xdotool key --clearmodifiers --delay 80 "$@"
}

ok "GIMP shows the picture" title 'color.*1 layer.* – GIMP' 180
image_window=$window
sleep 3
to_image () {
  xdotool windowactivate --sync "$image_window" 2> /dev/null
  sleep 0.5
}
open_dialog () { # TITLE
  to_image
  keys slash
  sleep 2
  xdotool type --delay 60 "$1"
  sleep 1.5
  keys Down Return
  title "^$1\$" 30
}
# The search would offer to repeat the filter first.
open_again () { # TITLE, of the filter that was run last
  to_image
  keys ctrl+shift+f
  title "^$1\$" 30
}
ok "the dialog opens" open_dialog 'Grad-CAM Overlay'
sleep 1.5
picture dialog
keys alt+f
sleep 1
picture dialog-further
keys alt+f
sleep 0.5
keys alt+o
ok "a layer is made" title 'color.*2 layers' 40
ok "a message tells the predictions" title '^GIMP Message$'
sleep 1.5
picture result
close_message () {
  title '^GIMP Message$'
  xdotool windowactivate --sync "$window"
  keys Return
  gone '^GIMP Message$'
}
ok "and can be closed" close_message
to_image
keys ctrl+f
ok "the same again, with the last values" title 'color.*3 layers'
keys ctrl+shift+f
ok "the dialog opens again" title '^Grad-CAM Overlay$'
keys Escape
ok "cancel closes it" gone '^Grad-CAM Overlay$'
ok "and adds nothing" title 'color.*3 layers'
to_image
keys ctrl+z
ok "one undo takes the second layer away" title 'color.*2 layers'
keys ctrl+z
ok "one undo takes the first layer away" title 'color.*1 layer[^s]'
keys ctrl+y
ok "redo brings it back" title 'color.*2 layers'
# Redo leaves the heat as the active layer.
keys ctrl+f
ok "a run on the heat is refused, with a message" title '^GIMP Message$'
sleep 1
picture refused
ok "and adds nothing" title 'color.*2 layers'
ok "the message can be closed" close_message
to_image
keys ctrl+z
ok "the picture is alone again" title 'color.*1 layer[^s]'

# Model, class and layer from the lists.
choose () { # MNEMONIC TITLE
  xdotool windowactivate --sync "$dialog"
  keys "alt+$1" Tab Tab space
  title "^$2\$"
}
narrow () { # WORDS
  xdotool type --delay 40 "$1"
  sleep 0.7
}
downloaded=$XDG_DATA_HOME/convlens/models/slow-net.keras
ok "the lists: the dialog opens" open_again 'Grad-CAM Overlay'
dialog=$window
ok "models: a list" choose d 'Choose a Model'
sleep 1
picture models
narrow 'slow net'
keys alt+d
ok "models: a download" title '^Download$'
sleep 1.5
picture download
keys Escape
ok "models: which can be cancelled" gone '^Download$'
ok "models: and leaves no model" [ ! -e "$downloaded" ]
ok "models: but what has come" [ -s "$downloaded.part" ]
title '^Choose a Model$' > /dev/null
xdotool windowactivate --sync "$window"
keys alt+d
ok "models: it goes on" title '^Download$'
ok "models: and ends" gone '^Download$'
ok "models: with the whole model" cmp "$downloaded" "$CONVLENS_DATA_DIR/efficientnet-lite0.keras"
sleep 1
picture downloaded
keys alt+o
ok "models: it is chosen" gone '^Choose a Model$'
ok "classes: a list" choose a 'Choose a Class'
sleep 1.5
picture classes
narrow 'coffee mug'
picture classes-found
keys Return
ok "classes: one is chosen" gone '^Choose a Class$'
ok "layers: a list" choose y 'Choose a Layer'
sleep 1
picture layers
narrow 'block5c_project bn'
keys Return
ok "layers: one is chosen" gone '^Choose a Layer$'
xdotool windowactivate --sync "$dialog"
keys alt+n
picture chosen
keys alt+o
ok "the lists: the heat is made, and a strip of its sanity check" title 'color.*3 layers' 60
ok "the lists: a window tells of it" title '^Grad-CAM Overlay$'
sleep 1
picture chosen-result
keys Escape
ok "the lists: and can be closed" gone '^Grad-CAM Overlay$'
to_image
keys ctrl+z
ok "the lists: one undo takes both away" title 'color.*1 layer[^s]'

# A model that does not say how its input is prepared and what its classes are.
cp "$source_root/tests/data/keras/functional/model.keras" "$work/own.keras"
printf '%s\n' anchor bell candle drum easel > "$work/own.txt"
fill () { # MNEMONIC TEXT
  keys "alt+$1" ctrl+a
  xdotool type --delay 40 "$2"
  sleep 0.3
}
own () { # [KEY…], before OK
  open_again 'Grad-CAM Overlay'
  dialog=$window
  fill d "$work/own.keras"
  fill a 3
  fill y auto
  xdotool windowactivate --sync "$dialog"
  keys "$@" alt+o
}
own alt+n > /dev/null # no sanity check this time
ok "an unknown model: is asked about" title '^About this Model$'
fill b "$work/own.txt"
picture about
keys alt+o
ok "an unknown model: once" gone '^About this Model$'
told () { grep -q '"drum"' "$work/own.keras.json"; }
ok "an unknown model: what was told is kept" told
keys_after () {
  title '^GIMP Message$' 30 && picture about-result && close_message
}
ok "an unknown model: a message tells what came of it" keys_after
keys Escape
own > /dev/null
ok "an unknown model: and is not asked about again" keys_after
keys Escape
sleep 1
to_image
keys ctrl+z ctrl+z
ok "an unknown model: the picture is alone again" title 'color.*1 layer[^s]'

# Activation Grid, with its defaults: a group that one undo takes away.
ok "Activation Grid: the dialog opens" open_dialog 'Activation Grid'
sleep 1.5
picture grid
keys alt+o
ok "Activation Grid: many layers are made" title 'color.*[0-9][0-9] layers' 120
ok "Activation Grid: a window tells of them" title '^Activation Grid$'
sleep 1.5
picture grid-result
keys Escape
ok "Activation Grid: and can be closed" gone '^Activation Grid$'
to_image
keys ctrl+z
ok "Activation Grid: one undo takes them away" title 'color.*1 layer[^s]'

# Filter Pattern: nothing that could be made, a long run that is cancelled, a short one.
ok "Filter Pattern: the dialog opens" open_dialog 'Filter Pattern'
dialog=$window
sleep 1.5
keys alt+f
sleep 1
picture pattern-further
keys alt+f alt+o
sleep 2
picture pattern-complaint
keys Escape
ok "Filter Pattern: without a layer the dialog stays" title '^Filter Pattern$'
xdotool windowactivate --sync "$dialog"
fill y block2a_project_conv
keys Tab
fill e 8
fill t 2000 # long enough for any machine
picture pattern
keys alt+o
running () { pgrep -f "^$profile/plug-ins/convlens/convlens" > /dev/null; }
# Where the Cancel button lies in the status bar differs: the clicks go to the right until the plug-in is gone.
cancel () {
  local WIDTH HEIGHT X Y SCREEN at
  to_image
  eval "$(xdotool getwindowgeometry --shell "$image_window")"
  for at in $(seq $((WIDTH * 55 / 100)) 10 $((WIDTH * 80 / 100))); do
    xdotool mousemove --window "$image_window" "$at" $((HEIGHT - 18)) click 1
    sleep 0.5
    running || return 0
  done
  return 1
}
sleep 6
picture pattern-running
ok "Filter Pattern: the plug-in works" running
ok "Filter Pattern: cancel ends it" cancel
sleep 2
picture pattern-cancelled
ok "Filter Pattern: and leaves no image" sh -c '! xdotool search --onlyvisible --name Untitled'
ok "Filter Pattern: the picture is as it was" title 'color.*1 layer[^s]'
ok "Filter Pattern: the dialog opens again" open_dialog 'Filter Pattern'
fill y block2a_project_conv
keys Tab
fill z 64
fill t 3
keys Tab alt+o
ok "Filter Pattern: a new image appears" title 'Untitled.*14x14' 60
ok "Filter Pattern: a message tells of it" close_message
picture pattern-result
# GIMP 3 closes a cancelled plug-in's pipe a moment before it ends it, and the plug-in may be telling its progress.
ok "no critical messages" sh -c \
  '! grep -i "convlens.*critical\|convlens.*warning" "$1" | grep -v "theme engine\|gimp_flush.*Broken pipe"' sh "$work/gimp.log"
[ $failures -eq 0 ] || grep -v 'theme engine' "$work/gimp.log" | sed '/^$/d; s/^/# /'
finish
