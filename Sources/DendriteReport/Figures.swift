// SPDX-License-Identifier: Apache-2.0

/// Numbers as people read them: three digits that matter, never an exponent in sight if avoidable.
public enum Figures {
  /// A number with three significant digits: `0.912`, `48.1`, `1,240`; `–` if it is not finite.
  public static func text(_ value: Double) -> String {
    guard value.isFinite else { return "–" }
    let size = abs(value)
    if size == 0 { return "0" }
    if size < 0.000_1 || size >= 1e15 { return "\(value)" }
    let decimals =
      size < 0.001
      ? 6
      : size < 0.01
        ? 5
        : size < 0.1
          ? 4
          : size < 0.999_5
            ? 3
            : size < 9.995 ? 2 : size < 99.95 ? 1 : 0
    return text(value, decimals: decimals)
  }

  /// A number with this many decimals, thousands apart; `–` if it is not finite.
  public static func text(_ value: Double, decimals: Int) -> String {
    precondition((0...9).contains(decimals), "\(decimals) decimals, expected 0 … 9")
    guard value.isFinite else { return "–" }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (abs(value) * scale).rounded()
    guard scaled < 1e18 else { return "\(value)" }
    let integer = UInt64(scaled)
    let unit = UInt64(scale)
    var result = grouped(integer / unit)
    if decimals > 0 {
      let fraction = String(integer % unit)
      result += "." + String(repeating: "0", count: decimals - fraction.count) + fraction
    }
    return value < 0 && integer != 0 ? "−" + result : result
  }

  /// A count, thousands apart.
  public static func text(_ value: Int) -> String {
    (value < 0 ? "−" : "") + grouped(UInt64(value.magnitude))
  }

  /// A share as `91 %`.
  public static func percent(_ share: Double) -> String {
    share.isFinite ? text(share * 100, decimals: 0) + " %" : "–"
  }

  /// An interval as `47.6 … 48.5`, as precise as the value it belongs to.
  public static func text(_ interval: Interval?) -> String {
    guard let interval else { return "–" }
    return "\(text(interval.lower)) … \(text(interval.upper))"
  }

  private static func grouped(_ value: UInt64) -> String {
    let digits = String(value)
    var result = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { result.append(",") }
      result.append(digit)
    }
    return result
  }
}
