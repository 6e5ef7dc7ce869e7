// SPDX-License-Identifier: Apache-2.0
internal import DendriteModel

extension ModelDrafter.Worker {
  /// A chain of guesses: one a pass, or with streams several.
  func drawChain(
    _ history: [Int], _ pending: Int, _ limit: Int, forcesStreams: Bool = false,
    into draft: inout Draft
  ) throws(DecodingError) {
    if let streams = model.streams, forcesStreams || wantsStreams(for: limit) {
      return try drawStreams(streams.vectors, history, pending, limit, into: &draft)
    }
    guard limit > 0, let start = try feed(history, pending), let cache else { return }
    var (pass, row, node) = start
    var position = history.count + 1
    while true {
      let token = try choose(pass, row: row, position: position)
      draft.append(token)
      position += 1
      guard draft.count < limit, position < model.model.description.contextLength else { return }
      extendText(token)
      let began = ContinuousClock.now
      pass = try cache.grow([.init(token: token, parent: node)])
      observePass(seconds: (ContinuousClock.now - began) / .seconds(1))
      (row, node) = (0, cache.nodes.count - 1)
    }
  }

  /// A pass guesses a token from its last row, and further ones from the streams behind it.
  ///
  /// The next pass reads all
  /// of them: where the model's own choice behind one of them differs from the stream's, its own stands and the rest
  /// goes.
  private func drawStreams(
    _ vectors: [[Float]], _ history: [Int], _ pending: Int, _ limit: Int, into draft: inout Draft
  ) throws(DecodingError) {
    guard limit > 0,
      let start = try feed(history, pending, vectors: Array(vectors.prefix(limit - 1))),
      let cache
    else { return }
    var (pass, row, node) = start
    /// Guesses that the small model itself stands by.
    var settled = 0
    var tokens: [Int] = []
    func take(_ row: Int, streams: Int) throws(DecodingError) {
      for ahead in 0...streams {
        tokens.append(
          try choose(pass, row: row + ahead, position: history.count + 1 + tokens.count))
        if ahead < streams { extendText(tokens[tokens.count - 1]) }
      }
    }
    try take(row, streams: min(vectors.count, limit - 1))
    while tokens.count < limit || settled + 1 < tokens.count {
      // What streams guessed is read like text, with streams behind the last.
      let room = limit - tokens.count
      guard room > 0 else { break }
      let unread = Array(tokens[settled...])
      let ahead = Array(vectors.prefix(max(0, room - 1)))
      guard
        history.count + 1 + tokens.count + ahead.count < model.model.description.contextLength
      else { break }
      var seeds: [DraftCache.Seed] = []
      for token in unread {
        seeds.append(
          .init(token: token, parent: seeds.isEmpty ? node : cache.nodes.count + seeds.count - 1))
      }
      let firstNode = cache.nodes.count
      pass = try cache.grow(seeds, vectors: ahead)
      if !text.isEmpty { text = history + [pending] + tokens[...settled] }
      var agreed = 0
      while agreed < unread.count - 1 {
        let own = try choose(pass, row: agreed, position: history.count + 2 + settled + agreed)
        if own != unread[agreed + 1] {
          tokens.removeSubrange((settled + agreed + 1)...)
          tokens.append(own)
          break
        }
        extendText(own)
        agreed += 1
      }
      node = firstNode + agreed
      settled += agreed + 1
      row = agreed
      if agreed == unread.count - 1 { try take(row, streams: ahead.count) }
    }
    draft.append(contentsOf: tokens.prefix(limit))
  }
}
