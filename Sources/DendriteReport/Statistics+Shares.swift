// SPDX-License-Identifier: Apache-2.0

extension Statistics {
  /// The share of hits among trials that come in groups, and where it lies with 95 % confidence.
  ///
  /// Trials of a group, such as the tokens of one text, resemble each other and say less than as many
  /// independent ones. The interval is Wilson's for as many independent trials as vary like these groups: n
  /// divided by the design effect, which is the variance between groups over the binomial one, at least 1.
  ///
  /// - Parameter groups: hits and trials of each group; groups without trials do not count.
  /// - Returns: `nil` without any trial.
  /// - Source: Wilson 1927 (doi:10.1080/01621459.1927.10502953); design effect: Kish, *Survey Sampling*, §8.2.
  public static func share(_ groups: [(hits: Int, trials: Int)]) -> Estimate? {
    let groups = groups.filter { $0.trials > 0 }
    let trials = Double(groups.reduce(0) { $0 + $1.trials })
    guard trials > 0 else { return nil }
    let share = Double(groups.reduce(0) { $0 + $1.hits }) / trials
    var independent = trials
    let binomial = share * (1 - share) / trials
    if groups.count > 1, binomial > 0 {
      let squares = groups.reduce(0.0) {
        let excess = Double($1.hits) - share * Double($1.trials)
        return $0 + excess * excess
      }
      let count = Double(groups.count)
      let between = count / (count - 1) * squares / (trials * trials)
      independent = trials / max(1, between / binomial)
    }
    let z = 1.959_963_985  // the 97.5 % quantile of the normal law
    let scale = 1 + z * z / independent
    let centre = (share + z * z / (2 * independent)) / scale
    let half =
      z / scale
      * (share * (1 - share) / independent + z * z / (4 * independent * independent)).squareRoot()
    return Estimate(
      value: share,
      interval: Interval(
        lower: min(share, max(0, centre - half)), upper: max(share, min(1, centre + half)),
        confidence: 0.95))
  }
}
