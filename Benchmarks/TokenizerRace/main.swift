// SPDX-License-Identifier: Apache-2.0

import DendriteCheckpoint
import DendriteTokenizer
import Foundation

// One side of `Scripts/compare-tokenizers.py`: encodes the same documents once for every line it
// reads and answers with seconds, ids and a checksum.
//
//   TokenizerRace TOKENIZER.json DOCUMENTS      documents are UTF-8 with a NUL between two
//   TokenizerRace --patterns DOCUMENTS          how fast published expressions cut texts
//   TokenizerRace --check GOLDENS               pieces against recorded ones

if CommandLine.arguments.count == 3, CommandLine.arguments[1] == "--patterns" {
  try measurePatterns(documents: CommandLine.arguments[2])
  exit(0)
}
if CommandLine.arguments.count == 3, CommandLine.arguments[1] == "--check" {
  try checkPatterns(goldens: CommandLine.arguments[2])
  exit(0)
}
guard CommandLine.arguments.count == 3 else {
  print("usage: TokenizerRace TOKENIZER.json DOCUMENTS")
  exit(2)
}
let clock = ContinuousClock()
var begin = clock.now
let tokenizer = try Tokenizer(TokenizerFile.read(json: CommandLine.arguments[1]))
print("ready \(clock.now - begin)")
let documents = try Data(contentsOf: URL(fileURLWithPath: CommandLine.arguments[2]))
  .split(separator: 0, omittingEmptySubsequences: false)
  .map { String(decoding: $0, as: UTF8.self) }
fflush(nil)
while readLine() != nil {
  begin = clock.now
  var count = 0
  var sum: UInt64 = 0
  for document in documents {
    let ids = tokenizer.encode(document, addingSpecial: false, parsingSpecial: true)
    count += ids.count
    for id in ids { sum = sum &* 31 &+ UInt64(id) }
  }
  let elapsed = clock.now - begin
  print("\(elapsed / .seconds(1)) \(count) \(sum)")
  fflush(nil)
}
