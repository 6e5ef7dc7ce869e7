// SPDX-License-Identifier: Apache-2.0

/// Which sizes a small model can be inflated to without a change of a bit.
struct InflationPlan {
  let small: ModelConfiguration
  let target: InflationTarget

  /// The square root of the ratio of widths, a power of two.
  ///
  /// - Throws: `.unsuitableTarget` for other ratios.
  func widthRoot() throws(CheckpointError) -> Int {
    var root = 1
    while small.hiddenSize * root * root < target.hiddenSize { root *= 2 }
    guard small.hiddenSize * root * root == target.hiddenSize else {
      let width = small.hiddenSize
      throw ModelInflater.unsuitable(
        "width \(target.hiddenSize) for a model of width \(width), expected \(width), "
          + "\(4 * width) or \(16 * width)",
        "choose one of these: only powers of four scale an RMS norm exactly")
    }
    return root
  }

  /// The larger model's sizes and constants.
  ///
  /// - Throws: `.unsuitableTarget` if a size is smaller than the small model's, is no whole number
  ///   of blocks, or does not go with the small model's heads.
  func configuration() throws(CheckpointError) -> ModelConfiguration {
    try checkBlocks()
    try checkHeads()
    try checkGrowth("layers", target.layerCount, small.layerCount)
    try checkGrowth("feed-forward channels", target.feedForwardSize, small.feedForwardSize)
    let ratio = target.hiddenSize / small.hiddenSize
    var large = small
    large.name = name
    large.hiddenSize = target.hiddenSize
    large.layerCount = target.layerCount
    large.feedForwardSize = target.feedForwardSize
    large.headCount = target.shape?.headCount ?? small.headCount * ratio
    large.kvHeadCount = target.shape?.kvHeadCount ?? small.kvHeadCount * ratio
    large.vocabularySize = target.vocabularySize ?? small.vocabularySize
    large.rmsNormEpsilon = small.rmsNormEpsilon / Float(ratio)
    try checkGrowth("tokens", large.vocabularySize, small.vocabularySize)
    if large.vocabularySize > small.vocabularySize, ratio == 1 {
      throw ModelInflater.unsuitable(
        "\(large.vocabularySize) tokens for a model of \(small.vocabularySize) at the same width, "
          + "expected a wider target",
        "choose a wider target, or --vocabulary keep: spare coordinates keep spare tokens out")
    }
    return large
  }

  private var name: String {
    let own = small.name.isEmpty ? "a model" : small.name
    return target == InflationTarget(sizesOf: small) ? own : "\(own) inflated to \(target.name)"
  }

  private func checkBlocks() throws(CheckpointError) {
    let lengths = [
      ("width", small.hiddenSize), ("query width", small.headCount * small.headDim),
      ("feed-forward width", small.feedForwardSize),
      ("target's feed-forward width", target.feedForwardSize),
    ]
    for (name, length) in lengths where length % 32 != 0 {
      throw ModelInflater.unsuitable(
        "a \(name) of \(length), expected a multiple of 32, the length of a block",
        "choose another \(name.hasPrefix("target") ? "size" : "model")")
    }
  }

  private func checkHeads() throws(CheckpointError) {
    guard let shape = target.shape else { return }
    let remedy = "choose another shape, or give its sizes as WIDTHxLAYERSxFFN"
    func check(_ what: String, _ theirs: String, _ own: String) throws(CheckpointError) {
      guard theirs != own else { return }
      throw ModelInflater.unsuitable(
        "\(target.name) has \(theirs)\(what), the model \(own), expected the same", remedy)
    }
    try check(" dimensions in a head", "\(shape.headDim)", "\(small.headDim)")
    try check(
      " query heads for each key/value head", "\(shape.headCount / shape.kvHeadCount)",
      "\(small.headCount / small.kvHeadCount)")
    try check("", Self.tie(shape), Self.tie(small))
    try check("", "architecture \(shape.architecture)", "architecture \(small.architecture)")
    try checkGrowth("query heads", shape.headCount, small.headCount)
  }

  private static func tie(_ model: ModelConfiguration) -> String {
    model.isOutputTied ? "a tied output" : "an output of its own"
  }

  private func checkGrowth(_ what: String, _ wanted: Int, _ own: Int) throws(CheckpointError) {
    guard wanted < own else { return }
    throw ModelInflater.unsuitable(
      "\(wanted) \(what) for a model of \(own), expected at least \(own)",
      "choose a larger target, or a smaller model with -m")
  }
}
