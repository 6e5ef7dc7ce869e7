// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import DendriteTestSupport
import Foundation
import Testing

/// Models that were downloaded with Hugging Face's tools, found by the name of their repository.
@Suite struct HubCacheTests {
  /// A cache that holds the tiny Llama, its files as links into the store.
  private final class Cache {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("hub-\(UUID().uuidString)")
    let snapshot: URL
    let repository: URL

    init(files: [String]? = nil) throws {
      repository = url.appendingPathComponent("models--some-one--tiny.llama_1")
      snapshot = repository.appendingPathComponent("snapshots/0123abcd")
      let store = repository.appendingPathComponent("blobs")
      for folder in [snapshot, store, repository.appendingPathComponent("refs")] {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      }
      try Data("0123abcd\n".utf8).write(to: repository.appendingPathComponent("refs/main"))
      let model = try SavedModel()
      for (number, name) in ["config.json", "model.safetensors"].enumerated() {
        try FileManager.default.moveItem(
          at: model.url.appendingPathComponent(name), to: store.appendingPathComponent("\(number)"))
        try FileManager.default.createSymbolicLink(
          atPath: snapshot.appendingPathComponent(name).path,
          withDestinationPath: "../../blobs/\(number)")
      }
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    var hub: HubCache { HubCache(path: url.path) }
  }

  @Test func `a repository is found by its name, links into the store and all`() throws {
    let cache = try Cache()
    let model = try ModelLocation.open("some-one/tiny.llama_1", in: cache.hub)
    try model.checkTensors(for: model.modelConfiguration())
    #expect(try model.modelConfiguration().name == "some-one/tiny.llama_1")
    let named = try ModelLocation.resolve("some-one/tiny.llama_1@0123abcd", in: cache.hub)
    #expect(named == cache.snapshot.path)
  }

  @Test(.tags(.badInput)) func `a repository that is not there says how to get it`() throws {
    let cache = try Cache()
    let absent = #expect(throws: CheckpointError.self) {
      try ModelLocation.open("some-one/other", in: cache.hub)
    }
    expect(
      absent, .unreadable,
      says: ["'some-one/other'", "models--some-one--other", "hf download some-one/other"])
    let revision = #expect(throws: CheckpointError.self) {
      try ModelLocation.open("some-one/tiny.llama_1@v2", in: cache.hub)
    }
    expect(revision, .unreadable, says: ["revision 'v2'"])
  }

  @Test(
    .tags(.badInput),
    arguments: ["../../../etc", "a/b", "", "..", String(repeating: "0", count: 300)])
  func `a reference that leads elsewhere is not followed`(text: String) throws {
    let cache = try Cache()
    try Data(text.utf8).write(to: cache.repository.appendingPathComponent("refs/main"))
    let error = #expect(throws: CheckpointError.self) {
      try ModelLocation.open("some-one/tiny.llama_1", in: cache.hub)
    }
    #expect(error?.code == .malformed || text.isEmpty && error?.code == .truncated)
  }

  @Test func `names of repositories are told from paths`() {
    for name in ["Qwen/Qwen3-0.6B", "a/b", "some_one/x.y-z"] {
      #expect(HubCache.isRepository(name))
    }
    for path in [
      "/a/b", "a/b/c", "a", "./a", "../a", "a/", "a/..", "a b/c", "a--b/c", "~/x", "a/b\n",
    ] {
      #expect(!HubCache.isRepository(path), "\(path)")
    }
  }

  @Test func `a folder with one GGUF file stands for it, one with two does not`() throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("gguf-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let first = folder.appendingPathComponent("one.gguf").path
    try FileManager.default.copyItem(
      atPath: Repository.golden("logits/llama2.gguf"), toPath: first)
    #expect(try ModelLocation.resolve(folder.path) == first)
    #expect(try ModelLocation.open(folder.path).formatName == "GGUF")
    try FileManager.default.copyItem(
      atPath: first, toPath: folder.appendingPathComponent("two.gguf").path)
    let error = #expect(throws: CheckpointError.self) { try ModelLocation.open(folder.path) }
    expect(error, .unreadable, says: ["2 GGUF models", "'one.gguf' 'two.gguf'"])
  }
}
