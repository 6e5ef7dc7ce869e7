// SPDX-License-Identifier: Apache-2.0

internal import DendriteReport
public import DendriteTokenizer

extension ModelDirectory {
  /// The vocabulary of the directory: `tokenizer.json` or `tokenizer.model` with what lies beside it, or else
  /// `tokenizer.gguf`, a GGUF file that needs to hold nothing but a vocabulary.
  ///
  /// The ids of `generation_config.json` that end a text are added.
  ///
  /// - Throws: `.unsupportedVocabulary` without such a file, and what its reader throws.
  public func vocabularyDescription() throws(CheckpointError) -> VocabularyDescription {
    let folder = try ModelFolder(path: path)
    // Links that lead out of the directory are refused, whatever they are called.
    for name in Self.vocabularyFiles where FileNames.exists(path + "/" + name) {
      _ = try folder.location(of: name)
    }
    var vocabulary: VocabularyDescription
    if FileNames.exists(path + "/tokenizer.json") || FileNames.exists(path + "/tokenizer.model") {
      vocabulary = try TokenizerFile.read(directory: path)
    } else if FileNames.exists(path + "/tokenizer.gguf") {
      vocabulary = try GGUFFile(path: folder.location(of: "tokenizer.gguf")).vocabularyDescription()
    } else {
      throw CheckpointError(
        .unsupportedVocabulary,
        "no 'tokenizer.json', 'tokenizer.model' or 'tokenizer.gguf' in \(quoted(path)), expected the "
          + "vocabulary",
        remedy: "download the tokenizer's files of this model into the directory")
    }
    vocabulary.stopIDs.formUnion(try stopIDs(below: vocabulary.tokens.count))
    return vocabulary
  }

  private static let vocabularyFiles = [
    "tokenizer.json", "tokenizer.model", "tokenizer.gguf", "tokenizer_config.json",
    "special_tokens_map.json", "chat_template.jinja",
  ]

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
