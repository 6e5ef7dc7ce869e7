#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Everything that must hold before a change is done; continuous integration runs the same.
#
#   Scripts/check.sh                all stages, in order
#   Scripts/check.sh tests          all but the format
#   Scripts/check.sh STAGE…         these, of:
#
#   format     strict format lint of all Swift
#   build      debug build with tests; warnings and undeclared imports are errors
#   debug      swift test
#   release    swift test, optimised
#   kernels    the C kernels on all variants, under sanitizers and on an emulated Arm: one hash
#   ranks      processes that mpirun starts: what they exchange, and how a run ends when one fails
#   threads    the thread pool under the thread sanitizer
#   docs       reference documentation of the public rooms, warnings are errors
#   examples   every program in Examples/ runs
#   consumer   a package that depends on this one builds, with two checkouts
#
# Stages run to the end even if one fails, unless nothing could be built. The last lines repeat what
# each said at its own end. Logs: build/check/STAGE.log.
set -euo pipefail
cd "$(dirname "$0")/.."
. Scripts/toolchain.sh

tests=(build debug release kernels ranks threads docs examples consumer)

# Runs the tests of a configuration that is built; leaves out the lines that only say what began.
run_tests() {
  limited 1800 swift test ${traits[@]+"${traits[@]}"} -c "$1" --skip-build --disable-xctest 2>&1 | grep -a --line-buffered -v '^◇'
}

stage_format() {
  swift format lint --strict --recursive --parallel Package.swift Sources Tests Examples
  echo "format: as .swift-format says"
}

stage_build() {
  swift_with_traits build --build-tests -Xswiftc -warnings-as-errors --explicit-target-dependency-import-check error
}

stage_debug() { run_tests debug; }

stage_release() {
  swift_with_traits build --build-tests -c release
  run_tests release
}

stage_kernels() {
  local tools
  tools=$(swift_with_traits build --show-bin-path)
  Scripts/check-kernels.sh 1 10 "$tools/DendriteTrace"
}

stage_ranks() { Scripts/check-ranks.sh "$(swift_with_traits build --show-bin-path)/DendriteRanks"; }

stage_threads() { Scripts/check-threads.sh; }

stage_docs() { Scripts/make-docs.sh; }

stage_examples() {
  local folder name lines
  for folder in Examples/*/; do
    name=$(basename "$folder")
    swift_with_traits build -c release --product "$name"
    lines=$(limited 300 swift run ${traits[@]+"${traits[@]}"} -c release --skip-build "$name" | tee /dev/stderr | wc -l)
    [ "$lines" -gt 0 ] || fail "example $name printed nothing, expected some text" "run it by hand"
    echo "example $name: $((lines)) lines of text"
  done
}

stage_consumer() { Scripts/check-consumer.sh; }

# What a stage said at its end: the test runner's own line, the hashes, or else the last line.
closing_lines() {
  local log=build/check/$1.log lines
  lines=$(grep -aE 'Test run with|: one hash ' "$log" || tail -n 1 "$log")
  sed '2,$s/^/                          /' <<<"$lines"
}

# A stage runs in a process of its own: a shell that tests a function's status ignores `set -e` in it.
if [ "${1:-}" = --stage ]; then
  "stage_$2"
  exit
fi

[ $# -gt 0 ] || set -- format "${tests[@]}"
stages=()
for word; do
  if [ "$word" = tests ]; then
    stages+=("${tests[@]}")
  elif declare -F "stage_$word" >/dev/null; then
    stages+=("$word")
  else
    fail "no stage '$word'" "use one of: format ${tests[*]}, or tests for all but the first"
  fi
done

require_swift
mkdir -p build/check
summary=build/check/summary.txt
: >"$summary"
failed=()
for stage in "${stages[@]}"; do
  began=$SECONDS
  say "$stage"
  verdict=passed
  "$0" --stage "$stage" 2>&1 | tee "build/check/$stage.log" || verdict=FAILED
  if grep -aq 'Test run with 0 tests' "build/check/$stage.log"; then verdict=FAILED; fi
  [ $verdict = passed ] || failed+=("$stage")
  printf '%-9s %s %5d s  %s\n' "$stage" "$verdict" "$((SECONDS - began))" "$(closing_lines "$stage")" >>"$summary"
  if [ "$verdict" = FAILED ] && [ "$stage" = build ]; then break; fi
done

say "summary"
cat "$summary"
if [ ${#failed[@]} -gt 0 ]; then
  printf '\nFAILED: %s\n' "${failed[*]}"
  echo "  try: Scripts/check.sh ${failed[*]}; the logs are in build/check/"
  exit 1
fi
printf '\npassed: %s\n' "${stages[*]}"
