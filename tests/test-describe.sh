#!/bin/bash
# `convlens describe` writes no architecture that the model is not. TAP.
#   test-describe.sh CONVLENS
set -u

convlens=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
golden=$here/data/keras
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0 failures=0

# row MODEL ARCHITECTURE TEXT: refused with TEXT and nothing is written; without TEXT it is written.
row () {
  local said code=0 good=1
  rm -rf "$work"/*
  cp "$golden/$1" "$work/"
  local model=$work/$(basename "$1")
  said=$("$convlens" describe "$model" --architecture "$2" 2>&1) || code=$?
  if [ -n "$3" ]; then
    [ $code -eq 1 ] && grep -qF -- "$3" <<< "$said" && [ ! -e "$model.json" ] && good=0
  else
    [ $code -eq 0 ] && grep -qF '"architecture"' "$model.json" && good=0
  fi
  number=$((number + 1))
  if [ $good -eq 0 ]; then
    echo "ok $number - $1 $2"
  else
    failures=$((failures + 1))
    echo "not ok $number - $1 $2"
    sed 's/^/# /' <<< "$said"
  fi
}

row functional/model.keras vgg16 \
  'architecture "vgg16" contradicts the model, which has 0 of its 13 layers with weights'
row functional/model.keras inceptionv3 'architecture "inceptionv3" contradicts the model'
row functional/model.keras alexnet 'unknown architecture "alexnet"; there are xception'
row functional/model.keras "$golden/inverted-residual/architecture.json" 'contradicts the model'
row functional/model.keras "$golden/functional/architecture.json" ''
row functional/model.h5 vgg16 'contradicts the model'

echo "1..$number"
[ $failures -eq 0 ]
