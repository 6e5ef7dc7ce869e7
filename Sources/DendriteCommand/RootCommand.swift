// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite

/// The `dendrite` command: parses its arguments, runs a subcommand, explains failures.
@main
struct RootCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dendrite",
    abstract: "Run language models on this machine.",
    discussion: """
      A first session, with the small model that comes along:

        $ dendrite run "def fibonacci(n):"
        $ dendrite inspect
        $ dendrite inspect model.gguf
        $ dendrite run -m model.gguf --temperature 0 "Once upon a time"

      Without -m a command uses $DENDRITE_MODEL, or else the bundled model.
      `dendrite lab --help` lists tools for those who build and measure.

      Exit codes:
      \(ExitStatus.table.indented(by: 2))

      Completions for bash, zsh and fish:
        $ dendrite --generate-completion-script bash > dendrite.bash
        $ source dendrite.bash
      """,
    version: "dendrite \(version) (numerics \(numericsVersion))",
    subcommands: [
      RunCommand.self,
      ContextCommand.self,
      InspectCommand.self,
      BenchCommand.self,
      ProveCommand.self,
      PlanCommand.self,
      LabCommand.self,
    ])

  /// The release.
  static let version = "0.1.0"

  /// Runs the command line and ends the program.
  static func main() async {
    StandardStream.ignoreBrokenPipes()
    let arguments = Array(CommandLine.arguments.dropFirst())
    var command: any ParsableCommand
    do {
      try checkNames(arguments[...], of: [RootCommand.self])
      command = try await asyncParseAsRoot(arguments)
    } catch let failure as Failure {
      ExitStatus.end(report(failure))
    } catch {
      ExitStatus.end(reportParsing(error))
    }
    do {
      if var asyncCommand = command as? any AsyncParsableCommand {
        try await asyncCommand.run()
      } else {
        try command.run()
      }
    } catch {
      ExitStatus.end(report(error))
    }
    ExitStatus.end(ExitStatus.success.rawValue)
  }

  /// Prints what went wrong while a command ran.
  ///
  /// - Returns: the exit code.
  private static func report(_ error: any Error) -> Int32 {
    // Help that was asked for, and exit codes of commands that have said all there is to say.
    if error is ExitCode || exitCode(for: error).isSuccess { return reportParsing(error) }
    let failure = Failure(error)
    if !failure.message.isEmpty { StandardStream.say(failure.description) }
    return failure.status.rawValue
  }

  /// Prints help, or what was wrong with the arguments.
  ///
  /// - Returns: the exit code.
  private static func reportParsing(_ error: any Error) -> Int32 {
    let code = exitCode(for: error)
    let text = fullMessage(for: error)
    if code.isSuccess {
      try? StandardStream.output.write(text + "\n")
    } else if !text.isEmpty {
      let prefix = "Error: "
      StandardStream.say(
        "dendrite: " + (text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text))
    }
    return code.rawValue
  }

  /// Checks the names of subcommands behind those in `commands`, to suggest what was probably meant.
  private static func checkNames(
    _ arguments: ArraySlice<String>, of commands: [any ParsableCommand.Type]
  ) throws(Failure) {
    let subcommands = commands[commands.count - 1].configuration.subcommands
    guard let name = arguments.first, !name.hasPrefix("-"), !subcommands.isEmpty, name != "help"
    else { return }
    if let subcommand = subcommands.first(where: { $0._commandName == name }) {
      return try checkNames(arguments.dropFirst(), of: commands + [subcommand])
    }
    let path = commands.map { $0._commandName }.joined(separator: " ")
    let shown = subcommands.filter { $0.configuration.shouldDisplay }.map { $0._commandName }
    let nearest = Choice.suggestion(for: name, among: subcommands.map { $0._commandName })
    throw Failure(
      .usage, "no command '\(name)', expected one of\n\(shown.joined(separator: " "))",
      remedy: nearest.map { "did you mean `\(path) \($0)`?" } ?? "`\(path) --help`")
  }
}

extension String {
  /// Every line with this many spaces before it.
  func indented(by count: Int) -> String {
    let space = String(repeating: " ", count: count)
    return split(separator: "\n", omittingEmptySubsequences: false)
      .map { space + $0 }.joined(separator: "\n")
  }
}
