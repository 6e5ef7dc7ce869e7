// SPDX-License-Identifier: Apache-2.0

/// A row of a pass, resolved: where it goes, what it sees, where its output lands.
struct PlannedRow {
  /// Index in the model's list of caches.
  var cache: Int
  /// Index in the history.
  var logical: Int
  /// Position for the rotary embedding.
  var position: Int
  /// Token id, or -1 for a vector (which the batch still holds).
  var token: Int
  /// Index of the row's node in its cache.
  var node: Int
  /// Block and place (0 … 63) of the row's own keys and values; no block if another rank keeps them.
  var base: UnsafeMutableRawPointer?
  var place: Int
  /// First position of the history that the row does not see in place; `logical + 1` if it sees all.
  var firstGathered: Int
  /// Where the gathered positions are: a range of the plan's `gathered`.
  var gathered: Range<Int>
  /// Index among the outputs of its kind, or -1.
  var output: Int
  var kind: Row.Output
  /// The layer after which the row's residual is copied out, and where to; -1 if it is not.
  var exitLayer: Int
  var exitIndex: Int
}

/// A batch, resolved.
///
/// Reused from pass to pass; nothing is allocated once it has grown.
struct PassPlan {
  var rows: [PlannedRow] = []
  /// Places of rows that are seen through an ancestor list, in ascending logical position.
  var gathered: [(base: UnsafeMutableRawPointer, place: Int)] = []
  var logitsCount = 0
  var hiddenCount = 0
  /// The longest gathered path, in blocks of 64 positions that it touches.
  var overlayBlocks = 0
  /// The longest history that a row sees.
  var longest = 0
  /// Rows of one cache that attend together: they read the blocks that all of them see once.
  var bunches: [Range<Int>] = []

  /// Cuts the rows into bunches of at most `limit`, and into enough of them for all parts.
  mutating func bunch(limit: Int, heads: Int, parts: Int) {
    let limit = max(1, min(limit, rows.count * heads / parts))
    bunches.removeAll(keepingCapacity: true)
    var first = 0
    while first < rows.count {
      var end = first + 1
      while end < rows.count, end - first < limit, rows[end].cache == rows[first].cache { end += 1 }
      bunches.append(first..<end)
      first = end
    }
  }

  mutating func removeAll() {
    rows.removeAll(keepingCapacity: true)
    gathered.removeAll(keepingCapacity: true)
    logitsCount = 0
    hiddenCount = 0
    overlayBlocks = 0
    longest = 0
    bunches.removeAll(keepingCapacity: true)
  }
}
