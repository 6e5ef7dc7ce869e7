#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes the reference documentation of the public rooms, one DocC archive each, in build/docs.
# Warnings are errors: a parameter without a word about it, a link that leads nowhere.
#
# The symbol graphs come from the modules of a debug build and `docc` from the toolchain, so no
# plugin joins the package's dependencies. To read a room:
#
#   docc preview --fallback-display-name DendriteModel --fallback-bundle-identifier dendrite \
#     --additional-symbol-graph-dir build/docs/symbols/DendriteModel
set -euo pipefail
cd "$(dirname "$0")/.."
. Scripts/toolchain.sh
require_swift

rooms=(Dendrite DendriteDecoding DendriteDistributed DendriteModel DendriteCheckpoint DendriteTokenizer DendriteCompute)
docc=$(dirname "$(swift_clang)")/docc
[ -x "$docc" ] || fail "the Swift toolchain has no docc, expected it at $docc" "install a complete toolchain"
target=$(swiftc -print-target-info | sed -n 's/.*"unversionedTriple": *"\(.*\)".*/\1/p')

# The strict flags are those of Scripts/check.sh: the same build serves both.

swift_with_traits build -Xswiftc -warnings-as-errors --quiet --product dendrite
modules=$(swift_with_traits build --show-bin-path)/Modules

# Where the headers of C modules lie.
headers=(-I Sources/CDendriteKernels/include)
if has_mpi; then
  read -ra mpi <<<"$(pkg-config --cflags-only-I ompi-c)"
  headers+=(-I Sources/CDendriteMPI ${mpi[@]+"${mpi[@]}"})
fi

rm -rf build/docs
bad=()
for room in "${rooms[@]}"; do
  symbols=build/docs/symbols/$room
  mkdir -p "$symbols"
  swift symbolgraph-extract -module-name "$room" -target "$target" -I "$modules" \
    "${headers[@]}" -minimum-access-level public -output-dir "$symbols"
  "$docc" convert --warnings-as-errors --fallback-display-name "$room" \
    --fallback-bundle-identifier "dendrite.$room" --additional-symbol-graph-dir "$symbols" \
    --output-path "build/docs/$room.doccarchive" || bad+=("$room")
done
[ ${#bad[@]} -eq 0 ] || fail "documentation of ${bad[*]} has warnings" "they are listed above"
echo "docs: ${#rooms[@]} archives in build/docs without a warning"
