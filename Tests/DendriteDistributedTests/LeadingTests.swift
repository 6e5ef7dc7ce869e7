// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import DendriteCompute
import DendriteDistributed
import DendriteModel
import DendriteTestSupport
import Synchronization
import Testing

/// Rank 0 decides and the others replay: what travels, and what happens when somebody fails.
@Suite struct LeadingTests {
  @Test(arguments: [2, 4, 8])
  func `a step is one exchange a layer and one command, counted by the communicator`(
    ranks: Int
  ) throws {
    let whole = try wholeModel("llama3")
    let model = whole.configuration
    let tokens = randomTokens(100, vocabulary: model.vocabularySize, seed: 1)
    let state = PartialStates.packedFloats(headDim: model.headDim) * 4
    #expect(state == (17 + model.headDim) * 4)
    let rounds = ranks.trailingZeroBitCount
    let (before, traffic) = try leading(whole, ranks: ranks) { leader in
      let cache = try leader.makeCache(capacity: 200, type: .f16)
      _ = try leader.prefill(tokens, into: cache)
      let before = leader.traffic
      for token in tokens.prefix(20) {
        _ = try leader.prefill(CollectionOfOne(token), into: cache)
      }
      return (before, leader.traffic)
    }.value
    #expect(traffic.exchanges - before.exchanges == 20 * model.layerCount * rounds)
    #expect(
      traffic.exchangedBytes - before.exchangedBytes
        == 20 * model.layerCount * rounds * model.headCount * state)
    // Rank 0 sends a command to `rounds` ranks, which pass it on: every rank receives it once.
    #expect(traffic.messages - before.messages == 20 * rounds)
    #expect(traffic.messageBytes - before.messageBytes < 20 * rounds * 32)
  }

  @Test func `a prompt of 512 tokens is one command of at most four kilobytes`() throws {
    let whole = try wholeModel("llama3")
    let tokens = randomTokens(512, vocabulary: whole.description.vocabularySize, seed: 2)
    let sent = try leading(whole, ranks: 2) { leader in
      let cache = try leader.makeCache(capacity: 600, type: .f16)
      let before = leader.traffic
      _ = try leader.prefill(tokens, into: cache)
      return (
        leader.traffic.messages - before.messages, leader.traffic.messageBytes - before.messageBytes
      )
    }.value
    #expect(sent.0 == 1)
    #expect(sent.1 <= 4096)
  }

  @Test(arguments: [1, 2, 4, 8])
  func `a context saved by some ranks is restored by any number of them`(ranks: Int) throws {
    let whole = try wholeModel("qwen2")
    let tokens = randomTokens(700, vocabulary: whole.description.vocabularySize, seed: 4)
    let cache = try whole.makeCache(capacity: 800, type: .q8)
    _ = try whole.prefill(tokens, into: cache)
    let plain = try whole.save(cache)
    let want = try whole.prefill(CollectionOfOne(tokens[0]), into: cache)
    let saved = try leading(whole, ranks: ranks) { leader in
      let cache = try leader.makeCache(capacity: 800, type: .q8)
      _ = try leader.prefill(tokens, into: cache)
      return try leader.save(cache)
    }.value
    #expect(saved == plain)
    for others in [1, 2, 16] {
      let got = try leading(whole, ranks: others) { leader in
        let cache = try leader.restore(saved, capacity: 900)
        return try leader.prefill(CollectionOfOne(tokens[0]), into: cache)
      }.value
      #expect(got == want, "\(others) ranks")
    }
  }

  @Test func `ranks of different models or options say so at once`() throws {
    let group = try InProcessGroup(rankCount: 2, deadline: 5)
    let models = [try wholeModel("llama3"), try wholeModel("llama2")]
    let results = onEveryRank(of: group) { communicator in
      let own = try models[communicator.rank].copy(
        on: Machine(threads: 1), sharding: TreeReduction(communicator))
      if communicator.rank == 0 {
        _ = try DistributedModel(model: own, communicator: communicator)
      } else {
        try Follower.follow(model: own, communicator: communicator)
      }
      return 0
    }
    guard case .failure(let error as DistributedError) = results[0],
      case .failure(let other as DistributedError) = results[1]
    else {
      Issue.record("both ranks must fail")
      return
    }
    #expect(error.code == .ranksDisagree)
    #expect(error.message == "rank 1 has another model file than rank 0")
    #expect(other.code == .rankLost)
    #expect(other.message.contains("rank 1 has another model file than rank 0"))
  }

  @Test func `a follower that stalls ends the pass within the deadline, and every later one`()
    throws
  {
    let whole = try wholeModel("llama3")
    let began = Clock.seconds()
    let errors = try leading(
      whole, ranks: 2, deadline: 1, wrap: { Stalling($0, afterExchanges: 5) }
    ) { leader in
      let cache = try leader.makeCache(capacity: 100, type: .f16)
      return (0..<20).map { token in
        Result { try leader.prefill(CollectionOfOne(token), into: cache) }
      }
    }.value
    let codes = errors.map { result in
      if case .failure(let error as ModelError) = result { return error.code as ModelError.Code? }
      return nil
    }
    #expect(codes.prefix(2) == [nil, nil])
    #expect(codes.suffix(15).allSatisfy { $0 == .rankLost })
    #expect(Clock.seconds() - began < 9)
  }

  @Test func `a command that is no command ends the group`() throws {
    let group = try InProcessGroup(rankCount: 2, deadline: 3)
    let whole = try wholeModel("llama3")
    let thread = NativeThread.start { try? follow(whole, group.communicators[1]) }
    let leader = group.communicators[0]
    let identity = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)
    defer { identity.deallocate() }
    _ = try leader.receive(into: identity, from: 1)
    _ = try leader.broadcast(identity, count: 1)
    identity.copyBytes(from: [0, 250, 1, 2, 3])
    _ = try leader.broadcast(identity, count: 5)
    thread?.join()
    let error = #expect(throws: DistributedError.self) {
      try leader.broadcast(identity, count: 1)
    }
    #expect(error?.message.contains("rank 1: found command 250") == true)
  }

  @Test func `followers wait for an idle leader`() throws {
    let whole = try wholeModel("llama3")
    let rows = try leading(whole, ranks: 2, deadline: 3) { leader in
      let cache = try leader.makeCache(capacity: 100, type: .f16)
      let first = try leader.prefill([1, 2, 3], into: cache)
      // Longer than a follower's patience: only the leader's signs of life keep it.
      Pause.seconds(9)
      return [first, try leader.prefill([4], into: cache)]
    }.value
    #expect(rows.count == 2)
  }
}

/// A communicator of rank 1 that stops answering.
private final class Stalling: Communicator, @unchecked Sendable {
  private let inner: any Communicator
  private let limit: Int

  init(_ inner: any Communicator, afterExchanges limit: Int) {
    self.inner = inner
    self.limit = limit
  }

  var rank: Int { inner.rank }
  var rankCount: Int { inner.rankCount }
  var traffic: Traffic { inner.traffic }

  func exchange(
    with partner: Int, sending: UnsafeRawBufferPointer, receiving: UnsafeMutableRawBufferPointer
  ) throws(DistributedError) {
    if rank == 1, traffic.exchanges >= limit { Pause.seconds(3) }
    try inner.exchange(with: partner, sending: sending, receiving: receiving)
  }

  func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) throws(DistributedError) {
    try inner.send(bytes, to: rank)
  }

  func receive(
    into buffer: UnsafeMutableRawBufferPointer, from rank: Int, patience: Double?
  ) throws(DistributedError) -> Int {
    try inner.receive(into: buffer, from: rank, patience: patience)
  }

  func fail(_ reason: String) { inner.fail(reason) }
}

/// Doing nothing for a while.
enum Pause {
  static func seconds(_ seconds: Double) { _ = Gate().wait(atMost: seconds) { false } }
}
