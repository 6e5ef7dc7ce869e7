// SPDX-License-Identifier: Apache-2.0
//
// Loads a model and streams a reply: swift run StreamAReply [MODEL.gguf [PROMPT]]
import Dendrite
import Foundation

let arguments = CommandLine.arguments.dropFirst()
let path = arguments.first ?? "Models/dendrite-tiny-q8_0.gguf"
let question = arguments.dropFirst().first ?? "def fibonacci(n):"

do {
  let model = try await LocalModel.load(path)
  let chat = ChatSession(model)
  let reply = chat.streamResponse(to: question, settings: GenerationSettings(maximumTokens: 64))
  for try await fragment in reply {
    print(fragment.text, terminator: "")
    fflush(nil)
  }
  print("\n\(try await reply.statistics)")
} catch {
  print(error)
  exit(EXIT_FAILURE)
}
