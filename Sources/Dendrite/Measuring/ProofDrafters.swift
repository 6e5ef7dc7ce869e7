// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute
internal import DendriteDecoding
internal import Synchronization

/// Guesses at a text that it knows, as well or as badly as a proof needs it.
struct Guesser: Drafter {
  /// What its drafts look like.
  enum Kind: Sendable {
    /// A random tree, some of whose paths begin as the text does.
    case tree
    /// A chain that is wrong from its first token on.
    case wrong
    /// A chain that is right but for one token in four.
    case mostlyRight
  }

  /// Prompt and reply.
  let text: [Int]
  let vocabulary: Int
  var random: RandomTokens
  var kind: Kind
  var exitWish: ExitWish?

  mutating func propose(
    after history: [Int], pending: Int, limit: Int, into draft: inout Draft
  ) {
    let next = history.count + 1
    switch kind {
    case .tree: grow(at: next, min(limit, 12), &draft)
    case .wrong:
      for place in next..<next + max(0, limit) { draft.append(wrong(at: place)) }
    case .mostlyRight:
      for place in next..<next + max(0, limit) {
        let isRight = place < text.count && random.below(4) > 0
        draft.append(isRight ? text[place] : wrong(at: place))
      }
    }
  }

  /// A token that is not the one at a place of the text.
  private mutating func wrong(at place: Int) -> Int {
    let truth = place < text.count ? text[place] : 0
    return (truth + 1 + random.below(max(1, vocabulary - 1))) % vocabulary
  }

  private mutating func grow(at next: Int, _ limit: Int, _ draft: inout Draft) {
    // Tokens of the text that the path to each guess repeats; nil once it leaves it.
    var known: [Int?] = []
    for _ in 0..<max(0, limit) {
      let parent = random.below(2) == 0 ? draft.count - 1 : random.below(draft.count + 1) - 1
      let depth = parent < 0 ? 0 : known[parent]
      let truth = depth.flatMap { next + $0 < text.count ? text[next + $0] : nil }
      let token = random.below(3) > 0 ? truth ?? random.below(vocabulary) : random.below(vocabulary)
      draft.append(token, after: parent)
      known.append(token == truth ? depth.map { $0 + 1 } : nil)
    }
  }
}

/// A link whose messages take a random time.
final class SlowLink: MirrorLink {
  private let link: any MirrorLink
  private let longestDelay: Double
  private let random: Mutex<RandomTokens>
  private let gate = Gate()

  init(_ link: any MirrorLink, longestDelay: Double, seed: UInt64) {
    self.link = link
    self.longestDelay = longestDelay
    random = Mutex(RandomTokens(seed: seed))
  }

  var failure: String? { link.failure }
  var vocabularySize: Int { link.vocabularySize }

  func send(_ order: MirrorOrder) {
    pause()
    link.send(order)
  }

  func receive(atMost seconds: Double) -> MirrorAnswer? {
    pause()
    return link.receive(atMost: seconds)
  }

  private func pause() {
    let share = Double(random.withLock { $0.below(1 << 20) }) / Double(1 << 20)
    _ = gate.wait(atMost: longestDelay * share) { false }
  }
}
