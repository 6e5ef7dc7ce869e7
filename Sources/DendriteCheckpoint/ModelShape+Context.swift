// SPDX-License-Identifier: Apache-2.0

extension ModelShape {
  /// The same shape with another context length in its file; rotary scaling stays as it is.
  public func withContextLength(_ contextLength: Int) -> ModelShape {
    var model = configuration
    model.contextLength = contextLength
    return ModelShape(name, model, vocabulary, frequencyFactor: frequencyScaling?.factor)
  }
}
