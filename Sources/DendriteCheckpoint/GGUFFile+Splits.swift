// SPDX-License-Identifier: Apache-2.0

extension GGUFFile {
  /// The name of a shard: `<prefix>-00001-of-00003.gguf`, numbered from 1.
  struct ShardName {
    /// The path up to the numbers.
    let prefix: String
    /// This shard's number, from 1.
    let number: Int
    /// The number of shards.
    let count: Int

    init?(path: String) {
      // The ending has 20 characters: -NNNNN-of-NNNNN.gguf
      let bytes = Array(path.utf8)
      guard bytes.count > 20 else { return nil }
      let ending = Array(bytes.suffix(20))
      guard ending[0] == UInt8(ascii: "-"), ending[6..<10].elementsEqual("-of-".utf8),
        ending[15...].elementsEqual(".gguf".utf8),
        let number = ShardName.number(ending[1..<6]), let count = ShardName.number(ending[10..<15]),
        number >= 1, number <= count
      else { return nil }
      prefix = String(decoding: bytes.dropLast(20), as: UTF8.self)
      self.number = number
      self.count = count
    }

    /// The path of another shard of the same model.
    func path(of number: Int) -> String {
      "\(prefix)-\(ShardName.fiveDigits(number))-of-\(ShardName.fiveDigits(count)).gguf"
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
      guard digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
      return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    static func fiveDigits(_ number: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
  }

  /// All shards of the model that `opened` belongs to, in order.
  static func allShards(
    of opened: GGUFHeader, path: String
  ) throws(CheckpointError) -> [GGUFHeader] {
    guard let count = try opened.metadata.int("split.count"), count != 1 else { return [opened] }
    guard count >= 1, count <= 99_999 else {
      throw CheckpointError(
        .incompleteSplit, "\(quoted(path)): 'split.count' is \(count), expected 1 to 99999",
        remedy: "download the shards again")
    }
    guard let name = ShardName(path: path) else {
      throw CheckpointError(
        .incompleteSplit,
        "\(quoted(path)) is one of \(count) shards, expected a name that ends in "
          + "-00001-of-\(ShardName.fiveDigits(count)).gguf",
        remedy: "give the shards their original names; the others are found by name")
    }
    guard name.count == count else {
      throw CheckpointError(
        .incompleteSplit,
        "\(quoted(path)) says \(name.count) shards in its name and \(count) in 'split.count', "
          + "expected the same",
        remedy: "download all shards again, from the same revision")
    }
    var shards: [GGUFHeader] = []
    for number in 1...count {
      shards.append(try openShard(number, of: name, opened: opened))
    }
    let total = shards.reduce(0) { $0 + $1.tensors.count }
    if let expected = try shards[0].metadata.int("split.tensors.count"), expected != total {
      throw CheckpointError(
        .incompleteSplit,
        "the \(count) shards of \(quoted(name.prefix)) hold \(total) tensors, expected \(expected) "
          + "('split.tensors.count')",
        remedy: "download all shards again, from the same revision")
    }
    return shards
  }

  private static func openShard(
    _ number: Int, of name: ShardName, opened: GGUFHeader
  ) throws(CheckpointError) -> GGUFHeader {
    let path = name.path(of: number)
    let file: MappedFile
    do {
      file = number == name.number ? opened.file : try MappedFile(path: path)
    } catch {
      throw CheckpointError(
        .incompleteSplit,
        "shard \(number) of \(name.count) cannot be read, expected it at\n\(quoted(path))",
        remedy: "download all \(name.count) shards into one folder", cause: error)
    }
    let shard = try GGUFHeader(file, shard: number - 1)
    let position = try shard.metadata.int("split.no")
    let count = try shard.metadata.int("split.count")
    guard position == number - 1, count == name.count else {
      throw CheckpointError(
        .incompleteSplit,
        "\(quoted(path)) says it is shard \(position.map { "\($0 + 1)" } ?? "?") of "
          + "\(count.map { "\($0)" } ?? "?"), expected shard \(number) of \(name.count)",
        remedy: "give the shards their original names, or download them again")
    }
    return shard
  }
}
