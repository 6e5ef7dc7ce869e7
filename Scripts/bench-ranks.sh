#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Times ways to join attention over ranks of this machine, and of swapping bytes between two of them.
#
#   Scripts/bench-ranks.sh [ranks] [tokens] [heads] [KV heads] [head dim] [repetitions]     2 4096 32 8 128 40
#   Scripts/bench-ranks.sh exchange [repetitions] [swaps]
set -euo pipefail
cd "$(dirname "$0")/.."
. Scripts/toolchain.sh
require_swift
has_mpi || fail "$no_mpi" "install it"
clang=$(swift_clang)
folder=build/benchmarks
mkdir -p "$folder"
linker=()
[ "$(uname)" = Darwin ] || linker=(-fuse-ld=lld)
flags=(-std=c17 -O2 -DNDEBUG -ffp-contract=off -Wall -Wextra -I Sources/CDendriteKernels/include)
read -ra mpi <<<"$(pkg-config --cflags --libs ompi-c)"
launch=(mpirun --bind-to none --oversubscribe --mca btl "self,vader")
if [ "$(id -u)" -eq 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi

if [ "${1:-}" = exchange ]; then
  "$clang" "${flags[@]}" ${linker[@]+"${linker[@]}"} Benchmarks/exchange.c "${mpi[@]}" -lm -o "$folder/exchange"
  exec "${launch[@]}" -n 2 "$folder/exchange" "${@:2}"
fi
"$clang" "${flags[@]}" ${linker[@]+"${linker[@]}"} Sources/CDendriteKernels/*.c Benchmarks/reductions.c "${mpi[@]}" -lm \
  -o "$folder/reductions"
exec "${launch[@]}" -n "${1:-2}" "$folder/reductions" "${@:2}"
