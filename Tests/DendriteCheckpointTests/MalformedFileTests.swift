// SPDX-License-Identifier: Apache-2.0

import DendriteCheckpoint
import Testing

/// Files that the world sends: each is refused with what was found, what was expected, what to do.
@Suite struct MalformedFileTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]
    let code: CheckpointError.Code
    let words: [String]

    init(
      _ name: String, _ bytes: [UInt8], _ code: CheckpointError.Code, _ words: String...
    ) {
      testDescription = name
      self.bytes = bytes
      self.code = code
      self.words = words
    }

    init(
      _ name: String, _ code: CheckpointError.Code, _ words: String...,
      change: (inout RawFile) -> Void
    ) {
      var file = RawFile()
      change(&file)
      testDescription = name
      bytes = file.bytes
      self.code = code
      self.words = words
    }
  }

  static let formats = [
    Case("four bytes", Array("GGUF".utf8), .truncated, "ends at byte 4", "download it again"),
    Case(
      "an empty magic", [0, 0, 0, 0, 0], .unsupportedFormat, "00 00 00 00", "47 47 55 46",
      "a .gguf file"),
    Case(
      "a zip archive", Array("PK\u{3}\u{4}......".utf8), .unsupportedFormat, "PyTorch", "convert"),
    Case(
      "safetensors", RawFile.integer(UInt64(9)) + Array("{\"a\":1}".utf8), .unsupportedFormat,
      "safetensors", "convert"),
    Case(
      "a Git LFS pointer", Array("version https://git-lfs".utf8), .unsupportedFormat, "pointer",
      "git lfs pull"),
    Case("a web page", Array("<!doctype html>".utf8), .unsupportedFormat, "web page", "permission"),
    Case("an old format", Array("tjgg\u{3}\u{0}".utf8), .unsupportedFormat, "older than GGUF"),
    Case("version 0", .unsupportedFormat, "version 0", "2 or 3") { $0.version = 0 },
    Case("version 1", .unsupportedFormat, "version 1", "2 or 3", "current") { $0.version = 1 },
    Case("version 4", .unsupportedFormat, "version 4", "newer Dendrite") { $0.version = 4 },
    Case("the other byte order", .unsupportedFormat, "big-endian", "little-endian") {
      $0.version = UInt32(3).byteSwapped
    },
  ]

  static let counts = [
    Case("2^63 tensors", .malformed, "9223372036854775808 tensors", "at most") {
      $0.tensorCount = 1 << 63
    },
    Case("2^64 − 1 keys", .malformed, "18446744073709551615 keys", "at most") {
      $0.keyCount = .max
    },
    Case("more tensors than bytes", .malformed, "1000 tensors", "at most", "69 bytes") {
      $0.tensorCount = 1000
    },
    Case("one key too many", .truncated, "key 2 of 2", "bytes at byte") {
      $0.keyCount = 2
      $0.keys.append(RawFile.string(Array("general.name".utf8)))
    },
    Case("a string of 2^63 bytes", .truncated, "9223372036854775808 bytes", "remain") {
      $0.keys.append(RawFile.key("k", 8, RawFile.integer(UInt64(1) << 63)))
    },
    Case("an array of 2^63 elements", .malformed, "9223372036854775808 elements", "'k'") {
      $0.keys.append(RawFile.array("k", of: 0, count: 1 << 63, []))
    },
    Case("an array of 2^61 strings", .malformed, "2305843009213693952 elements") {
      $0.keys.append(RawFile.array("k", of: 8, count: 1 << 61, []))
    },
    Case("2^30 elements in a small file", .malformed, "1073741824 elements", "at most 4") {
      $0.keys.append(RawFile.array("k", of: 4, count: 1 << 30, [UInt8](repeating: 0, count: 16)))
    },
  ]

  static let values = [
    Case("an unknown type of value", .malformed, "type 13", "0 to 12", "'k'") {
      $0.keys.append(RawFile.key("k", 13, [0]))
    },
    Case("an array of arrays", .malformed, "array of arrays", "'k'") {
      $0.keys.append(
        RawFile.array("k", of: 9, count: 1, RawFile.integer(UInt32(0)) + RawFile.integer(UInt64(0)))
      )
    },
    Case("a bool of 2", .malformed, "bool is 2", "0 or 1") {
      $0.keys.append(RawFile.key("k", 7, [2]))
    },
    Case("an empty key", .malformed, "0 bytes", "1 to 65535") {
      $0.keys.append(RawFile.key("", 0, [0]))
    },
    Case("a key with a control character", .malformed, "'a\\u{1b}b'", "ASCII") {
      $0.keys.append(RawFile.key("a\u{1b}b", 0, [0]))
    },
    Case("a key twice", .malformed, "'general.architecture' appears twice") {
      $0.keys.append($0.keys[0])
    },
    Case("a number beyond 2^63 in an array", .malformed, "element 0 is 18446744073709551615") {
      $0.keys.append(RawFile.array("k", of: 10, count: 1, RawFile.integer(UInt64.max)))
    },
    Case("alignment 0", .malformed, "'general.alignment' is 0", "power of two") {
      $0.keys.append(RawFile.key("general.alignment", 4, RawFile.integer(UInt32(0))))
    },
    Case("alignment 48", .malformed, "'general.alignment' is 48", "power of two") {
      $0.keys.append(RawFile.key("general.alignment", 4, RawFile.integer(UInt32(48))))
    },
    Case("an alignment of text", .invalidValue, "'general.alignment'", "an integer") {
      $0.keys.append(RawFile.key("general.alignment", string: "32"))
    },
  ]

  static let tensors = [
    Case("an unknown type", .unsupportedTensorType, "'t'", "unknown type 99", "Q8_0") {
      $0.tensors = [.init("t", [32], type: 99)]
    },
    Case("a removed type", .unsupportedTensorType, "'t'", "removed type 4") {
      $0.tensors = [.init("t", [32], type: 4)]
    },
    Case("a type of activations", .unsupportedTensorType, "'t'", "Q8_K, a type of activations") {
      $0.tensors = [.init("t", [256], type: 15)]
    },
    Case("a type we do not read", .unsupportedTensorType, "'t'", "IQ2_XXS", "quantisation") {
      $0.tensors = [.init("t", [256], type: 16)]
    },
    Case("five dimensions", .malformed, "5 dimensions", "at most 4") {
      $0.tensors = [.init("t", [1, 1, 1, 1, 1])]
    },
    Case("a dimension of 0", .malformed, "dimension of 0", "'t'") {
      $0.tensors = [.init("t", [4, 0])]
    },
    Case("a negative dimension", .malformed, "dimension of -1", "at least 1") {
      $0.tensors = [.init("t", [-1])]
    },
    Case("2^63 − 1 values twice", .malformed, "more than 2^63 values") {
      $0.tensors = [.init("t", [.max, .max])]
    },
    Case("2^62 values of 4 bytes", .malformed, "more than 2^63 bytes") {
      $0.tensors = [.init("t", [1 << 62])]
    },
    Case("rows of half a block", .malformed, "rows of 48", "Q4_0", "block length 32") {
      $0.tensors = [.init("t", [48, 2], type: 2)]
    },
    Case("an empty name", .malformed, "name has 0 bytes") { $0.tensors = [.init("", [1])] },
    Case("a name of 65 bytes", .malformed, "name has 65 bytes", "1 to 64") {
      $0.tensors = [.init(String(repeating: "n", count: 65), [1])]
    },
    Case("a name twice", .malformed, "'t' appears twice") {
      $0.tensors = [.init("t", [8]), .init("t", [8], offset: 32)]
      $0.dataBytes = 64
    },
    Case("a misaligned offset", .malformed, "offset 8", "multiple of 32") {
      $0.tensors = [.init("t", [8], offset: 8)]
      $0.dataBytes = 64
    },
    Case(
      "a tensor beyond the end", .truncated, "'t' is outside", "128 bytes at offset 0", "64 bytes"
    ) {
      $0.tensors = [.init("t", [32])]
      $0.dataBytes = 64
    },
    Case("an offset of 2^63", .truncated, "offset 9223372036854775808", "within the 64 bytes") {
      $0.tensors = [.init("t", [8], offset: 1 << 63)]
      $0.dataBytes = 64
    },
    Case("an offset near 2^63", .truncated, "is outside") {
      $0.tensors = [.init("t", [8], offset: 0x7FFF_FFFF_FFFF_FFE0)]
      $0.dataBytes = 64
    },
    Case("overlapping tensors", .malformed, "'a'", "'b'", "overlap", "disjoint") {
      $0.tensors = [.init("b", [8], offset: 32), .init("a", [16], offset: 0)]
      $0.dataBytes = 64
    },
  ]

  @Test(arguments: formats + counts + values + tensors)
  func `a damaged file is refused with a message that helps`(file: Case) {
    let error = #expect(throws: CheckpointError.self) { try GGUFFile(bytes: file.bytes) }
    expect(error, file.code, says: file.words)
  }

  @Test func `bytes that are not UTF-8 are repaired in values and names`() throws {
    var raw = RawFile()
    raw.keys.append(RawFile.key("general.name", 8, RawFile.string([0x61, 0xFF, 0x62])))
    raw.tensors = [RawFile.Tensor("x", [8])]
    raw.tensors[0].name = [0x74, 0xC3]
    raw.dataBytes = 32
    let file = try GGUFFile(bytes: raw.bytes)
    #expect(try file.metadata.string("general.name") == "a\u{FFFD}b")
    #expect(file.tensors[0].name == "t\u{FFFD}")
  }

  @Test func `tensors may lie in any order, with gaps`() throws {
    var raw = RawFile()
    raw.tensors = [RawFile.Tensor("b", [8], offset: 64), RawFile.Tensor("a", [], offset: 0)]
    raw.dataBytes = 96
    let file = try GGUFFile(bytes: raw.bytes)
    #expect(try file.tensor(named: "a").info.shape == [1])
    #expect(try file.tensor(named: "b").info.byteRange.count == 32)
  }

  @Test(arguments: 0..<100)
  func `a file cut at any hundredth is refused`(percent: Int) throws {
    let whole = try Self.model.get()
    let bytes = Array(whole.prefix(whole.count * percent / 100))
    let error = #expect(throws: CheckpointError.self) { try GGUFFile(bytes: bytes) }
    let codes: [CheckpointError.Code] = [.truncated, .malformed]
    let found = try #require(error)
    #expect(codes.contains(found.code), "\(found)")
    expect(found, found.code, says: percent == 0 ? ["0 bytes"] : ["download it again"])
  }

  @Test func `a file cut by one byte is refused and the whole one is not`() throws {
    let whole = try Self.model.get()
    #expect(throws: Never.self) { try GGUFFile(bytes: whole) }
    // The last tensor's own last byte, not the padding behind it.
    let end = try #require(GGUFFile(bytes: whole).tensors.map(\.byteRange.upperBound).max())
    let error = #expect(throws: CheckpointError.self) {
      try GGUFFile(bytes: Array(whole.prefix(end - 1)))
    }
    expect(error, .truncated, says: ["is outside"])
  }

  static let model = Result {
    try ModelMaker(shape: .tinySentencePiece, format: .uniform(.q8_0)).bytes()
  }
}
