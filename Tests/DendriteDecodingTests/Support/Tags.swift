// SPDX-License-Identifier: Apache-2.0
import Testing

extension Tag {
  /// The text must not depend on how the work was done: equality of ids.
  @Tag static var sameText: Self
  /// Frequencies against exact probabilities: chi-square over fixed seeds.
  @Tag static var sameDistribution: Self
  /// What the user reads when something is wrong.
  @Tag static var wording: Self
}
