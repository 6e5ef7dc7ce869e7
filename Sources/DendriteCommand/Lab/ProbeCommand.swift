// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite
internal import DendriteReport

/// `dendrite lab probe`: measures what plans of clusters ask of this machine.
struct ProbeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "probe",
    abstract: "Measure this machine for plans of clusters.",
    discussion: """
      How fast memory is read, how long two ranks that are threads take to swap messages, and how \
      fast partial states merge. `dendrite plan cluster --profile` reads the file.

        $ dendrite lab probe -o here.json
        $ dendrite plan cluster --profile here.json --link 10gbe --ranks 4

      Let nothing else run meanwhile. What lies between machines is not measured.
      """)

  @OptionGroup var machine: MachineOptions

  @Option(
    help: ArgumentHelp("Ranks that will share this machine and its bandwidth.", valueName: "n"))
  var ranksPerNode = 1

  @Option(
    help: ArgumentHelp("Samples that count; one more is dropped.", valueName: "n"))
  var repetitions = 10

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The profile to write or replace.", valueName: "path"),
    completion: .file(extensions: ["json"]))
  var output: String?

  @Flag(help: "Print the profile as JSON in place of tables.")
  var json = false

  mutating func validate() throws {
    try Bounds.check(
      "--ranks-per-node", ranksPerNode, in: 1...4096, expected: "a number from 1 to 4096",
      remedy: "leave it out for one")
    try Bounds.check(
      "--repetitions", repetitions, in: 1...1000, expected: "a number from 1 to 1000",
      remedy: "leave it out for 10")
  }

  func run() throws {
    if let output { try OutputFile.check(output) }
    let machine = try self.machine.machine()
    let measuring = ProgressLine("measuring")
    let findings = try ClusterProbe(machine: machine, repetitions: repetitions).measure {
      measuring.update($0)
    }
    measuring.finish()
    let profile = findings.profile(
      "probe", summary: "\(ProcessorName.current), \(machine.threads) threads",
      ranksPerNode: ranksPerNode)
    if let output { try OutputFile.write(profile.json.text() + "\n", to: output) }
    try StandardStream.output.write(
      json
        ? profile.json.text() + "\n" : ProbeReport.make(findings, profile: profile).text())
  }
}
