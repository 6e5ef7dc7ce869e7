// SPDX-License-Identifier: Apache-2.0

/// What a launcher's habit of binding ranks to cores means for a rank that computes with several threads.
package enum CoreBinding {
  /// What to say to somebody whose ranks were bound too narrowly.
  ///
  /// Open MPI binds each of two ranks to a core of its own, unless told otherwise. The threads of a rank then take turns
  /// on it while other cores idle, and ranks of two nodes that are really one machine meet on the same core.
  ///
  /// - Parameters:
  ///   - cores: how many cores this rank may use.
  ///   - online: how many the machine has.
  ///   - ranks: how many ranks run on this machine.
  /// - Returns: words, or `nil` if all is well.
  package static func advice(cores: Int, online: Int, ranks: Int) -> String? {
    guard cores == 1, ranks < online else { return nil }
    return """
      each rank may use one core, and \(ranks == 1 ? "one rank" : "\(ranks) ranks") run\(ranks == 1 ? "s" : "") on a machine \
      of \(online)
        try: mpirun --bind-to none
      """
  }

  /// Whether ranks outnumber cores, so that a rank that waits should let others run at once.
  ///
  /// - Parameters:
  ///   - ranks: how many ranks run on this machine.
  ///   - masks: bits of the cores that at least one of them may use.
  ///   - own: how many cores this rank may use by its binding.
  ///   - usable: the same, if a quota allows fewer.
  /// - Returns: whether there are more ranks than cores for them.
  package static func isCrowded(ranks: Int, masks: [UInt64], own: Int, usable: Int) -> Bool {
    // Where the system does not say which cores, only their number is known.
    if own == 0 { return ranks > usable }
    let together = masks.reduce(0) { $0 + $1.nonzeroBitCount }
    return ranks > (usable < own ? usable : max(together, own))
  }
}
