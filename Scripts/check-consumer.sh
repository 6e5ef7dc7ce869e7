#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds a package that depends on Dendrite as a stranger would, by a version of its repository,
# and counts what had to be checked out: this repository and argument-parser, nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
. Scripts/toolchain.sh
require_swift

work=$PWD/build/consumer
rm -rf "$work"
mkdir -p "$work/Dendrite" "$work/Consumer/Sources/Consumer"

# A version of its own for each run: SwiftPM remembers what a version of a repository contained.
version=1.0.$(date +%s)

# What the manifest names, as a repository with one version.
tar -cf - Package.swift Sources Tests Examples | tar -xf - -C "$work/Dendrite"
git -C "$work/Dendrite" init --quiet
git -C "$work/Dendrite" add --all
git -C "$work/Dendrite" -c user.name=check -c user.email=check@localhost -c commit.gpgsign=false \
  commit --quiet --message "The working tree"
git -C "$work/Dendrite" tag "$version"

cat >"$work/Consumer/Package.swift" <<MANIFEST
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "Consumer",
  platforms: [.macOS(.v15)],
  dependencies: [.package(url: "file://$work/Dendrite", exact: "$version")],
  targets: [
    .executableTarget(name: "Consumer", dependencies: [.product(name: "Dendrite", package: "Dendrite")])
  ]
)
MANIFEST
cat >"$work/Consumer/Sources/Consumer/main.swift" <<'SOURCE'
import Dendrite

print(KernelVariant.available.map(\.name).joined(separator: " "))
SOURCE

package=(--package-path "$work/Consumer" --security-path "$work/security")
swift package "${package[@]}" resolve
found=$(cd "$work/Consumer/.build/checkouts" && printf '%s\n' * | LC_ALL=C sort | tr '\n' ' ')
[ "$found" = "Dendrite swift-argument-parser " ] ||
  fail "a consumer of Dendrite checks out: ${found% }, expected Dendrite and swift-argument-parser" \
    "put the new dependency behind a trait that is off by default"
swift build "${package[@]}"
variants=$(swift run "${package[@]}" --skip-build Consumer)
case " $variants " in
  *" generic "*) ;;
  *) fail "the consumer printed '$variants', expected the kernel variants of this CPU" "see its main.swift above" ;;
esac
echo "consumer: builds and runs with 2 checkouts (${found% })"
