// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// How much memory a process may still take: what the system calls available, or what is left under
/// the limit of its control groups, whichever is less.
public enum MemoryBudget {
  /// Bytes that can be reserved without swapping; `nil` if the system does not say.
  public static func available() -> Int? {
    #if os(Linux)
      var budget = SystemText.read("/proc/meminfo").flatMap { meminfo in
        SystemText.field("MemAvailable:", in: meminfo).map { $0 * 1024 }
      }
      if let left = ControlGroup().memoryLeft() { budget = min(budget ?? Int.max, left) }
      return budget
    #elseif canImport(Darwin)
      // Darwin has no figure for "available"; the physical size is the honest upper bound.
      var size: UInt64 = 0
      var length = MemoryLayout<UInt64>.size
      return sysctlbyname("hw.memsize", &size, &length, nil, 0) == 0 ? Int(size) : nil
    #else
      return nil
    #endif
  }

  /// Checks that `bytes` can be reserved for `purpose`.
  ///
  /// - Throws: `notEnoughMemory`, with both figures.
  public static func check(_ bytes: Int, for purpose: String, remedy: String) throws(ComputeError) {
    guard let available = available(), bytes > available else { return }
    throw ComputeError(
      .notEnoughMemory,
      "\(purpose) needs \(text(bytes)), but only \(text(available)) of memory is available",
      remedy: remedy)
  }

  /// A size as people read it: "1.2 GB", "640 KB".
  public static func text(_ bytes: Int) -> String {
    var value = Double(bytes)
    var unit = 0
    let units = ["B", "KB", "MB", "GB", "TB", "PB", "EB"]
    while value >= 1000, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    let tenths = (value * 10).rounded() / 10
    return unit == 0 || tenths >= 100
      ? "\(Int(value.rounded())) \(units[unit])" : "\(tenths) \(units[unit])"
  }
}
