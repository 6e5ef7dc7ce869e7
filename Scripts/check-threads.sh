#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs the tests of the thread pool under the thread sanitizer.
#
# They are built as a small package of the compute room alone, linked into build/threads: a
# sanitized build of everything would take as long as the tests themselves.
set -euo pipefail
cd "$(dirname "$0")/.."
. Scripts/toolchain.sh
require_swift

package=build/threads
mkdir -p "$package/Sources" "$package/Tests"
for target in Sources/CDendriteKernels Sources/DendriteCompute Tests/DendriteComputeTests \
  Tests/DendriteTestSupport; do
  ln -sfn "$PWD/$target" "$package/$target"
done
cat >"$package/Package.swift" <<'MANIFEST'
// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
  name: "DendriteThreads",
  platforms: [.macOS(.v15)],
  targets: [
    .target(
      name: "CDendriteKernels",
      cSettings: [.unsafeFlags(["-std=c17", "-O1", "-ffp-contract=off"])]),
    .target(name: "DendriteCompute", dependencies: ["CDendriteKernels"], swiftSettings: strict),
    .target(name: "DendriteTestSupport", path: "Tests/DendriteTestSupport", swiftSettings: strict),
    .testTarget(
      name: "DendriteComputeTests",
      dependencies: ["CDendriteKernels", "DendriteCompute", "DendriteTestSupport"],
      swiftSettings: strict),
  ]
)
MANIFEST
swift test --package-path "$package" --sanitize=thread --disable-xctest --filter WorkerPool
