// SPDX-License-Identifier: Apache-2.0
import DendriteTestSupport
import Foundation
import Testing

/// `dendrite plan cluster` and `dendrite lab probe` as a person types them.
@Suite struct PlanTests {
  private func plan(_ arguments: [String]) async throws -> CommandLineTool.Outcome {
    try await CommandLineTool.run(["plan", "cluster"] + arguments)
  }

  private func object(_ data: Data) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  @Test func `a plan gives memory, times and when not to shard, all simulated`() async throws {
    let result = try await plan(["--shape", "llama-3.1-8b", "--context", "1M", "--ranks", "8"])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors == "")
    #expect(result.lines.allSatisfy { $0.count <= 100 })
    for words in [
      "llama-3.1-8b: 32 layers, 32 heads in 8 groups of width 128", "1,048,576 tokens",
      "8 on 4 nodes", "cpu-10gbe", "(assumed)", "18.6 KB with l on sixteen lanes", "16.6 KB",
      "Memory of a rank (simulated)", "Time of a token (simulated)", "When not to shard",
      "tree, one exchange", "three all-reduces", "ring of keys and values",
      "Every figure is simulated",
    ] {
      #expect(result.text.contains(words), "no '\(words)' in\n\(result.text)")
    }
    #expect(!result.text.contains("Do not shard"))
    #expect(!result.text.contains("simulation only"))
  }

  @Test func `a short context is told not to be sharded`() async throws {
    let result = try await plan(["--shape", "llama-3.1-8b", "--context", "1k"])
    #expect(result.status == 0)
    #expect(result.text.contains("Do not shard: at 1,024 tokens one rank is faster."))
  }

  @Test func `ranks that only a simulation has are named so`() async throws {
    for ranks in ["3", "64"] {
      let result = try await plan(["--shape", "llama-3.1-70b", "--ranks", ranks])
      #expect(result.status == 0)
      #expect(result.text.contains("A group of \(ranks) ranks is a simulation only."))
      #expect(result.text.contains("1, 2, 4, 8 or 16"))
    }
    let alone = try await plan(["--shape", "llama-3.1-8b", "--ranks", "1"])
    #expect(alone.status == 0)
    #expect(!alone.text.contains("tree, one exchange"))
  }

  @Test func `programs read every figure with its kind`() async throws {
    let result = try await plan(["--shape", "llama-3.1-8b", "--context", "128k", "--json"])
    let report = try object(result.output)
    #expect(report["report"] as? String == "plan cluster")
    let sections = try #require(report["sections"] as? [[String: Any]])
    let figures = sections.flatMap { $0["measurements"] as? [[String: Any]] ?? [] }
    #expect(figures.count > 12)
    #expect(figures.allSatisfy { $0["kind"] as? String == "simulated" })
    let times = figures.filter { ($0["name"] as? String)?.hasPrefix("time of a token") == true }
    let values = times.compactMap { $0["value"] as? Double }
    #expect(values.count == 6)
    // One rank, then the tree: 8B at 128k reads as many keys as weights.
    #expect(values[0] > values[1])
  }

  @Test func `a plan reads the sizes of a model file`() async throws {
    let path = Repository.golden("logits/llama3.gguf")
    let result = try await plan(["-m", path, "--context", "64k", "--cache-type", "q8"])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.text.contains("65,536 tokens"))
  }

  @Test func `a chart is drawn beside the tables`() async throws {
    let folder = try TemporaryFolder()
    let path = try folder.path("plan.svg")
    let result = try await plan(["--shape", "llama-3.2-1b", "--svg", path])
    #expect(result.status == 0, "\(result.errors)")
    let svg = try String(contentsOfFile: path, encoding: .utf8)
    #expect(svg.hasPrefix("<svg "))
    #expect(svg.hasSuffix("</svg>\n"))
    #expect(svg.components(separatedBy: "<polyline").count == 7)
    #expect(svg.contains("Simulated with profile"))
    #expect(svg.contains("this plan"))
  }

  @Test(
    .tags(.badInput),
    arguments: [
      (["--context", "many"], "expected a whole number of tokens", Int32(64)),
      (["--context", "-5"], "--context", 64), (["--context", "0"], "--context 128k", 64),
      (["--context", "1e5"], "k for 1024", 64), (["--context", "9999999999M"], "k for 1024", 64),
      (["--ranks", "0"], "--ranks is 0, expected a number from 1 to 4096", 64),
      (["--link", "10gb"], "did you mean --link 10gbe?", 64),
      (["--shape", "llama-3.1-8"], "did you mean --shape llama-3.1-8b?", 64),
      (["--shape", "llama-3.1-8b", "-m", "x.gguf"], "one of the two", 64),
      (["--weight-bits", "4.5"], "--weight-bits without --shape", 64),
      (["--shape", "llama-3.1-8b", "--weight-bits", "0"], "--weight-bits is 0", 64),
      (["--shape", "llama-3.1-8b", "--ranks-per-node", "0"], "--ranks-per-node is 0", 64),
      (["--shape", "llama-3.1-8b", "--profile", "h10"], "did you mean --profile h100?", 66),
      (
        ["--shape", "llama-3.1-8b", "--profile", "mi300x", "--ranks", "16"],
        "plan for at most 8 ranks", 64
      ),
      (["-m", "/no/such/file.gguf"], "/no/such/file.gguf", 66),
      (["--shape", "llama-3.1-8b", "--svg", "/no/such/folder/plan.svg"], "plan.svg", 73),
    ] as [([String], String, Int32)])
  func `a plan refuses what it cannot compute`(
    arguments: [String], words: String, status: Int32
  ) async throws {
    let result = try await plan(arguments)
    #expect(result.status == status, "\(result.errors)")
    #expect(result.errors.contains(words), "\(result.errors)")
    #expect(result.errors.contains("try:"), "\(result.errors)")
    #expect(result.text == "")
  }

  @Test(.tags(.badInput)) func `a damaged profile is refused by its key`() async throws {
    let folder = try TemporaryFolder()
    let whole = """
      {"profile": "x", "summary": "y", "read_bandwidth": 1e10, "read_origin": "measured",
       "ranks_per_node": 2, "inside": {"latency": 1e-6, "bandwidth": 1e10, "origin": "measured"},
       "between": null, "style": "doubling", "merge_rate": 1e10, "kernel_overhead": 0}
      """
    for (part, other, words) in [
      ("\"merge_rate\": 1e10, ", "", "'merge_rate' is missing"),
      ("1e-6", "\"soon\"", "'inside.latency' is something else, expected a number"),
      ("\"doubling\"", "\"magic\"", "expected one of doubling, twoLevel, nccl"),
      ("\"ranks_per_node\": 2", "\"ranks_per_node\": 2.5", "expected a whole number"),
      ("\"bandwidth\": 1e10", "\"bandwidth\": 0", "the bandwidth of the link inside a node is 0"),
      ("{\"profile\"", "\"profile\"", "is no JSON"),
    ] {
      let path = try folder.path("profile.json")
      let text = whole.replacingOccurrences(of: part, with: other)
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      let result = try await plan(["--shape", "llama-3.1-8b", "--profile", path, "--ranks", "2"])
      #expect(result.status == 65, "\(result.errors)")
      #expect(result.errors.contains(words), "\(result.errors)")
    }
  }

  @Test(.tags(.slow)) func `a probe of this machine makes a profile that plans take`() async throws
  {
    let folder = try TemporaryFolder()
    let path = try folder.path("here.json")
    let probe = try await CommandLineTool.run([
      "lab", "probe", "--repetitions", "1", "-o", path,
    ])
    #expect(probe.status == 0, "\(probe.errors)")
    for words in ["memory, read", "states merged by a thread", "exchange of 16 KB", "8192 KB"] {
      #expect(probe.text.contains(words), "\(probe.text)")
    }
    let profile = try object(Data(contentsOf: URL(fileURLWithPath: path)))
    for key in ["read_bandwidth", "merge_rate"] {
      let rate = try #require(profile[key] as? Double)
      #expect(rate > 1e7, "\(key)")
    }
    let alone = try await plan(["--shape", "llama-3.2-1b", "--profile", path, "--ranks", "2"])
    #expect(alone.status == 64)
    #expect(alone.errors.contains("name a link between nodes"), "\(alone.errors)")
    let linked = try await plan([
      "--shape", "llama-3.2-1b", "--profile", path, "--ranks", "2", "--link", "10gbe",
    ])
    #expect(linked.status == 0, "\(linked.errors)")
    #expect(linked.text.contains("(measured)"))
    #expect(linked.text.contains("probe over 10gbe"))
  }
}
