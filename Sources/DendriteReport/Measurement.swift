// SPDX-License-Identifier: Apache-2.0

/// A figure with everything a reader needs to judge it: unit, interval, floor, ceiling, origin.
public struct Measurement: Sendable, Hashable {
  /// Where a figure comes from.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Timed or counted here, on the real thing.
    case measured
    /// Timed here on a stand-in that costs what the real thing costs.
    case emulated
    /// Computed by a model of the system.
    case simulated
    /// Taken from somebody's publication.
    case published
  }

  /// What was measured, in words that need no legend.
  public var name: String
  /// The figure; of repeated measurements the median.
  public var value: Double
  /// The unit, such as `tok/s`; empty for a plain ratio.
  public var unit: String
  /// Where the median lies with 95 % confidence, or as much as the samples allow.
  public var interval: Interval?
  /// The figure of the plain way, or of chance.
  public var floor: Double?
  /// The best that the machine, or the data, allows.
  public var ceiling: Double?
  /// Where the figure comes from.
  public var kind: Kind

  /// A figure, `measured` unless said otherwise.
  public init(
    _ name: String, _ value: Double, unit: String = "", interval: Interval? = nil,
    floor: Double? = nil, ceiling: Double? = nil, kind: Kind = .measured
  ) {
    self.name = name
    self.value = value
    self.unit = unit
    self.interval = interval
    self.floor = floor
    self.ceiling = ceiling
    self.kind = kind
  }

  /// A figure and the interval that belong together.
  public init(
    _ name: String, _ estimate: Estimate, unit: String = "", floor: Double? = nil,
    ceiling: Double? = nil, kind: Kind = .measured
  ) {
    self.init(
      name, estimate.value, unit: unit, interval: estimate.interval, floor: floor,
      ceiling: ceiling, kind: kind)
  }

  /// The part of the ceiling that was reached: 1 is the limit, more means that the limit is wrong.
  public var shareOfCeiling: Double? {
    guard let ceiling, ceiling != 0, value.isFinite, ceiling.isFinite else { return nil }
    return value / ceiling
  }
}

/// A range that holds a quantity with some confidence.
public struct Interval: Sendable, Hashable {
  /// The lower end.
  public var lower: Double
  /// The upper end.
  public var upper: Double
  /// The probability that the range holds the quantity, 0 to 1.
  public var confidence: Double

  /// A range, its ends in order.
  public init(lower: Double, upper: Double, confidence: Double) {
    precondition(!(lower > upper), "an interval from \(lower) to \(upper)")
    self.lower = lower
    self.upper = upper
    self.confidence = confidence
  }
}

/// A value with the interval that it was estimated to lie in.
public struct Estimate: Sendable, Hashable {
  /// The best guess.
  public var value: Double
  /// Where the quantity lies; `nil` if one sample was all there was.
  public var interval: Interval?

  /// A value and its interval.
  public init(value: Double, interval: Interval? = nil) {
    self.value = value
    self.interval = interval
  }

  /// The same quantity in another unit; a negative factor turns the interval round.
  public func scaled(by factor: Double) -> Estimate {
    Estimate(
      value: value * factor,
      interval: interval.map {
        let ends = ($0.lower * factor, $0.upper * factor)
        return Interval(
          lower: min(ends.0, ends.1), upper: max(ends.0, ends.1), confidence: $0.confidence)
      })
  }
}
