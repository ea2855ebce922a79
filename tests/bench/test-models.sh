#!/bin/bash
# bench-models in short: its lines, and the model that it makes. TAP.
#   test-models.sh CONVLENS BENCH-MODELS
bench=$(realpath "$2")
model=mobilenet_0_25
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

# measured NAME: the numbers of a line: best, median, GFLOP/s, runs.
measured () {
  sed -n "s/^$model  *$1  *\([0-9.]*\)  *\([0-9.]*\)  *\([0-9.-]*\)  *\([0-9]*\)\$/\1 \2 \3 \4/p" table.txt
}

code=0
"$bench" --program "$convlens" --work models --seconds 6 $model > table.txt 2> errors.txt || code=$?
said=$(cat table.txt errors.txt)
report 'a short run ends well' $code "$said"
grep -q '^device: .' table.txt && grep -q '^driver: .' table.txt
report 'device and driver are named' $? "$said"
left=$(sed -n 's/^left out: *//p' table.txt)

rows='open|forward, first|forward|grad-cam|input gradient|forward, many|grad-cam, many|input gradient, many'
rows+='|cold, caches empty, first|cold|pattern, 30 steps, first|pattern, 30 steps|pattern, 30 more steps'
rows+='|cold, caches empty|sheet of 16, 30 steps'
wrong='' several=0
while read -r row; do
  numbers=$(measured "$row")
  if [[ "; ${left#*(}; " == *"; $row; "* || "; ${left#*(}" == *"; $row)" ]]; then
    [ -z "$numbers" ] || wrong+=" both measured and left out: $row."
  else
    # 30 more steps are a difference, which other work on the machine makes what it likes
    awk -v row="$row" '{ exit ! ((row ~ /more/ || ($1 > 0 && $2 >= $1)) && $4 > 0) }
                       END { if (NR != 1) exit 1 }' <<< "${numbers:-0}" || wrong+=" bad: $row: $numbers."
    several=$((several + 1))
    # 41 million weights and places in the paper (Howard et al. 2017, table 6)
    [ "$row" != forward ] || awk '{ exit ! ($2 * $3 / 2 > 39 && $2 * $3 / 2 < 43) }' <<< "$numbers" \
      || wrong+=" operations: $numbers."
  fi
done < <(tr '|' '\n' <<< "$rows")
report 'each line is positive times, or left out' "$([ -z "$wrong" ]; echo $?)" "$wrong $said"
report 'some lines were measured' "$([ $several -ge 1 ]; echo $?)" "$said"

code=0
"$convlens" predict "$photo" --model models/$model.h5 --json > json.txt 2> errors.txt || code=$?
report 'the model that was made opens' $code "$(cat errors.txt)"
python3 - << 'END' > said.txt 2>&1
import json
answer = json.load (open ("json.txt", encoding="utf-8"))
best = [one["probability"] for one in answer["predictions"]]
assert not answer.get ("warnings") and not open ("errors.txt").read (), answer
assert answer["input"]["preprocess"] == "tf", answer
assert 0.001 < best[0] < 0.1 and best[0] > best[-1] > 0, best
END
report 'without a warning, and no class has it all' $? "$(cat said.txt)"

before=$(stat -c %Y.%s.%i models/$model.h5) code=0
"$bench" --work models --seconds 0 $model > table.txt 2> errors.txt || code=$?
said=$(cat table.txt errors.txt)
[ "$code" -eq 0 ] && [ "$before" = "$(stat -c %Y.%s.%i models/$model.h5)" ] && ! grep -q 'making' table.txt
report 'the file is used again' $? "$said"
grep -q "^left out: $model (open; .*; sheet of 16, 30 steps)$" table.txt
report 'nothing begins when the time is over' $? "$said"

printf 'no model' > broken.h5
code=0
"$bench" --seconds 3 broken.h5 > table.txt 2> errors.txt || code=$?
said=$(cat table.txt errors.txt)
[ "$code" -eq 1 ] && grep -q '^broken.h5  *open  *failed: broken.h5: is not a model' table.txt
report 'what fails is said in its line' $? "$said"

finish
