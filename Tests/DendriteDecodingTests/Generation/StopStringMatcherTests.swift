// SPDX-License-Identifier: Apache-2.0
import DendriteDecoding
import DendriteTestSupport
import Testing

@Suite struct StopStringMatcherTests {
  /// Stop strings, pieces of text, what each piece releases, and the stop string found.
  struct Example: Sendable {
    var stops: [String]
    var pieces: [String]
    var released: [String]
    var rest = ""
    var match: String?
  }

  static let examples = [
    Example(stops: [], pieces: ["a", "b"], released: ["a", "b"]),
    Example(stops: [""], pieces: ["a", "b"], released: ["a", "b"]),
    Example(stops: ["stop"], pieces: ["do st", "op it"], released: ["do ", ""], match: "stop"),
    Example(stops: ["stop"], pieces: ["do st", "ay"], released: ["do ", "stay"]),
    Example(stops: ["stop"], pieces: ["stostop!"], released: ["sto"], match: "stop"),
    Example(stops: ["aab"], pieces: ["aa", "a", "b"], released: ["", "a", ""], match: "aab"),
    Example(stops: ["\n\n"], pieces: ["x\n", "y\n"], released: ["x", "\ny"], rest: "\n"),
    Example(stops: ["é!"], pieces: ["caf\u{e9}", "?"], released: ["caf", "é?"]),
    Example(stops: ["é"], pieces: ["caf\u{e9}"], released: ["caf"], match: "é"),
    Example(stops: ["cd", "abcd"], pieces: ["xabc", "d"], released: ["x", ""], match: "abcd"),
    Example(stops: ["abcdef", "cd"], pieces: ["abcd", "ef"], released: ["ab", ""], match: "cd"),
    Example(stops: ["abc"], pieces: ["ab"], released: [""], rest: "ab"),
    Example(
      stops: ["User:"], pieces: ["Hi\nUs", "er", ": x"], released: ["Hi\n", "", ""],
      match: "User:"),
  ]

  @Test(arguments: examples)
  func `what may become a stop string waits, and a stop string never comes out`(example: Example) {
    var matcher = StopStringMatcher(example.stops)
    #expect(example.pieces.map { matcher.append($0) } == example.released)
    #expect(matcher.finish() == example.rest)
    #expect(matcher.match == example.match)
  }

  @Test func `after a match nothing more comes`() {
    var matcher = StopStringMatcher(["."])
    #expect(matcher.append("one. two. three") == "one")
    #expect(matcher.append("four") == "")
    #expect(matcher.finish() == "")
  }

  @Test(arguments: UInt64(0)..<60)
  func `text in any pieces ends where plain search says`(seed: UInt64) {
    var random = SeededGenerator(seed: Int(seed))
    func word(_ lengths: ClosedRange<Int>) -> String {
      let letters = ["a", "b", "é"]
      return (0..<Int.random(in: lengths, using: &random)).map { _ in
        letters[Int.random(in: 0..<letters.count, using: &random)]
      }.joined()
    }
    let stops = (0..<Int.random(in: 1...3, using: &random)).map { _ in word(2...6) }
    let text = word(0...60)
    let expected = Self.search(stops, in: text)

    for _ in 0..<8 {
      var matcher = StopStringMatcher(stops)
      var shown = ""
      var read = ""
      var scalars = text.unicodeScalars[...]
      while !scalars.isEmpty {
        let piece = scalars.prefix(Int.random(in: 1...5, using: &random))
        scalars = scalars.dropFirst(piece.count)
        shown += matcher.append(String(piece))
        read += String(piece)
        guard matcher.match == nil else { break }
        // No more is held back than the longest beginning of a stop string at the end.
        let held = read.utf8.count - shown.utf8.count
        let longest =
          stops.flatMap { stop in
            stop.utf8.indices.map { String(stop[..<$0]) }.filter { read.hasSuffix($0) }
          }.map(\.utf8.count).max() ?? 0
        #expect(held == longest)
      }
      shown += matcher.finish()
      #expect(shown == expected.text)
      #expect(matcher.match == expected.match)
    }
  }

  /// The text before the stop string that is complete first, the longest at one place.
  static func search(_ stops: [String], in text: String) -> (text: String, match: String?) {
    let bytes = Array(text.utf8)
    for end in 0...bytes.count {
      let found = stops.filter { bytes[..<end].suffix($0.utf8.count).elementsEqual($0.utf8) }
        .max { $0.utf8.count < $1.utf8.count }
      if let found {
        let front = bytes[..<(end - found.utf8.count)]
        return (String(decoding: front, as: UTF8.self), found)
      }
    }
    return (text, nil)
  }
}
