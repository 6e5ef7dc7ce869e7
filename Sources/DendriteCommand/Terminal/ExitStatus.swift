// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// What the command tells the shell when it ends; documented by `dendrite --help`.
///
/// - Source: the numbers 64 and up are those of BSD's `sysexits.h`, 128 + n stands for signal n.
enum ExitStatus: Int32 {
  case success = 0
  /// Something that should not have failed; or `prove` found a promise broken, `bench speculation` a text changed.
  case failure = 1
  /// The command line: an unknown option, a value out of range.
  case usage = 64
  /// What was read is damaged, unsupported, not UTF-8, or too long.
  case badData = 65
  /// A file that does not exist or may not be read.
  case noInput = 66
  /// More memory than there is.
  case outOfMemory = 71
  /// A file that cannot be written.
  case cannotCreate = 73
  /// Output could not be written.
  case outputFailed = 74
  /// Ctrl-C.
  case interrupted = 130
  /// The reader of the output went away.
  case outputClosed = 141

  /// The table in `dendrite --help`.
  static let table = """
    0    done
    1    an unexpected failure; for `prove`: a promise that does not hold; for
         `bench speculation`: a text that a drafter changed
    64   a wrong command line: an unknown option, a value out of range
    65   bad data: a damaged or unsupported model, a prompt that is not UTF-8
         or longer than the context
    66   a file that does not exist or may not be read
    71   not enough memory
    73   an output file that cannot be written
    74   standard output that cannot be written
    130  interrupted by Ctrl-C
    141  the reader of standard output went away
    """

  /// Ends the program.
  static func end(_ code: Int32) -> Never { exit(code) }
}
