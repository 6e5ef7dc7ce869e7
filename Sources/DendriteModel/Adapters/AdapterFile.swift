// SPDX-License-Identifier: Apache-2.0
internal import DendriteCheckpoint

/// Reads sidecar files: thin parts that were trained for a model and live beside it.
enum AdapterFile {
  /// Checks that a file holds such a part, for a model of this width.
  ///
  /// - Parameters:
  ///   - file: the file.
  ///   - kind: what it should hold.
  ///   - hiddenSize: the model's width.
  ///   - fingerprint: the model's, compared with the one in the file where both are there.
  /// - Throws: `badCheckpoint`.
  static func check(
    _ file: GGUFFile, kind: String, hiddenSize: Int, fingerprint: UInt64?
  ) throws(ModelError) {
    let type: String?
    let found: String?
    let width: Int?
    let core: String?
    do throws(CheckpointError) {
      type = try file.metadata.string("general.type")
      found = try file.metadata.string(AdapterKey.kind)
      width = try file.metadata.int(AdapterKey.baseWidth)
      core = try file.metadata.string(AdapterKey.baseFingerprint)
    } catch {
      throw ModelError(.badCheckpoint, error.message, remedy: error.remedy)
    }
    guard type == "adapter", found == kind else {
      let what = found ?? type ?? "no type"
      throw ModelError(
        .badCheckpoint, "found \(what), expected an adapter of kind \(kind)",
        remedy: "name the file that was trained for this model")
    }
    guard width == hiddenSize else {
      throw ModelError(
        .badCheckpoint,
        "the adapter is for a model of width \(width.map(String.init) ?? "unknown"), "
          + "expected \(hiddenSize)",
        remedy: "name the file that was trained for this model")
    }
    if let core, let own = fingerprint.map({ String($0, radix: 16) }), core != own {
      throw ModelError(
        .badCheckpoint, "the adapter is for the model \(core), expected \(own)",
        remedy: "name the file that was made for this model, or make it again with the model")
    }
  }

  /// A list of small numbers.
  static func integers(_ key: String, in file: GGUFFile) throws(ModelError) -> [Int] {
    do throws(CheckpointError) {
      let values = try file.metadata.integers(key) ?? []
      guard !values.isEmpty, values.allSatisfy({ (0...65_536).contains($0) }) else {
        throw CheckpointError(
          .invalidValue, "'\(key)' is missing, empty or out of range, expected some numbers",
          remedy: "make the adapter again")
      }
      return values.map { Int($0) }.sorted()
    } catch {
      throw ModelError(.badCheckpoint, error.message, remedy: error.remedy)
    }
  }

  /// A number.
  static func integer(
    _ key: String, in file: GGUFFile, range: ClosedRange<Int>
  ) throws(ModelError) -> Int {
    do throws(CheckpointError) {
      guard let value = try file.metadata.int(key), range.contains(value) else {
        throw CheckpointError(
          .invalidValue,
          "'\(key)' is missing or out of range, expected \(range.lowerBound) to \(range.upperBound)",
          remedy: "make the adapter again")
      }
      return value
    } catch {
      throw ModelError(.badCheckpoint, error.message, remedy: error.remedy)
    }
  }

  /// A positive number, or the usual one if the file has none.
  static func positive(
    _ key: String, in file: GGUFFile, usual: Float
  ) throws(ModelError) -> Float {
    do throws(CheckpointError) {
      guard let value = try file.metadata.float(key) else { return usual }
      guard value.isFinite, value > 0 else {
        throw CheckpointError(
          .invalidValue, "'\(key)' is \(value), expected a positive number",
          remedy: "make the adapter again")
      }
      return Float(value)
    } catch {
      throw ModelError(.badCheckpoint, error.message, remedy: error.remedy)
    }
  }

  /// A tensor's values, row after row, all finite.
  static func matrix(
    _ name: String, in file: GGUFFile, columns: Int, rows: Int?
  ) throws(ModelError) -> (values: [Float], rows: Int) {
    guard let view = file.tensorIfPresent(named: name) else {
      throw ModelError(
        .badCheckpoint, "no tensor '\(name)', expected it in the adapter",
        remedy: "make the adapter again")
    }
    guard view.info.rowLength == columns, view.info.rowCount == rows ?? view.info.rowCount,
      view.info.rowCount <= 65_536
    else {
      throw ModelError(
        .badCheckpoint,
        "tensor '\(name)' has shape \(view.info.shape), expected \(columns) columns"
          + (rows.map { " and \($0) rows" } ?? ""),
        remedy: "name the file that was trained for this model")
    }
    let values = view.floats()
    guard values.allSatisfy(\.isFinite) else {
      throw ModelError(
        .badCheckpoint, "tensor '\(name)' holds NaN or infinity, expected finite weights",
        remedy: "make the adapter again")
    }
    return (values, view.info.rowCount)
  }
}
