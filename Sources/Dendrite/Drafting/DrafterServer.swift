// SPDX-License-Identifier: Apache-2.0
public import DendriteCompute
internal import DendriteCheckpoint
internal import DendriteDecoding

/// A drafter in a file, lent to targets elsewhere.
public struct DrafterServer: Sendable {
  private let server: MirrorServer

  /// Loads a drafter and begins to listen.
  ///
  /// - Parameters:
  ///   - path: the drafter's file.
  ///   - machine: where it runs.
  ///   - host: an address of this computer.
  ///   - port: 0 takes a free one.
  /// - Throws: what loading throws; `DecodingError` if the port is not to be had.
  public init(path: String, on machine: Machine, host: String, port: Int) throws {
    let tokens = try ModelLocation.open(path).vocabularyDescription().tokens
    server = try MirrorServer(
      model: DrafterFile.load(path, nil, on: machine), tokens: tokens, host: host, port: port)
  }

  /// The port that it listens on.
  public var port: Int { server.port }

  /// Serves until it is stopped; `event` is told in words what happens, nothing of a prompt among them.
  ///
  /// - Throws: `noThread`.
  public func run(event: @escaping @Sendable (String) -> Void) async throws {
    try await server.runOnThread(event: event)
  }

  /// Ends `run` when the target that is served has gone.
  public func stop() { server.stop() }
}
