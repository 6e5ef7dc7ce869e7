// SPDX-License-Identifier: Apache-2.0

extension SamplerSettings {
  /// Checks every setting against its range.
  ///
  /// - Throws: `badSetting`, naming the setting, what was found, what is allowed and what to do.
  public func validate(vocabularySize: Int) throws(DecodingError) {
    if temperature != 0 {
      try Self.check(
        "temperature", temperature, in: 1e-30...1e30, expected: "0, or from 1e-30 to 1e30",
        remedy: "use 0 for the most probable token, 0.8 for liveliness, 1 for the model's own law")
    }
    if let topK, topK < 1 {
      throw Self.refusal(
        "topK", found: "\(topK)", expected: "at least 1",
        remedy: "leave top-k out (nil) to switch it off")
    }
    if let topP {
      try Self.check(
        "topP", topP, in: Double.leastNonzeroMagnitude...1, expected: "above 0 and at most 1",
        remedy: "leave top-p out (nil) to switch it off; 0.95 is usual")
    }
    if let minP {
      try Self.check(
        "minP", minP, in: 0...1, expected: "from 0 to 1",
        remedy: "leave min-p out (nil) to switch it off; 0.05 is usual")
    }
    try penalties.validate()
    for (id, bias) in logitBias.sorted(by: { $0.key < $1.key }) {
      guard (0..<vocabularySize).contains(id) else {
        throw Self.refusal(
          "logitBias", found: "token id \(id)", expected: "an id from 0 to \(vocabularySize - 1)",
          remedy: "look ids up with the tokenizer of this model; they differ between models")
      }
      guard !bias.isNaN, bias < .infinity else {
        throw Self.refusal(
          "logitBias", found: "\(bias) for token \(id)", expected: "a finite number, or -infinity",
          remedy: "use 100 to make a token nearly certain and -infinity to forbid it")
      }
    }
  }

  fileprivate static func check(
    _ name: String, _ value: Double, in range: ClosedRange<Double>, expected: String,
    remedy: String
  ) throws(DecodingError) {
    // A NaN is in no range.
    guard range.contains(value) else {
      throw refusal(name, found: "\(value)", expected: expected, remedy: remedy)
    }
  }

  fileprivate static func refusal(
    _ name: String, found: String, expected: String, remedy: String
  ) -> DecodingError {
    DecodingError(.badSetting, "\(name) is \(found), expected \(expected)", remedy: remedy)
  }
}

extension Penalties {
  /// Checks every penalty against its range.
  ///
  /// - Throws: `badSetting`.
  public func validate() throws(DecodingError) {
    try SamplerSettings.check(
      "repetition penalty", repetition, in: 1e-3...1e3, expected: "from 0.001 to 1000",
      remedy: "1 is neutral, 1.1 is usual; below 1 repetition is encouraged")
    for (name, value) in [("presence penalty", presence), ("frequency penalty", frequency)] {
      try SamplerSettings.check(
        name, value, in: -1e3...1e3, expected: "from -1000 to 1000",
        remedy: "0 is neutral; OpenAI's API allows -2 to 2")
    }
    if case .last(let count) = window, count < 0 {
      throw SamplerSettings.refusal(
        "penalty window", found: "\(count)", expected: "at least 0 tokens",
        remedy: "64 is usual; `.all` looks at the whole history")
    }
  }
}
