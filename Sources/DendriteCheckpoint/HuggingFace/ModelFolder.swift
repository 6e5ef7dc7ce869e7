// SPDX-License-Identifier: Apache-2.0

internal import DendriteReport

/// The files of a model's directory, found without leaving it.
///
/// Names come from files that somebody else wrote. A name is one component, and what it leads to, links
/// resolved, lies in the directory; in a Hub cache it may lie in the store beside it (`blobs`), where the
/// links of a snapshot point.
struct ModelFolder {
  /// The path as given.
  let path: String
  /// The same with all links resolved.
  private let resolved: String
  /// Where else files may lie.
  private let store: String?

  static let configurationName = "config.json"
  static let indexName = "model.safetensors.index.json"
  static let weightsName = "model.safetensors"

  /// - Throws: `.unreadable` if there is no such directory.
  init(path: String) throws(CheckpointError) {
    self.path = path
    resolved = try FileNames.resolved(path)
    let parts = resolved.split(separator: "/", omittingEmptySubsequences: false)
    store =
      parts.count > 2 && parts[parts.count - 2] == "snapshots"
      ? (try? FileNames.resolved(parts.dropLast(2).joined(separator: "/") + "/blobs")) : nil
  }

  /// `config.json`.
  func configuration() throws(CheckpointError) -> ConfigurationFile {
    if let file = try optionalFile(ModelFolder.configurationName) { return file }
    throw CheckpointError(
      .unreadable,
      "no '\(ModelFolder.configurationName)' in \(quoted(path)), expected the directory of a model",
      remedy: "give a directory with config.json and safetensors files, or a .gguf file")
  }

  /// A JSON file that may be missing.
  func optionalFile(_ name: String) throws(CheckpointError) -> ConfigurationFile? {
    guard FileNames.exists(path + "/" + name) else { return nil }
    return try ConfigurationFile(path: location(of: name), name: name)
  }

  /// The weight files, opened and checked.
  ///
  /// - Throws: what `SafetensorsHeader` throws, `.unreadable` for files that are missing or outside, and
  ///   `.incompleteSplit` if index and files disagree.
  func shards() throws(CheckpointError) -> [SafetensorsHeader] {
    guard let index = try optionalFile(ModelFolder.indexName) else {
      guard FileNames.exists(path + "/" + ModelFolder.weightsName) else { throw noWeights() }
      let location = try location(of: ModelFolder.weightsName)
      return [try SafetensorsHeader(MappedFile(path: location), shard: 0)]
    }
    let owners = try weightMap(index)
    var shards: [SafetensorsHeader] = []
    for (number, name) in Set(owners.map(\.file)).sorted().enumerated() {
      let header = try SafetensorsHeader(MappedFile(path: location(of: name)), shard: number)
      let present = Set(header.tensors.map(\.name))
      if let lost = owners.first(where: { $0.file == name && !present.contains($0.tensor) }) {
        throw CheckpointError(
          .incompleteSplit,
          "'\(ModelFolder.indexName)' says that tensor \(quoted(lost.tensor)) is in \(quoted(name)), "
            + "which has \(header.tensors.count) others, expected it there",
          remedy: "download index and weights again, from the same revision")
      }
      shards.append(header)
    }
    return shards
  }

  private func weightMap(
    _ index: ConfigurationFile
  ) throws(CheckpointError) -> [(tensor: String, file: String)] {
    guard case .object(let members)? = index["weight_map"], !members.isEmpty else {
      throw index.missing("weight_map")
    }
    var owners: [(tensor: String, file: String)] = []
    for member in members {
      guard case .string(let file) = member.value else {
        throw index.invalid(
          "weight_map", found: "no string for tensor \(quoted(member.key))", "a file's name")
      }
      owners.append((member.key, file))
    }
    return owners
  }

  /// The path of a file of the directory.
  ///
  /// - Throws: `.malformed` for a name that leads out of the directory, `.unreadable` if there is no file.
  func location(of name: String) throws(CheckpointError) -> String {
    guard FileNames.isPlain(name) else {
      throw CheckpointError(
        .malformed,
        "\(quoted(path)) names the file \(quoted(name)), expected a name without folders",
        remedy: "get the index again; names that lead elsewhere are not followed")
    }
    let location = path + "/" + name
    guard FileNames.exists(location) else {
      throw CheckpointError(
        .unreadable, "no file \(quoted(name)) in \(quoted(path)), expected the model's part",
        remedy: "download the model again: some of its files are missing")
    }
    let target = try FileNames.resolved(location)
    let places = [resolved] + (store.map { [$0] } ?? [])
    guard places.contains(where: { target.hasPrefix($0 + "/") }) else {
      throw CheckpointError(
        .malformed,
        "\(quoted(name)) in \(quoted(path)) is a link out of the directory, expected a file in it",
        remedy: "copy the file into the directory; links that lead elsewhere are not followed")
    }
    return location
  }

  private func noWeights() -> CheckpointError {
    let others = FileNames.list(path)
    let pickled = others.first {
      $0.hasSuffix(".bin") || $0.hasSuffix(".pt") || $0.hasSuffix(".pth")
    }
    let found = pickled.map { "only \(quoted($0))" } ?? "none"
    return CheckpointError(
      .unreadable,
      "no '\(ModelFolder.weightsName)' or '\(ModelFolder.indexName)' in \(quoted(path)), found "
        + "\(found), expected weights as safetensors",
      remedy: pickled == nil
        ? "download the model's weights too"
        : "get the model as safetensors; pickled weights can run code and are not read")
  }
}
