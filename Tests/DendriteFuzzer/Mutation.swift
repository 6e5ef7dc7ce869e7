// SPDX-License-Identifier: Apache-2.0

/// Damages files: blindly, byte by byte, and with knowledge of their structure.
enum Mutation {
  /// A damaged file made from one of the bases; a function of the random state alone.
  static func damagedFile(from bases: [[UInt8]], _ random: inout FuzzRandom) -> [UInt8] {
    guard let base = random.element(of: bases) else { return [] }
    var bytes = base
    // Four cases in five change records; most of those stay readable as a file.
    if !random.once(in: 5), var records = FileRecords(base) {
      for _ in 0...random.below(2) { mutate(&records, &random) }
      bytes = records.bytes
      if !random.once(in: 5) { return bytes }
    }
    for _ in 0...random.below(4) { mutate(&bytes, base: base, &random) }
    return bytes
  }
}

// MARK: - Bytes

extension Mutation {
  private static func mutate(_ bytes: inout [UInt8], base: [UInt8], _ random: inout FuzzRandom) {
    guard !bytes.isEmpty else { return }
    // The header is where damage is interesting; the data section is most of the file.
    let reach = random.once(in: 4) ? bytes.count : min(bytes.count, 4096)
    let at = random.below(random.once(in: 3) ? min(reach, 256) : reach)
    switch random.below(8) {
    case 0: bytes[at] ^= 1 << UInt8(random.below(8))
    case 1: bytes[at] = UInt8(truncatingIfNeeded: random.next())
    case 2:
      for index in at..<min(bytes.count, at + 1 + random.below(16)) {
        bytes[index] = UInt8(truncatingIfNeeded: random.next())
      }
    case 3: overwrite(&bytes, at, little(random.interestingNumber()))
    case 4: overwrite(&bytes, at, little(UInt32(truncatingIfNeeded: random.interestingNumber())))
    case 5: bytes.removeLast(random.below(bytes.count))
    case 6:
      let end = min(bytes.count, at + 1 + random.below(64))
      if random.once(in: 2) {
        bytes.removeSubrange(at..<end)
      } else {
        bytes.insert(contentsOf: Array(bytes[at..<end]), at: at)
      }
    default:
      let from = random.below(base.count)
      let chunk = base[from..<min(base.count, from + 1 + random.below(256))]
      overwrite(&bytes, at, Array(chunk))
    }
  }

  private static func overwrite(_ bytes: inout [UInt8], _ at: Int, _ chunk: [UInt8]) {
    for (index, byte) in chunk.enumerated() where at + index < bytes.count {
      bytes[at + index] = byte
    }
  }
}

// MARK: - Records

extension Mutation {
  private static func mutate(_ records: inout FileRecords, _ random: inout FuzzRandom) {
    switch random.below(16) {
    case 0...11: mutateKey(&records, &random)
    case 12...14: mutateTensor(&records, &random)
    default:
      switch random.below(4) {
      case 0: records.version = UInt32(truncatingIfNeeded: random.interestingNumber())
      case 1: records.keyCount = random.interestingNumber()
      case 2: records.tensorCount = random.interestingNumber()
      default: records.data.removeLast(random.below(records.data.count))
      }
    }
  }

  private static func mutateKey(_ records: inout FileRecords, _ random: inout FuzzRandom) {
    guard !records.keys.isEmpty else { return }
    let index = random.below(records.keys.count)
    switch random.below(16) {
    case 0: records.keys.remove(at: index)
    case 1: records.keys.insert(records.keys[index], at: random.below(records.keys.count))
    case 2:
      if let byte = records.keys[index].name.indices.randomElement(using: &random) {
        records.keys[index].name[byte] ^= 1 << UInt8(random.below(8))
      }
    case 3: records.keys[index].type = UInt32(random.below(14))
    case 4:
      let other = random.below(records.keys.count)
      (records.keys[index].type, records.keys[index].value) = (
        records.keys[other].type, records.keys[other].value
      )
    default: mutateValue(&records.keys[index], &random)
    }
  }

  private static func mutateValue(_ key: inout FileRecords.Key, _ random: inout FuzzRandom) {
    if var strings = key.strings {
      mutateStrings(&strings, &random)
      key.setStrings(strings)
      if random.once(in: 16) { overwrite(&key.value, 4, little(random.interestingNumber())) }
      return
    }
    switch key.type {
    case 8:
      // A string: other text, or a length that lies.
      let text = randomText(&random)
      let length = random.once(in: 8) ? random.interestingNumber() : UInt64(text.count)
      key.value = little(length) + text
    case 9:
      switch random.below(4) {
      case 0: overwrite(&key.value, 0, little(UInt32(random.below(14))))
      case 1: overwrite(&key.value, 4, little(random.interestingNumber()))
      case 2:
        overwrite(
          &key.value, 12 + random.below(max(1, key.value.count - 12)),
          little(UInt32(truncatingIfNeeded: random.interestingNumber())))
      default:
        let element = FileRecords.width(UInt32(key.value.first ?? 0))
        let removed = min(key.value.count - 12, element * (1 + random.below(4)))
        guard removed > 0 else { return }
        key.value.removeLast(removed)
        overwrite(&key.value, 4, little(UInt64((key.value.count - 12) / element)))
      }
    default:
      let bytes = little(random.interestingNumber())
      key.value = Array(bytes.prefix(key.value.count))
    }
  }

  private static func mutateStrings(_ strings: inout [[UInt8]], _ random: inout FuzzRandom) {
    for _ in 0...random.below(3) {
      let index = random.below(strings.count)
      switch random.below(7) {
      case 0 where !strings.isEmpty: strings.remove(at: index)
      case 1 where !strings.isEmpty: strings.append(strings[index])
      case 2 where !strings.isEmpty: strings.swapAt(index, random.below(strings.count))
      case 3 where !strings.isEmpty: strings[index] = strings[random.below(strings.count)]
      case 4 where !strings.isEmpty: strings[index] = randomText(&random)
      case 5 where random.once(in: 8): strings.removeAll()
      default: strings.insert(randomText(&random), at: random.below(strings.count + 1))
      }
    }
  }

  /// Text of the kind that breaks tokenizers, or bytes that are no text.
  private static func randomText(_ random: inout FuzzRandom) -> [UInt8] {
    let texts = [
      "", " ", "  ", "a", "a b", " a", "a ", "ĠĠ", "▁", "▁▁", "<0x41>", "<0xFF>", "<0xGG>", "<0x",
      "<|eot_id|>", "</s>", "<s>", "<unk>", "llama", "qwen2", "gpt2", "bert", "llama-bpe", "gpt-2",
      "default", "none", "linear", "yarn", "e\u{301}", "é", "\u{0}", "𝟙", "👩‍👩‍👧", "\u{FFFD}",
    ]
    switch random.below(8) {
    case 0: return (0..<random.below(24)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    case 1: return [UInt8](repeating: 0x61, count: 1 + random.below(4096))
    default: return Array((random.element(of: texts) ?? "").utf8)
    }
  }

  private static func mutateTensor(_ records: inout FileRecords, _ random: inout FuzzRandom) {
    guard !records.tensors.isEmpty else { return }
    let index = random.below(records.tensors.count)
    switch random.below(8) {
    case 0: records.tensors.remove(at: index)
    case 1: records.tensors.append(records.tensors[index])
    case 2: records.tensors[index].type = UInt32(random.below(45))
    case 3: records.tensors[index].offset = random.interestingNumber()
    case 4: records.tensors[index].offset = UInt64(random.below(records.data.count) / 32 * 32)
    case 5: records.tensors[index].name = records.tensors[random.below(records.tensors.count)].name
    case 6:
      if let axis = records.tensors[index].shape.indices.randomElement(using: &random) {
        records.tensors[index].shape[axis] = random.interestingNumber()
      }
    default:
      records.tensors[index].shape = (0..<random.below(6)).map { _ in
        random.once(in: 2) ? UInt64(random.below(64)) : random.interestingNumber()
      }
    }
  }
}
