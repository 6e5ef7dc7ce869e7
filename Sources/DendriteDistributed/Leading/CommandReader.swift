// SPDX-License-Identifier: Apache-2.0
internal import DendriteModel

/// Reads what `CommandWriter` wrote; every number is checked, whatever the bytes say.
struct CommandReader {
  private let bytes: [UInt8]
  private var next = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { next == bytes.count }

  mutating func kind() throws(DistributedError) -> CommandWriter.Kind {
    let byte = try byte()
    guard let kind = CommandWriter.Kind(rawValue: byte) else {
      throw CommandReader.damaged("command \(byte)")
    }
    return kind
  }

  mutating func integer() throws(DistributedError) -> Int {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = try byte()
      guard shift < 63 || byte < 2 else { throw CommandReader.damaged("a number above 2⁶⁴") }
      value |= UInt64(byte & 127) << shift
      if byte < 128 { return Int(Int64(bitPattern: value)) }
      shift += 7
      guard shift <= 63 else { throw CommandReader.damaged("a number above 2⁶⁴") }
    }
  }

  /// A number of things that the rest of the message must hold, each of at least `size` bytes.
  mutating func count(size: Int = 1) throws(DistributedError) -> Int {
    let count = try integer()
    guard count >= 0, count <= (bytes.count - next) / size else {
      throw CommandReader.damaged("\(count) things in \(bytes.count - next) bytes")
    }
    return count
  }

  mutating func cache() throws(DistributedError) -> CacheHandle {
    CacheHandle(index: try integer(), generation: try integer())
  }

  mutating func node() throws(DistributedError) -> NodeID {
    NodeID(index: try integer(), generation: try integer())
  }

  mutating func read(into batch: inout RowBatch) throws(DistributedError) {
    batch.removeAll()
    var cache: CacheHandle?
    for index in 0..<(try count(size: 2)) {
      let flags = try integer()
      if flags & CommandWriter.RowFlag.namesCache != 0 { cache = try self.cache() }
      guard let cache else { throw CommandReader.damaged("a first row without a cache") }
      batch.append(try row(flags, index: index, cache: cache))
    }
  }

  private mutating func row(
    _ flags: Int, index: Int, cache: CacheHandle
  ) throws(DistributedError) -> Row {
    typealias Flag = CommandWriter.RowFlag
    let parent: Row.Parent =
      switch flags & Flag.parentMask {
      case Flag.followsTip: .tip
      case Flag.followsNode: .node(try node())
      case Flag.followsRowBefore: .row(index - 1)
      default: .row(try integer())
      }
    let output: Row.Output =
      switch flags & Flag.outputMask {
      case 0: .none
      case Flag.wantsLogits: .logits
      case Flag.wantsHiddenState: .hiddenState(afterLayer: try integer())
      default: throw CommandReader.damaged("a row with two outputs")
      }
    let exit: Int? = flags & Flag.hasExit != 0 ? try integer() : nil
    let position: Int? = flags & Flag.hasPosition != 0 ? try integer() : nil
    let input: Row.Input =
      flags & Flag.isVector != 0 ? .vector(try vector()) : .token(try integer())
    return Row(
      cache: cache, input: input, parent: parent, output: output, exitLayer: exit,
      position: position, isStored: flags & Flag.isEphemeral == 0)
  }

  mutating func text() throws(DistributedError) -> String {
    let count = try count()
    defer { next += count }
    return String(decoding: bytes[next..<next + count], as: UTF8.self)
  }

  private mutating func vector() throws(DistributedError) -> [Float] {
    let count = try count(size: 4)
    var vector: [Float] = []
    vector.reserveCapacity(count)
    for _ in 0..<count {
      var bits: UInt32 = 0
      for shift in 0..<4 { bits |= UInt32(try byte()) << UInt32(8 * shift) }
      vector.append(Float(bitPattern: bits))
    }
    return vector
  }

  private mutating func byte() throws(DistributedError) -> UInt8 {
    guard next < bytes.count else { throw CommandReader.damaged("a message that ends too early") }
    next += 1
    return bytes[next - 1]
  }

  static func damaged(_ found: String) -> DistributedError {
    DistributedError(
      .badMessage, "found \(found) in a command of rank 0",
      remedy: "start all ranks with the same program")
  }
}
