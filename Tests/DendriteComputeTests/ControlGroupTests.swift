// SPDX-License-Identifier: Apache-2.0
import DendriteCompute
import Foundation
import Testing

/// Limits of control groups, read from folders that look like the kernel's.
@Suite struct ControlGroupTests {
  /// Writes files below a folder of its own, and removes it in the end.
  private func withGroups(
    _ files: [String: String], membership: String, _ body: (ControlGroup) throws -> Void
  ) throws {
    let root = FileManager.default.temporaryDirectory.appending(
      path: "dendrite-groups-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    for (path, text) in files {
      let file = root.appending(path: path)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    try body(ControlGroup(root: root.path, membership: membership))
  }

  @Test
  func `the tightest group on the way to the root counts`() throws {
    let files = [
      "cpu.max": "max 100000\n", "a/cpu.max": "150000 100000\n", "a/b/cpu.max": "max 100000\n",
      "a/memory.max": "1000\n", "a/memory.current": "900\n",
      "a/memory.stat": "anon 400\ninactive_file 300\n",
      "a/b/memory.max": "5000\n", "a/b/memory.current": "800\n", "memory.max": "max\n",
      "memory.current": "1\n",
    ]
    try withGroups(files, membership: "0::/a/b\n") { group in
      #expect(group.processorQuota() == 1.5)
      #expect(group.memoryLeft() == 400)  // 1000 - (900 - 300)
    }
  }

  @Test
  func `the older layout has a folder for each controller`() throws {
    let files = [
      "cpu,cpuacct/job/cpu.cfs_quota_us": "250000\n",
      "cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
      "cpu,cpuacct/cpu.cfs_quota_us": "-1\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
      "memory/job/memory.limit_in_bytes": "4096\n", "memory/job/memory.usage_in_bytes": "5000\n",
      "memory/memory.limit_in_bytes": "9223372036854771712\n",
      "memory/memory.usage_in_bytes": "7000\n",
    ]
    try withGroups(files, membership: "4:memory:/job\n3:cpu,cpuacct:/job\n1:name=x:/\n0::/\n") {
      #expect($0.processorQuota() == 2.5)
      #expect($0.memoryLeft() == 0)
    }
  }

  @Test
  func `a path of the host is passed over, the container's own limits are found`() throws {
    try withGroups(["cpu.max": "50000 100000"], membership: "0::/system/docker-1\n") {
      #expect($0.processorQuota() == 0.5)
      #expect($0.memoryLeft() == nil)
    }
  }

  @Test(arguments: ["", "nonsense", "0::", ":::::", "0::/../../etc\n"])
  func `what says nothing limits nothing`(membership: String) throws {
    try withGroups(["cpu.max": "what 1", "memory.max": "-"], membership: membership) {
      #expect($0.processorQuota() == nil)
      #expect($0.memoryLeft() == nil)
    }
  }
}
