#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Measures dendrite and llama.cpp side by side and prints a Markdown table.
#
# From nothing: builds dendrite, gets llama.cpp's source through the source distribution of
# llama-cpp-python, builds its llama-bench for this CPU, makes model files of published shapes with
# random weights, and runs both programs in turn on the same files. A pair is one run of each, one
# right after the other, in alternating order; the first pair is dropped. Loading is measured by
# neither. Ratios are medians over pairs with the interval that holds the median with 95 %.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: Scripts/compare-llama.sh [options]

  --shapes LIST    shapes of `dendrite lab make-model`  (llama-3.2-1b)
  --types LIST     types of `dendrite lab make-model`   (q4_0,q8_0)
  --pairs N        pairs that count; one more is dropped (30)
  --threads N      threads of both programs              (all cores of this process)
  --prompt N       tokens of the prompt                  (512)
  --tokens N       tokens that llama-bench generates     (64)
  --rows LIST      also passes of so many rows; ours with logits of every row,
                   llama-bench's with those of the last only (none)
  --chart FILE     draw what the rows of the first file cost (SVG)
  --cores LIST     bind both programs to these cores, as taskset takes them
  --peer-bin DIR   use the llama-bench in this folder instead of building one
  --dendrite PATH  use this program instead of building one
  --work DIR       folder for sources, builds and models (build/peers)

Let nothing else run meanwhile: the table says nothing about a busy machine.
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
shapes=llama-3.2-1b types=q4_0,q8_0 pairs=30 threads=$(nproc) prompt=512 tokens=64
rows= chart= cores= peer= dendrite= work="$root/build/peers"
while [ $# -gt 0 ]; do
  case $1 in
    -h|--help) usage; exit 0 ;;
    --shapes|--types|--pairs|--threads|--prompt|--tokens|--rows|--chart|--cores|--peer-bin|--dendrite|--work)
      [ $# -ge 2 ] || { echo "compare-llama: $1 without a value" >&2; exit 64; } ;;&
    --shapes) shapes=$2 ;;
    --types) types=$2 ;;
    --pairs) pairs=$2 ;;
    --threads) threads=$2 ;;
    --prompt) prompt=$2 ;;
    --tokens) tokens=$2 ;;
    --rows) rows=$2 ;;
    --chart) chart=$2 ;;
    --cores) cores=$2 ;;
    --peer-bin) peer=$2/llama-bench ;;
    --dendrite) dendrite=$2 ;;
    --work) work=$2 ;;
    *) echo "compare-llama: no option '$1'" >&2; usage >&2; exit 64 ;;
  esac
  shift 2
done

say() { echo "compare-llama: $*" >&2; }
need() {
  command -v "$1" >/dev/null || { say "no '$1' on this machine"; say "  try: apt-get install $2"; exit 69; }
}

mkdir -p "$work"
work=$(cd "$work" && pwd)
need python3 python3

# Ours.
if [ -z "$dendrite" ]; then
  say "building dendrite"
  (cd "$root" && swift_with_traits build -c release --product dendrite >&2)
  dendrite="$(cd "$root" && swift_with_traits build -c release --show-bin-path)/dendrite"
fi

# The peer: the source distribution of llama-cpp-python carries llama.cpp's source.
if [ -z "$peer" ]; then
  peer="$work/llama.cpp/build/bin/llama-bench"
  if [ ! -x "$peer" ] || [ ! -x "${peer%/*}/llama-simple" ]; then
    need cmake cmake
    need c++ g++
    python3 -m pip --version >/dev/null 2>&1 || { say "no pip"; say "  try: apt-get install python3-pip"; exit 69; }
    say "getting llama.cpp"
    mkdir -p "$work/sdist"
    python3 -m pip download --quiet --no-deps --no-binary llama-cpp-python --dest "$work/sdist" llama-cpp-python >&2
    sdist=$(ls -t "$work"/sdist/llama_cpp_python-*.tar.gz | head -n 1)
    mkdir -p "$work/llama.cpp"
    tar -xzf "$sdist" -C "$work/llama.cpp" --strip-components=3 --wildcards '*/vendor/llama.cpp/*'
    basename "$sdist" .tar.gz >"$work/llama.cpp/VERSION"
    say "building llama-bench"
    cmake -S "$work/llama.cpp" -B "$work/llama.cpp/build" -DCMAKE_BUILD_TYPE=Release \
      -DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE=ON -DLLAMA_CURL=OFF -DLLAMA_BUILD_TESTS=OFF >&2
    cmake --build "$work/llama.cpp/build" --target llama-bench llama-simple --parallel "$(nproc)" >&2
  fi
fi
[ -x "$peer" ] || { say "no llama-bench at $peer"; say "  try: leave out --peer-bin"; exit 66; }

# Both on the same cores, if asked.
bound() { if [ -n "$cores" ]; then taskset -c "$cores" "$@"; else "$@"; fi; }
ours() {
  bound "$dendrite" bench -m "$1" --only "decode,prefill${rows:+,verify}" --prompt-lengths "$prompt" \
    --context 0 ${rows:+--rows "$rows"} --threads "$threads" --repetitions 1 --json
}
theirs() { bound "$peer" -m "$1" -p "$prompt${rows:+,$rows}" -n "$tokens" -t "$threads" -r 1 -o json 2>/dev/null; }

results="$work/results"
rm -rf "$results"
mkdir -p "$results" "$work/models"
for shape in ${shapes//,/ }; do
  for type in ${types//,/ }; do
    name="$shape-$type"
    model="$work/models/$name.gguf"
    [ -f "$model" ] || "$dendrite" lab make-model --shape "$shape" --type "$type" -o "$model" >&2
    cat "$model" "$model" >/dev/null # every page is in memory before anything is timed
    for pair in $(seq 0 "$pairs"); do
      [ -t 2 ] && printf '\r%s: pair %d of %d\033[K' "$name" "$pair" "$pairs" >&2
      if [ $((pair % 2)) = 0 ]; then
        ours "$model" >"$results/$name.$pair.ours.json"
        theirs "$model" >"$results/$name.$pair.theirs.json"
      else
        theirs "$model" >"$results/$name.$pair.theirs.json"
        ours "$model" >"$results/$name.$pair.ours.json"
      fi
      [ "$pair" = 0 ] && rm -f "$results/$name".0.*.json
    done
    [ -t 2 ] && printf '\r\033[K' >&2
  done
done

version=$(cat "$work/llama.cpp/VERSION" 2>/dev/null || echo "as given by --peer-bin")
python3 "$root/Scripts/compare-llama.py" "$results" --prompt "$prompt" --threads "$threads" --peer "$version" --rows "$rows" \
  ${chart:+--chart "$chart"}
