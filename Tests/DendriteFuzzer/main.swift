// SPDX-License-Identifier: Apache-2.0

import DendriteCheckpoint
import DendriteTokenizer

// Reads damaged model files, one after the other, until something breaks or all are read. Run as a
// child process: nothing here survives a trap, by intention.

guard let options = Options(CommandLine.arguments.dropFirst()) else {
  ProcessLimits.report(Options.usage)
  ProcessLimits.exit(64)
}
ProcessLimits.limitMemory(bytes: 2 << 30)

var bases = options.readsTokenizers ? TokenizerBases.make() : try BaseFiles.make()
if let path = options.file {
  guard let bytes = readFile(path) else {
    ProcessLimits.report("fuzzer: \(path) cannot be read")
    ProcessLimits.exit(66)
  }
  bases = [bytes]
}
for base in bases {
  // A base that is refused would make every case worthless.
  if !options.readsTokenizers {
    _ = try GGUFFile(bytes: base)
  } else if base.first == UInt8(ascii: "{") {
    _ = try Tokenizer(TokenizerFile.description(json: base))
  } else {
    _ = try Tokenizer(TokenizerFile.description(sentencePiece: base))
  }
}

let record = options.state.flatMap { SeedRecord(path: $0) }
if options.state != nil, record == nil {
  ProcessLimits.report("fuzzer: the state file cannot be written")
  ProcessLimits.exit(73)
}

var exercise = Exercise()
let clock = ContinuousClock()
let start = clock.now
var seeds = FuzzRandom(seed: options.seed)
exercise.isVerbose = options.only != nil
for _ in 0..<(options.only == nil ? options.cases : 1) {
  let seed = options.only ?? seeds.next()
  if let record { record.store(seed) } else { ProcessLimits.report("\(seed)") }
  ProcessLimits.expectProgress(within: 5)
  var random = FuzzRandom(seed: seed)
  if options.readsTokenizers {
    exercise.runTokenizer(TokenizerMutation.damagedFile(from: bases, &random))
  } else {
    exercise.run(Mutation.damagedFile(from: bases, &random))
  }
}
ProcessLimits.expectProgress(within: 0)
print(
  "fuzzer: \(exercise.cases) cases, \(exercise.opened) opened, \(exercise.configured) configured, "
    + "\(exercise.complete) complete, \(exercise.described) vocabularies, "
    + "\(exercise.tokenized) tokenizers; nothing broke in \(clock.now - start)")
