// SPDX-License-Identifier: Apache-2.0
import DendriteTestSupport
import Foundation

/// The package as `swift package dump-package` describes it: targets and what they depend on.
struct Manifest {
  /// A target and the modules it may import.
  struct Target {
    var name: String
    /// Where its sources are, from the root of the repository.
    var path: String
    /// Targets of this package.
    var targets: Set<String>
    /// Products of other packages.
    var products: Set<String>
  }

  /// A manifest that could not be read.
  struct Unreadable: Error, CustomStringConvertible {
    var description: String
  }

  /// All targets by name.
  let targets: [String: Target]

  /// Targets whose sources are in `Sources/`.
  var rooms: [Target] {
    targets.values.filter { $0.path.hasPrefix("Sources/") }.sorted { $0.name < $1.name }
  }

  /// Asks the package manager, in a scratch folder of its own: the tests' may be locked.
  static func load() throws -> Manifest {
    let scratch = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: scratch) }
    let output = scratch.appendingPathComponent("package.json")
    try Data().write(to: output)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "swift", "package", "--package-path", Repository.root.path, "--scratch-path",
      scratch.path, "dump-package",
    ]
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Unreadable(
        description: "'swift package dump-package' ended with \(process.terminationStatus)")
    }
    return try Manifest(json: Data(contentsOf: output))
  }

  init(json: Data) throws {
    guard let package = try JSONSerialization.jsonObject(with: json) as? [String: Any],
      let list = package["targets"] as? [[String: Any]]
    else { throw Unreadable(description: "'swift package dump-package' lists no targets") }
    var targets: [String: Target] = [:]
    for entry in list {
      guard let name = entry["name"] as? String, let type = entry["type"] as? String else {
        throw Unreadable(description: "a target without name or type: \(entry)")
      }
      let folder = type == "test" ? "Tests" : "Sources"
      var target = Target(
        name: name, path: entry["path"] as? String ?? "\(folder)/\(name)", targets: [],
        products: [])
      for dependency in entry["dependencies"] as? [[String: Any]] ?? [] {
        // {"byName": ["X", …]}, {"target": ["X", …]} or {"product": ["X", "package", …]}
        guard let (kind, values) = dependency.first, let values = values as? [Any],
          let first = values.first as? String
        else { throw Unreadable(description: "a dependency of \(name): \(dependency)") }
        if kind == "product" { target.products.insert(first) } else { target.targets.insert(first) }
      }
      targets[name] = target
    }
    self.targets = targets
  }
}
