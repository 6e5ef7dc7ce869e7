// SPDX-License-Identifier: Apache-2.0
import CDendriteKernels
import DendriteCompute
import Synchronization
import Testing

@Suite struct CoreSetTests {
  @Test
  func `a list of cores reads and prints the same`() throws {
    let all = try #require(CoreSet.available, "this system does not say which cores there are")
    #expect(try CoreSet(parsing: all.description) == all)
    let first = all.cores[0]
    #expect(try CoreSet(parsing: "\(first)") == CoreSet([first]))
    #expect(try CoreSet(parsing: "\(first),\(first)-\(first)").cores == [first])
  }

  @Test(arguments: ["", "0,", "a", "3-1", "-1", "0-", "1-2-3", "0-99999999999999999999", "0 1"])
  func `what is no list of cores is an error that says how to write one`(text: String) {
    #expect {
      try CoreSet(parsing: text)
    } throws: { "\($0)".contains("'\(text)'") && "\($0)".contains("0-3,8") }
  }

  @Test
  func `a core that this process may not use is an error that lists those it may`() throws {
    let all = try #require(CoreSet.available)
    for core in [4000, 99_999_999_999, Int.max] {
      #expect {
        try CoreSet([core])
      } throws: { "\($0)".contains("core \(core)") && "\($0)".contains("\(all)") }
    }
    #expect { try CoreSet([]) } throws: { "\($0)".contains("no cores") }
  }

  @Test
  func `a set splits into two that have nothing in common`() throws {
    let all = try #require(CoreSet.available)
    #expect(all.split(first: 0) == nil)
    #expect(all.split(first: all.count) == nil)
    guard let halves = all.split(first: 1) else { return #expect(all.count == 1) }
    #expect(halves.first.cores + halves.rest.cores == all.cores)
  }

  @Test func `a bound thread does not shrink the process`() throws {
    let all = try #require(CoreSet.available)
    let last = try #require(all.cores.last)
    let bound = try Machine(threads: 1, cores: CoreSet([last]))
    let free = try Machine(threads: 1)
    let seen = Mutex<[Int]>([])
    let thread = try #require(
      NativeThread.start {
        bound.enter()
        let whileBound = (try? CoreSet(all.cores))?.count ?? 0
        free.enter()
        var numbers = [Int32](repeating: 0, count: 1024)
        let after = dendrite_thread_cores(&numbers, numbers.count)
        seen.withLock { $0 = [whileBound, after] }
      })
    thread.join()
    #expect(seen.withLock { $0 } == [all.count, all.count])
  }

  @Test(arguments: [1, 2, 3])
  func `all threads of a machine stay on its cores`(threads: Int) throws {
    let all = try #require(CoreSet.available)
    let last = try #require(all.cores.last)
    let machine = try Machine(threads: threads, cores: CoreSet([last]))
    #expect(try Machine(cores: CoreSet([last])).threads == 1)
    // On a thread of its own: the caller of a machine is bound, and a test must not bind the others'.
    let seen = Mutex<Set<Int32>>([])
    let thread = try #require(
      NativeThread.start {
        machine.enter()
        withUnsafePointer(to: seen) { seen in
          for _ in 0..<50 {
            machine.run(parts: 12, seen) { context, _ in
              context.load(as: UnsafePointer<Mutex<Set<Int32>>>.self).pointee.withLock {
                _ = $0.insert(dendrite_thread_core())
              }
            }
          }
        }
      })
    thread.join()
    #expect(seen.withLock { $0 } == [Int32(last)])
  }
}
