// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Asks the system about files.
package enum FileCheck {
  /// Whether a file is there and may be read.
  package static func isReadable(_ path: String) -> Bool { access(path, R_OK) == 0 }
}
