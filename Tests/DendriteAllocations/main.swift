// SPDX-License-Identifier: Apache-2.0
//
// Counts allocations per token after prefill: forward, sampling and commit must make none.
//
//   DendriteAllocations MODEL
//
// Prints one line per way of decoding and exits with 1 if any allocates, or if the counter does not count.

import CAllocationCounter
import DendriteCheckpoint
import DendriteCompute
import DendriteDecoding
import DendriteModel
import DendriteTokenizer

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

guard CommandLine.arguments.count == 2 else { fatalError("usage: DendriteAllocations MODEL") }
guard allocation_count() >= 0 else {
  print("allocations cannot be counted on this system")
  exit(0)
}

/// A counter that reads zero proves nothing: make it count first.
let before = allocation_count()
var arrays: [[Int]] = []
for size in 1...10 { arrays.append(Array(repeating: size, count: size * 100)) }
guard allocation_count() - before >= 10, arrays.count == 10 else {
  fatalError("the counter does not count")
}

let file = try GGUFFile(path: CommandLine.arguments[1])
let tokenizer = try Tokenizer(file.vocabularyDescription())
var failures = 0

/// Guesses eight tokens of nonsense: every round verifies, rejects and discards.
struct Nonsense: Drafter {
  mutating func propose(after history: [Int], pending: Int, limit: Int, into draft: inout Draft) {
    for step in 0..<min(limit, 8) { draft.append((history.count &* 31 &+ step &* 7) % 500) }
  }
}

@MainActor func check(
  _ name: String, _ sampler: SamplerSettings, _ type: CacheType, drafter: (any Drafter)? = nil,
  speculation: Speculation = .none
) throws {
  let model = try CPUTransformer(file: file, machine: Machine(threads: 2, cores: CoreSet.available))
  let context = try DecodingContext(
    model: model, settings: ContextSettings(capacity: 512, cacheType: type))
  var settings = GenerationSettings()
  settings.sampler = sampler
  settings.maximumTokens = 200
  settings.ignoresEndOfGeneration = true
  if drafter != nil { settings.speculation = speculation }
  var loop = try GenerationLoop(
    prompt: tokenizer.encode("def fibonacci(n):\n"), in: context, tokenizer: tokenizer,
    settings: settings, drafters: drafter.map { [$0] } ?? [])
  var tokens = 0
  var start: Int64 = 0
  var end: Int64 = 0
  var longTexts: Int64 = 0
  while let step = try loop.step() {
    guard case .fragment(let fragment) = step else { continue }
    tokens += 1
    // Buffers reach their size with the first tokens; a block of the cache is taken every 64.
    if tokens == 8 { start = allocation_count() }
    if tokens > 8, fragment.text.utf8.count > 15 { longTexts += 1 }
    if tokens == 199 { end = allocation_count() }  // the last token ends the reply as well
  }
  let made = end - start - longTexts
  print(
    "\(name): \(made) allocations in \(tokens - 9) tokens after prefill (texts over 15 bytes: \(longTexts))"
  )
  if made != 0 { failures += 1 }
}

var greedy = SamplerSettings()
greedy.seed = 1
greedy.temperature = 0
var sampled = SamplerSettings()
sampled.seed = 1
for type in CacheType.allCases {
  try check("greedy, \(type.rawValue) cache", greedy, type)
  try check("sampled, \(type.rawValue) cache", sampled, type)
}
try check("sampled, with a drafter", sampled, .f16, drafter: Nonsense())
try check(
  "sampled, with a drafter and a policy", sampled, .f16, drafter: Nonsense(),
  speculation: .automatic)

/// Early guesses of all rows of a round, as the asker's thread makes them while a pass goes on.
@MainActor func checkExits(rows: Int) throws {
  let model = try CPUTransformer(file: file, machine: Machine(threads: 1))
  let (width, size) = (model.description.hiddenSize, model.description.vocabularySize)
  let states = (0..<rows * width).map { Float($0 % 37) * 0.01 - 0.1 }
  var logits = [Float](repeating: 0, count: rows * size)
  func project() throws {
    try states.withUnsafeBufferPointer { states in
      try logits.withUnsafeMutableBufferPointer {
        try model.project(hiddenStates: states, rows: rows, into: $0)
      }
    }
  }
  try project()
  let start = allocation_count()
  for _ in 0..<20 { try project() }
  let made = allocation_count() - start
  print("exits of \(rows) rows: \(made) allocations in 20 rounds")
  if made != 0 { failures += 1 }
}
try checkExits(rows: 8)

/// A mirror's thread that reads histories for penalties allocates no more than one that does not.
@MainActor func checkMirror(steps: Int) throws {
  /// Allocations of `steps` steps without branches, so that each does the same.
  func count(_ sampler: SamplerSettings) throws -> Int64 {
    let model = try CPUTransformer(file: file, machine: Machine(threads: 1))
    let mirror = try LocalMirror(model: DrafterModel(model: model), length: 4)
    let prompt = tokenizer.encode("def fibonacci(n):\n")
    mirror.send(
      .begin(
        reply: 1,
        outline: ReplyOutline(
          sampler: sampler, vocabularySize: model.description.vocabularySize, capacity: 512,
          prompt: prompt)))
    var start: Int64 = 0
    for step in 0..<8 + steps {
      if step == 8 { start = allocation_count() }
      mirror.send(.verdict(reply: 1, step: step, chosen: [300 + step], wanted: 4, branches: 0))
      guard case .window(_, _, _, let tokens, _) = mirror.receive(atMost: 60), tokens.count == 4
      else { fatalError("no window") }
    }
    let made = allocation_count() - start
    mirror.finish()
    return made
  }
  var penalised = sampled
  penalised.penalties = Penalties(repetition: 1.2, presence: 0.1)
  let (with, without) = (try count(penalised), try count(sampled))
  let more = Double(with - without) / Double(steps)
  print("mirror with penalties: \(more) allocations a step more than without (\(without) in all)")
  // A copy of the history for each of five rows would be five a step; the last step's end may be counted or not.
  if abs(more) >= 0.5 { failures += 1 }
}
try checkMirror(steps: 60)
exit(failures == 0 ? 0 : 1)
