// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute
internal import DendriteDecoding
internal import DendriteReport

extension Prover {
  /// Promise 3 as a figure: it depends on what else the machine is doing, so it proves nothing.
  func readRate() throws -> Finding {
    let settings = BenchmarkSettings(
      topics: [.decode], repetitions: 9, sampleSeconds: min(0.1, self.settings.budget / 1200),
      promptLengths: [], verifyRows: [],
      contextLength: min(64, model.description.contextLength / 2))
    let benchmark = try Benchmark(model: model, file: file, settings: settings).run()
    let share = benchmark.decodeShare.map {
      "\(Figures.percent($0.value)) (\(Figures.text($0.scaled(by: 100).interval)))"
    }
    let rate = Statistics.median(benchmark.samples.readRate) ?? 0
    var tally = Tally()
    for _ in benchmark.samples.decode { tally.check(true, "") }
    return Finding(
      claim: "decoding reads weights at \(share ?? "–") of the read limit, "
        + "\(Figures.text(rate * 1e-9)) GB/s",
      unit: "samples", tally: tally, isInformation: true)
  }

  /// What speculation that decides for itself makes of the model's speed, here and on a short text.
  ///
  /// Replies with and without it take turns, and so does who begins.
  func speculationPays() throws -> Finding {
    guard let tokenizer = ownTokenizer() else { return unreadableVocabulary() }
    let prompt = hashPrompt()
    let share = settings.budget / 24
    let room = model.description.contextLength - prompt.count
    let length = min(max(8, Int(min(96, share / (10 * speed.alone)))), room)
    guard length > 1 else {
      return Finding(
        claim: "a reply has no room behind the prompt", unit: "samples", tally: Tally(),
        isInformation: true)
    }
    let context = ContextSettings(capacity: prompt.count + length)
    func rate(_ speculation: Speculation) throws -> Double {
      var loop = try GenerationLoop(
        prompt: prompt, in: DecodingContext(model: model, settings: context), tokenizer: tokenizer,
        settings: GenerationSettings(
          maximumTokens: length, sampler: .greedy, speculation: speculation,
          ignoresEndOfGeneration: true))
      while try loop.step() != nil {}
      return loop.statistics.decodeRate ?? .nan
    }
    var tally = Tally()
    var (plain, guessed): ([Double], [Double]) = ([], [])
    let start = Clock.seconds()
    while plain.count < 2 || (plain.count < 9 && Clock.seconds() - start < share) {
      if plain.count % 2 == 0 {
        plain.append(try rate(.none))
        guessed.append(try rate(.automatic))
      } else {
        guessed.append(try rate(.automatic))
        plain.append(try rate(.none))
      }
      tally.check(true, "")
    }
    let ratio = Statistics.ratio(guessed, to: plain)
    let verdict =
      switch ratio?.interval {
      case .some(let interval) where interval.lower > 1: "pays"
      case .some(let interval) where interval.upper < 1: "costs"
      default: "neither pays nor costs"
      }
    let rates = [guessed, plain].map { Figures.text(Statistics.median($0) ?? .nan) }
    return Finding(
      claim:
        "speculation \(verdict) here: \(ratio.map { Figures.text($0.value) } ?? "–") times as fast "
        + "(\(Figures.text(ratio?.interval))), \(rates[0]) tok/s, \(rates[1]) plain",
      unit: "pairs", tally: tally, isInformation: true)
  }

  /// What is said of a file whose vocabulary gives no text.
  func unreadableVocabulary() -> Finding {
    Finding(
      claim: "the vocabulary cannot be read, so there is no text", unit: "replies", tally: Tally(),
      isInformation: true)
  }
}
