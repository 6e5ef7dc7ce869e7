// SPDX-License-Identifier: Apache-2.0
internal import CDendriteKernels
internal import DendriteCompute

/// The blocks of all caches of one type: fixed size, reference-counted, drawn from slabs.
///
/// A cache reserves as many blocks as its capacity needs before it takes any, so that a pass never finds
/// the pool empty. Slabs are reserved by address only; a block becomes resident when it is written.
/// Nothing is allocated by `take`, `share` or `drop`.
final class BlockPool {
  /// Where one KV head's keys and values lie; a block is `[layer][kvHead]` of these.
  let layout: dendrite_kv_layout
  let layerBytes: Int
  let blockBytes: Int
  private var slabs: [AlignedBuffer<UInt8>] = []
  private var bases: [UnsafeMutableRawPointer] = []
  private var references: [Int32] = []
  private var free: [Int] = []
  private var reserved = 0

  init(type: CacheType, headDim: Int, kvHeadCount: Int, layerCount: Int) {
    layout = dendrite_kv_layout_make(type.kernelType, headDim)
    layerBytes = layout.head_bytes * kvHeadCount
    blockBytes = layerBytes * layerCount
  }

  /// Promises `count` more blocks.
  ///
  /// - Throws: `notEnoughMemory`; then nothing was reserved.
  func reserve(_ count: Int, purpose: String) throws(ModelError) {
    let missing = reserved + count - bases.count
    if missing > 0 {
      let (bytes, overflow) = missing.multipliedReportingOverflow(by: blockBytes)
      let remedy = "ask for a smaller context, or store it as q8"
      do {
        try MemoryBudget.check(overflow ? Int.max : bytes, for: purpose, remedy: remedy)
        let slab = try AlignedBuffer<UInt8>(zeroed: overflow ? Int.max : bytes)
        slabs.append(slab)
        free.reserveCapacity(bases.count + missing)
        for i in (0..<missing).reversed() { free.append(bases.count + i) }
        for i in 0..<missing {
          bases.append(UnsafeMutableRawPointer(slab.base) + i * blockBytes)
          references.append(0)
        }
      } catch {
        throw ModelError(.notEnoughMemory, error.message, remedy: remedy)
      }
    }
    reserved += count
  }

  /// Takes a promise back.
  func unreserve(_ count: Int) { reserved -= count }

  /// A block of one's own.
  ///
  /// Its content is whatever its last owner left.
  func take() -> Int {
    guard let block = free.popLast() else {
      preconditionFailure("a cache took more blocks than it reserved")
    }
    references[block] = 1
    return block
  }

  func share(_ block: Int) { references[block] += 1 }

  func drop(_ block: Int) {
    references[block] -= 1
    if references[block] == 0 { free.append(block) }
  }

  func isShared(_ block: Int) -> Bool { references[block] > 1 }

  func base(of block: Int) -> UnsafeMutableRawPointer { bases[block] }
}

extension CacheType {
  /// What the kernels call it.
  var kernelType: dendrite_kv_type {
    switch self {
    case .f32: DENDRITE_KV_F32
    case .f16: DENDRITE_KV_F16
    case .bf16: DENDRITE_KV_BF16
    case .q8: DENDRITE_KV_Q8
    }
  }

  /// The number that stands for the type in saved contexts.
  package var savedNumber: UInt32 { kernelType.rawValue }

  /// The type with this number, or `nil` if there is none.
  package init?(savedNumber: UInt32) {
    guard let type = CacheType.allCases.first(where: { $0.savedNumber == savedNumber })
    else { return nil }
    self = type
  }
}
