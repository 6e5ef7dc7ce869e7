// SPDX-License-Identifier: Apache-2.0

internal import DendriteReport
public import DendriteTokenizer

extension ModelDirectory {
  /// The vocabulary of the directory.
  ///
  /// Until `tokenizer.json` is read here, it comes from `tokenizer.gguf`, a GGUF file that needs to hold
  /// nothing but a vocabulary; what `generation_config.json` says about the end of a text is added.
  ///
  /// - Throws: `.unsupportedVocabulary` without such a file, and what its reader throws.
  public func vocabularyDescription() throws(CheckpointError) -> VocabularyDescription {
    let folder = try ModelFolder(path: path)
    let name = "tokenizer.gguf"
    guard FileNames.exists(path + "/" + name) else {
      throw CheckpointError(
        .unsupportedVocabulary,
        "no '\(name)' in \(quoted(path)), expected the vocabulary as GGUF: 'tokenizer.json' is not read "
          + "yet",
        remedy: "put a vocabulary of this model there (convert_hf_to_gguf.py --vocab-only)")
    }
    var vocabulary = try GGUFFile(path: folder.location(of: name)).vocabularyDescription()
    vocabulary.stopIDs.formUnion(try stopIDs(below: vocabulary.tokens.count))
    return vocabulary
  }

  /// Ids that end a text: those of `generation_config.json`, or else of `config.json`.
  func stopIDs(below count: Int) throws(CheckpointError) -> Set<Int> {
    for file in [generation, configuration] {
      guard let file, file["eos_token_id"] != nil else { continue }
      let range = 0...max(0, count - 1)
      guard case .array? = file["eos_token_id"] else {
        return try file.int("eos_token_id", in: range).map { [$0] } ?? []
      }
      var ids: Set<Int> = []
      for number in try file.numbers("eos_token_id") ?? [] {
        guard let id = Int(exactly: number), range.contains(id) else {
          throw file.invalid(
            "eos_token_id", found: "a list with \(number)", "ids below \(count) tokens")
        }
        ids.insert(id)
      }
      return ids
    }
    return []
  }
}
