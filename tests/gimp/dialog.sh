# shellcheck shell=bash
# The dialog test of one GIMP, `version`, under a virtual screen; sourced by dialog-2.10.sh and dialog-3.sh. Pictures of
# the screen go to the folder named by $CONVLENS_SCREENSHOTS, if it is set.

shots=${CONVLENS_SCREENSHOTS:-$work/shots}
mkdir -p "$shots"
make_pictures > /dev/null # ImageMagick 7 says "list" of its -fx
if [ "$version" = 2.10 ]; then
  gimp=gimp-2.10
else
  gimp=${gimp3/-console/}
fi
need "$gimp" Xvfb openbox xdotool import pgrep
make_profile
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

# title PATTERN [SECONDS]: waits for a visible window whose title has it, and sets `window`.
title () {
  local tries=$((${2:-20} * 4))
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
  for _ in $(seq 80); do
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
fill () { # MNEMONIC TEXT
  keys "alt+$1" ctrl+a
  xdotool type --delay 40 "$2"
  sleep 0.3
}
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
ok "no critical messages" sh -c '! grep -i "convlens.*critical\|convlens.*warning" "$1" | grep -v "theme engine"' sh \
  "$work/gimp.log"
[ $failures -eq 0 ] || grep -v 'theme engine' "$work/gimp.log" | sed '/^$/d; s/^/# /'
finish
