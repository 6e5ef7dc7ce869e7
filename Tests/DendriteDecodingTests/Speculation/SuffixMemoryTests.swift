// SPDX-License-Identifier: Apache-2.0
import DendriteDecoding
import DendriteTestSupport
import Foundation
import Testing

/// The file of earlier sessions: what is written is read again, and nothing in it ends a program.
@Suite struct SuffixMemoryTests {
  /// A folder that vanishes with its last reference.
  final class Folder {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)

    init() throws {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String = "memory") -> String { url.appendingPathComponent(name).path }
    var names: [String] {
      (try? FileManager.default.contentsOfDirectory(atPath: url.path))?.sorted() ?? []
    }
  }

  let folder: Folder
  var path: String { folder.path() }

  init() throws { folder = try Folder() }

  private func open(_ limit: Int = 4_096, vocabulary: UInt64 = 7) throws -> SuffixMemory {
    try SuffixMemory.open(path: path, vocabularyHash: vocabulary, limit: limit)
  }

  private func bytes() throws -> [UInt8] {
    try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
  }

  private func write(_ bytes: some Sequence<UInt8>) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  private func mode() throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
  }

  private func refusal(_ body: () throws -> Void) throws -> DecodingError {
    try #require(#expect(throws: DecodingError.self) { try body() })
  }

  static let sequences = [
    [1, 2, 3], [0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, Int(Int32.max)], [5],
  ]

  @Test func `sequences are read as they were remembered`() throws {
    let memory = try open()
    #expect(try memory.sequences() == [])
    for sequence in Self.sequences { try memory.append(sequence) }
    try memory.append([])
    #expect(try memory.sequences() == Self.sequences)
    #expect(try open().sequences() == Self.sequences)
    #expect(folder.names == ["memory"])
    // Two openings at once see each other's sequences.
    try open().append([8, 9])
    #expect(try memory.sequences() == Self.sequences + [[8, 9]])
  }

  @Test func `only the owner may read it`() throws {
    let memory = try open()
    #expect(try mode() == 0o600)
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    try memory.append([1, 2])
    #expect(try mode() == 0o600)
    for _ in 0..<40 { try memory.append(Array(0..<200)) }
    #expect(try mode() == 0o600)
  }

  @Test(.tags(.badInput))
  func `a file that is cut anywhere keeps the whole sequences before the cut`() throws {
    let memory = try open()
    var ends: [Int] = []
    for sequence in Self.sequences {
      try memory.append(sequence)
      ends.append(try bytes().count)
    }
    let whole = try bytes()
    for count in 0...whole.count {
      try write(whole[..<count])
      let left = Array(Self.sequences.prefix(ends.count { $0 <= count }))
      #expect(try open().sequences() == left, "cut at \(count)")
      try write(whole[..<count])
      try memory.append([4, 4])
      #expect(try memory.sequences() == left + [[4, 4]], "cut at \(count)")
    }
  }

  @Test(.tags(.badInput), arguments: 1...3)
  func `damage costs sequences or is an error`(seed: Int) throws {
    var random = SeededGenerator(seed: seed)
    let memory = try open()
    for sequence in Self.sequences { try memory.append(sequence) }
    let whole = try bytes()
    for place in whole.indices {
      var damaged = whole
      damaged[place] ^= UInt8(1 + random.below(255))
      try write(damaged)
      do throws(DecodingError) {
        let left = try memory.sequences()
        #expect(place >= 32 && left.count < Self.sequences.count)
        #expect(left == Array(Self.sequences.prefix(left.count)))
      } catch {
        #expect(place < 32)
        #expect([.badMemory, .vocabularyMismatch].contains(error.code))
      }
    }
    for _ in 0..<50 {
      try write(whole[..<32] + (0..<random.below(300)).map { _ in UInt8(random.below(256)) })
      #expect(try memory.sequences() == [])
    }
  }

  @Test(.tags(.wording))
  func `files of another kind, version or vocabulary are refused`() throws {
    let memory = try open()
    try memory.append([1, 2, 3])
    let whole = try bytes()

    let other = try refusal { _ = try open(vocabulary: 0xabc) }
    #expect(other.code == .vocabularyMismatch)
    #expect(
      other.description == """
        decoding: the memory '\(path)' is of vocabulary 7, expected abc, the model's
          try: give each vocabulary a file of its own, or forget this one
        """)

    var newer = whole
    newer[8] = 2
    try write(newer)
    let version = try refusal { try memory.append([1]) }
    #expect(version.code == .badMemory)
    #expect(version.message.contains("has version 2, expected 1"))
    #expect(try bytes() == newer)

    let letter = Array("Dear Sir or Madam, this is no memory but a letter.".utf8)
    for text in [letter, Array("DENT".utf8)] {
      try write(text)
      for refused in [
        try refusal { _ = try open() }, try refusal { _ = try memory.sequences() },
        try refusal { try SuffixMemory.forget(path: path) },
      ] {
        #expect(refused.code == .badMemory)
        #expect(refused.message.contains("does not begin as a memory does"))
      }
      #expect(try bytes() == text)
    }

    let folderError = try refusal {
      _ = try SuffixMemory.open(path: folder.path("no/such"), vocabularyHash: 7)
    }
    #expect(folderError.code == .memoryUnavailable)
    #expect(folderError.remedy == "create the folder first")
    #expect(
      try refusal { _ = try SuffixMemory.open(path: folder.url.path, vocabularyHash: 7) }
        .code == .memoryUnavailable)
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("link"), withDestinationPath: path)
    #expect(
      try refusal {
        _ = try SuffixMemory.open(path: folder.path("link"), vocabularyHash: 7)
      }.remedy == "give the path of the file itself, not of a link to it")
  }

  @Test func `limits and ids out of range are refused`() throws {
    for limit in [-1, 0, 4_095, Int.max] {
      #expect(try refusal { _ = try open(limit) }.code == .badSetting)
    }
    let memory = try open()
    for id in [-1, Int.min, Int(Int32.max) + 1, Int.max] {
      let error = try refusal { try memory.append([1, id]) }
      #expect(error.code == .badToken)
      #expect(error.message.contains("id \(id), expected ids from 0 to 2147483647"))
    }
    #expect(try memory.sequences() == [])
  }

  @Test(arguments: 1...3)
  func `it stays within its limit and keeps what is newest`(seed: Int) throws {
    var random = SeededGenerator(seed: seed)
    let memory = try open(6_000)
    var all: [[Int]] = []
    for step in 0..<80 {
      let sequence = (0..<1 + random.below(200)).map { _ in random.below(40_000) }
      all.append(sequence)
      try memory.append(sequence)
      let size = try bytes().count
      let kept = try memory.sequences()
      #expect(size <= 6_000)
      #expect(kept == Array(all.suffix(kept.count)))
      if step > 40 { #expect(size > 3_000) }
    }
    // A smaller limit holds from then on.
    let kept = try open(4_096).sequences()
    #expect(try bytes().count <= 4_096)
    #expect(kept == Array(all.suffix(kept.count)) && kept.count > 2)
    #expect(folder.names == ["memory"])
  }

  @Test func `of a sequence that is too long its end is kept`() throws {
    let memory = try open()
    try memory.append([1])
    let long = (0..<9_000).map { $0 * 37 % 70_000 }
    try memory.append(long)
    let kept = try memory.sequences()
    #expect(kept.count == 2 && kept[0] == [1])
    #expect(kept[1].count > 600 && kept[1] == Array(long.suffix(kept[1].count)))
    #expect(try bytes().count <= 4_096)
  }

  @Test func `what is forgotten is gone`() throws {
    let memory = try open()
    try memory.append([1, 2])
    try write(Array("left by a crash".utf8) + [], to: "memory.partial")
    #expect(try SuffixMemory.forget(path: path))
    #expect(folder.names == [])
    #expect(try !SuffixMemory.forget(path: path))
    // Who has it open begins anew.
    try memory.append([3, 4])
    #expect(try memory.sequences() == [[3, 4]])
  }

  private func write(_ bytes: [UInt8], to name: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: folder.path(name)))
  }

  @Test func `writers at the same time do not interleave`() async throws {
    let path = path
    let memory = try open(1 << 20)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<4 {
        group.addTask {
          for step in 0..<12 {
            let memory = try SuffixMemory.open(path: path, vocabularyHash: 7, limit: 1 << 20)
            try memory.append([writer] + Array(repeating: step, count: 1 + step * 20))
          }
        }
      }
      try await group.waitForAll()
    }
    let sequences = try memory.sequences()
    #expect(sequences.count == 48)
    for writer in 0..<4 {
      let own = sequences.filter { $0[0] == writer }
      #expect(own.map { $0[1] } == Array(0..<12))
    }
  }

  @Test func `vocabularies are told apart`() {
    let hash = SuffixMemory.vocabularyHash(of: ["a", "bc"])
    #expect(hash == SuffixMemory.vocabularyHash(of: ["a", "bc"]))
    #expect(hash != SuffixMemory.vocabularyHash(of: ["ab", "c"]))
    #expect(hash != SuffixMemory.vocabularyHash(of: ["bc", "a"]))
    #expect(hash != SuffixMemory.vocabularyHash(of: ["a", "bc", ""]))
    #expect(SuffixMemory.vocabularyHash(of: []) == 0xcbf2_9ce4_8422_2325)
  }

  @Test func `a drafter guesses from it`() throws {
    let memory = try open()
    try memory.append([10, 11, 12, 13])
    var drafter = SuffixDrafter(remembering: RememberedSuffixes(try memory.sequences()))
    var draft = Draft()
    drafter.propose(after: [10], pending: 11, limit: 4, into: &draft)
    #expect(draft.tokens == [12, 13])
  }
}
