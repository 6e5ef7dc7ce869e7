// SPDX-License-Identifier: Apache-2.0
internal import Dendrite
internal import DendriteReport

/// Lanes of target, exit and drafter as Chrome's trace format has them.
enum TraceFile {
  /// The whole file.
  static func json(_ events: [TraceRecorder.Event]) -> JSONValue {
    let names = TraceRecorder.Lane.allCases.map { lane in
      JSONValue.object([
        .init("name", .string("thread_name")), .init("ph", .string("M")),
        .init("pid", .integer(1)), .init("tid", .integer(lane.rawValue)),
        .init("args", .object([.init("name", .string(name(of: lane)))])),
      ])
    }
    let spans = events.map { event in
      JSONValue.object([
        .init("name", .string(event.name)), .init("ph", .string("X")),
        .init("ts", .number(event.start * 1e6)), .init("dur", .number(event.duration * 1e6)),
        .init("pid", .integer(1)), .init("tid", .integer(event.lane.rawValue)),
        .init("args", .object([.init("count", .integer(event.count))])),
      ])
    }
    return .object([.init("traceEvents", .array(names + spans))])
  }

  private static func name(of lane: TraceRecorder.Lane) -> String {
    switch lane {
    case .target: "target"
    case .exit: "exit"
    case .drafter: "drafter"
    case .waiting: "target waits"
    }
  }
}
