// SPDX-License-Identifier: Apache-2.0
//
// What a thread can ask of the system that Swift cannot: the interfaces are hidden behind feature macros.
#define _GNU_SOURCE
#include "dendrite_kernels.h"

#if defined(__linux__)
#include <sched.h>

// What the calling thread is bound to: binding it again costs nothing.
static _Thread_local uint64_t bound_to;

int dendrite_thread_bind(const int32_t *cores, long count, uint64_t tag) {
  if (bound_to == tag) return 1;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (long i = 0; i < count; i++)
    if (cores[i] >= 0 && cores[i] < CPU_SETSIZE) CPU_SET(cores[i], &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) return 0;
  bound_to = tag;
  return 1;
}

long dendrite_thread_cores(int32_t *cores, long capacity) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return -1;
  long count = 0;
  for (int32_t core = 0; core < CPU_SETSIZE; core++) {
    if (!CPU_ISSET(core, &set)) continue;
    if (count < capacity) cores[count] = core;
    count++;
  }
  return count;
}

int dendrite_thread_core(void) { return sched_getcpu(); }
#else
int dendrite_thread_bind(const int32_t *cores, long count, uint64_t tag) {
  (void)cores, (void)count, (void)tag;
  return 0;
}
long dendrite_thread_cores(int32_t *cores, long capacity) {
  (void)cores, (void)capacity;
  return -1;
}
int dendrite_thread_core(void) { return -1; }
#endif
