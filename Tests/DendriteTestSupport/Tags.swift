// SPDX-License-Identifier: Apache-2.0
public import Testing

extension Tag {
  /// Same bits, however the work is divided.
  @Tag public static var invariance: Self
  /// Runs longer than a second or two.
  @Tag public static var slow: Self
  /// Input that is damaged or hostile.
  @Tag public static var badInput: Self
}
