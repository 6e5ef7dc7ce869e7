// SPDX-License-Identifier: Apache-2.0
package import DendriteCheckpoint
package import DendriteCompute
package import DendriteModel
package import DendriteReport

/// The report of `dendrite bench`: one model on several machines, which share its weights.
package enum BenchmarkReport {
  /// Measures a model on each machine in turn.
  ///
  /// - Parameters:
  ///   - model: the model, on any machine.
  ///   - file: the file that it was loaded from.
  ///   - machines: threads and kernels to measure with.
  ///   - settings: what to measure, and how often.
  ///   - progress: called with a share 0 … 1.
  /// - Returns: facts, a few tables for each machine, notes.
  /// - Throws: `ModelError` or `ComputeError`.
  package static func make(
    model: CPUTransformer, file: any ModelSource, machines: [Machine], settings: BenchmarkSettings,
    progress: (Double) -> Void = { _ in }
  ) throws -> Report {
    var report = Report("bench", facts: facts(of: model, file: file))
    report.facts += [
      .init("cache", "\(settings.cacheType.rawValue)"),
      .init(
        "samples",
        "\(settings.repetitions) interleaved of at least "
          + "\(Figures.text(settings.sampleSeconds * 1e3, decimals: 0)) ms each; medians"),
    ]
    for (index, machine) in machines.enumerated() {
      let benchmark = try Benchmark(
        model: model.copy(on: machine), file: file, settings: settings)
      let result = try benchmark.run { progress((Double(index) + $0) / Double(machines.count)) }
      report.sections += result.sections()
      for note in result.notes() where !report.notes.contains(note) {
        report.notes.append(note)
      }
    }
    return report
  }

  /// What was measured, and on what kind of machine.
  package static func facts(of model: CPUTransformer, file: any ModelSource) -> [Report.Fact] {
    facts(of: model.description, file: file)
  }

  /// The same for a model that is known by its description.
  package static func facts(of model: ModelDescription, file: any ModelSource) -> [Report.Fact] {
    let name = model.name.isEmpty ? "a model without a name" : model.name
    var counts: [TensorType: Int] = [:]
    for tensor in file.tensors where tensor.shape.count > 1 {
      counts[tensor.type, default: 0] += tensor.byteCount
    }
    let types = counts.sorted { $0.value > $1.value }.map { $0.key.name }
    return [
      .init("model", "\(name), \(types.joined(separator: " + "))"),
      .init(
        "weights",
        "\(Figures.text(Double(model.parameterCount) / 1e6)) million, "
          + "\(Figures.text(Double(model.weightByteCount) / 1e6)) MB read for a row"),
      .init("processor", ProcessorName.current),
    ]
  }
}
