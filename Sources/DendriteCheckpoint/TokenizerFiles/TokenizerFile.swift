// SPDX-License-Identifier: Apache-2.0

public import DendriteTokenizer

/// Reads tokenizers as model directories have them: `tokenizer.json` or SentencePiece's
/// `tokenizer.model`, with `tokenizer_config.json`, `generation_config.json` and
/// `chat_template.jinja` beside it.
///
/// ```swift
/// let tokenizer = try Tokenizer(TokenizerFile.read(directory: "model/"))
/// ```
///
/// What it reads describes a tokenizer completely; `Tokenizer` checks it and builds its tables.
public enum TokenizerFile {
  /// Longest file that is read; the largest published one has 40 MB.
  private static let longestFile = 1 << 30

  /// Reads the tokenizer of a model directory.
  ///
  /// - Parameter directory: The path of the directory.
  /// - Returns: the description of `tokenizer.json` or, where that is missing, of `tokenizer.model`.
  /// - Throws: `.unreadable`, `.malformed`, `.missingKey`, `.invalidValue`, `.unsupportedVocabulary`.
  public static func read(
    directory: String
  ) throws(CheckpointError) -> VocabularyDescription {
    let base = directory.hasSuffix("/") ? directory : directory + "/"
    func optional(_ name: String) throws(CheckpointError) -> [UInt8]? {
      do {
        return try bytes(path: base + name)
      } catch {
        // A file that is missing is fine; one that cannot be read is not.
        guard error.code == .unreadable, let cause = error.cause as? SystemCallError,
          cause.isMissingFile
        else { throw error }
        return nil
      }
    }
    var companions = Companions()
    companions.configuration = try optional("tokenizer_config.json")
    companions.specialTokens = try optional("special_tokens_map.json")
    companions.generation = try optional("generation_config.json")
    companions.chatTemplate = try optional("chat_template.jinja")
    if let json = try optional("tokenizer.json") {
      return try description(json: json, companions)
    }
    if let model = try optional("tokenizer.model") {
      return try description(sentencePiece: model, companions)
    }
    throw CheckpointError(
      .unreadable, "\(quoted(directory)) has neither tokenizer.json nor tokenizer.model",
      remedy: "download the tokenizer's files of this model into the directory")
  }

  /// Reads a `tokenizer.json`.
  ///
  /// - Parameters:
  ///   - json: The path of the file.
  ///   - configuration: The path of its `tokenizer_config.json`, if there is one.
  /// - Returns: the description.
  /// - Throws: `.unreadable`, `.malformed`, `.missingKey`, `.invalidValue`, `.unsupportedVocabulary`.
  public static func read(
    json: String, configuration: String? = nil
  ) throws(CheckpointError) -> VocabularyDescription {
    var companions = Companions()
    if let configuration { companions.configuration = try bytes(path: configuration) }
    return try description(json: try bytes(path: json), companions)
  }

  /// Reads a SentencePiece model file.
  ///
  /// - Parameters:
  ///   - sentencePiece: The path of the file, usually `tokenizer.model`.
  ///   - configuration: The path of its `tokenizer_config.json`, if there is one.
  /// - Returns: the description.
  /// - Throws: `.unreadable`, `.malformed`, `.invalidValue`, `.unsupportedVocabulary`.
  public static func read(
    sentencePiece: String, configuration: String? = nil
  ) throws(CheckpointError) -> VocabularyDescription {
    var companions = Companions()
    if let configuration { companions.configuration = try bytes(path: configuration) }
    return try description(sentencePiece: try bytes(path: sentencePiece), companions)
  }

  private static func bytes(path: String) throws(CheckpointError) -> [UInt8] {
    let file = try MappedFile(path: path)
    guard file.count <= longestFile else {
      throw CheckpointError(
        .malformed, "\(quoted(path)) has \(file.count) bytes, expected at most \(longestFile)",
        remedy: "give the tokenizer's file, not the weights")
    }
    return file.withUnsafeBytes(in: 0..<file.count) { Array($0) }
  }
}

extension SystemCallError {
  /// Whether there is no file of that name.
  fileprivate var isMissingFile: Bool { call == "open" && number == 2 }
}

extension TokenizerFile {
  /// The files beside a tokenizer, as bytes.
  package struct Companions {
    package var configuration: [UInt8]?
    package var specialTokens: [UInt8]?
    package var generation: [UInt8]?
    package var chatTemplate: [UInt8]?

    /// No files.
    package init() {}
  }
}
