// SPDX-License-Identifier: Apache-2.0
import DendriteCompute
import DendriteDistributed
import DendriteModel
import DendriteTestSupport
import Testing

/// Followers replay everything that a decoder can do, in any order, however late they are.
@Suite(.tags(.slow, .invariance)) struct ReplayTests {
  /// What a decoder does, at random: prompts, chains, trees, commits of any path, forks, truncations.
  private struct Life<Model: CausalModel> {
    let model: Model
    var random: SeededGenerator
    var caches: [CacheHandle] = []
    var seen: [UInt32] = []
    var batch = RowBatch()

    init(_ model: Model, seed: Int) throws {
      self.model = model
      random = SeededGenerator(seed: seed)
      caches = [try model.makeCache(capacity: 400, type: .f16)]
    }

    mutating func step() throws {
      let place = random.below(caches.count)
      let cache = caches[place]
      let length = try model.length(of: cache)
      switch random.below(20) {
      case 0 where caches.count < 4: caches.append(try model.fork(cache))
      case 1 where caches.count < 4:
        caches.append(
          try model.makeCache(
            capacity: 300 + random.below(100), type: [.f16, .q8, .f32][random.below(3)]))
      case 2 where caches.count > 1: model.release(caches.remove(at: place))
      case 3 where length > 0: _ = try model.truncate(cache, to: random.below(length))
      case 4: try model.discard(cache)
      default:
        if length > 250 { _ = try model.truncate(cache, to: random.below(100)) }
        try feed(cache)
      }
    }

    /// A chain or a tree, of which some path from the tip is committed.
    private mutating func feed(_ cache: CacheHandle) throws {
      batch.removeAll()
      let isPrompt = random.below(10) == 0
      let count = 1 + random.below(isPrompt ? 90 : 8)
      let branches = random.below(3) == 0
      var parents: [Int] = []
      for row in 0..<count {
        let parent = row == 0 ? -1 : branches ? random.below(row + 1) - 1 : row - 1
        parents.append(parent)
        batch.append(
          Row(
            cache: cache, input: .token(random.below(90)), parent: parent < 0 ? .tip : .row(parent),
            output: row == count - 1 ? .logits : .none,
            exitLayer: random.below(50) == 0 ? 1 : nil))
      }
      let pass = try model.submit(batch)
      seen.append(
        try pass.withLogits(ofRow: count - 1) { logits in
          logits.reduce(into: 0) { $0 = ($0 ^ $1.bitPattern) &* 16_777_619 }
        })
      if branches {
        var path: [Int] = []
        var node = random.below(count)
        while node >= 0 {
          path.append(node)
          node = parents[node]
        }
        try model.commit(path.reversed().map { try pass.node(ofRow: $0) }, to: cache)
      } else {
        try model.commit(rows: 0..<1 + random.below(count), of: pass, to: cache)
      }
    }
  }

  @Test(arguments: [1, 2])
  func `ten thousand random steps on four late ranks are those of one model`(seed: Int) throws {
    let whole = try wholeModel("llama3")
    var plain = try Life(whole, seed: seed)
    for _ in 0..<5_000 { try plain.step() }
    let seen = try leading(
      whole, ranks: 4, deadline: 60, wrap: { Dawdling($0, seed: seed) }
    ) { leader in
      var life = try Life(leader, seed: seed)
      for _ in 0..<5_000 { try life.step() }
      return life.seen
    }.value
    #expect(seen.count > 3_500)
    #expect(seen == plain.seen)
  }
}

/// A communicator that is late now and then.
private final class Dawdling: Communicator, @unchecked Sendable {
  private let inner: any Communicator
  private var random: SeededGenerator

  init(_ inner: any Communicator, seed: Int) {
    self.inner = inner
    random = SeededGenerator(seed: seed * 31 + inner.rank)
  }

  var rank: Int { inner.rank }
  var rankCount: Int { inner.rankCount }
  var traffic: Traffic { inner.traffic }

  private func dawdle() {
    if random.below(200) == 0 { Pause.seconds(0.001 * Double(random.below(4))) }
  }

  func exchange(
    with partner: Int, sending: UnsafeRawBufferPointer, receiving: UnsafeMutableRawBufferPointer
  ) throws(DistributedError) {
    dawdle()
    try inner.exchange(with: partner, sending: sending, receiving: receiving)
  }

  func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) throws(DistributedError) {
    dawdle()
    try inner.send(bytes, to: rank)
  }

  func receive(
    into buffer: UnsafeMutableRawBufferPointer, from rank: Int, patience: Double?
  ) throws(DistributedError) -> Int {
    dawdle()
    return try inner.receive(into: buffer, from: rank, patience: patience)
  }

  func fail(_ reason: String) { inner.fail(reason) }
}
