// SPDX-License-Identifier: Apache-2.0

import DendriteCheckpoint
import DendriteTokenizer
import Foundation

/// Prints how fast published expressions, and some hostile ones, cut texts; matching alone, by the
/// general engine.
func measurePatterns(documents path: String) throws {
  let mixed = String(
    decoding: try Data(contentsOf: URL(fileURLWithPath: path)).prefix(10_000_000), as: UTF8.self)
  let texts = [
    ("a", String(repeating: "a", count: 1_000_000)),
    ("A", String(repeating: "A", count: 1_000_000)),
    ("spaces", String(repeating: " ", count: 1_000_000)), ("mixed", mixed),
  ]
  let llama3 =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"#
    + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  var cases = [("llama-3", [llama3]), ("hostile", ["a*b|a"]), ("hostile 2", ["(?:a+a+)+y|."])]
  for name in PublishedPatterns.names {
    cases.append((name, PublishedPatterns.passes(ggufName: name) ?? []))
  }
  let clock = ContinuousClock()
  for (name, passes) in cases {
    let steps = passes.map {
      // A group around it hides a published expression from its short cut.
      ["type": "Split", "pattern": ["Regex": "(?:\($0))"], "behavior": "Isolated"] as [String: Any]
    }
    let json: [String: Any] = [
      "pre_tokenizer": ["type": "Sequence", "pretokenizers": steps] as [String: Any],
      "model": ["type": "WordLevel", "vocab": ["x": 0], "unk_token": "x"] as [String: Any],
    ]
    let bytes = Array(try JSONSerialization.data(withJSONObject: json))
    var begin = clock.now
    let tokenizer = try Tokenizer(TokenizerFile.description(json: bytes))
    var line = "\(name.padding(toLength: 15, withPad: " ", startingAt: 0)) made in "
    line += String(format: "%5.1f ms ", (clock.now - begin) / .milliseconds(1))
    for (kind, text) in texts {
      _ = tokenizer.pieceCount(of: text)
      begin = clock.now
      let count = tokenizer.pieceCount(of: text) ?? 0
      let seconds = (clock.now - begin) / .seconds(1)
      line += String(format: "  %@ %4.0f MB/s", kind, Double(text.utf8.count) / 1e6 / seconds)
      line += " (\(count))"
    }
    print(line)
  }
}

/// Compares pieces with recorded ones: lines of JSON like those of `Tests/Goldens/tokenizer-files`.
func checkPatterns(goldens path: String) throws {
  var (equal, refused, different) = (0, 0, 0)
  for line in try Data(contentsOf: URL(fileURLWithPath: path)).split(separator: UInt8(ascii: "\n"))
  {
    guard let golden = try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any],
      let pattern = golden["pattern"] as? String, let text = golden["text"] as? String,
      let pieces = golden["pieces"] as? [String]
    else { continue }
    let json: [String: Any] = [
      "pre_tokenizer": [
        "type": "Split", "pattern": ["Regex": pattern],
        "behavior": golden["behavior"] ?? "Isolated", "invert": golden["invert"] ?? false,
      ] as [String: Any],
      "model": ["type": "WordLevel", "vocab": ["x": 0], "unk_token": "x"] as [String: Any],
    ]
    do {
      let bytes = Array(try JSONSerialization.data(withJSONObject: json))
      let tokenizer = try Tokenizer(TokenizerFile.description(json: bytes))
      let found = tokenizer.pieces(of: text) ?? []
      if found.map({ Array($0.utf8) }) == pieces.map({ Array($0.utf8) }) {
        equal += 1
      } else {
        different += 1
        print("\(pattern) \(text.debugDescription)\n  \(found)\n  \(pieces)")
      }
    } catch let error as TokenizerError {
      refused += 1
      if refused <= 5 { print(error) }
    }
  }
  print("\(equal) equal, \(refused) refused, \(different) different")
}
