// SPDX-License-Identifier: Apache-2.0
internal import CDendriteKernels

/// The part of a computer that a model may use: threads and kernels.
///
/// There are no globals; whoever loads a model passes a machine in.
///
/// `threads` decides how fast, `parts` how finely work is cut, `variant` which instructions run. None
/// of the three changes a bit of any result.
public final class Machine: Sendable {
  /// Threads that work at the same time, the caller's included.
  public let threads: Int
  /// Pieces that an operation is cut into at least, if it can be.
  public let parts: Int
  /// The kernels that run.
  public let variant: KernelVariant
  /// The cores that the threads are bound to, where the system can; `nil` if it places them.
  public let cores: CoreSet?
  package let pool: WorkerPool

  /// Starts the threads.
  ///
  /// - Parameters:
  ///   - threads: 1 … 1,024; by default the cores that this process may use.
  ///   - parts: 1 … 65,536; by default four for each thread, so that a thread that was interrupted
  ///     holds up the others only for a quarter of its share.
  ///   - variant: kernels that this CPU can run.
  ///   - cores: where the threads run, each on any of these; the thread that calls a model is bound
  ///     to them too, from its first pass on.
  /// - Throws: `badMachine` for numbers out of range.
  public init(
    threads: Int? = nil, parts: Int? = nil, variant: KernelVariant = .best, cores: CoreSet? = nil
  ) throws(ComputeError) {
    let free = min(AvailableCores.count(), cores?.count ?? .max)
    let threads = threads ?? free
    guard (1...1024).contains(threads) else {
      throw ComputeError(
        .badMachine, "\(threads) threads, expected 1 … 1024",
        remedy: "leave the number out to use the \(free) cores of this process")
    }
    let parts = parts ?? (threads == 1 ? 1 : 4 * threads)
    guard (1...65_536).contains(parts) else {
      throw ComputeError(
        .badMachine, "\(parts) parts, expected 1 … 65536",
        remedy: "leave the number out for four parts a thread")
    }
    self.threads = threads
    self.parts = parts
    self.variant = variant
    self.cores = cores
    pool = WorkerPool(
      threadCount: threads, spins: threads <= free, cores: cores ?? CoreSet.available)
  }

  /// Prepares the calling thread for arithmetic: nearest rounding, no flush to zero; the machine's cores.
  package func enter() {
    dendrite_float_environment_set()
    (cores ?? CoreSet.available)?.bindThread()
  }

  /// Runs `function(context, part)` for `0 ..< parts` on the machine's threads.
  package func run<Context>(
    parts: Int, _ context: borrowing Context, _ function: WorkerPool.PartFunction
  ) {
    withUnsafePointer(to: context) { pool.run(parts: parts, context: $0, function) }
  }
}
