// SPDX-License-Identifier: Apache-2.0

/// What a pass of a large target takes on an accelerator that is not here.
///
/// The figures are computed: bytes of weights over published bandwidth. Whatever is measured with them is emulated.
public struct AcceleratorProfile: Sendable, Hashable {
  /// A short name, for options.
  public var name: String
  /// What it stands for, and how its figures were found.
  public var note: String
  /// Seconds of a pass of one row.
  public var passSeconds: Double
  /// What a row more adds, in passes of one row.
  public var rowShare: Double
  /// The part of a pass before the exit.
  public var prefixShare: Double
  /// Seconds of the exit's head.
  public var headSeconds: Double
  /// Seconds that the two messages of a step take.
  public var rendezvousSeconds: Double

  /// Seconds of a pass of so many rows, without the exit.
  public func seconds(rows: Int) -> Double {
    passSeconds * (1 + rowShare * Double(max(0, rows - 1)))
  }

  /// An Apple GPU with a model of 14 billion weights in 16 bits.
  public static let apple14B = AcceleratorProfile(
    name: "apple-14b",
    note:
      "28 GB of weights at 800 GB/s; a row more 2 %; exit after half of the layers, with a head of 1.5 GB",
    passSeconds: 0.035, rowShare: 0.02, prefixShare: 0.5, headSeconds: 0.0019,
    rendezvousSeconds: 0.0002)

  /// One H100 with a model of 70 billion weights in 8 bits.
  public static let h100With70B = AcceleratorProfile(
    name: "h100-70b",
    note:
      "70 GB of weights at 3.35 TB/s; a row more 0.5 %; exit after half of the layers, with a head of 1 GB",
    passSeconds: 0.0209, rowShare: 0.005, prefixShare: 0.5, headSeconds: 0.0003,
    rendezvousSeconds: 0.00005)

  /// All of them.
  public static let all = [apple14B, h100With70B]
}

/// What the latency law says of a step.
///
/// Let T(n) be the pass of n rows, T_x the exit's head, T_r the messages, h the share of outcomes that were prepared
/// for, and D the time of a draft. Turn by turn a step takes T + D; with a mirror whose branches fit behind the
/// pass it takes T + T_x + T_r + (1 − h) · D.
///
/// - Source: Mirror-SD (arXiv:2510.13161), §3.4, with the terms for the exit and for misses.
public enum MirrorLaw {
  /// Seconds of a step turn by turn.
  public static func inTurn(pass: Double, draft: Double) -> Double { pass + draft }

  /// Seconds of a step with a mirror.
  public static func mirrored(
    pass: Double, draft: Double, hitRate: Double, overhead: Double
  ) -> Double {
    pass + overhead + (1 - hitRate) * draft
  }

  /// How much faster a mirror is at the same acceptance.
  public static func gain(
    pass: Double, draft: Double, hitRate: Double, overhead: Double
  ) -> Double {
    inTurn(pass: pass, draft: draft)
      / mirrored(pass: pass, draft: draft, hitRate: hitRate, overhead: overhead)
  }
}
