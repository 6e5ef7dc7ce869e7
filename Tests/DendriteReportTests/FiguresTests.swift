// SPDX-License-Identifier: Apache-2.0
import DendriteReport
import Testing

@Suite struct FiguresTests {
  @Test(arguments: [
    (0.0, "0"), (0.912_4, "0.912"), (0.999_6, "1.00"), (1.354, "1.35"), (9.996, "10.0"),
    (48.13, "48.1"),
    (99.96, "100"), (1_240.4, "1,240"), (-3.14159, "−3.14"), (0.000_25, "0.000250"),
    (1e20, "1e+20"),
    (0.012_34, "0.0123"), (.nan, "–"), (-.infinity, "–"),
  ])
  func `three digits matter`(value: Double, text: String) {
    #expect(Figures.text(value) == text)
  }

  @Test func `decimals are rounded once and thousands stand apart`() {
    #expect(Figures.text(1_234_567.891, decimals: 2) == "1,234,567.89")
    #expect(Figures.text(0.995, decimals: 1) == "1.0")
    #expect(Figures.text(-0.001, decimals: 2) == "0.00")
    #expect(Figures.text(12.05, decimals: 1) == "12.1")
    #expect(Figures.text(Int.min) == "−9,223,372,036,854,775,808")
    #expect(Figures.percent(0.914) == "91 %")
    #expect(Figures.text(Interval(lower: 47.61, upper: 48.5, confidence: 0.95)) == "47.6 … 48.5")
  }
}
