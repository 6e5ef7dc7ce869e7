// SPDX-License-Identifier: Apache-2.0

/// What the control groups of a Linux process leave it: processor time and memory.
///
/// A group is limited by itself and by every group above it, so all of them are read. Both layouts are
/// understood: the unified one, and the older one with a folder for each controller. A container may
/// show its own groups at the root while the process is listed by a path of the host; paths that are
/// not there are passed over.
package struct ControlGroup: Sendable {
  private let root: String
  private let paths: [(controllers: [Substring], path: Substring)]

  /// The groups of this process.
  package init() {
    self.init(
      root: "/sys/fs/cgroup", membership: SystemText.read("/proc/self/cgroup") ?? "0::/")
  }

  /// Groups below a folder.
  ///
  /// - Parameters:
  ///   - root: where the groups are mounted.
  ///   - membership: lines "number:controllers:path", as in /proc/self/cgroup.
  package init(root: String, membership: String) {
    self.root = root
    paths = membership.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { return nil }
      return (fields[1].split(separator: ","), fields[2])
    }
  }

  /// Cores' worth of time that this process may use, by quota; `nil` if there is no limit.
  package func processorQuota() -> Double? {
    var least: Double?
    for folder in folders(of: "cpu") {
      var time: Int?
      var period: Int?
      if let text = SystemText.read(folder + "/cpu.max") {
        let fields = text.split(whereSeparator: \.isWhitespace).map { Int($0) }
        if fields.count == 2 { (time, period) = (fields[0], fields[1]) }
      } else if let quota = SystemText.read(folder + "/cpu.cfs_quota_us") {
        time = SystemText.integer(quota)
        period = SystemText.read(folder + "/cpu.cfs_period_us").flatMap(SystemText.integer)
      }
      guard let time, let period, time > 0, period > 0 else { continue }
      least = min(least ?? .infinity, Double(time) / Double(period))
    }
    return least
  }

  /// Bytes that this process may still take; `nil` if there is no limit.
  ///
  /// Pages of files that were not used lately are given back on demand and count as free.
  package func memoryLeft() -> Int? {
    var least: Int?
    for folder in folders(of: "memory") {
      let isUnified = SystemText.read(folder + "/memory.max") != nil
      let names =
        isUnified
        ? ("/memory.max", "/memory.current", "inactive_file ")
        : ("/memory.limit_in_bytes", "/memory.usage_in_bytes", "total_inactive_file ")
      guard let limit = SystemText.read(folder + names.0).flatMap(SystemText.integer),
        let used = SystemText.read(folder + names.1).flatMap(SystemText.integer)
      else { continue }
      let reclaimable =
        SystemText.read(folder + "/memory.stat").flatMap { SystemText.field(names.2, in: $0) } ?? 0
      least = min(least ?? .max, max(0, limit - max(0, max(0, used) - max(0, reclaimable))))
    }
    return least
  }

  /// The folders of a controller for this process's groups, from the innermost to the root.
  private func folders(of controller: String) -> [String] {
    var folders: [String] = []
    for (controllers, path) in paths {
      let bases: [String]
      if controllers.isEmpty {
        bases = [root]
      } else if controllers.contains(where: { $0 == controller }) {
        bases = [root + "/" + controllers.joined(separator: ","), root + "/" + controller]
      } else {
        continue
      }
      var parts = path.split(separator: "/")
      while true {
        let below = parts.map { "/" + $0 }.joined()
        for base in bases where !folders.contains(base + below) { folders.append(base + below) }
        if parts.isEmpty { break }
        parts.removeLast()
      }
    }
    return folders
  }
}
