// SPDX-License-Identifier: Apache-2.0
internal import CDendriteKernels

/// What the machine can do at most: the ceilings beside every speed.
public struct MachineLimits: Sendable {
  /// Bytes per second that all threads read from memory, the best of several patterns.
  public var readBandwidth: Double
  /// Int8 multiply-adds per second of all threads, in registers.
  public var int8Rate: Double

  /// Figures that were measured.
  public init(readBandwidth: Double, int8Rate: Double) {
    self.readBandwidth = readBandwidth
    self.int8Rate = int8Rate
  }
}

/// A buffer that is read again and again to find the read limit.
///
/// It is written before it is read (a page never written is not in memory), and larger than the
/// caches.
public final class ReadProbe: Sendable {
  private let buffer: AlignedBuffer<UInt8>
  private let machine: Machine

  /// Reserves and writes the buffer.
  ///
  /// - Parameters:
  ///   - machine: whose threads read.
  ///   - byteCount: at least 256 MB to get past the caches of a server.
  /// - Throws: `notEnoughMemory`.
  public init(machine: Machine, byteCount: Int = 512 << 20) throws(ComputeError) {
    self.machine = machine
    buffer = try AlignedBuffer(zeroed: byteCount)
    let job = Job(base: buffer.base, bytes: byteCount, parts: machine.threads, streams: 0)
    machine.run(parts: machine.threads, job) { context, part in
      let job = context.load(as: Job.self)
      let (start, count) = job.share(part)
      var i = start
      while i < start + count {
        job.base[i] = UInt8(truncatingIfNeeded: i &* 167)
        i += 64
      }
    }
  }

  /// Reads the buffer once with all threads; returns bytes per second.
  public func measure(streams: Int) -> Double {
    let job = Job(base: buffer.base, bytes: buffer.count, parts: machine.threads, streams: streams)
    let start = Clock.seconds()
    machine.run(parts: machine.threads, job) { context, part in
      let job = context.load(as: Job.self)
      let (start, count) = job.share(part)
      _ = dendrite_probe_read(job.base + start, count, job.streams)
    }
    return Double(buffer.count) / (Clock.seconds() - start)
  }

  /// The best of 1, 2, 4 and 8 streams a thread, each once.
  public func measureBest() -> Double { [1, 2, 4, 8].map { measure(streams: $0) }.max() ?? 0 }

  private struct Job {
    let base: UnsafeMutablePointer<UInt8>
    let bytes: Int
    let parts: Int
    let streams: Int

    func share(_ part: Int) -> (start: Int, count: Int) {
      let size = bytes / parts / 4096 * 4096
      return (part * size, size)
    }
  }
}

extension Machine {
  /// Int8 multiply-adds per second of all threads with this variant's instructions.
  public func measureInt8Rate() -> Double {
    struct Job {
      let kernels: UnsafePointer<dendrite_kernels>
      let repetitions: Int
      let done: UnsafeMutablePointer<Double>
    }
    let done = UnsafeMutablePointer<Double>.allocate(capacity: threads)
    defer { done.deallocate() }
    var repetitions = 1000
    while true {
      let job = Job(kernels: variant.table, repetitions: repetitions, done: done)
      let start = Clock.seconds()
      run(parts: threads, job) { context, part in
        let job = context.load(as: Job.self)
        job.done[part] = dendrite_probe_int8(job.kernels, job.repetitions)
      }
      let seconds = Clock.seconds() - start
      if seconds > 0.05 { return (0..<threads).reduce(0) { $0 + done[$1] } / seconds }
      repetitions *= 4
    }
  }
}
