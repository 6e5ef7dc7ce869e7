#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Compares speculative decoding with llama.cpp's, with the same target and drafter files, pair by pair.
#
#   Scripts/compare-speculation.sh [options]
#
#   --pairs N        pairs for each prompt; ours and theirs take turns (default: 3)
#   --draft-length N guesses a pass, ours and theirs (default: 4)
#   --tokens N       tokens of a reply (default: 96)
#   --threads N      threads (default: all cores)
#   --type TYPE      q8_0 or q4_0 (default: q8_0)
#   --work DIR       where the peer is built and models are kept (default: build/peers)
#
# The target is the bundled model inflated to the shape of Llama 3.2 1B with its own vocabulary, which both programs ask to be
# the drafter's. Scripts/compare-llama.sh must have built llama.cpp before; this adds its `llama-speculative-simple`.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
pairs=3 length=4 tokens=96 type=q8_0 work=build/peers threads=$(nproc)
while [ $# -gt 0 ]; do
  case "$1" in
    --pairs) pairs=$2 ;; --draft-length) length=$2 ;; --tokens) tokens=$2 ;; --threads) threads=$2 ;;
    --type) type=$2 ;; --work) work=$2 ;;
    *) sed -n '5,17p' "$0"; exit 64 ;;
  esac
  shift 2
done
say() { echo "compare-speculation: $*" >&2; }
cd "$root"
build="$work/llama.cpp/build"
[ -d "$build" ] || { say "no llama.cpp in $work"; say "  try: Scripts/compare-llama.sh --pairs 1"; exit 69; }
peer="$build/bin/llama-speculative-simple"
[ -x "$peer" ] || cmake --build "$build" --target llama-speculative-simple --parallel "$(nproc)" >&2
swift_with_traits build -c release --product dendrite >&2
tool=$(swift_with_traits build -c release --show-bin-path)/dendrite

target="$work/models/inflated-1b-own-vocabulary-$type.gguf"
drafter=Models/dendrite-tiny-drafter-q8_0.gguf
mkdir -p "$work/models"
[ -f "$target" ] || "$tool" lab inflate --to llama-3.2-1b --vocabulary keep --type "$type" -o "$target" >&2
cat "$target" "$target" >/dev/null # every page is in memory before anything is timed
TARGET=$target DRAFTER=$drafter TOOL=$tool PEER=$peer PAIRS=$pairs LENGTH=$length TOKENS=$tokens THREADS=$threads \
  python3 "$root/Scripts/compare-speculation.py"
