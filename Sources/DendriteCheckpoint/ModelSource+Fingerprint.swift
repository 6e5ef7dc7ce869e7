// SPDX-License-Identifier: Apache-2.0

extension ModelSource {
  /// Tells checkpoints apart: a hash of names, shapes, types and the first bytes of every tensor.
  ///
  /// Saved contexts and sidecar files carry it; metadata do not count.
  public var fingerprint: UInt64 {
    var bytes: [UInt8] = []
    for tensor in tensors {
      bytes += Array("\(tensor.name) \(tensor.shape) \(tensor.type.rawValue)".utf8)
      if let view = tensorIfPresent(named: tensor.name) {
        view.withUnsafeBytes { bytes += $0.prefix(256) }
      }
    }
    return Checksum.fnv1a(bytes[...])
  }
}

/// Tells damaged bytes from whole ones; no protection against anybody.
package enum Checksum {
  /// FNV-1a over eight bytes at a time, the tail byte by byte.
  package static func fnv1a(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.withUnsafeBytes { buffer in
      var hash: UInt64 = 0xcbf2_9ce4_8422_2325
      let words = buffer.count / 8
      for i in 0..<words {
        let word = UInt64(
          littleEndian: buffer.loadUnaligned(fromByteOffset: i * 8, as: UInt64.self))
        hash = (hash ^ word) &* 0x100_0000_01b3
        hash ^= hash >> 29
      }
      for i in words * 8..<buffer.count { hash = (hash ^ UInt64(buffer[i])) &* 0x100_0000_01b3 }
      return hash
    }
  }
}
