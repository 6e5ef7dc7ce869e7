// SPDX-License-Identifier: Apache-2.0
import Dendrite
import DendriteReport
import DendriteTestSupport
import Foundation
import Testing

/// The prover proves what holds, and finds what does not.
@Suite(.tags(.invariance)) struct ProverTests {
  private func prover(_ name: String, seed: UInt64 = 1) throws -> Prover {
    let file = try GGUFFile(path: Repository.golden("logits/\(name).gguf"))
    let model = try CPUTransformer(file: file, machine: Machine(threads: 2))
    return try Prover(model: model, file: file, settings: .init(budget: 60, seed: seed))
  }

  @Test(arguments: [("llama2", 1), ("llama3", 2), ("qwen2", 3)] as [(String, UInt64)])
  func `every promise holds`(name: String, seed: UInt64) throws {
    var seen: [String] = []
    let record = try prover(name, seed: seed).run { seen.append($0.name) }
    for proof in record.proofs { #expect(!proof.isBroken, "\(proof.line)") }
    #expect(record.holds)
    #expect(record.proofs.map(\.name) == seen)
    #expect(record.proofs.allSatisfy { $0.count > 0 })
    #expect(Set(record.proofs.map(\.promise)) == [1, 2, 3, 4])
    #expect(record.proofs.first { $0.name == "rows" }?.count == 560)  // 2 + 3 + … + 33
  }

  @Test(arguments: ["llama2", "llama3", "qwen2"])
  func `the text hash of a file is the same on every variant`(name: String) throws {
    let record = try prover(name).run(only: ["text"])
    #expect(record.hashes.map(\.variant) == KernelVariant.available.map(\.name))
    for text in record.hashes {
      #expect(text.hashes == record.hashes[0].hashes, "\(text.variant)")
    }
  }

  @Test func `a row with another bit is found, and its place is named`() throws {
    let prover = try prover("llama3")
    #expect(prover.run(only: ["chunks"]).holds)
    prover.references[.f16]?[77] = BitHash()
    let record = prover.run(only: ["chunks", "requests"])
    #expect(!record.holds)
    #expect(record.proofs.map(\.isBroken) == [true, false])
    guard case .broken(let place) = record.proofs[0].outcome else { return }
    #expect(place.hasPrefix("position 77 of a prompt in chunks of"))
    #expect(record.proofs[0].line.contains("✗ 2 chunks"))
  }

  @Test(arguments: ["llama3", "mistral"])
  func `a reply that guesses change is found, and its place is named`(name: String) throws {
    let prover = try prover(name)
    let honest = prover.run(only: ["guesses"])
    #expect(honest.holds, "\(honest.proofs[0].line)")
    #expect(!honest.proofs[0].claim.contains(" 0 right"))
    #expect(prover.plainReplies.map(\.cacheType) == [.f16, .f16, .q8])
    #expect(prover.plainReplies.allSatisfy { $0.cache != nil })
    let replies = prover.plainReplies
    prover.plainReplies[0].fragments[5].logProbability.negate()
    try expectBroken(prover, at: "token 5 of a reply with look-up of 1 token, f16 cache")
    prover.plainReplies = replies
    prover.plainReplies[2].fragments[0].tokenID += 1
    try expectBroken(prover, at: "token 0 of a reply with look-up of 16 tokens, q8 cache")
    prover.plainReplies = replies
    prover.plainReplies[1].cache?[2_000] ^= 1
    try expectBroken(prover, at: "the f16 cache behind a reply with look-up of 4 tokens")
  }

  private func expectBroken(_ prover: Prover, at expected: String) throws {
    let proof = try #require(prover.run(only: ["guesses"]).proofs.first)
    guard case .broken(let place) = proof.outcome else {
      Issue.record("\(proof.line)")
      return
    }
    #expect(place == expected)
    #expect(proof.line.contains("✗ 1 guesses"))
  }

  @Test func `whether speculation pays is a figure`() throws {
    let record = try prover("qwen2").run(only: ["pays"])
    #expect(record.proofs.map(\.outcome) == [.information])
    let claim = try #require(record.proofs.first?.claim)
    #expect(
      claim.contains(
        /speculation [a-z ]+ here: [\d.]+ times as fast \([\d.]+ … [\d.]+\), [\d.,]+ tok\/s, [\d.,]+ plain/
      ),
      "\(claim)")
  }

  @Test func `a record is JSON with stable keys`() throws {
    let record = try prover("qwen2").run(only: ["parts", "text"])
    let text = record.json(facts: [.init("model", "q")]).text()
    let object = try #require(
      JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(object["holds"] as? Bool == true)
    let proofs = try #require(object["proofs"] as? [[String: Any]])
    #expect(proofs.map { $0["name"] as? String } == ["parts", "text"])
    #expect(
      Set(proofs[0].keys) == [
        "promise", "name", "claim", "outcome", "differs_at", "count", "unit", "seconds",
      ])
    let hashes = try #require(object["text_hashes"] as? [String: [String: Any]])
    #expect(Set(hashes.keys) == ["4", "16", "64"])
    #expect(hashes["64"]?["generic"] as? String == record.hashes.last?.hashes.last ?? nil)
  }

  @Test func `a slower model is compared on fewer rows, never on none`() {
    var last = Int.max
    for seconds in [0.000_1, 0.01, 0.025, 0.1, 0.3, 1, 10, 1e6] {
      let speed = Effort.Speed(alone: seconds, among: seconds / 4)
      let effort = Effort.most(for: speed, budget: 120)
      #expect(effort.sequence <= last && effort.sequence >= 24)
      #expect(effort.seconds(speed) < 72 || effort.sequence == 24)
      last = effort.sequence
    }
    #expect(last == 24)
  }

  @Test func `a fingerprint tells bits apart, not values`() {
    func hash(_ values: Float...) -> String {
      values.withUnsafeBufferPointer { BitHash($0).text }
    }
    #expect(hash(0) != hash(-0.0))
    #expect(hash(1, 2) != hash(2, 1))
    #expect(hash(1, 2) != hash(1, 2, 0))
    #expect(hash(1).count == 16)
    #expect(hash(1, 2, 3) == hash(1, 2, 3))
  }
}
