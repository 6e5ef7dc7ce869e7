// SPDX-License-Identifier: Apache-2.0
package import CDendriteKernels

/// One implementation of all kernels.
///
/// Variants differ in instructions, never in results.
public struct KernelVariant: Sendable, Hashable, CustomStringConvertible {
  /// "generic", "avx2", "avxvnni", "avx512vnni", "neon" or "neoni8mm".
  public let name: String
  private let address: UInt

  /// Kernels of one's own, for recording calls.
  ///
  /// The table must live as long as the program.
  package init(_ table: UnsafePointer<dendrite_kernels>) {
    name = String(cString: table.pointee.name)
    address = UInt(bitPattern: UnsafeRawPointer(table))
  }

  /// The variants that this CPU can run, the fastest first; `generic` is always the last.
  public static let available: [KernelVariant] = (0..<dendrite_kernels_count()).compactMap {
    dendrite_kernels_at($0).map(KernelVariant.init)
  }

  /// The fastest variant of this CPU.
  public static var best: KernelVariant { available[0] }

  /// The variant of this name.
  ///
  /// - Throws: `unknownVariant`, naming those that this CPU can run.
  public init(named name: String) throws(ComputeError) {
    guard let table = dendrite_kernels_named(name) else {
      throw ComputeError(
        .unknownVariant, "no kernel variant '\(name)' runs on this CPU",
        remedy: "use one of: \(KernelVariant.available.map(\.name).joined(separator: ", "))")
    }
    self.init(table)
  }

  /// The name.
  public var description: String { name }

  /// The table of functions; it is a constant of the program and never freed.
  var table: UnsafePointer<dendrite_kernels> {
    // Never nil: made from a table's address above.
    UnsafePointer(bitPattern: address).unsafelyUnwrapped
  }
}
