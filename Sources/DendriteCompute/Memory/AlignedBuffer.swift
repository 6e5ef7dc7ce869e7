// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Zeroed memory of one owner, aligned to a cache line, given back when the owner goes.
///
/// The pages come from the system untouched, so reserving is cheap and only what is written is
/// resident. Not for small things: an `Array` is better there.
public final class AlignedBuffer<Element: BitwiseCopyable>: @unchecked Sendable {
  // Sendable: the owner decides who writes; the buffer itself never changes place or size.

  /// The number of elements.
  public let count: Int
  /// The first element; valid as long as this object lives.
  package let base: UnsafeMutablePointer<Element>
  private let byteCount: Int

  /// Reserves `count` elements, all bits zero.
  ///
  /// - Throws: `notEnoughMemory` if the system refuses.
  package init(zeroed count: Int) throws(ComputeError) {
    precondition(count >= 0, "AlignedBuffer count must not be negative; received \(count)")
    let (bytes, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
    guard !overflow else { throw AlignedBuffer.refusal(bytes: Int.max) }
    self.count = count
    byteCount = max(bytes, 1)
    let flags = MAP_PRIVATE | MAP_ANON
    guard let memory = mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0),
      memory != MAP_FAILED
    else { throw AlignedBuffer.refusal(bytes: byteCount) }
    #if os(Linux)
      if byteCount >= 4 << 20 { madvise(memory, byteCount, 14) }  // MADV_HUGEPAGE, a hint
    #endif
    base = memory.bindMemory(to: Element.self, capacity: max(count, 1))
  }

  deinit { munmap(UnsafeMutableRawPointer(base), byteCount) }

  package var buffer: UnsafeMutableBufferPointer<Element> {
    UnsafeMutableBufferPointer(start: base, count: count)
  }

  package subscript(_ index: Int) -> Element {
    get {
      precondition(index >= 0 && index < count, "index \(index) outside 0..<\(count)")
      return base[index]
    }
    set {
      precondition(index >= 0 && index < count, "index \(index) outside 0..<\(count)")
      base[index] = newValue
    }
  }

  private static func refusal(bytes: Int) -> ComputeError {
    ComputeError(
      .notEnoughMemory, "the system refused to reserve \(bytes) bytes",
      remedy: "use a smaller context, a smaller model, or a machine with more memory")
  }
}
