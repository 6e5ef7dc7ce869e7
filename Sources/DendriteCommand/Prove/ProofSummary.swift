// SPDX-License-Identifier: Apache-2.0
internal import Dendrite
internal import DendriteReport

/// The last lines of `dendrite prove`: the hashes and the verdict.
struct ProofSummary {
  let record: ProofRecord

  init(_ record: ProofRecord) { self.record = record }

  var text: String {
    var lines: [String] = []
    if !record.hashes.isEmpty {
      var table = Table([.words("text hash")] + TextHash.lengths.map { .figures("\($0) tokens") })
      for text in record.hashes { table.append([text.variant] + text.hashes.map { $0 ?? "–" }) }
      lines += [""] + table.lines()
    }
    let time = Figures.text(record.seconds, decimals: 0)
    let broken = record.proofs.filter(\.isBroken)
    lines += [
      "",
      broken.isEmpty
        ? "all hold, \(time) s"
        : "NOT AS PROMISED: \(broken.map(\.name).joined(separator: ", ")), \(time) s",
    ]
    return lines.joined(separator: "\n") + "\n"
  }
}
