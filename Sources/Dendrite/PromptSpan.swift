// SPDX-License-Identifier: Apache-2.0
package import DendriteTokenizer

/// A piece of a prompt: a mark of the model's protocol, or text.
///
/// Only marks become control tokens. Text is never searched for them, so nothing a user types can
/// end his turn or speak for somebody else.
package enum PromptSpan: Sendable, Hashable {
  /// The token that begins a text, for vocabularies that ask for one.
  case beginning
  /// A control token by name.
  case marker(String)
  /// Text, whoever wrote it.
  case text(String)
}

extension Tokenizer {
  /// The ids of a prompt.
  ///
  /// Neighbouring texts are one text to the tokenizer.
  package func encode(_ spans: [PromptSpan]) -> [Int] {
    var ids: [Int] = []
    var text = ""
    func flush() {
      guard !text.isEmpty else { return }
      ids += encode(text, addingSpecial: false, parsingSpecial: false)
      text = ""
    }
    for span in spans {
      switch span {
      case .beginning:
        flush()
        if description.addsBOS, let id = description.bosID { ids.append(id) }
      case .marker(let name):
        flush()
        ids += encode(name, addingSpecial: false, parsingSpecial: true)
      case .text(let more):
        text += more
      }
    }
    flush()
    return ids
  }
}
