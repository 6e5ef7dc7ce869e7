// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite

/// `dendrite lab drafter`: lends a drafter to targets elsewhere.
struct DrafterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drafter",
    abstract: "Serve a drafter to targets in other processes or on other computers.",
    discussion: """
      One target at a time connects with `--drafter mirror:HOST:PORT`; others are told that it is busy \
      and may come again when that one has ended. Ids and scores cross the wire, \
      no text; there is no encryption and no password, so listen on the loopback (the default) or on a \
      network that is yours.

        $ dendrite lab drafter -m drafter.gguf --listen 127.0.0.1:7411
        $ dendrite run -m target.gguf --drafter mirror:127.0.0.1:7411 "def f(n):"
      """)

  @OptionGroup(title: "Model") var model: ModelOption

  @Option(
    help: ArgumentHelp(
      "Address and port to listen on; port 0 takes a free one (default: 127.0.0.1:7411).",
      valueName: "host:port"))
  var listen = "127.0.0.1:7411"

  @OptionGroup(title: "Machine") var machine: MachineOptions

  mutating func validate() throws {
    guard HostAndPort.parse(listen) != nil else {
      throw ValidationError(
        "--listen is \(listen), expected an address and a port\n  try: --listen 127.0.0.1:7411")
    }
  }

  func run() async throws {
    guard let (host, port) = HostAndPort.parse(listen) else { return }
    let path = try model.resolve()
    let server = try DrafterServer(path: path, on: machine.machine(), host: host, port: port)
    StandardStream.say("listening on \(host):\(server.port); Ctrl-C ends")
    try await server.run { StandardStream.say($0) }
  }
}
