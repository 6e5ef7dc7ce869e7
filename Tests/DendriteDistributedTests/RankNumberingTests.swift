// SPDX-License-Identifier: Apache-2.0
import DendriteDistributed
import Testing

/// Numbers of ranks over nodes: high bits inside a node, whatever the launcher's order.
@Suite struct RankNumberingTests {
  @Test(arguments: [(1, 8), (2, 4), (4, 2), (8, 1), (4, 4), (2, 1)])
  func `rounds of the high bits stay inside a node`(nodes: Int, ranksOfNode: Int) {
    let ranks = nodes * ranksOfNode
    // By node and by turns, as launchers map ranks.
    let orders = [
      (0..<ranks).map { "host\($0 / ranksOfNode)" }, (0..<ranks).map { "host\($0 % nodes)" },
    ]
    for hosts in orders {
      let numbering = RankNumbering(hosts: hosts)
      #expect(numbering.isEven)
      #expect(numbering.nodeCount == nodes)
      #expect(numbering.numbers.sorted() == Array(0..<ranks))
      #expect(numbering.numbers.first == 0)
      for number in 0..<ranks {
        var bit = ranks / 2
        while bit > 0 {
          let isInside = numbering.nodes[number] == numbering.nodes[number ^ bit]
          #expect(isInside == (bit >= nodes), "rank \(number), bit \(bit)")
          bit /= 2
        }
      }
      for (started, number) in numbering.numbers.enumerated() {
        #expect(numbering.members(ofNode: numbering.nodes[number]).contains(number))
        #expect(hosts[started] == hosts[numbering.numbers.firstIndex(of: number) ?? -1])
      }
      let members = (0..<nodes).map { numbering.members(ofNode: $0) }
      #expect(members.allSatisfy { $0.count == ranksOfNode })
    }
  }

  @Test func `a rank's node is that of its host`() {
    let numbering = RankNumbering(hosts: ["b", "a", "a", "b"])
    // b is node 0; local ranks in the order of starting.
    #expect(numbering.numbers == [0, 1, 3, 2])
    #expect(numbering.nodes == [0, 1, 0, 1])
    #expect(numbering.members(ofNode: 1) == [1, 3])
  }

  @Test func `nodes of different sizes keep the order of starting`() {
    let numbering = RankNumbering(hosts: [7, 7, 9, 7])
    #expect(!numbering.isEven)
    #expect(numbering.numbers == [0, 1, 2, 3])
    #expect(numbering.nodes == [0, 0, 1, 0])
    #expect(numbering.nodeCount == 2)
  }

  @Test func `no processes have no numbers`() {
    let numbering = RankNumbering(hosts: [Int]())
    #expect(numbering.numbers.isEmpty)
    #expect(numbering.nodeCount == 0)
  }
}
