// SPDX-License-Identifier: Apache-2.0
import Dendrite
import DendriteReport
import DendriteTestSupport
import Foundation
import Testing

/// What exits are worth: where it is known beforehand, and counted by hand.
@Suite struct ExitStudyTests {
  private func study(
    trained: GGUFFile? = nil, drafter: DrafterModel? = nil, layers: [Int]? = nil,
    temperature: Double = 0
  ) throws -> ExitStudy {
    let file = try GGUFFile(path: Repository.bundledModel)
    return try ExitStudy(
      model: CPUTransformer(file: file, machine: Machine(threads: 2)),
      tokenizer: Tokenizer(file.vocabularyDescription()), trained: trained, drafter: drafter,
      settings: .init(
        layers: layers, maximumTokens: 24,
        sampler: temperature == 0 ? .greedy : SamplerSettings(temperature: temperature, seed: 3),
        repetitions: 2))
  }

  private let prompts = Array(StudyPrompts.all[2...4])

  /// A sidecar whose correction is nothing: U is zero.
  private func sidecar(_ path: String, layer: Int, rank: Int = 4) throws {
    let width = try GGUFFile(path: Repository.bundledModel).modelConfiguration().hiddenSize
    var writer = GGUFWriter()
    try writer.add("general.type", string: "adapter")
    try writer.add("adapter.type", string: "dendrite.exits")
    try writer.add("dendrite.base.embedding_length", uint32: width)
    try writer.add("dendrite.exits.layers", int32s: [layer])
    try writer.addTensor(
      "exit.\(layer).down.weight", shape: [width, rank],
      floats: (0..<width * rank).map { Float($0 % 7) - 3 })
    try writer.addTensor(
      "exit.\(layer).up.weight", shape: [rank, width],
      floats: [Float](repeating: 0, count: width * rank))
    try writer.write(to: path)
  }

  @Test(arguments: [0, 0.8])
  func `the exit after the last layer is the model`(temperature: Double) throws {
    let study = try study(layers: [1, 4], temperature: temperature)
    let findings = try study.run(prompts)
    #expect(findings.exits.map(\.layer) == [1, 4])
    #expect(findings.rows.count > 30)
    #expect(findings.agreement(ofExit: 1)?.value == 1)
    #expect(findings.coverage(ofExit: 1, at: .bonus)?.value == 1)
    #expect(findings.coverage(ofExit: 1, at: .rejection)?.value == 1)
    // So early an exit is wrong now and then; the rest takes time.
    #expect(try #require(findings.agreement(ofExit: 0)).value < 1)
    #expect(findings.costs[0].before.value < findings.costs[1].before.value)
    #expect(findings.costs.allSatisfy { $0.head.value > 0 && $0.before.value <= 1 })
  }

  @Test func `a trained exit whose correction is zero is the raw one`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.path("nothing.exits.gguf")
    try sidecar(path, layer: 2)
    let study = try study(trained: GGUFFile(path: path))
    #expect(study.exits.map(\.layer) == [1, 2, 2, 3])
    #expect(study.exits.map(\.isTrained) == [false, false, true, false])
    let findings = try study.run(prompts)
    #expect(findings.candidates[2] == findings.candidates[1])
    #expect(findings.candidates[1] != findings.candidates[0])
  }

  @Test func `a drafter that is the model is never rejected`() throws {
    let file = try GGUFFile(path: Repository.bundledModel)
    let drafter = try CPUTransformer(file: file, machine: Machine(threads: 1))
    let findings = try study(
      drafter: DrafterModel(model: drafter), layers: [2], temperature: 1
    ).run(prompts)
    #expect(findings.rejections == 0 && findings.draftedRows == findings.rows.count)
    #expect(findings.draftAgreement()?.value == 1)
    #expect(findings.coverage(ofExit: nil, at: .bonus)?.value == 1)
    #expect(findings.coverage(ofExit: 0, at: .rejection) == nil)
    let text = findings.report(facts: []).text()
    #expect(text.contains("with a draft, 0 of them rejected"))
    #expect(text.contains("by the model "))
  }

  @Test func `a token that was drafted is no candidate of a rejection`() throws {
    var findings = ExitFindings(
      guesses: 2, exits: [ExitHead(rawAfter: 1)], draft: .model("small"),
      rows: [
        .init(text: 0, choice: 1, drafts: [1, 2, 3]),  // right
        .init(text: 0, choice: 3, drafts: [1, 2, 3]),  // wrong; its own third is right
        .init(text: 1, choice: 4, drafts: [1, 2, 4]),
        .init(text: 1, choice: 9, drafts: [1, 2, 3]),
        .init(text: 1, choice: 5, drafts: []),  // no draft
      ],
      candidates: [[[1, 5, 6], [7, 1, 3], [8, 7, 4], [7, 9, 1], [5, 6, 7]]])
    #expect(findings.rejections == 3 && findings.draftedRows == 4)
    #expect(findings.agreement(ofExit: 0)?.value == 2.0 / 5)
    #expect(findings.draftAgreement()?.value == 1.0 / 4)
    #expect(findings.coverage(ofExit: 0, at: .bonus)?.value == 3.0 / 5)
    // Row 2: 7 and 3 without 1; row 3: 8 and 7; row 4: 7 and 9.
    #expect(findings.coverage(ofExit: 0, at: .rejection)?.value == 2.0 / 3)
    #expect(findings.coverage(ofExit: nil, at: .bonus)?.value == 1.0 / 5)
    #expect(findings.coverage(ofExit: nil, at: .rejection)?.value == 2.0 / 3)
    #expect(findings.coverage(ofExit: 0, withDrafts: true, at: .rejection)?.value == 1)
    #expect(findings.coverage(ofExit: 0, withDrafts: true, at: .bonus)?.value == 3.0 / 5)
    findings.draft = .promptLookup
    let report = findings.report(facts: [])
    #expect(!report.sections[0].measurements.contains { $0.name.contains("with the drafter's") })
    #expect(report.text().split(separator: "\n").allSatisfy { $0.count <= 100 })
  }

  @Test func `the command prints a table and writes its figures`() async throws {
    let folder = try TemporaryFolder()
    let model = try folder.path("model.gguf")
    try FileManager.default.createSymbolicLink(
      atPath: model, withDestinationPath: Repository.bundledModel)
    try sidecar(try folder.path("model.exits.gguf"), layer: 2)
    let prompts = try folder.path(
      "prompts.txt", Array("def add(a, b):\n    return\n \n\nimport sys\n".utf8))
    let output = try folder.path("exits.json")
    let result = try await CommandLineTool.run(
      "lab", "exits", "-m", model, "--prompts", prompts, "--max-new", "16", "--layers", "2,4",
      "--drafter", model, "--temperature", "0.8", "--json", output)
    #expect(result.status == 0, "\(result.errors)")
    for words in ["2, raw", "2, trained", "4, raw", "the draft", "in 2 texts"] {
      #expect(result.text.contains(words), "\(result.text)")
    }
    #expect(result.lines.allSatisfy { $0.count <= 100 }, "\(result.text)")
    let data = try Data(contentsOf: URL(fileURLWithPath: output))
    let object = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    let sections = try #require(object["sections"] as? [[String: Any]])
    let figures = try #require(sections.first?["measurements"] as? [[String: Any]])
    let last = try #require(figures.first { $0["name"] as? String == "layer 4, raw: agreement" })
    #expect(last["value"] as? Double == 1)
  }

  @Test(
    .tags(.badInput),
    arguments: [
      (["--layers", "5"], 64, "--layers has 5, expected numbers up to 4"),
      (["--layers", "x"], 64, "expected numbers from 1 to 1024"),
      (["--guesses", "0"], 64, "--guesses is 0, expected a number from 1 to 64"),
      (["--prompts", "/no/such/file"], 66, "'/no/such/file' cannot be read"),
      (["--prompts", "/dev/null"], 65, "'/dev/null' holds no text"),
      (["--prompts", "p.jsonl"], 65, "'p.jsonl' is a list of JSON objects"),
      (["--drafter", "/no/such.gguf"], 66, "/no/such.gguf"),
      (["--drafter", Repository.golden("logits/llama3.gguf")], 65, "expected the same vocabulary"),
    ])
  func `what cannot be studied is refused with a remedy`(
    options: [String], status: Int32, words: String
  ) async throws {
    let result = try await CommandLineTool.run(
      ["lab", "exits", "-m", Repository.bundledModel] + options)
    #expect(result.status == status, "\(result.errors)")
    #expect(result.errors.replacing("\n          ", with: " ").contains(words), "\(result.errors)")
    #expect(result.errors.contains("try:"), "\(result.errors)")
    #expect(result.text == "")
  }
}
