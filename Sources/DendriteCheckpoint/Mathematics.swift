// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The functions that the standard library leaves to the C library.
enum Mathematics {
  /// base^exponent in Float64.
  static func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }
}
