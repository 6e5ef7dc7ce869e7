// SPDX-License-Identifier: Apache-2.0
package import DendriteCheckpoint
package import DendriteModel
internal import DendriteCompute

/// Checks the promises on one model file, as far as a budget of time allows.
///
/// Every proof compares the bits of logits, or a text, with those of the plainest way: one row at a time, in
/// order. Rows are compared by ``BitHash``. What a budget buys is the number of rows; no proof is
/// left out, except the text hash of a variant that is too slow for it, and then the record says so.
package final class Prover {
  /// How thorough a prover is.
  package struct Settings: Sendable, Hashable {
    /// Seconds to aim at, loading not counted.
    package var budget: Double
    /// The seed of tokens and trees; other rows are compared with another seed.
    package var seed: UInt64

    /// Two minutes, unless said otherwise.
    package init(budget: Double = 120, seed: UInt64 = 1) {
      self.budget = budget
      self.seed = seed
    }
  }

  /// What a proof says when it is done.
  struct Finding {
    var claim: String
    var unit = "rows"
    var tally: Tally
    var isInformation = false
  }

  package let settings: Settings
  package let file: any ModelSource
  package let model: CPUTransformer
  /// The tokens whose logits are compared again and again.
  let tokens: [Int]
  var random: RandomTokens
  /// How much is compared.
  let effort: Effort
  /// How fast the model is.
  let speed: Effort.Speed
  /// Fingerprints of the logits behind each token of ``tokens``, fed one row at a time.
  package var references: [CacheType: [BitHash]] = [:]
  /// Replies that nobody guessed at, with which all others are compared.
  package var plainReplies: [PlainReply] = []
  var record = ProofRecord()

  /// Measures how fast the model is here and chooses how many rows to compare.
  ///
  /// - Precondition: `model` was loaded from `file`.
  /// - Throws: `ModelError`.
  package init(model: CPUTransformer, file: any ModelSource, settings: Settings = Settings()) throws
  {
    self.settings = settings
    self.model = model
    self.file = file
    random = RandomTokens(seed: settings.seed)
    speed = try Effort.Speed(of: model)
    effort = Effort.most(for: speed, budget: settings.budget)
    tokens = random.ids(effort.sequence, vocabulary: model.description.vocabularySize)
  }

  var vocabulary: Int { model.description.vocabularySize }

  /// Makes all proofs, or those of some names.
  ///
  /// - Parameters:
  ///   - names: which; `nil` makes all.
  ///   - progress: called with every proof as soon as it is made.
  /// - Returns: the proofs and the hashes; a proof that an error ended counts as broken.
  package func run(
    only names: Set<String>? = nil, progress: (Proof) -> Void = { _ in }
  ) -> ProofRecord {
    let proofs: [(promise: Int, name: String, make: () throws -> Finding)] = [
      (1, "guesses", guesses), (2, "chunks", chunks), (2, "rows", rows), (2, "trees", trees),
      (2, "caches", cacheTypes),
      (2, "history", cacheOperations), (2, "parts", parts), (2, "threads", threads),
      (2, "kernels", kernels), (2, "text", textHashes), (3, "speed", readRate),
      (3, "pays", speculationPays), (4, "requests", requests), (4, "files", files),
    ]
    let begin = Clock.seconds()
    record = ProofRecord()
    for proof in proofs where names?.contains(proof.name) != false {
      let start = Clock.seconds()
      let finding = finding(of: proof.make)
      let made = Proof(
        promise: proof.promise, name: proof.name, claim: finding.claim,
        count: finding.tally.count, unit: finding.unit,
        outcome: finding.tally.failure.map { .broken($0) }
          ?? (finding.isInformation ? .information : .holds),
        seconds: Clock.seconds() - start)
      record.proofs.append(made)
      progress(made)
    }
    record.seconds = Clock.seconds() - begin
    return record
  }

  /// What a proof finds; an error in the middle of one is a finding too.
  private func finding(of make: () throws -> Finding) -> Finding {
    do {
      return try make()
    } catch {
      var tally = Tally()
      tally.check(false, "it was ended by an error: \(error)")
      return Finding(claim: "could not be checked", tally: tally)
    }
  }
}
