// SPDX-License-Identifier: Apache-2.0
import DendriteCompute
import Testing

@Suite struct WorkerPoolTests {
  private struct Counting {
    let counts: UnsafeMutablePointer<Int32>
  }

  @Test(arguments: [1, 2, 3, 8], [true, false])
  func `every part runs exactly once`(threads: Int, spins: Bool) {
    let pool = WorkerPool(threadCount: threads, spins: spins)
    let counts = UnsafeMutablePointer<Int32>.allocate(capacity: 100)
    defer { counts.deallocate() }
    for round in 0..<2000 {
      let parts = round % 100
      counts.update(repeating: 0, count: 100)
      withUnsafePointer(to: Counting(counts: counts)) { context in
        pool.run(parts: parts, context: context) { context, part in
          context.load(as: Counting.self).counts[part] += 1
        }
      }
      for part in 0..<100 { #expect(counts[part] == (part < parts ? 1 : 0)) }
    }
  }

  @Test
  func `a pool that was never used, or rests, ends`() {
    for threads in 1...6 {
      let pool = WorkerPool(threadCount: threads, spins: true)
      if threads % 2 == 0 {
        withUnsafePointer(to: 0) { pool.run(parts: 5, context: $0) { _, _ in } }
      }
    }
  }

  @Test
  func `several pools work side by side`() async {
    await withTaskGroup(of: Int.self) { group in
      for _ in 0..<4 {
        group.addTask {
          let pool = WorkerPool(threadCount: 3, spins: false)
          let sums = UnsafeMutablePointer<Int>.allocate(capacity: 16)
          defer { sums.deallocate() }
          sums.update(repeating: 0, count: 16)
          for _ in 0..<500 {
            pool.run(parts: 16, context: UnsafeRawPointer(sums)) { context, part in
              UnsafeMutableRawPointer(mutating: context).assumingMemoryBound(to: Int.self)[part] +=
                part
            }
          }
          return (0..<16).reduce(0) { $0 + sums[$1] }
        }
      }
      for await sum in group { #expect(sum == 500 * 120) }
    }
  }

  @Test
  func `callers that come at the same time do not disturb each other`() async {
    let pool = WorkerPool(threadCount: 3, spins: false)
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<4 {
        group.addTask {
          let sums = UnsafeMutablePointer<Int>.allocate(capacity: 16)
          defer { sums.deallocate() }
          sums.update(repeating: 0, count: 16)
          for _ in 0..<2000 {
            pool.run(parts: 16, context: UnsafeRawPointer(sums)) { context, part in
              UnsafeMutableRawPointer(mutating: context).assumingMemoryBound(to: Int.self)[part] +=
                1
            }
          }
          return (0..<16).allSatisfy { sums[$0] == 2000 }
        }
      }
      for await isRight in group { #expect(isRight) }
    }
  }
}
