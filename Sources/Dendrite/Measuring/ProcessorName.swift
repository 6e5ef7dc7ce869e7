// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute

#if canImport(Darwin)
  internal import Darwin
#endif

/// What kind of processor this is; never which one.
package enum ProcessorName {
  /// For example `Intel(R) Xeon(R) Processor`; the architecture if the system does not say.
  package static var current: String {
    #if canImport(Darwin)
      var length = 0
      if sysctlbyname("machdep.cpu.brand_string", nil, &length, nil, 0) == 0, length > 1 {
        var bytes = [UInt8](repeating: 0, count: length)
        if sysctlbyname("machdep.cpu.brand_string", &bytes, &length, nil, 0) == 0 {
          return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
      }
    #else
      if let text = SystemText.read("/proc/cpuinfo") {
        for line in text.split(separator: "\n") where line.hasPrefix("model name") {
          let name = line.split(separator: ":", maxSplits: 1).last?.drop { $0 == " " } ?? ""
          if !name.isEmpty { return String(name) }
        }
      }
    #endif
    #if arch(x86_64)
      return "x86-64"
    #elseif arch(arm64)
      return "arm64"
    #else
      return "unknown processor"
    #endif
  }
}
