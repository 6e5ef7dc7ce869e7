// SPDX-License-Identifier: Apache-2.0
package import DendriteCheckpoint
package import DendriteDecoding
package import DendriteModel
package import DendriteTokenizer

/// Measures what an early exit after a layer is worth: how often it knows what the model will say.
///
/// The model continues some texts by its own choice. Then each text is read again with exits, and a drafter
/// reads it too. What counts for a mirror is the coverage given that a draft was wrong: that happens at hard
/// rows, where an exit is worse than on average.
///
/// Everybody ranks by score plus the noise of the position, as in a reply.
///
/// - Source: Mirror-SD (arXiv:2510.13161), §3.1: candidates of the exit; that its bound of the miss rate does not
///   hold given a rejection is why both are measured.
package final class ExitStudy {
  /// What is studied, and how thoroughly.
  package struct Settings: Sendable, Hashable {
    /// Layers before an exit; `nil` takes eighths of the depth, and those that were trained.
    package var layers: [Int]?
    /// Candidates of a row (κ).
    package var guesses: Int
    /// Tokens of a reply, at most.
    package var maximumTokens: Int
    /// How the model chooses; each text has noise of its own.
    package var sampler: SamplerSettings
    /// Passes that are timed; one more is dropped.
    package var repetitions: Int

    /// Settings; the defaults are those of the command.
    package init(
      layers: [Int]? = nil, guesses: Int = 8, maximumTokens: Int = 96,
      sampler: SamplerSettings = .greedy, repetitions: Int = 15
    ) {
      self.layers = layers
      self.guesses = guesses
      self.maximumTokens = maximumTokens
      self.sampler = sampler
      self.repetitions = repetitions
    }
  }

  /// Rows of a timed pass: a token and a window of seven guesses.
  package static let timedRows = 8
  /// Rejected drafts of the prompt look-up below which the model's second-best tokens stand in for them.
  static let fewestRejections = 30

  package let settings: Settings
  /// In order of layers, the raw exit of a layer before the trained one.
  package let exits: [ExitHead]
  let model: CPUTransformer
  let tokenizer: Tokenizer
  let drafter: DrafterModel?

  /// Prepares a study.
  ///
  /// - Parameters:
  ///   - model: the model whose exits are studied.
  ///   - tokenizer: the model's.
  ///   - trained: a sidecar file of trained exits, if there is one.
  ///   - drafter: a smaller model of the same vocabulary.
  ///   - settings: what is studied.
  /// - Throws: `badCheckpoint` if the sidecar was made for another model.
  package init(
    model: CPUTransformer, tokenizer: Tokenizer, trained: GGUFFile? = nil,
    drafter: DrafterModel? = nil, settings: Settings = Settings()
  ) throws(ModelError) {
    self.model = model
    self.tokenizer = tokenizer
    self.drafter = drafter
    self.settings = settings
    let width = model.description.hiddenSize
    let known = try trained.map { file throws(ModelError) in
      try ExitHead.layers(in: file, hiddenSize: width, fingerprint: model.fingerprint)
    }
    let layers =
      settings.layers
      ?? Self.eighths(of: model.description.layerCount, with: known ?? [])
    var exits: [ExitHead] = []
    for layer in Set(layers).sorted() {
      exits.append(ExitHead(rawAfter: layer))
      if let trained, known?.contains(layer) == true {
        exits.append(
          try ExitHead(
            file: trained, layer: layer, hiddenSize: width, fingerprint: model.fingerprint))
      }
    }
    self.exits = exits
  }

  /// The sidecar of trained exits beside a model file; `nil` if there is none.
  ///
  /// - Throws: `CheckpointError` if it is there and cannot be read.
  package static func trainedExits(beside path: String) throws(CheckpointError) -> GGUFFile? {
    let path = sidecar(of: path)
    return FileCheck.isReadable(path) ? try GGUFFile(path: path) : nil
  }

  /// The name of the file of trained exits beside a model file.
  package static func sidecar(of path: String) -> String {
    DrafterFile.sidecar("exits", of: path)
  }

  /// Layers at an eighth of the depth, two eighths and so on, none twice, and some more.
  static func eighths(of depth: Int, with more: [Int]) -> [Int] {
    let layers = Set((1...7).map { ($0 * depth + 4) / 8 } + more)
      .filter { (1..<depth).contains($0) }
    return layers.isEmpty ? [depth] : layers.sorted()
  }

  /// Studies the exits behind some texts.
  ///
  /// - Parameters:
  ///   - prompts: how the texts begin.
  ///   - progress: called with a share 0 … 1.
  /// - Returns: what everybody said.
  /// - Throws: `DecodingError` if a prompt is empty or too long; `ModelError`.
  package func run(
    _ prompts: [String], progress: (Double) -> Void = { _ in }
  ) throws -> ExitFindings {
    let layers = Set(exits.map(\.layer)).sorted()
    let steps = Double(prompts.count * (layers.count + 2) + 1)
    var done = 0.0
    func advance() {
      done += 1
      progress(done / steps)
    }
    var findings = ExitFindings(
      guesses: settings.guesses, exits: exits,
      draft: drafter.map { .model($0.model.description.name) } ?? .promptLookup)
    var seconds: [[Int]] = []
    var longest: StudyText?
    for (number, prompt) in prompts.enumerated() {
      let text = try reply(to: prompt, number: number)
      if text.tokens.count > longest?.tokens.count ?? 0 { longest = text }
      advance()
      let drafts: [[Int]]
      if let drafter {
        drafts = try self.drafts(of: drafter.model, for: text)
      } else {
        drafts = lookups(in: text)
        seconds += try secondBest(for: text)
      }
      for row in 0..<text.rowCount {
        findings.rows.append(.init(text: number, choice: text.choice(row), drafts: drafts[row]))
      }
      advance()
      for layer in layers {
        try read(text, layer: layer, into: &findings.candidates)
        advance()
      }
    }
    if drafter == nil, findings.rejections < Self.fewestRejections {
      findings.draft = .secondBest
      for index in findings.rows.indices { findings.rows[index].drafts = seconds[index] }
    }
    if let longest { findings.costs = try costs(behind: longest) }
    advance()
    return findings
  }
}

/// A prompt and what the model said behind it.
struct StudyText {
  var tokens: [Int]
  /// The prompt's length.
  var promptCount: Int
  /// How tokens are chosen here.
  var sampler: SamplerSettings

  /// Rows from which the model chose.
  var rowCount: Int { tokens.count - promptCount }
  /// The place of the token that was chosen from a row.
  func position(_ row: Int) -> Int { promptCount + row }
  /// The token that was chosen from a row.
  func choice(_ row: Int) -> Int { tokens[promptCount + row] }
}
