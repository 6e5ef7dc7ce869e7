// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// How many cores this process may use: its affinity mask and its control groups' quota.
public enum AvailableCores {
  /// At least one.
  ///
  /// Read anew on every call. A quota of one and a half cores counts as two.
  public static func count() -> Int {
    var cores = CoreSet.available?.count ?? max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    #if os(Linux)
      if let quota = ControlGroup().processorQuota() {
        cores = min(cores, max(1, Int(min(quota, 1e6).rounded(.up))))
      }
    #endif
    return cores
  }
}
