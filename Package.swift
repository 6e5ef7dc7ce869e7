// swift-tools-version: 6.2
import PackageDescription

/// Language settings of every Swift target.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),  // SE-0335
  .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
  .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),  // SE-0461
]

/// A room of the house: one target of `Sources/`, importing rooms on lower floors only.
func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// The tests of one room.
func tests(of room: String, _ more: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: "\(room)Tests",
    dependencies: [.target(name: room), "DendriteTestSupport"] + more,
    swiftSettings: strict)
}

let package = Package(
  name: "Dendrite",
  platforms: [.macOS(.v15), .iOS(.v18)],
  products: [
    .library(name: "Dendrite", targets: ["Dendrite"]),
    .executable(name: "dendrite", targets: ["DendriteCommand"]),
  ],
  traits: [
    .default(enabledTraits: []),
    .trait(name: "MPI", description: "Ranks that are processes, over Open MPI."),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    // Floor 0: SIMD kernels. The one unsafe flag: C kernels are optimised in debug builds too.
    .target(
      name: "CDendriteKernels",
      cSettings: [.unsafeFlags(["-std=c17", "-O2", "-ffp-contract=off", "-Wall", "-Wextra"])]),
    // Floor 0: handles of MPI are macros, which Swift cannot import. Nothing is compiled, nothing looked for, without the trait.
    .systemLibrary(
      name: "CDendriteMPI", pkgConfig: "ompi-c",
      providers: [.apt(["libopenmpi-dev", "openmpi-bin"]), .brew(["open-mpi"])]),
    // Floor 1
    room("DendriteCompute", ["CDendriteKernels"]),
    room("DendriteTokenizer"),
    room("DendriteReport"),
    // Floor 2
    room("DendriteCheckpoint", ["DendriteReport", "DendriteTokenizer"]),
    // Floor 3
    room("DendriteModel", ["CDendriteKernels", "DendriteCompute", "DendriteCheckpoint"]),
    // Floor 4
    room("DendriteDecoding", ["DendriteCompute", "DendriteModel", "DendriteTokenizer"]),
    room(
      "DendriteDistributed",
      [
        .target(name: "CDendriteMPI", condition: .when(traits: ["MPI"])),
        "DendriteCompute", "DendriteModel",
      ]),
    // Floor 6
    room(
      "Dendrite",
      [
        "DendriteCheckpoint", "DendriteCompute", "DendriteDecoding", "DendriteDistributed",
        "DendriteModel", "DendriteReport", "DendriteTokenizer",
      ]),
    // Floor 7
    .executableTarget(
      name: "DendriteCommand",
      dependencies: [
        "Dendrite", "DendriteReport",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "StreamAReply", dependencies: ["Dendrite"], path: "Examples/StreamAReply",
      swiftSettings: strict),

    .executableTarget(
      name: "TokenizerRace", dependencies: ["DendriteCheckpoint", "DendriteTokenizer"],
      path: "Benchmarks/TokenizerRace", swiftSettings: strict),
    .target(name: "DendriteTestSupport", path: "Tests/DendriteTestSupport", swiftSettings: strict),
    .executableTarget(
      name: "DendriteFuzzer", dependencies: ["DendriteCheckpoint", "DendriteTokenizer"],
      path: "Tests/DendriteFuzzer", swiftSettings: strict),
    .target(
      name: "CKernelTrace", dependencies: ["CDendriteKernels"], path: "Tests/KernelTrace",
      cSettings: [.unsafeFlags(["-std=c17", "-O2", "-Wall", "-Wextra"])]),
    .executableTarget(
      name: "DendriteTrace",
      dependencies: [
        "CDendriteKernels", "CKernelTrace", "DendriteCheckpoint", "DendriteCompute",
        "DendriteDecoding",
        "DendriteModel", "DendriteTokenizer",
      ],
      path: "Tests/DendriteTrace", swiftSettings: strict),
    .target(name: "CAllocationCounter", path: "Tests/AllocationCounter"),
    .executableTarget(
      name: "DendriteAllocations",
      dependencies: [
        "CAllocationCounter", "DendriteCheckpoint", "DendriteCompute", "DendriteDecoding",
        "DendriteModel", "DendriteTokenizer",
      ],
      path: "Tests/DendriteAllocations", swiftSettings: strict),
    .executableTarget(
      name: "DendriteRanks",
      dependencies: [
        "CAllocationCounter", "CDendriteKernels", "DendriteCompute", "DendriteDistributed",
        "DendriteModel", "DendriteTestSupport",
      ],
      path: "Tests/DendriteRanks", swiftSettings: strict),
    .testTarget(
      name: "HouseTests", dependencies: ["DendriteTestSupport"], swiftSettings: strict),
    tests(of: "DendriteCompute", ["CDendriteKernels"]),
    tests(of: "DendriteTokenizer", ["DendriteCheckpoint"]),
    tests(of: "DendriteReport"),
    tests(of: "DendriteCheckpoint", ["DendriteTokenizer"]),
    tests(
      of: "DendriteModel",
      ["DendriteCheckpoint", "DendriteCompute", "DendriteTrace", "DendriteAllocations"]),
    tests(
      of: "DendriteDecoding",
      [
        "Dendrite", "DendriteCheckpoint", "DendriteCompute", "DendriteModel", "DendriteTokenizer",
        "StreamAReply",
      ]),
    tests(
      of: "DendriteDistributed",
      [
        "CDendriteKernels", "DendriteCheckpoint", "DendriteCompute", "DendriteDecoding",
        "DendriteModel", "DendriteTokenizer",
      ]),
    .testTarget(
      name: "DendriteCommandTests",
      dependencies: ["Dendrite", "DendriteCommand", "DendriteReport", "DendriteTestSupport"],
      swiftSettings: strict),
  ]
)
