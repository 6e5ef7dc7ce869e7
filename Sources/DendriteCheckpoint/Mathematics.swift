// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The functions that the standard library leaves to the C library.
///
/// Their last bits may differ between machines: what comes of them is a constant of a model that is rounded
/// to Float32 afterwards.
enum Mathematics {
  /// base^exponent in Float64.
  static func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }

  /// The natural logarithm in Float64.
  static func logarithm(_ value: Double) -> Double { log(value) }
}
