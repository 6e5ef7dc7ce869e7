// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// How many cores this process may use: its affinity mask and its control group's quota.
public enum AvailableCores {
  /// At least one.
  ///
  /// Read anew on every call.
  public static func count() -> Int {
    var cores = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    #if os(Linux)
      if let affinity = affinity() { cores = min(cores, affinity) }
      if let quota = SystemText.read("/sys/fs/cgroup/cpu.max") {
        let fields = quota.split(whereSeparator: \.isWhitespace).map { Int($0) }
        if fields.count == 2, let time = fields[0], let period = fields[1], period > 0 {
          cores = min(cores, max(1, (time + period - 1) / period))
        }
      }
    #endif
    return cores
  }

  #if os(Linux)
    /// Cores of the affinity mask, from a list such as "0-3,8".
    private static func affinity() -> Int? {
      guard let status = SystemText.read("/proc/self/status"),
        let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Cpus_allowed_list:") }
        ),
        let list = line.split(whereSeparator: \.isWhitespace).last
      else { return nil }
      var cores = 0
      for range in list.split(separator: ",") {
        let ends = range.split(separator: "-").compactMap { Int($0) }
        guard let first = ends.first, let last = ends.last, last >= first else { return nil }
        cores += last - first + 1
      }
      return cores > 0 ? cores : nil
    }
  #endif
}
