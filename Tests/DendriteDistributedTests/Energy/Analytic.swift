// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Numbers that a function can be evaluated on: plain ones, dual ones, and those that a tape records.
///
/// A function that is written once for all of them is differentiated by calling it.
protocol Analytic {
  init(_ constant: Double)
  static func + (left: Self, right: Self) -> Self
  static func - (left: Self, right: Self) -> Self
  static func * (left: Self, right: Self) -> Self
  static func / (left: Self, right: Self) -> Self
  /// e to this power.
  var exponential: Self { get }
  /// The natural logarithm.
  var logarithm: Self { get }
  /// The number without its derivatives; comparisons are made of it.
  var primal: Double { get }
}

extension Double: Analytic {
  var exponential: Double { exp(self) }
  var logarithm: Double { log(self) }
  var primal: Double { self }
}

extension Float: Analytic {
  var exponential: Float { exp(self) }
  var logarithm: Float { log(self) }
  var primal: Double { Double(self) }
}

/// A number and its derivatives with respect to some variables: x + ε·x′ with ε² = 0.
///
/// Duals of duals carry second derivatives.
struct Dual<Scalar: Analytic>: Analytic {
  var value: Scalar
  /// One derivative a variable; empty for a constant.
  var gradient: [Scalar]

  init(_ value: Scalar, gradient: [Scalar]) {
    self.value = value
    self.gradient = gradient
  }

  init(_ constant: Double) { self.init(Scalar(constant), gradient: []) }

  /// The variable of this number among `count`.
  static func variable(_ value: Scalar, _ index: Int, of count: Int) -> Dual {
    var gradient = Array(repeating: Scalar(0), count: count)
    gradient[index] = Scalar(1)
    return Dual(value, gradient: gradient)
  }

  var primal: Double { value.primal }

  static func + (left: Dual, right: Dual) -> Dual {
    left.combined(right, left.value + right.value, Scalar(1), Scalar(1))
  }

  static func - (left: Dual, right: Dual) -> Dual {
    left.combined(right, left.value - right.value, Scalar(1), Scalar(-1))
  }

  static func * (left: Dual, right: Dual) -> Dual {
    left.combined(right, left.value * right.value, right.value, left.value)
  }

  static func / (left: Dual, right: Dual) -> Dual {
    let ratio = left.value / right.value
    return left.combined(
      right, ratio, Scalar(1) / right.value, Scalar(0) - ratio / right.value)
  }

  var exponential: Dual {
    let power = value.exponential
    return Dual(power, gradient: gradient.map { $0 * power })
  }

  var logarithm: Dual { Dual(value.logarithm, gradient: gradient.map { $0 / value }) }

  /// The chain rule for a function of two numbers with these partial derivatives.
  private func combined(_ other: Dual, _ value: Scalar, _ own: Scalar, _ others: Scalar) -> Dual {
    if other.gradient.isEmpty { return Dual(value, gradient: gradient.map { own * $0 }) }
    if gradient.isEmpty { return Dual(value, gradient: other.gradient.map { others * $0 }) }
    return Dual(
      value, gradient: zip(gradient, other.gradient).map { own * $0 + others * $1 })
  }
}

extension Dual: Sendable where Scalar: Sendable {}
