// SPDX-License-Identifier: Apache-2.0
import DendriteDecoding
import Testing

@Suite(.tags(.wording)) struct SamplerSettingsTests {
  /// A setting outside its range, and what the error must name.
  struct BadSetting: Sendable, CustomTestStringConvertible {
    var words: [String]
    var change: @Sendable (inout SamplerSettings) -> Void
    var testDescription: String { words.joined(separator: ", ") }
  }

  static let badSettings = [
    BadSetting(words: ["temperature is -0.1", "0, or from"]) { $0.temperature = -0.1 },
    BadSetting(words: ["temperature is nan"]) { $0.temperature = .nan },
    BadSetting(words: ["temperature is inf"]) { $0.temperature = .infinity },
    BadSetting(words: ["topK is 0", "at least 1", "nil"]) { $0.topK = 0 },
    BadSetting(words: ["topP is 0.0", "above 0", "nil"]) { $0.topP = 0 },
    BadSetting(words: ["topP is 1.5", "at most 1"]) { $0.topP = 1.5 },
    BadSetting(words: ["topP is nan"]) { $0.topP = .nan },
    BadSetting(words: ["minP is -1.0", "from 0 to 1"]) { $0.minP = -1 },
    BadSetting(words: ["minP is nan"]) { $0.minP = .nan },
    BadSetting(words: ["repetition penalty is 0.0"]) { $0.penalties.repetition = 0 },
    BadSetting(words: ["repetition penalty is nan"]) { $0.penalties.repetition = .nan },
    BadSetting(words: ["presence penalty is inf"]) { $0.penalties.presence = .infinity },
    BadSetting(words: ["frequency penalty is nan"]) { $0.penalties.frequency = .nan },
    BadSetting(words: ["penalty window is -1"]) { $0.penalties.window = .last(-1) },
    BadSetting(words: ["logitBias is token id 8", "from 0 to 7"]) { $0.logitBias = [8: 1] },
    BadSetting(words: ["logitBias is token id -1"]) { $0.logitBias = [-1: 1] },
    BadSetting(words: ["logitBias is nan for token 2"]) { $0.logitBias = [2: .nan] },
    BadSetting(words: ["logitBias is inf for token 2"]) { $0.logitBias = [2: .infinity] },
  ]

  @Test(arguments: badSettings)
  func `a bad setting is refused with what was found, what is allowed and what to do`(
    bad: BadSetting
  ) throws {
    var settings = SamplerSettings()
    bad.change(&settings)
    let error = #expect(throws: DecodingError.self) {
      try Sampler(settings, vocabularySize: 8)
    }
    #expect(error?.code == .badSetting)
    let text = error?.description ?? ""
    for word in bad.words { #expect(text.contains(word)) }
    #expect(text.contains("\n  try: "))
  }

  @Test func `a refusal reads like this`() {
    let error = #expect(throws: DecodingError.self) {
      try Sampler(SamplerSettings(topP: 2), vocabularySize: 8)
    }
    #expect(
      error?.description == """
        decoding: topP is 2.0, expected above 0 and at most 1
          try: leave top-p out (nil) to switch it off; 0.95 is usual
        """)
  }

  @Test func `the ends of the ranges are allowed`() throws {
    let settings = SamplerSettings(
      temperature: 0, topK: 1, topP: 1, minP: 0,
      penalties: Penalties(repetition: 1e-3, presence: -1e3, frequency: 1e3, window: .last(0)),
      logitBias: [0: -.infinity, 7: 100])
    _ = try Sampler(settings, vocabularySize: 8)
    _ = try Sampler(SamplerSettings(topK: .max, minP: 1), vocabularySize: 1)
  }
}
