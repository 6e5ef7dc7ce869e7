#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds Benchmarks/matmul.c with the kernels and runs it on one core.
#
#   Scripts/bench-kernels.sh [variant] [GGUF type numbers] [output features] [input features]
set -euo pipefail
cd "$(dirname "$0")/.."
. Scripts/toolchain.sh
require_swift
clang=$(swift_clang)
folder=build/benchmarks
mkdir -p "$folder"
linker=()
[ "$(uname)" = Darwin ] || linker=(-fuse-ld=lld)
flags=(-std=c17 -O2 -DNDEBUG -ffp-contract=off -Wall -Wextra -I Sources/CDendriteKernels/include)
newer() { [ ! -e "$2" ] || [ -n "$(find Sources/CDendriteKernels "$1" -newer "$2" -name '*.[ch]' | head -n 1)" ]; }
if newer Benchmarks/matmul.c "$folder/matmul"; then
  "$clang" "${flags[@]}" ${linker[@]+"${linker[@]}"} Sources/CDendriteKernels/*.c Benchmarks/matmul.c -lm \
    -o "$folder/matmul"
fi
exec "$folder/matmul" "$@"
