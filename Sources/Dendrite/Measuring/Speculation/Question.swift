// SPDX-License-Identifier: Apache-2.0

/// What a question asks for: the six tasks of Spec-Bench, and those of two more files.
package enum QuestionTask: String, Sendable, Hashable, CaseIterable {
  case multiTurn = "multi-turn conversation"
  case translation
  case summarization
  case qa
  case mathReasoning = "math_reasoning"
  case rag
  /// HumanEval.
  case code
  /// GSM8K's own files.
  case maths

  /// The task of a category as Spec-Bench's file spells it; MT-Bench's eight are one task.
  ///
  /// - Source: Spec-Bench, `evaluation/speed.py`.
  init?(category: String) {
    if Self.conversations.contains(category) {
      self = .multiTurn
    } else if let task = Self(rawValue: category), Self.namesakes.contains(task) {
      self = task
    } else {
      return nil
    }
  }

  /// MT-Bench's categories; its `math` is not Spec-Bench's `math_reasoning`.
  static let conversations = [
    "writing", "roleplay", "reasoning", "math", "coding", "extraction", "stem", "humanities",
  ]

  /// Tasks that Spec-Bench names as they are named here.
  static let namesakes: [QuestionTask] = [.translation, .summarization, .qa, .mathReasoning, .rag]
}

/// A question of a benchmark: what is asked, turn by turn.
package struct Question: Sendable, Hashable {
  /// Its name in its file.
  package var id: String
  /// What it asks for.
  package var task: QuestionTask
  /// The file's own word for that, which may be finer.
  package var category: String
  /// What is asked; a later turn follows the answer to the one before it.
  package var turns: [String]

  /// A question.
  package init(id: String, task: QuestionTask, category: String? = nil, turns: [String]) {
    self.id = id
    self.task = task
    self.category = category ?? task.rawValue
    self.turns = turns
  }

  /// The first questions of each task, in the order of the file.
  ///
  /// Where a task has several categories they take turns, so that a few questions are not all of one kind.
  ///
  /// - Parameters:
  ///   - questions: where to choose from.
  ///   - count: how many of each task; 0 for all.
  /// - Returns: the chosen ones, in the order of the file.
  package static func select(_ questions: [Question], perTask count: Int) -> [Question] {
    guard count > 0 else { return questions }
    var places: [QuestionTask: [String: [Int]]] = [:]
    var categories: [QuestionTask: [String]] = [:]
    for (index, question) in questions.enumerated() {
      if places[question.task]?[question.category] == nil {
        categories[question.task, default: []].append(question.category)
      }
      places[question.task, default: [:]][question.category, default: []].append(index)
    }
    var chosen: [Int] = []
    for (task, names) in categories {
      let lists = names.compactMap { places[task]?[$0] }
      let longest = lists.map(\.count).max() ?? 0
      let turns = (0..<longest).flatMap { round in
        lists.compactMap { round < $0.count ? $0[round] : nil }
      }
      chosen += turns.prefix(count)
    }
    return chosen.sorted().map { questions[$0] }
  }
}
