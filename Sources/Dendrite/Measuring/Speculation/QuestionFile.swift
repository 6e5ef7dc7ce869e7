// SPDX-License-Identifier: Apache-2.0
internal import DendriteReport

/// What is wrong with a file of questions.
package struct QuestionError: Error, Sendable, Hashable {
  /// What was found, where, and what was expected; nothing of the questions is in it.
  package var message: String
  /// What to do about it.
  package var remedy: String

  /// What is wrong, and what to do.
  package init(message: String, remedy: String) {
    self.message = message
    self.remedy = remedy
  }
}

/// Files of questions, one JSON object to a line, of three kinds that are told apart by their fields.
///
/// Spec-Bench: `question_id`, `category`, `turns`. HumanEval: `task_id`, `prompt`. GSM8K: `question`, `answer`.
/// Other fields are left alone, such as references: answers are not judged here.
package enum QuestionFile {
  /// The most bytes of a file.
  package static let longest = 256 << 20

  /// Reads all questions of a file.
  ///
  /// - Parameters:
  ///   - bytes: the file's contents.
  ///   - name: the file's path, for errors.
  /// - Returns: the questions, in order, at least one.
  /// - Throws: with the line, what was found there, and what was expected.
  package static func parse(
    _ bytes: [UInt8], name: String
  ) throws(QuestionError) -> [Question] {
    if bytes.starts(with: [0x1f, 0x8b]) || name.hasSuffix(".gz") {
      throw QuestionError(
        message: "'\(name)' is compressed, expected JSON lines as they are",
        remedy: "gunzip -k \(Shell.quoted(name))")
    }
    var questions: [Question] = []
    let lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated()
    where !line.allSatisfy({ $0 == 0x20 || $0 == 0x0d || $0 == 0x09 }) {
      questions.append(try question(line, Place(name: name, line: index + 1)))
    }
    guard !questions.isEmpty else {
      throw QuestionError(
        message: "'\(name)' has no questions, expected a JSON object on each line", remedy: remedy)
    }
    return questions
  }

  private static let remedy =
    "take a file of Spec-Bench, HumanEval or GSM8K, or write one in the form of one of them"

  /// A line of a file, for errors.
  private struct Place {
    var name: String
    var line: Int

    func error(_ found: String) -> QuestionError {
      QuestionError(message: "line \(line) of '\(name)' \(found)", remedy: QuestionFile.remedy)
    }
  }

  private static func question(
    _ line: ArraySlice<UInt8>, _ place: Place
  ) throws(QuestionError) -> Question {
    let value: JSONValue
    do {
      value = try JSONValue(parsing: Array(line))
    } catch {
      throw place.error("is not JSON at byte \(error.column): \(error.message)")
    }
    guard case .object(let members) = value else {
      throw place.error("is no JSON object, expected one")
    }
    let keys = Set(members.map(\.key))
    if keys.isSuperset(of: ["question_id", "category", "turns"]) {
      return try specBench(value, place)
    }
    if keys.isSuperset(of: ["task_id", "prompt"]) {
      let id = try text("task_id", of: value, place)
      return Question(id: id, task: .code, turns: [try text("prompt", of: value, place)])
    }
    if keys.isSuperset(of: ["question", "answer"]) {
      let question = try text("question", of: value, place)
      return Question(id: "gsm8k-\(place.line)", task: .maths, turns: [question])
    }
    let found = members.prefix(6).map { "'\($0.key.prefix(24))'" }.joined(separator: ", ")
    throw place.error(
      "has \(members.isEmpty ? "no fields" : "the fields \(found)\(members.count > 6 ? ", …" : "")"), "
        + "expected question_id, category and turns (Spec-Bench), task_id and prompt (HumanEval), or "
        + "question and answer (GSM8K)")
  }

  private static func specBench(
    _ value: JSONValue, _ place: Place
  ) throws(QuestionError) -> Question {
    let id: String
    switch value["question_id"] {
    case .integer(let number): id = "\(number)"
    case .string(let name) where !name.isEmpty: id = String(name.prefix(64))
    default: throw place.error("has a question_id that is neither a whole number nor a text")
    }
    let category = try text("category", of: value, place)
    guard let task = QuestionTask(category: category) else {
      let known = QuestionTask.conversations + QuestionTask.namesakes.map(\.rawValue)
      throw place.error(
        "has the category '\(category.prefix(24))', expected one of \(known.joined(separator: ", "))"
      )
    }
    guard case .array(let values)? = value["turns"], !values.isEmpty else {
      throw place.error("has turns that are no list of texts, expected at least one")
    }
    var turns: [String] = []
    for value in values {
      guard let turn = value.string, !turn.isEmpty else {
        throw place.error("has a turn that is no text or an empty one, expected a question")
      }
      turns.append(turn)
    }
    return Question(id: id, task: task, category: category, turns: turns)
  }

  private static func text(
    _ key: String, of value: JSONValue, _ place: Place
  ) throws(QuestionError) -> String {
    guard let text = value[key]?.string, !text.isEmpty else {
      throw place.error("has a field \(key) that is no text or an empty one, expected a text")
    }
    return text
  }
}

/// Words as a shell reads them.
package enum Shell {
  /// The word, in quotes if it needs them.
  package static func quoted(_ word: String) -> String {
    let isPlain = word.unicodeScalars.allSatisfy { scalar in
      scalar.isASCII
        && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil
          || "-_./:=,+@%".unicodeScalars.contains(scalar))
    }
    if isPlain, !word.isEmpty { return word }
    return "'" + word.replacing("'", with: "'\\''") + "'"
  }
}
