// SPDX-License-Identifier: Apache-2.0

/// Which number every process gets, so that most rounds of a reduction stay inside a node.
///
/// A reduction meets the rank whose number differs in the highest bit first. With the number
/// local rank × nodes + node, the high bits tell ranks of one node apart and the low bits tell nodes apart: on 4 nodes
/// of 8 ranks three rounds of five go through shared memory, and each rank sends the other two through the network.
///
/// Nodes with different numbers of ranks have no such numbering. They keep the order in which they were started: every
/// result is the same, but more rounds may cross the network.
public struct RankNumbering: Sendable, Hashable {
  /// The number of every process, in the order in which they were started; a permutation of 0 ..< count.
  public let numbers: [Int]
  /// The node of every *number*, counted from 0 in the order in which nodes appear.
  public let nodes: [Int]
  /// The number of nodes.
  public let nodeCount: Int
  /// Whether all nodes have equally many ranks; if not, numbers are the order of starting.
  public let isEven: Bool

  /// Numbers processes.
  ///
  /// - Parameter hosts: something that is equal for processes of one node, in the order in which they were started.
  public init(hosts: [some Hashable]) {
    var index: [AnyHashable: Int] = [:]
    var sizes: [Int] = []
    var places: [(node: Int, local: Int)] = []
    for host in hosts {
      let node = index[host] ?? sizes.count
      if node == sizes.count {
        index[host] = node
        sizes.append(0)
      }
      places.append((node, sizes[node]))
      sizes[node] += 1
    }
    let count = sizes.count
    isEven = Set(sizes).count <= 1
    nodeCount = count
    numbers =
      isEven ? places.map { $0.local * count + $0.node } : Array(0..<places.count)
    var nodes = [Int](repeating: 0, count: places.count)
    for (number, place) in zip(numbers, places) { nodes[number] = place.node }
    self.nodes = nodes
  }

  /// The numbers on a node, ascending.
  public func members(ofNode node: Int) -> [Int] { nodes.indices.filter { nodes[$0] == node } }
}
