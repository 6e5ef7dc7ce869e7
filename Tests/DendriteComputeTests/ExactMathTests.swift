// SPDX-License-Identifier: Apache-2.0
import DendriteCompute
import DendriteTestSupport
import Foundation
import Testing

/// Our elementary functions against the C library's, within the errors that they state.
@Suite struct ExactMathTests {
  @Test(arguments: 1...4)
  func `functions are within their stated errors of the C library`(seed: Int) {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<20_000 {
      let u = Double.random(in: 0..<1, using: &generator)
      let x = Float(u * 250 - 125)
      let exact = Foundation.exp2(Double(x))
      #expect(abs(Double(ExactMath.exp2(x)) - exact) <= 2 * 6e-8 * exact)
      let small = Float(u * 20 - 10) * (seed % 2 == 0 ? 1 : 0.08)
      let tangent = Foundation.tanh(Double(small))
      #expect(abs(Double(ExactMath.tanh(small)) - tangent) <= 3 * 6e-8 * abs(tangent))
      let wide = u * 1000 - 500
      #expect(abs(ExactMath.exp2(wide) / Foundation.exp2(wide) - 1) < 4.5e-16)
      let positive = Foundation.exp2(wide / 10) * (1 + u)
      let log = Foundation.log(positive)
      #expect(abs(ExactMath.log(positive) - log) <= 4.5e-16 * abs(log))
      let angle = (u - 0.5) * 2_097_152
      let turn = ExactMath.sineAndCosine(angle)
      #expect(abs(turn.sine - Foundation.sin(angle)) < 4e-16)
      #expect(abs(turn.cosine - Foundation.cos(angle)) < 4e-16)
    }
  }

  @Test
  func `edges are as documented`() {
    #expect(ExactMath.exp2(Float(-127)) == 0)
    #expect(ExactMath.exp2(Float(300)) == Foundation.exp2(Float(127)))
    #expect(ExactMath.exp2(Float.nan).isNaN)
    #expect(ExactMath.exp2(Float(0)) == 1)
    #expect(ExactMath.tanh(0) == 0 && ExactMath.tanh(50) == 1 && ExactMath.tanh(-.infinity) == -1)
    #expect(ExactMath.tanh(.nan).isNaN)
    #expect(ExactMath.log(1) == 0)
    #expect(ExactMath.exp2(0.0) == 1)
  }
}
