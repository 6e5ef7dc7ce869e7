// SPDX-License-Identifier: Apache-2.0
internal import DendriteModel

/// Guesses with a smaller model of the same vocabulary.
///
/// The small model chooses by the same settings and the same noise as the large one, so that where their laws are
/// near they choose the same. It guesses a chain, one token a pass or several if it has streams, or a tree.
///
/// - Complexity: a chain of n guesses takes n passes of one row of the small model, with γ streams about
///   n / (1 + γ) passes; a tree takes a pass for each of its levels.
/// - Source: Leviathan et al. 2023 (arXiv:2211.17192); shared noise: Daliri, Musco, Suresh 2024 (arXiv:2408.07978);
///   streams: Speculative Streaming (arXiv:2402.11131), §3.3; trees: EAGLE-2 (arXiv:2406.16858).
public struct ModelDrafter: CostlyDrafter {
  /// What a draft looks like.
  public enum Shape: Sendable, Hashable {
    /// One guess behind the other, by streams where the model has some and a draft is dear.
    case chain
    /// One guess behind the other, by streams if the model has some.
    case streams
    /// Alternatives too, where the small model is in doubt: at each level the `width` likeliest paths go on.
    case tree(width: Int)
  }

  /// What a draft looks like.
  public let shape: Shape
  private let worker: Worker

  /// A drafter that keeps its own history; one for each session.
  ///
  /// - Parameters:
  ///   - model: the small model; sessions whose targets share a thread may share it, a mirror may not.
  ///   - shape: what a draft looks like.
  /// - Throws: `drafterInUse` if the model works for a mirror.
  public init(_ model: DrafterModel, shape: Shape = .chain) throws(DecodingError) {
    self.shape = shape
    worker = try Worker(model)
  }

  /// Takes over the reply's settings; the history stays as far as it fits.
  public mutating func begin(_ reply: ReplyOutline) { worker.begin(reply) }

  /// Guesses as far as the small model's context allows.
  public mutating func propose(
    after history: [Int], pending: Int, limit: Int, into draft: inout Draft
  ) {
    let began = ContinuousClock.now
    worker.guard { (worker) throws(DecodingError) in
      switch shape {
      case .chain: try worker.drawChain(history, pending, limit, into: &draft)
      case .streams:
        try worker.drawChain(history, pending, limit, forcesStreams: true, into: &draft)
      case .tree(let width): try worker.drawTree(history, pending, limit, width, into: &draft)
      }
    }
    worker.trace?.note(.drafter, "draft", since: began, count: draft.count)
  }

  /// Compares what guesses cost with what their check costs.
  public mutating func observe(_ record: VerificationRecord) { worker.observe(record) }

  /// Why it fell silent, if it did.
  public var report: DrafterReport {
    var report = DrafterReport()
    report.failure = worker.failure
    return report
  }

  /// The state, which copies of the drafter share: like the session, it has one user at a time.
  final class Worker: @unchecked Sendable {
    let model: DrafterModel
    private let claim: DrafterModel.Claim
    var cache: DraftCache?
    var sampler: Sampler?
    private(set) var failure: String?
    /// The text behind which a token is chosen; empty unless penalties read it.
    var text: [Int] = []
    var candidates: [Candidate] = []
    private var readsHistory = false
    private(set) var trace: TraceRecorder?
    /// Seconds of a pass of one row of the small model, and of a check by the large one, smoothed; 0 before any.
    private var passSeconds = 0.0
    private var checkSeconds = 0.0

    init(_ model: DrafterModel) throws(DecodingError) {
      self.model = model
      claim = try model.claim(.inTurn)
    }

    func begin(_ reply: ReplyOutline) {
      failure = nil
      trace = reply.trace
      `guard` { (worker) throws(DecodingError) in
        worker.sampler = try worker.model.sampler(for: reply)
        worker.readsHistory = !reply.sampler.penalties.areNeutral
        // Room for guesses beyond the last token of the reply.
        let capacity =
          min(reply.capacity, worker.model.model.description.contextLength)
          + Speculation.longestDraft + 1
        if worker.cache?.capacity ?? 0 < capacity {
          worker.cache = nil
          worker.cache = try DraftCache(
            model: worker.model, capacity: capacity, branchRows: 512)
        }
      }
    }

    /// Guesses of streams are worth less than the small model's own and cost less: they are used where a draft without
    /// them would take a good part of a check.
    func wantsStreams(for limit: Int) -> Bool {
      guard passSeconds > 0, checkSeconds > 0 else { return false }
      return passSeconds * Double(limit) > Self.dearDraft * checkSeconds
    }

    /// The part of a check from which a draft is dear: streams lose about a tenth of the accepted guesses.
    private static let dearDraft = 0.25

    /// A pass of one row took so long.
    func observePass(seconds: Double) {
      passSeconds = passSeconds == 0 ? seconds : passSeconds + 0.1 * (seconds - passSeconds)
    }

    func observe(_ record: VerificationRecord) {
      let seconds = record.verifySeconds
      checkSeconds = checkSeconds == 0 ? seconds : checkSeconds + 0.1 * (seconds - checkSeconds)
    }

    /// Runs work that may fail; after a failure the drafter is silent until the next reply.
    func `guard`(_ body: (Worker) throws(DecodingError) -> Void) {
      guard failure == nil else { return }
      do {
        try body(self)
      } catch {
        failure = error.message
      }
    }

    /// Brings the cache up to the pending token and feeds that.
    ///
    /// - Returns: the pass and the row of the pending token, or `nil` if the context is too long for the model.
    func feed(
      _ history: [Int], _ pending: Int, vectors: [[Float]] = []
    ) throws(DecodingError) -> (pass: Pass, row: Int, node: Int)? {
      guard let cache,
        history.count + 1 < min(cache.capacity, model.model.description.contextLength)
      else { return nil }
      var known = try cache.advance(to: history)
      // A token that the small model's shorter vocabulary lacks cannot be read.
      let vocabulary = 0..<model.model.description.vocabularySize
      guard vocabulary.contains(pending), history[known...].allSatisfy({ vocabulary.contains($0) })
      else { return nil }
      if history.count - known > 64 {
        try cache.read(history[known...])
        known = history.count
      }
      var seeds: [DraftCache.Seed] = []
      for token in history[known...] { seeds.append(.init(token: token, parent: seeds.count - 1)) }
      seeds.append(.init(token: pending, parent: seeds.count - 1))
      text = readsHistory ? history + [pending] : []
      let pass = try cache.grow(seeds, vectors: vectors, silent: seeds.count - 1)
      return (pass, seeds.count - 1, seeds.count - 1)
    }

    /// The token that the small model chooses from a row of the pass.
    func choose(_ pass: Pass, row: Int, position: Int) throws(DecodingError) -> Int {
      guard var sampler else { return 0 }
      self.sampler = nil
      defer { self.sampler = sampler }
      do {
        return try pass.withLogits(ofRow: row) {
          sampler.sample($0, history: text, position: position).id
        }
      } catch {
        throw DecodingError(error)
      }
    }

    /// The tokens that the small model might choose from a row of the pass, best first, in `candidates`.
    func rank(_ pass: Pass, row: Int, position: Int, count: Int) throws(DecodingError) {
      guard var sampler else { return }
      self.sampler = nil
      defer { self.sampler = sampler }
      do {
        try pass.withLogits(ofRow: row) {
          sampler.rankCandidates(
            $0, history: text, position: position, count: count, into: &candidates)
        }
      } catch {
        throw DecodingError(error)
      }
    }

    /// Notes a token behind which the next is chosen.
    func extendText(_ token: Int) { if readsHistory { text.append(token) } }
  }
}
