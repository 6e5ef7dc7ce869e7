#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Compares the kernel variants byte for byte, here and on an emulated Arm, with and without
# sanitizers, and prints the one hash that all of them must have.
#
#   Scripts/check-kernels.sh [seed] [rounds] [path of DendriteTrace]        defaults: 1 10 none
#
# Three builds of Tests/Kernels/kernel-check.c, which compares random calls:
#   native      every variant of this CPU
#   sanitized   the same under address and undefined-behaviour sanitizers
#   arm         generic, neon and neoni8mm, cross-compiled and run under qemu-user (x86 hosts)
# With the path of a built DendriteTrace also a real run: it generates from the bundled model with
# each variant and records every kernel call; kernel-replay repeats the calls, on Arm too.
# Without qemu or the cross libraries Arm is skipped; with CI=true that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
. Scripts/toolchain.sh

seed=${1:-1}
rounds=${2:-10}
trace_tool=${3:-}
require_swift
clang=$(swift_clang)
work=build/kernels
mkdir -p "$work"

flags=(-std=c17 -O2 -ffp-contract=off -Wall -Wextra -Werror -I Sources/CDendriteKernels/include)
programs=(kernel-check kernel-replay)
linker=()
[ "$(uname)" = Darwin ] || linker=(-fuse-ld=lld)

# build NAME FLAGS…: compiles both programs into $work/NAME, all sources at the same time.
build() {
  local folder=$work/$1 source job program jobs=()
  shift
  rm -rf "$folder"
  mkdir -p "$folder/programs"
  for source in Sources/CDendriteKernels/*.c; do
    "$clang" "${flags[@]}" "$@" -c "$source" -o "$folder/$(basename "$source").o" &
    jobs+=($!)
  done
  for program in "${programs[@]}"; do
    "$clang" "${flags[@]}" "$@" -c "Tests/Kernels/$program.c" -o "$folder/programs/$program.o" &
    jobs+=($!)
  done
  for job in "${jobs[@]}"; do wait "$job"; done
  for program in "${programs[@]}"; do
    "$clang" "$@" ${linker[@]+"${linker[@]}"} "$folder"/*.o "$folder/programs/$program.o" -lm \
      -o "$folder/$program"
  done
}

# check NAME COMMAND…: compares random calls and keeps what it prints. COMMAND runs a program.
check() {
  local folder=$work/$1 name=$1 began=$SECONDS
  shift
  if ! "$@" "$folder/kernel-check" "$seed" "$rounds" >"$folder/check.txt"; then
    cat "$folder/check.txt"
    fail "kernel-check ($name) found a difference with seed $seed" \
      "rerun it alone: $* $folder/kernel-check $seed $rounds"
  fi
  printf '%-10s seed %s, %s rounds: %s (%d s)\n' "$name" "$seed" "$rounds" \
    "$(tail -n 1 "$folder/check.txt")" "$((SECONDS - began))"
}

# one_hash WHAT: reads lines "variant hash" and prints the hash and the variants, or fails.
one_hash() {
  local what=$1 lines distinct names=() variant
  lines=$(cat)
  distinct=$(awk '{ print $2 }' <<<"$lines" | sort -u)
  for variant in generic avx2 avxvnni avx512vnni neon neoni8mm; do
    if grep -q "^$variant " <<<"$lines"; then names+=("$variant"); fi
  done
  if [ "$(wc -l <<<"$distinct")" -ne 1 ]; then
    printf '%s\n' "$lines" >&2
    fail "$what: several hashes, expected one" "the variant that disagrees with 'generic' is the wrong one"
  fi
  printf '%s: one hash %s on %s\n' "$what" "$distinct" "${names[*]}"
}

build native
check native env
build sanitized -g -fsanitize=address,undefined -fno-sanitize-recover=all
check sanitized env
builds=(native sanitized)

# On an x86 host, Arm is emulated; on Arm the native build covers its variants.
arm_prefix=/usr/aarch64-linux-gnu
arm=(qemu-aarch64 -L "$arm_prefix")
has_arm=false
if [ "$(uname -m)" = x86_64 ]; then
  if ! command -v qemu-aarch64 >/dev/null 2>&1; then
    skip "kernels on Arm" "no qemu-aarch64 (package qemu-user)"
  elif ! [ -e "$arm_prefix/lib/libc.so.6" ]; then
    skip "kernels on Arm" "no cross libraries (packages gcc-aarch64-linux-gnu, libc6-dev-arm64-cross)"
  else
    has_arm=true
    build arm --target=aarch64-linux-gnu --gcc-toolchain=/usr
    check arm "${arm[@]}"
    for variant in neon neoni8mm; do
      grep -q "^$variant " "$work/arm/check.txt" ||
        fail "the emulated CPU does not run the variant '$variant'" \
          "use a qemu that emulates Armv8.6 (7.0 or later)"
    done
    builds+=(arm)
  fi
fi

# replay BUILD VARIANT COMMAND…: repeats the recorded calls and compares every output.
replay() {
  local folder=$work/$1 variant=$2
  shift 2
  "$@" "$folder/kernel-replay" "$trace" "$variant" >>"$work/replays.txt" ||
    fail "kernel-replay: $variant repeats $trace with other bits" \
      "rerun it alone: $* $folder/kernel-replay $trace $variant"
}

# A run of the engine, recorded with each variant of this CPU, repeated with all others.
if [ -n "$trace_tool" ]; then
  model=Models/dendrite-tiny-q8_0.gguf
  trace=$work/run.trace
  variants=$(awk '/ hash / { print $1 }' "$work/native/check.txt")
  : >"$work/texts.txt"
  : >"$work/replays.txt"
  for variant in $variants; do "$trace_tool" "$model" "$trace" "$variant" >>"$work/texts.txt"; done
  for variant in $variants; do replay native "$variant" env; done
  if $has_arm; then
    for variant in neoni8mm neon generic; do replay arm "$variant" "${arm[@]}"; done
  fi
  rm -f "$trace"
  cat "$work/texts.txt" "$work/replays.txt"
fi

for name in "${builds[@]}"; do cat "$work/$name/check.txt"; done |
  sed -n 's/^\([a-z0-9]*\) *hash \([0-9a-f]*\)$/\1 \2/p' | one_hash kernels
if [ -n "$trace_tool" ]; then
  sed -n 's/^\([a-z0-9]*\) .*text hash \([0-9a-f]*\).*/\1 \2/p' "$work/texts.txt" | one_hash text
  sed -n 's/^\([a-z0-9]*\) .*kernel hash \([0-9a-f]*\).*/\1 \2/p' "$work/texts.txt" "$work/replays.txt" |
    one_hash "kernel calls of a run"
fi
