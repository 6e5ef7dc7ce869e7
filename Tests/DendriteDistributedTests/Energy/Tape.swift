// SPDX-License-Identifier: Apache-2.0

/// Records a computation, to run it backwards: reverse-mode differentiation.
///
/// One run gives the derivatives of one number with respect to everything that it was computed from.
final class Tape<Scalar: Analytic> {
  /// What a recorded number was made of, and how it changes with that.
  private struct Step {
    var left: Int
    var leftSlope: Scalar
    var right: Int
    var rightSlope: Scalar
  }

  private var steps: [Step] = []

  /// A number that nothing else stands behind.
  func variable(_ value: Scalar) -> Recorded<Scalar> {
    record(value, nil, Scalar(0), nil, Scalar(0))
  }

  /// The derivatives of a number, one for each recorded number.
  func derivatives(of result: Recorded<Scalar>) -> [Scalar] {
    var slopes = Array(repeating: Scalar(0), count: steps.count)
    guard let last = result.index else { return slopes }
    slopes[last] = Scalar(1)
    for index in stride(from: last, through: 0, by: -1) {
      let step = steps[index]
      let slope = slopes[index]
      if step.left >= 0 { slopes[step.left] = slopes[step.left] + slope * step.leftSlope }
      if step.right >= 0 { slopes[step.right] = slopes[step.right] + slope * step.rightSlope }
    }
    return slopes
  }

  fileprivate func record(
    _ value: Scalar, _ left: Int?, _ leftSlope: Scalar, _ right: Int?, _ rightSlope: Scalar
  ) -> Recorded<Scalar> {
    steps.append(
      Step(left: left ?? -1, leftSlope: leftSlope, right: right ?? -1, rightSlope: rightSlope))
    return Recorded(value: value, index: steps.count - 1, tape: self)
  }
}

/// A number on a tape, or a constant.
struct Recorded<Scalar: Analytic>: Analytic {
  let value: Scalar
  /// Its place on the tape; `nil` for a constant.
  let index: Int?
  fileprivate let tape: Tape<Scalar>?

  fileprivate init(value: Scalar, index: Int?, tape: Tape<Scalar>?) {
    self.value = value
    self.index = index
    self.tape = tape
  }

  init(_ constant: Double) { self.init(value: Scalar(constant), index: nil, tape: nil) }

  var primal: Double { value.primal }

  static func + (left: Recorded, right: Recorded) -> Recorded {
    left.combined(right, left.value + right.value, Scalar(1), Scalar(1))
  }

  static func - (left: Recorded, right: Recorded) -> Recorded {
    left.combined(right, left.value - right.value, Scalar(1), Scalar(-1))
  }

  static func * (left: Recorded, right: Recorded) -> Recorded {
    left.combined(right, left.value * right.value, right.value, left.value)
  }

  static func / (left: Recorded, right: Recorded) -> Recorded {
    let ratio = left.value / right.value
    return left.combined(
      right, ratio, Scalar(1) / right.value, Scalar(0) - ratio / right.value)
  }

  var exponential: Recorded {
    let power = value.exponential
    return tape?.record(power, index, power, nil, Scalar(0))
      ?? Recorded(value: power, index: nil, tape: nil)
  }

  var logarithm: Recorded {
    tape?.record(value.logarithm, index, Scalar(1) / value, nil, Scalar(0))
      ?? Recorded(value: value.logarithm, index: nil, tape: nil)
  }

  private func combined(
    _ other: Recorded, _ value: Scalar, _ own: Scalar, _ others: Scalar
  ) -> Recorded {
    (tape ?? other.tape)?.record(value, index, own, other.index, others)
      ?? Recorded(value: value, index: nil, tape: nil)
  }
}
