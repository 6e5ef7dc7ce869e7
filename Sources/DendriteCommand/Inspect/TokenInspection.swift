// SPDX-License-Identifier: Apache-2.0
internal import Dendrite
internal import DendriteReport

/// How a text is cut into tokens.
struct TokenInspection {
  let ids: [Int]
  private let tokenizer: Tokenizer

  /// Encodes a text as `run` does, with the tokens that begin and end one.
  init(_ text: String, _ tokenizer: Tokenizer, parsingSpecial: Bool) {
    ids = tokenizer.encode(text, parsingSpecial: parsingSpecial)
    self.tokenizer = tokenizer
  }

  var report: InspectionReport {
    var table = Table([.figures("position"), .figures("id"), .words("piece")])
    for (position, id) in ids.enumerated() {
      table.append(["\(position)", "\(id)", Self.quoted(tokenizer.piece(of: id))])
    }
    return InspectionReport(
      sections: [.init(title: ReplySummary.count(ids.count, "token"), table: table)],
      members: [
        .init("ids", .array(ids.map { .integer($0) })),
        .init("pieces", .array(ids.map { .string(tokenizer.piece(of: $0)) })),
      ])
  }

  /// The piece between quotes, so that spaces are seen; control characters are escaped.
  private static func quoted(_ piece: String) -> String {
    JSONValue.string(piece).text(indented: false)
  }
}
