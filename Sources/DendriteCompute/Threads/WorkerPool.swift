// SPDX-License-Identifier: Apache-2.0
internal import CDendriteKernels
internal import Synchronization

/// A fixed set of threads that work through the parts of one operation at a time.
///
/// An operation is cut into parts; the caller and the workers claim them one by one. Results never
/// depend on who does what. Workers spin for about 20 µs after an operation, because a decoder's next
/// one follows at once, and then park. A pool with more threads than free cores parks at once.
///
/// Several threads may call `run`: whoever comes while the workers are busy works through his parts
/// alone, so that two models on one machine share it without waiting for each other. Nothing is
/// allocated per operation.
package final class WorkerPool: Sendable {
  /// A function of a context and a part's index.
  package typealias PartFunction = @convention(c) (UnsafeRawPointer, Int) -> Void

  private let work: SharedWork
  private let threads: [NativeThread]

  /// The caller of `run` is one of the threads.
  package let threadCount: Int

  /// - Parameters:
  ///   - threadCount: with the caller of `run`.
  ///   - spins: whether workers look for work for a while before they park.
  ///   - cores: what workers are bound to, if anything.
  package init(threadCount: Int, spins: Bool, cores: CoreSet? = nil) {
    let work = SharedWork(spins: spins)
    var started: [NativeThread] = []
    for _ in 1..<max(1, threadCount) {
      // Workers own the work, never the pool: its last reference must not go on one of them.
      if let thread = NativeThread.start({
        cores?.bindThread()
        work.serve()
      }) {
        started.append(thread)
      }
    }
    self.work = work
    self.threadCount = threadCount
    threads = started
  }

  deinit {
    work.stop()
    for thread in threads { thread.join() }
  }

  /// Runs `function(context, part)` for every part in `0 ..< parts` and waits for all.
  package func run(parts: Int, context: UnsafeRawPointer, _ function: PartFunction) {
    precondition(parts >= 0 && parts < 1 << 31, "\(parts) parts")
    if parts <= 1 || threads.isEmpty || !work.run(parts: parts, context: context, function) {
      for part in 0..<parts { function(context, part) }
    }
  }
}

/// The operation that a pool's threads work on, and where they wait for the next.
private final class SharedWork: @unchecked Sendable {
  // Sendable: `job` is written by the caller of `run` before it publishes a ticket and read by
  // workers only after they claimed a part of that ticket, when the caller cannot return yet.

  private struct Job {
    var function: WorkerPool.PartFunction
    var context: UnsafeRawPointer
    var parts: Int
  }

  /// High half: number of the operation.
  ///
  /// Low half: parts that nobody has claimed yet.
  private let ticket = Atomic<UInt64>(0)
  private let padding = InlinePadding()  // keeps the two counters on different cache lines
  private let finished = Atomic<Int>(0)
  private let padding2 = InlinePadding()
  private let sleepers = Atomic<Int>(0)
  private let isStopping = Atomic<Bool>(false)
  private let isTaken = Atomic<Bool>(false)
  private let job: UnsafeMutablePointer<Job>
  private let gate = Gate()
  private let spins: Bool

  init(spins: Bool) {
    self.spins = spins
    job = .allocate(capacity: 1)
    job.initialize(to: Job(function: { _, _ in }, context: UnsafeRawPointer(job), parts: 0))
  }

  deinit { job.deallocate() }

  func stop() { gate.signal { isStopping.store(true, ordering: .sequentiallyConsistent) } }

  /// Runs an operation with all threads; false, and nothing done, if they work for another caller.
  func run(parts: Int, context: UnsafeRawPointer, _ function: WorkerPool.PartFunction) -> Bool {
    if isTaken.exchange(true, ordering: .acquiring) { return false }
    defer { isTaken.store(false, ordering: .releasing) }
    job.pointee = Job(function: function, context: context, parts: parts)
    finished.store(0, ordering: .relaxed)
    let number = (ticket.load(ordering: .relaxed) >> 32) &+ 1
    ticket.store(number << 32 | UInt64(parts), ordering: .sequentiallyConsistent)
    if sleepers.load(ordering: .sequentiallyConsistent) > 0 { gate.signal() }
    work()
    var turns = 0
    while finished.load(ordering: .acquiring) < parts {
      turns &+= 1
      if turns & 0xfff == 0 { Clock.giveWay() } else { dendrite_pause() }
    }
    return true
  }

  /// A worker's life.
  func serve() {
    dendrite_float_environment_set()
    while !shouldStop {
      work()
      if spins && spin() { continue }
      park()
    }
  }

  /// Claims and runs parts until none is left.
  private func work() {
    while true {
      let seen = ticket.load(ordering: .acquiring)
      if seen & 0xffff_ffff == 0 { return }
      let claim = ticket.compareExchange(
        expected: seen, desired: seen - 1, ordering: .acquiringAndReleasing)
      guard claim.exchanged else { continue }
      let job = self.job.pointee
      job.function(job.context, job.parts - Int(seen & 0xffff_ffff))
      finished.add(1, ordering: .releasing)
    }
  }

  private var hasWork: Bool { ticket.load(ordering: .sequentiallyConsistent) & 0xffff_ffff != 0 }
  private var shouldStop: Bool { isStopping.load(ordering: .sequentiallyConsistent) }

  /// Looks for work for about 20 µs.
  private func spin() -> Bool {
    let deadline = Clock.nanoseconds() + 20_000
    repeat {
      for _ in 0..<64 {
        if ticket.load(ordering: .relaxed) & 0xffff_ffff != 0 { return true }
        dendrite_pause()
      }
    } while Clock.nanoseconds() < deadline
    return false
  }

  private func park() {
    sleepers.add(1, ordering: .sequentiallyConsistent)
    gate.wait { hasWork || shouldStop }
    sleepers.subtract(1, ordering: .sequentiallyConsistent)
  }
}

/// 128 bytes that nobody uses.
private struct InlinePadding: Sendable {
  private let words: (Int, Int, Int, Int, Int, Int, Int, Int) = (0, 0, 0, 0, 0, 0, 0, 0)
  private let more: (Int, Int, Int, Int, Int, Int, Int, Int) = (0, 0, 0, 0, 0, 0, 0, 0)
}
