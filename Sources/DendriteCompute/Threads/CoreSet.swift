// SPDX-License-Identifier: Apache-2.0
internal import CDendriteKernels

/// Some cores of this computer, by the system's numbers.
///
/// A machine that is given a set runs on these cores only, so that two models on disjoint sets do not
/// take time from each other. Systems that cannot bind threads (Darwin) take the number of cores from
/// it and no more.
public struct CoreSet: Sendable, Hashable, CustomStringConvertible {
  /// The numbers, ascending, none twice, at least one.
  public let cores: [Int]

  /// The number of cores.
  public var count: Int { cores.count }

  /// The same, as the system takes them, and a number that tells sets apart.
  private let numbers: [Int32]
  private let tag: UInt64

  /// The cores that this process may use, or `nil` where the system does not say.
  ///
  /// Read once, before any thread is bound.
  public static let available: CoreSet? = {
    var numbers = [Int32](repeating: 0, count: limit)
    let count = dendrite_thread_cores(&numbers, numbers.count)
    guard count > 0 else { return nil }
    return CoreSet(checked: numbers.prefix(min(count, limit)).map { Int($0) }, tag: 0)
  }()

  /// Numbers from here on are no core of any system that can bind threads.
  private static let limit = 1024

  private init(checked cores: [Int], tag: UInt64? = nil) {
    self.cores = cores
    numbers = cores.map { Int32($0) }
    self.tag =
      tag ?? cores.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 } | 1
  }

  /// A set of cores.
  ///
  /// - Throws: `badMachine` if there are none, or if this process may not use one of them.
  public init(_ cores: some Sequence<Int>) throws(ComputeError) {
    let sorted = Set(cores).sorted()
    let allowed = CoreSet.available
    let remedy =
      allowed.map { "use some of \($0), the cores of this process" } ?? "leave the cores out"
    guard !sorted.isEmpty else {
      throw ComputeError(.badMachine, "a set of no cores, expected at least one", remedy: remedy)
    }
    if let foreign = sorted.first(where: {
      $0 < 0 || $0 >= CoreSet.limit || allowed?.cores.contains($0) == false
    }) {
      throw ComputeError(
        .badMachine, "core \(foreign), which this process may not use", remedy: remedy)
    }
    self.init(checked: sorted)
  }

  /// A set from a list such as "0-3,8".
  ///
  /// - Throws: `badMachine`.
  public init(parsing text: String) throws(ComputeError) {
    guard let cores = CoreSet.numbers(in: text) else {
      throw ComputeError(
        .badMachine, "'\(text)' as a list of cores, expected numbers and ranges",
        remedy: "write it as in 0-3,8")
    }
    try self.init(cores)
  }

  /// The numbers of a list of ranges, or `nil` if it is not one.
  static func numbers(in text: String) -> [Int]? {
    var numbers: [Int] = []
    for range in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = range.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        .map { Int($0) }
      guard let first = ends.first ?? nil, let last = ends.last ?? nil, first >= 0, last >= first,
        last - first < 4096, numbers.count < 4096
      else { return nil }
      numbers += first...last
    }
    return numbers
  }

  /// The first `count` cores and the others; `nil` unless both have some.
  public func split(first count: Int) -> (first: CoreSet, rest: CoreSet)? {
    guard count > 0, count < cores.count else { return nil }
    return (
      CoreSet(checked: Array(cores.prefix(count))),
      CoreSet(checked: Array(cores.dropFirst(count)))
    )
  }

  /// Binds the calling thread to these cores; false where the system cannot.
  @discardableResult
  package func bindThread() -> Bool {
    numbers.withUnsafeBufferPointer {
      dendrite_thread_bind($0.baseAddress, $0.count, tag) != 0
    }
  }

  /// Whether two sets hold the same cores.
  public static func == (left: CoreSet, right: CoreSet) -> Bool { left.cores == right.cores }

  /// Feeds the cores.
  public func hash(into hasher: inout Hasher) { hasher.combine(cores) }

  /// As in "0-3,8".
  public var description: String {
    var ranges: [ClosedRange<Int>] = []
    for core in cores {
      if let last = ranges.last, last.upperBound + 1 == core {
        ranges[ranges.count - 1] = last.lowerBound...core
      } else {
        ranges.append(core...core)
      }
    }
    return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ",")
  }
}
