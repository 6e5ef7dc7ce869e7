// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Files of this repository, found from the place of this source file.
public enum Repository {
  /// The folder of the package.
  public static let root: URL = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent()  // DendriteTestSupport
    .deletingLastPathComponent()  // Tests
    .deletingLastPathComponent()

  /// The path of a golden, such as `"logits/llama2.gguf"`.
  public static func golden(_ path: String) -> String {
    root.appendingPathComponent("Tests/Goldens/\(path)").path
  }

  /// The bundled drafter of the bundled model.
  public static var bundledDrafter: String {
    root.appendingPathComponent("Models/dendrite-tiny-drafter-q8_0.gguf").path
  }

  /// The bundled model.
  public static var bundledModel: String {
    root.appendingPathComponent("Models/dendrite-tiny-q8_0.gguf").path
  }
}
