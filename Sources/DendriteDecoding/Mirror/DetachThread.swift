// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Lets others work.
func pauseThread(seconds: Double) { usleep(UInt32(max(0, seconds) * 1e6)) }

/// Lets the calling thread's memory go when it ends: nobody waits for it.
func detachThread() { pthread_detach(pthread_self()) }
