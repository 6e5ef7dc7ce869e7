// SPDX-License-Identifier: Apache-2.0
//
// Two ranks swap a message: through MPI in three ways and through a shared window of our own, interleaved.
//
//   mpicc -O2 Benchmarks/exchange.c -o exchange
//   mpirun --bind-to none -n 2 exchange [rounds] [swaps]         defaults: 40 repetitions of 500 swaps
//
// The message is written anew before each swap, by its sender, in all ways. Prints the median over the repetitions, in microseconds a swap, and the median ratio to the shared window.
#define _GNU_SOURCE
#include <mpi.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST = 1 << 20, WAYS = 4, SLOTS = 2 };

// What a rank has written for the other: messages alternate between two slots.
typedef struct {
  _Alignas(64) _Atomic long written;
  _Alignas(64) _Atomic long taken;
  _Alignas(64) unsigned char slot[SLOTS][MOST];
} outbox;

static int rank;
static unsigned char *out, *in;
static outbox *mine, *theirs;
static MPI_Request persistent[2];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void wait_all(MPI_Request *requests) {
  int done = 0;
  for (long turns = 0; !done; turns++) {
    MPI_Testall(2, requests, &done, MPI_STATUSES_IGNORE);
    if (!done && turns > 2000) sched_yield();
  }
}

static void rest(long turns) {
  if (turns > 2000) sched_yield();
#if defined(__x86_64__)
  else __builtin_ia32_pause();
#endif
}

static void swap(int way, int bytes) {
  MPI_Request requests[2];
  switch (way) {
  case 0: {
    const long number = atomic_load_explicit(&mine->written, memory_order_relaxed);
    for (long t = 0; atomic_load_explicit(&mine->taken, memory_order_acquire) + SLOTS <= number; t++) rest(t);
    memcpy(mine->slot[number % SLOTS], out, (size_t)bytes);
    atomic_store_explicit(&mine->written, number + 1, memory_order_release);
    for (long t = 0; atomic_load_explicit(&theirs->written, memory_order_acquire) <= number; t++) rest(t);
    memcpy(in, theirs->slot[number % SLOTS], (size_t)bytes);
    atomic_store_explicit(&theirs->taken, number + 1, memory_order_release);
    return;
  }
  case 1:
    MPI_Startall(2, persistent);
    wait_all(persistent);
    return;
  case 2:
    MPI_Irecv(in, bytes, MPI_BYTE, 1 - rank, 7, MPI_COMM_WORLD, requests);
    MPI_Isend(out, bytes, MPI_BYTE, 1 - rank, 7, MPI_COMM_WORLD, requests + 1);
    wait_all(requests);
    return;
  default:
    MPI_Sendrecv(out, bytes, MPI_BYTE, 1 - rank, 7, in, bytes, MPI_BYTE, 1 - rank, 7, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
  }
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, int count) {
  qsort(values, (size_t)count, sizeof *values, ascending);
  return values[count / 2];
}

int main(int count, char **arguments) {
  int level, ranks;
  MPI_Init_thread(&count, &arguments, MPI_THREAD_SERIALIZED, &level);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  const int repetitions = count > 1 ? atoi(arguments[1]) : 40, swaps = count > 2 ? atoi(arguments[2]) : 500;
  if (ranks != 2 || repetitions < 1 || swaps < 1) {
    fprintf(stderr, "exchange: %d ranks, expected 2\n", ranks);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Win window;
  MPI_Aint size;
  int unit;
  MPI_Win_allocate_shared(sizeof(outbox), 1, MPI_INFO_NULL, MPI_COMM_WORLD, &mine, &window);
  MPI_Win_shared_query(window, 1 - rank, &size, &unit, &theirs);
  memset(mine, 0, sizeof *mine);
  out = malloc(MOST), in = malloc(MOST);
  memset(out, rank + 1, MOST), memset(in, 0, MOST);
  MPI_Barrier(MPI_COMM_WORLD);

  const char *names[WAYS] = {"shared window", "persistent", "isend/irecv", "sendrecv"};
  const int sizes[] = {64, 4096, 16640, 66560, 532480};
  double *times[WAYS], *ratios = malloc((size_t)repetitions * sizeof *ratios);
  for (int way = 0; way < WAYS; way++) times[way] = malloc((size_t)repetitions * sizeof **times);
  for (int s = 0; s < 5; s++) {
    const int bytes = sizes[s], turns = bytes > 100000 ? swaps / 10 + 1 : swaps;
    MPI_Recv_init(in, bytes, MPI_BYTE, 1 - rank, 8, MPI_COMM_WORLD, persistent);
    MPI_Send_init(out, bytes, MPI_BYTE, 1 - rank, 8, MPI_COMM_WORLD, persistent + 1);
    for (int r = -2; r < repetitions; r++)
      for (int way = 0; way < WAYS; way++) {
        MPI_Barrier(MPI_COMM_WORLD);
        const double began = now();
        for (int i = 0; i < turns; i++) {
          memset(out, rank + 1, (size_t)bytes); // states are packed anew before each exchange
          swap(way, bytes);
        }
        if (r >= 0) times[way][r] = (now() - began) / turns * 1e6;
        if (in[0] != 2 - rank || in[bytes - 1] != 2 - rank) MPI_Abort(MPI_COMM_WORLD, 2);
      }
    for (int way = 0; rank == 0 && way < WAYS; way++) {
      for (int r = 0; r < repetitions; r++) ratios[r] = times[way][r] / times[0][r];
      if (way == 0) printf("%7d bytes", bytes);
      const double ratio = median(ratios, repetitions);
      double *copy = malloc((size_t)repetitions * sizeof *copy);
      memcpy(copy, times[way], (size_t)repetitions * sizeof *copy);
      printf("  %s %.2f us (%.2f)", names[way], median(copy, repetitions), ratio);
      free(copy);
    }
    if (rank == 0) printf("\n");
    MPI_Request_free(persistent), MPI_Request_free(persistent + 1);
  }
  MPI_Win_free(&window);
  MPI_Finalize();
  return 0;
}
