// SPDX-License-Identifier: Apache-2.0
#if MPI
  internal import DendriteCompute
  internal import Synchronization

  #if canImport(Glibc)
    internal import Glibc
  #elseif canImport(Musl)
    internal import Musl
  #elseif canImport(Darwin)
    internal import Darwin
  #endif

  /// How a process that has lost its group ends: with words if it is the first to know, and soon in any case.
  enum LastWords {
    /// The exit status of a rank that ends so.
    static let status = 1

    /// Writes to standard error in one piece, so that lines of several ranks do not mix.
    static func write(_ words: String) {
      let bytes = Array("\(words)\n".utf8)
      _ = bytes.withUnsafeBytes { Platform.write(2, $0.baseAddress, $0.count) }
    }

    /// Ends this process `seconds` from now, whatever its threads do.
    static func endAfter(seconds: Double) {
      let thread = NativeThread.start {
        Clock.sleep(nanoseconds: UInt64(seconds * 1e9))
        Platform.exitAtOnce(Int32(status))
      }
      guard let thread else { Platform.exitAtOnce(Int32(status)) }
      thread.detach()
    }

    /// Waits for the end of the process.
    static func waitForTheEnd() -> Never {
      while true { Clock.sleep(nanoseconds: 1_000_000_000) }
    }

    /// This process's number.
    static var process: Int { Int(getpid()) }

    /// A variable of the environment.
    static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// The machine's cores, whoever may use them.
    static var onlineCores: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    /// Whether a process of this machine is stopped, where the system says so (Linux).
    static func isStopped(process: Int) -> Bool {
      guard let file = fopen("/proc/\(process)/stat", "r") else { return false }
      defer { fclose(file) }
      var bytes = [UInt8](repeating: 0, count: 512)
      let count = fread(&bytes, 1, bytes.count, file)
      // "number (name) state …", and a name may hold anything.
      guard let name = bytes.prefix(count).lastIndex(of: UInt8(ascii: ")")), name + 2 < count
      else { return false }
      return bytes[name + 2] == UInt8(ascii: "T") || bytes[name + 2] == UInt8(ascii: "t")
    }
  }

  /// Calls whose names this file would otherwise hide.
  private enum Platform {
    static func write(_ file: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
      #if canImport(Glibc)
        Glibc.write(file, bytes, count)
      #elseif canImport(Musl)
        Musl.write(file, bytes, count)
      #elseif canImport(Darwin)
        Darwin.write(file, bytes, count)
      #endif
    }

    static func exitAtOnce(_ status: Int32) -> Never { _exit(status) }
  }

  /// Ends the process if something takes longer than it may: calls of MPI in which all ranks take part have no deadline.
  final class Watch: Sendable {
    private let gate = Gate()
    private let isDone = Atomic<Bool>(false)

    /// Watches over what follows, until `end`.
    ///
    /// - Parameters:
    ///   - seconds: how long it may take.
    ///   - words: what to write if it takes longer.
    init(seconds: Double, words: String) {
      let watcher = NativeThread.start { [self] in
        let isInTime = gate.wait(atMost: seconds) { isDone.load(ordering: .acquiring) }
        guard !isInTime else { return }
        LastWords.write(words)
        Platform.exitAtOnce(Int32(LastWords.status))
      }
      watcher?.detach()
    }

    /// What was watched is done.
    func end() { gate.signal { isDone.store(true, ordering: .releasing) } }
  }
#endif
