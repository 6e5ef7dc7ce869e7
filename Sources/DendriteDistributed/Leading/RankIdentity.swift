// SPDX-License-Identifier: Apache-2.0
public import DendriteModel

/// What all ranks must agree about before they share a context.
public struct RankIdentity: Sendable, Hashable {
  /// The weights, as saved contexts know them.
  public var fingerprint: UInt64
  /// The version of the arithmetic.
  public var numericsVersion: Int
  /// A hash of the options that every rank was started with.
  public var options: UInt64

  /// Describes a rank.
  ///
  /// - Parameters:
  ///   - model: the rank's model.
  ///   - options: whatever else must be alike, as text; it does not leave the rank, only its hash does.
  public init(model: CPUTransformer, options: String = "") {
    fingerprint = model.fingerprint
    numericsVersion = DendriteModel.numericsVersion
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in options.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    self.options = hash
  }

  private static let words = 3

  /// Seconds that ranks wait for each other here: they come when they have loaded the model, each from its own disk.
  private static let patience = 600.0

  /// Compares all ranks with rank 0; called by every rank, once.
  ///
  /// - Throws: `ranksDisagree` on rank 0, which names the first rank that differs and in what; `rankLost` on the others.
  func agree(over communicator: any Communicator) throws(DistributedError) {
    let own = [fingerprint, UInt64(numericsVersion), options]
    let bytes = own.count * 8
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes + 1, alignment: 8)
    defer { buffer.deallocate() }
    if communicator.rank > 0 {
      for (index, word) in own.enumerated() {
        buffer.storeBytes(of: word.littleEndian, toByteOffset: index * 8, as: UInt64.self)
      }
      try communicator.send(UnsafeRawBufferPointer(rebasing: buffer[..<bytes]), to: 0)
    }
    for rank in 1..<max(1, communicator.rankCount) where communicator.rank == 0 {
      let count = try communicator.receive(into: buffer, from: rank, patience: Self.patience)
      guard count == bytes else {
        communicator.fail("rank \(rank) introduced itself with \(count) bytes")
        throw CommandReader.damaged("an introduction of \(count) bytes")
      }
      for (index, word) in own.enumerated()
      where buffer.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self) != word.littleEndian {
        let what = ["model file", "numerics version", "options"][index]
        communicator.fail("rank \(rank) has another \(what) than rank 0")
        throw DistributedError(
          .ranksDisagree, "rank \(rank) has another \(what) than rank 0",
          remedy: "start all ranks with the same program, the same model file and the same options")
      }
    }
    _ = try communicator.broadcast(buffer, count: 1, patience: Self.patience)
  }
}
