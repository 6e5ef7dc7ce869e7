// SPDX-License-Identifier: Apache-2.0

/// The command line.
struct Options {
  static let usage = """
    usage: DendriteFuzzer [--cases N] [--seed S] [--only SEED] [--file base.gguf] [--state FILE]
                          [--kind models|tokenizers]

      --cases N      number of damaged files to read (10000)
      --seed S       where the sequence of cases begins (1)
      --only SEED    read the one case of this seed and print what was said about it
      --file PATH    a valid file to damage, instead of the built-in ones
      --kind KIND    models (GGUF), or tokenizers (tokenizer.json and SentencePiece)
      --state PATH   where the seed of each case is written before it; else standard error

    A trap, a hang of 5 seconds or 2 GiB of memory end the process; the last seed written
    reproduces it with --only.
    """

  var cases = 10_000
  var seed: UInt64 = 1
  var only: UInt64?
  var file: String?
  var state: String?
  var readsTokenizers = false

  /// Parses the arguments after the program's name; `nil` if they make no sense.
  init?(_ arguments: ArraySlice<String>) {
    var rest = arguments
    while let name = rest.popFirst() {
      guard let value = rest.popFirst() else { return nil }
      switch name {
      case "--cases":
        guard let number = Int(value), number >= 0 else { return nil }
        cases = number
      case "--seed":
        guard let number = UInt64(value) else { return nil }
        seed = number
      case "--only":
        guard let number = UInt64(value) else { return nil }
        only = number
      case "--file": file = value
      case "--state": state = value
      case "--kind":
        guard ["models", "tokenizers"].contains(value) else { return nil }
        readsTokenizers = value == "tokenizers"
      default: return nil
      }
    }
  }
}
