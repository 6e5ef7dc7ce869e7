// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A thread of the system's, for work that must not occupy Swift's shared pool.
package struct NativeThread: @unchecked Sendable {
  // Sendable: a pthread_t is a name.
  private let thread: pthread_t

  /// Starts a thread that runs `body`; `nil` if the system has none left.
  package static func start(_ body: @escaping @Sendable () -> Void) -> NativeThread? {
    final class Box {
      let body: @Sendable () -> Void
      init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    let context = Unmanaged.passRetained(Box(body)).toOpaque()
    #if canImport(Darwin)
      var thread: pthread_t?
      let status = pthread_create(
        &thread, nil,
        { context in
          Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body()
          return nil
        }, context)
      guard status == 0, let thread else {
        Unmanaged<Box>.fromOpaque(context).release()
        return nil
      }
      return NativeThread(thread: thread)
    #else
      var thread = pthread_t()
      let status = pthread_create(
        &thread, nil,
        { context in
          if let context { Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body() }
          return nil
        }, context)
      guard status == 0 else {
        Unmanaged<Box>.fromOpaque(context).release()
        return nil
      }
      return NativeThread(thread: thread)
    #endif
  }

  /// Waits for the thread to end.
  package func join() { pthread_join(thread, nil) }

  /// Lets the thread end by itself; nobody may wait for it then.
  package func detach() { pthread_detach(thread) }
}

/// A mutex and a condition variable: the standard library's `Mutex` lends no handle to wait on.
package final class Gate: @unchecked Sendable {
  // Sendable: both objects are made for sharing and never move.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  package init() {
    mutex.initialize(to: pthread_mutex_t())
    condition.initialize(to: pthread_cond_t())
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  /// Waits until `condition` holds; it is evaluated under the lock.
  package func wait(until condition: () -> Bool) {
    pthread_mutex_lock(mutex)
    while !condition() { pthread_cond_wait(self.condition, mutex) }
    pthread_mutex_unlock(mutex)
  }

  /// Waits until `condition` holds, but no longer than `seconds`.
  ///
  /// - Returns: whether it holds.
  package func wait(atMost seconds: Double, until condition: () -> Bool) -> Bool {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    let nanoseconds = Double(now.tv_nsec) + min(max(0, seconds), 1e6) * 1e9
    var limit = timespec()
    limit.tv_sec = now.tv_sec + Int(nanoseconds / 1e9)
    limit.tv_nsec = Int(nanoseconds.truncatingRemainder(dividingBy: 1e9))
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while !condition() {
      if pthread_cond_timedwait(self.condition, mutex, &limit) != 0 { return condition() }
    }
    return true
  }

  /// Changes what waiters wait for, and wakes them all.
  package func signal(_ change: () -> Void = {}) {
    pthread_mutex_lock(mutex)
    change()
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }
}
