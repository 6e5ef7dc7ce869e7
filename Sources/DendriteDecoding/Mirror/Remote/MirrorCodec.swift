// SPDX-License-Identifier: Apache-2.0

/// Orders and answers as bytes.
///
/// A frame is its length in four bytes, a byte that says what it is, and numbers; ids and scores only, no text.
package enum MirrorCodec {
  /// Changes when frames are written another way.
  static let version = 2
  /// The longest frame: a prompt of some million tokens.
  package static let longestFrame = 16 << 20

  private static let ids = 0...Int(Int32.max)

  /// A frame of what a writer holds.
  static func frame(_ writer: ByteWriter) -> [UInt8] {
    var head = ByteWriter()
    head.put(fixed: UInt64(writer.bytes.count), width: 4)
    return head.bytes + writer.bytes
  }

  /// An order as a frame.
  package static func encode(_ order: MirrorOrder) -> [UInt8] {
    var writer = ByteWriter()
    switch order {
    case .begin(let reply, let outline):
      writer.put(1)
      writer.put(reply)
      put(outline, into: &writer)
    case .verdict(let reply, let step, let chosen, let wanted, let branches):
      writer.put(2)
      writer.put(reply)
      writer.put(step)
      writer.put(chosen)
      writer.put(wanted)
      writer.put(branches)
    case .foresee(let reply, let step, let rows):
      writer.put(3)
      writer.put(reply)
      writer.put(step)
      writer.put(rows.count)
      for row in rows {
        writer.put(row.count)
        for guess in row {
          writer.put(guess.token)
          writer.put(guess.score)
        }
      }
    }
    return frame(writer)
  }

  /// The order in a frame, behind its length.
  ///
  /// - Throws: `Malformed`.
  package static func decodeOrder(_ bytes: ArraySlice<UInt8>) throws(ByteReader.Malformed)
    -> MirrorOrder
  {
    var reader = ByteReader(bytes)
    let order: MirrorOrder
    switch try reader.int() {
    case 1:
      order = .begin(reply: try reader.int(in: ids), outline: try outline(&reader))
    case 2:
      order = .verdict(
        reply: try reader.int(in: ids), step: try reader.int(in: ids),
        chosen: try reader.ints(in: ids, atMost: 4096), wanted: try reader.int(in: 0...4096),
        branches: try reader.int(in: 0...4096))
    case 3:
      let (reply, step) = (try reader.int(in: ids), try reader.int(in: ids))
      var rows: [[ExitGuesses.Guess]] = []
      for _ in 0..<(try reader.int(in: 0...128)) {
        var row: [ExitGuesses.Guess] = []
        for _ in 0..<(try reader.int(in: 0...64)) {
          row.append(.init(token: try reader.int(in: ids), score: try reader.float()))
        }
        rows.append(row)
      }
      order = .foresee(reply: reply, step: step, rows: rows)
    default: throw ByteReader.Malformed()
    }
    guard reader.isAtEnd else { throw ByteReader.Malformed() }
    return order
  }

  /// An answer as a frame.
  package static func encode(_ answer: MirrorAnswer) -> [UInt8] {
    var writer = ByteWriter()
    switch answer {
    case .window(let reply, let step, let source, let tokens, let effort):
      writer.put(1)
      writer.put(reply)
      writer.put(step)
      writer.put(Int(source.rawValue))
      writer.put(tokens)
      for count in [effort.branches, effort.tokens, effort.rows, effort.bytes, effort.fromExit] {
        writer.put(count)
      }
      writer.put(effort.branchSeconds)
      writer.put(effort.windowSeconds)
    case .lost(let reply):
      writer.put(2)
      writer.put(reply)
    case .failed(let reason):
      writer.put(3)
      writer.put(reason)
    }
    return frame(writer)
  }

  /// The answer in a frame, behind its length.
  ///
  /// - Throws: `Malformed`.
  package static func decodeAnswer(_ bytes: ArraySlice<UInt8>) throws(ByteReader.Malformed)
    -> MirrorAnswer
  {
    var reader = ByteReader(bytes)
    let answer: MirrorAnswer
    switch try reader.int() {
    case 1:
      let (reply, step) = (try reader.int(in: ids), try reader.int(in: ids))
      guard let source = WindowSource(rawValue: UInt8(try reader.int(in: 0...255))) else {
        throw ByteReader.Malformed()
      }
      let tokens = try reader.ints(in: ids)
      var effort = BranchEffort()
      effort.branches = try reader.int(in: ids)
      effort.tokens = try reader.int(in: ids)
      effort.rows = try reader.int(in: ids)
      effort.bytes = try reader.int(in: 0...(1 << 48))
      effort.fromExit = try reader.int(in: ids)
      effort.branchSeconds = try reader.double()
      effort.windowSeconds = try reader.double()
      answer = .window(reply: reply, step: step, source: source, tokens: tokens, effort: effort)
    case 2: answer = .lost(reply: try reader.int(in: ids))
    case 3: answer = .failed(try reader.text())
    default: throw ByteReader.Malformed()
    }
    guard reader.isAtEnd else { throw ByteReader.Malformed() }
    return answer
  }

  // MARK: What a reply is

  private static func put(_ outline: ReplyOutline, into writer: inout ByteWriter) {
    let sampler = outline.sampler
    writer.put(sampler.temperature)
    writer.put(optional: sampler.topK)
    writer.put(optional: sampler.topP)
    writer.put(optional: sampler.minP)
    writer.put(sampler.penalties.repetition)
    writer.put(sampler.penalties.presence)
    writer.put(sampler.penalties.frequency)
    switch sampler.penalties.window {
    case .all: writer.put(optional: nil as Int?)
    case .last(let count): writer.put(optional: count)
    }
    let bias = sampler.logitBias.sorted { $0.key < $1.key }
    writer.put(bias.count)
    for (id, value) in bias {
      writer.put(id)
      writer.put(value)
    }
    writer.put(fixed: sampler.seed ?? 0)
    writer.put(Int(sampler.choice))
    writer.put(outline.vocabularySize)
    writer.put(outline.capacity)
    writer.put(outline.prompt)
    writer.put(outline.endTokens.sorted())
  }

  private static func outline(_ reader: inout ByteReader) throws(ByteReader.Malformed)
    -> ReplyOutline
  {
    var sampler = SamplerSettings()
    sampler.temperature = try reader.double()
    sampler.topK = try reader.optionalInt()
    sampler.topP = try reader.optionalDouble()
    sampler.minP = try reader.optionalDouble()
    sampler.penalties.repetition = try reader.double()
    sampler.penalties.presence = try reader.double()
    sampler.penalties.frequency = try reader.double()
    sampler.penalties.window = try reader.optionalInt().map { .last($0) } ?? .all
    sampler.logitBias = [:]
    for _ in 0..<(try reader.count(width: 5)) {
      let id = try reader.int(in: ids)
      sampler.logitBias[id] = try reader.float()
    }
    sampler.seed = try reader.fixed()
    sampler.choice = UInt32(try reader.int(in: 0...Int(UInt32.max)))
    return ReplyOutline(
      sampler: sampler, vocabularySize: try reader.int(in: 1...Int(Int32.max)),
      capacity: try reader.int(in: 1...Int(Int32.max)), prompt: try reader.ints(in: ids),
      endTokens: Set(try reader.ints(in: ids)))
  }
}

/// What both sides say first.
struct MirrorGreeting: Hashable {
  /// The same on every side that speaks this way.
  static let magic = "DNDRMIRR"
  /// What a drafter says instead while it serves another target.
  private static let busyMagic = "DNDRBUSY"

  /// Tokens of the drafter's vocabulary, and a hash of their texts.
  var vocabularySize: Int
  var vocabularyHash: UInt64

  var frame: [UInt8] {
    var writer = ByteWriter()
    writer.put(Self.magic)
    writer.put(MirrorCodec.version)
    writer.put(vocabularySize)
    writer.put(fixed: vocabularyHash)
    return MirrorCodec.frame(writer)
  }

  init(vocabularySize: Int, vocabularyHash: UInt64) {
    self.vocabularySize = vocabularySize
    self.vocabularyHash = vocabularyHash
  }

  /// What is said to a target while another one is served.
  static func refusal(busyFor seconds: Int) -> [UInt8] {
    var writer = ByteWriter()
    writer.put(busyMagic)
    writer.put(seconds)
    return MirrorCodec.frame(writer)
  }

  /// Reads a greeting.
  ///
  /// - Throws: `drafterInUse` if the drafter serves another target; `link` if somebody else is there, or another
  ///   version.
  init(_ bytes: ArraySlice<UInt8>, from address: String) throws(DecodingError) {
    var reader = ByteReader(bytes)
    do {
      let magic = try reader.text()
      if magic == Self.busyMagic {
        let seconds = try reader.int(in: 0...Int(Int32.max))
        throw DecodingError(
          .drafterInUse,
          "the drafter at \(address) has served another target for \(seconds) s, expected it to be free",
          remedy:
            "wait until that target has ended and come again, or start a second drafter on another port"
        )
      }
      guard magic == Self.magic else { throw ByteReader.Malformed() }
      let version = try reader.int()
      guard version == MirrorCodec.version else {
        throw DecodingError(
          .link,
          "\(address) speaks version \(version) of the mirror, expected \(MirrorCodec.version)",
          remedy: "run the same version of dendrite on both sides")
      }
      vocabularySize = try reader.int(in: 1...Int(Int32.max))
      vocabularyHash = try reader.fixed()
    } catch let error as DecodingError {
      throw error
    } catch {
      throw DecodingError(
        .link, "\(address) does not answer as a drafter does, expected `dendrite lab drafter`",
        remedy: "check host and port")
    }
  }
}
