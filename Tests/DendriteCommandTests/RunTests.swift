// SPDX-License-Identifier: Apache-2.0
import DendriteTestSupport
import Foundation
import Testing

@Suite struct RunTests {
  static let story = "stories260K/stories260K.gguf"

  @Test(
    .requiresSharedData,
    arguments: [
      ("Once upon a time", "once_upon_a_time"), ("The little bird", "the_little_bird"),
      ("Tom and his dog went to the park", "tom_and_his_dog_went_to_the_park"),
    ])
  func `greedy stories are llama.cpp's, byte for byte`(prompt: String, name: String) async throws {
    let result = try await CommandLineTool.run(
      "run", "-m", SharedData.path(Self.story), "--temperature", "0", prompt)
    #expect(result.status == 0, "\(result.errors)")
    let expected = try SharedData.bytes("stories260K/greedy-200-\(name).txt")
    #expect(Array(result.output) == expected)
  }

  @Test(arguments: ["generic", "avx2", "avxvnni", "avx512vnni"], [1, 3])
  func `kernels and threads do not change the text`(kernels: String, threads: Int) async throws {
    let model = Repository.golden("logits/llama3.gguf")
    let expected = try await CommandLineTool.run(
      "run", "-m", model, "--seed", "5", "--max-tokens", "30", "--quiet", "A tree")
    let result = try await CommandLineTool.run(
      "run", "-m", model, "--seed", "5", "--max-tokens", "30", "--quiet", "A tree", "--kernels",
      kernels, "--threads", "\(threads)", "--parts", "7")
    // A CPU without these instructions says so.
    if result.status == 64, result.errors.contains("expected one of") { return }
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output == expected.output)
  }

  @Test(
    .requiresSharedData, arguments: [["--temperature", "0"], ["--seed", "3"]], [1, 8, 30])
  func `a drafter changes the speed and not the text`(
    sampling: [String], length: Int
  ) async throws {
    let prompt = "Tom said: I like the big red ball. Anna said: I like the big red"
    let arguments =
      try ["-m", SharedData.path(Self.story), "--max-tokens", "80", prompt] + sampling
    let plain = try await CommandLineTool.run(["run"] + arguments)
    let guessed = try await CommandLineTool.run(
      ["run", "--drafter", "lookup", "--draft-length", "\(length)"] + arguments)
    #expect(guessed.status == 0, "\(guessed.errors)")
    #expect(guessed.output == plain.output && plain.output.count > 100)
    #expect(guessed.errors.contains("tokens a pass"), "\(guessed.errors)")
    #expect(!plain.errors.contains("tokens a pass"))
  }

  @Test func `an argument, a file and the standard input give the same text`() async throws {
    let folder = try TemporaryFolder()
    let prompt = "Zwölf Boxkämpfer 🦊"
    let text = Array(prompt.utf8)
    func run(_ more: [String], input: [UInt8] = []) async throws -> CommandLineTool.Outcome {
      let model = Repository.bundledModel
      let child = try Child(["run", "-m", model, "--seed", "3", "--max-tokens", "12"] + more)
      try child.feed(input)
      return await child.outcome()
    }
    let argument = try await run([prompt])
    #expect(argument.status == 0, "\(argument.errors)")
    #expect(argument.text.hasPrefix(prompt))
    // The line break that ends a text is not part of it.
    #expect(try await run(["--file", folder.path("a", text + [10])]).output == argument.output)
    #expect(try await run([], input: text + [13, 10]).output == argument.output)
    #expect(try await run(["--file", "-"], input: text).output == argument.output)
    #expect(try await run([], input: text + [10, 10]).output != argument.output)
  }

  @Test func `a seed reproduces the text, and a random one is printed`() async throws {
    let model = Repository.golden("logits/llama2.gguf")
    let first = try await CommandLineTool.run("run", "-m", model, "--max-tokens", "20", "Hello")
    let seed = try #require(first.errors.firstMatch(of: /seed (\d+)/)?.1)
    let second = try await CommandLineTool.run(
      "run", "-m", model, "--max-tokens", "20", "--seed", String(seed), "Hello")
    #expect(first.output == second.output)
    // Fixed seeds: two random ones may well end at once, and so say the same.
    var texts = Set<[UInt8]>()
    for seed in 1...4 {
      let other = try await CommandLineTool.run(
        "run", "-m", model, "--max-tokens", "20", "--seed", "\(seed)", "Hello")
      texts.insert(Array(other.output))
    }
    #expect(texts.count > 1)
  }

  @Test(.requiresSharedData) func `a stop string ends the reply and is left out`() async throws {
    let result = try await CommandLineTool.run(
      "run", "-m", SharedData.path(Self.story), "--temperature", "0", "--stop", "zzz", "--stop",
      "to play", "--no-echo", "Once upon a time")
    #expect(result.text == ", there was a little girl named Lily. She loved \n")
    #expect(result.errors.contains("ended by --stop"))
  }

  @Test func `statistics name everything that is needed to get the text again`() async throws {
    let result = try await CommandLineTool.run(
      "run", "-m", Repository.golden("logits/llama2.gguf"), "--max-tokens", "9", "--seed", "77",
      "--kernels", "generic", "--threads", "1", "--cache-type", "q8", "Hello")
    for part in [
      "reply 9 tokens", "seed 77", "generic, 1 thread", "q8 cache", "ended by --max-tokens",
      "first after",
    ] { #expect(result.errors.contains(part), "\(part) in \(result.errors)") }
    #expect(result.errors.split(separator: "\n").count == 1)
    let quiet = try await CommandLineTool.run(
      "run", "-m", Repository.golden("logits/llama2.gguf"), "--quiet", "--max-tokens", "2", "Hello")
    #expect(quiet.errors == "")
  }

  @Test func `the bundled model is found, and so is DENDRITE_MODEL`() async throws {
    let bundled = try await CommandLineTool.run(
      "run", "--json", "--max-tokens", "4", "def f(x):", environment: ["DENDRITE_MODEL": ""])
    #expect(bundled.status == 0, "\(bundled.errors)")
    #expect(bundled.text.contains(#""name":"dendrite-tiny""#))
    let named = try await CommandLineTool.run(
      "run", "--json", "--max-tokens", "4", "x",
      environment: ["DENDRITE_MODEL": Repository.golden("logits/qwen2.gguf")])
    #expect(named.text.contains(#""architecture":"qwen2""#))
  }

  @Test func `every line of JSON is an object, and together they are the reply`() async throws {
    let model = Repository.golden("logits/llama3.gguf")
    let plain = try await CommandLineTool.run(
      "run", "-m", model, "--seed", "8", "--max-tokens", "25", "--no-echo", "--logit-bias",
      "3=-inf", "--logit-bias", "4=0", "A tree")
    let result = try await CommandLineTool.run(
      "run", "-m", model, "--seed", "8", "--max-tokens", "25", "--json", "--logit-bias", "3=-inf",
      "--logit-bias", "4=0", "A tree")
    let objects = try result.lines.map { line in
      try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
    let fragments = objects.dropLast()
    #expect(fragments.count == 25)
    #expect(fragments.allSatisfy { $0["type"] as? String == "fragment" })
    #expect(fragments.allSatisfy { $0["id"] is Int && ($0["logprob"] as? Double ?? 1) <= 0 })
    let text = fragments.compactMap { $0["text"] as? String }.joined()
    #expect(text + "\n" == plain.text)
    let end = try #require(objects.last)
    #expect(end["type"] as? String == "end")
    #expect(end["finish_reason"] as? String == "length")
    #expect(end["seed"] as? Int == 8)
    #expect(end["generated_tokens"] as? Int == 25)
    let settings = try #require(end["settings"] as? [String: Any])
    #expect(settings["top_k"] as? Int == 40)
    #expect((settings["logit_bias"] as? [String: Any])?["3"] as? String == "-inf")
  }

  @Test func `the context ends a reply that nothing else ends`() async throws {
    let result = try await CommandLineTool.run(
      "run", "-m", Repository.golden("logits/llama2.gguf"), "--context", "16", "--max-tokens", "0",
      "--ignore-eos", "Hello")
    #expect(result.status == 0)
    #expect(result.errors.contains("context full"), "\(result.errors)")
  }
}
