// SPDX-License-Identifier: Apache-2.0

/// The transitions of an automaton's states beyond the first of each: a hash table of (state, token), and a list for
/// each state.
///
/// Most states of a text have one transition, which the state holds itself; what is here belongs to contexts that
/// were followed by different tokens.
///
/// - Complexity: O(1) to find or to insert; 16 bytes a transition and 6.4 to 12.8 bytes of slots.
struct TransitionTable: Sendable {
  struct Transition {
    var source: Int32
    var token: Int32
    var target: Int32
    /// The next transition of the same source; −1 behind the last.
    var next: Int32
  }

  private(set) var transitions: [Transition] = []
  /// Indices of transitions, −1 where a slot is free; a power of two of them.
  private var slots: [Int32]
  private var shift: UInt64

  init() {
    slots = [Int32](repeating: -1, count: 64)
    shift = 64 - 6
  }

  /// Bytes that are taken.
  var byteCount: Int {
    transitions.capacity * MemoryLayout<Transition>.stride
      + slots.capacity * MemoryLayout<Int32>.stride
  }

  /// The index of the transition from a state by a token; −1 if there is none.
  func find(_ source: Int32, _ token: Int32) -> Int32 {
    var slot = home(source, token)
    while true {
      let index = slots[slot]
      guard index >= 0 else { return -1 }
      let transition = transitions[Int(index)]
      if transition.source == source, transition.token == token { return index }
      slot = (slot + 1) & (slots.count - 1)
    }
  }

  /// Adds a transition that is not there yet.
  ///
  /// - Returns: its index.
  mutating func insert(_ transition: Transition) -> Int32 {
    if (transitions.count + 1) * 8 > slots.count * 5 { grow() }
    let index = Int32(transitions.count)
    transitions.append(transition)
    place(index)
    return index
  }

  /// Lets a transition lead elsewhere.
  mutating func redirect(_ index: Int32, to target: Int32) {
    transitions[Int(index)].target = target
  }

  /// Forgets all transitions and keeps the room for them.
  mutating func removeAll() {
    transitions.removeAll(keepingCapacity: true)
    for slot in slots.indices { slots[slot] = -1 }
  }

  private mutating func grow() {
    slots = [Int32](repeating: -1, count: slots.count * 2)
    shift -= 1
    for index in transitions.indices { place(Int32(index)) }
  }

  private mutating func place(_ index: Int32) {
    let transition = transitions[Int(index)]
    var slot = home(transition.source, transition.token)
    while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = index
  }

  /// Fibonacci hashing: the high bits of a product with 2⁶⁴ / golden ratio.
  private func home(_ source: Int32, _ token: Int32) -> Int {
    let key = UInt64(UInt32(bitPattern: source)) << 32 | UInt64(UInt32(bitPattern: token))
    return Int(((key ^ key >> 29) &* 0x9e37_79b9_7f4a_7c15) >> shift)
  }
}
