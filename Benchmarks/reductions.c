// SPDX-License-Identifier: Apache-2.0
//
// Ways to join attention that is spread over ranks, the ones that others use beside ours, interleaved in one run. Every
// way's result is compared with one softmax in double precision before it is timed.
//
//   Scripts/bench-ranks.sh [ranks] [tokens of context] [heads] [KV heads] [head dim] [repetitions]
//
// A reduction alone, over states that are there:
//   three         all-reduces of the library: max of m, sum of l, sum of n (the paper's)
//   operator      one all-reduce of (m, l, n) with an operator of our own
//   all-gather    of all states, merged by every rank
//   ring          of states, rank by rank, then a broadcast
//   doubling      recursive doubling over messages: what the product does between nodes
//   window        recursive doubling through shared memory: what the product does inside a node
// and a layer's attention of one token:
//   tree          each rank attends to its part, then window
//   ring pass-KV  keys and values travel (KV heads, not heads; sent while the part before is attended to)
#define _GNU_SOURCE
#include "dendrite_kernels.h"

#include <math.h>
#include <mpi.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WAYS = 8, REDUCTIONS = 6, BITS = 5 };
static const char *const names[WAYS] = {"window",   "doubling",   "three", "operator",
                                        "all-gather", "ring", "tree",  "ring pass-KV"};

static int rank, ranks;
static long tokens, heads, kv_heads, dim, floats, wire, state_bytes;
static const dendrite_kernels *kernels;
static dendrite_kv_layout layout;

// States of this rank's part, kept; the states that a way works on; room for messages.
static float *own, *states, *outgoing, *incoming, *gathered;
// Keys and values of this rank's part [blocks][KV heads], and two buffers for parts that travel.
static uint8_t *part, *travelling[2];
static long blocks, part_bytes;
static float *query;
static const void **table;

static MPI_Datatype record;
static MPI_Op operator;

typedef struct {
  _Alignas(64) _Atomic long written;
  long unused[7];
} flag;
static unsigned char *window;
static long box_bytes, sent[BITS], taken[BITS];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *fresh(size_t bytes) {
  void *p = NULL;
  if (posix_memalign(&p, 64, bytes + 64)) abort();
  memset(p, 0, bytes + 64);
  return p;
}

static void rest(long turns) {
  if (turns > 2000) sched_yield();
  else dendrite_pause();
}

static void swap_messages(const void *sending, void *receiving, long bytes, int to, int from) {
  MPI_Request requests[2];
  MPI_Irecv(receiving, (int)bytes, MPI_BYTE, from, 1, MPI_COMM_WORLD, requests);
  MPI_Isend(sending, (int)bytes, MPI_BYTE, to, 1, MPI_COMM_WORLD, requests + 1);
  int done = 0;
  for (long t = 0; !done; t++) {
    MPI_Testall(2, requests, &done, MPI_STATUSES_IGNORE);
    if (!done) rest(t);
  }
}

// MARK: Numbers anybody can make again

static float random_at(long seed, long i) {
  uint64_t z = (uint64_t)seed * 0x9e3779b97f4a7c15u + (uint64_t)i * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (float)((double)((z ^ (z >> 31)) >> 40) / (1 << 23) - 1);
}

// Block b of the context is rank b mod ranks' block b / ranks.
static float key_at(long kv_head, long token, long d) { return random_at(1 + kv_head, token * dim + d); }
static float value_at(long kv_head, long token, long d) { return random_at(1001 + kv_head, token * dim + d); }

static void fill_part(void) {
  for (long b = 0; b < blocks; b++)
    for (long h = 0; h < kv_heads; h++) {
      float *head = (float *)(void *)(part + (b * kv_heads + h) * layout.head_bytes);
      float *values = head + layout.values / 4;
      for (long p = 0; p < 64; p++) {
        const long token = (b * ranks + rank) * 64 + p;
        for (long d = 0; d < dim; d++) {
          head[p / 16 * dim * 16 + d * 16 + p % 16] = key_at(h, token, d);
          values[p * dim + d] = value_at(h, token, d);
        }
      }
    }
}

// MARK: Attention

// Folds a part into the states of all heads, which are made anew: [head].
static void attend(const uint8_t *some, float *into, float *scratch) {
  const long group = heads / kv_heads;
  for (long h = 0; h < kv_heads; h++) {
    for (long b = 0; b < blocks; b++) table[b] = some + b * kv_heads * layout.head_bytes;
    const dendrite_history history = {kernels, &layout, table, h * layout.head_bytes};
    dendrite_attend_begin(scratch, group, dim);
    dendrite_attend_fold(&history, scratch, group, 0, group, query + h * group * dim, 0, blocks * 64);
    dendrite_attend_merge(kernels, scratch, group, dim);
    memcpy(into + h * group * floats, scratch, (size_t)(group * floats) * 4);
  }
}

static void merge_from(const float *from) { dendrite_state_merge_packed(kernels, states, from, heads, dim); }

// MARK: Ways

// The same on all ranks without a message: a power of two between the states' bounds.
static void merge_records(void *in, void *inout, int *count, MPI_Datatype *type) {
  (void)type;
  const float *a = in;
  float *b = inout;
  for (int i = 0; i < *count; i++, a += wire, b += wire) {
    const float m = a[0] > b[0] ? a[0] : b[0];
    const float fa = a[0] == -INFINITY ? 0 : exp2f(a[0] - m), fb = b[0] == -INFINITY ? 0 : exp2f(b[0] - m);
    b[0] = m;
    for (long j = 1; j < wire; j++) {
      const float x = a[j] * fa, y = b[j] * fb;
      b[j] = x + y;
    }
  }
}

static void unpack(const float *from) {
  for (long h = 0; h < heads; h++) {
    float *state = states + h * floats;
    state[0] = from[h * wire];
    memcpy(state + 16, from + h * wire + 1, 64);
    memcpy(state + 32, from + h * wire + 17, (size_t)dim * 4);
  }
}

static void reduce(int way) {
  const long bytes = heads * wire * 4;
  switch (way) {
  case 0:
    for (int bit = ranks / 2, n = 0; bit > 0; bit /= 2, n++) {
      const int partner = rank ^ bit;
      flag *mine = (flag *)(void *)(window + ((long)rank * BITS + n) * box_bytes);
      flag *theirs = (flag *)(void *)(window + ((long)partner * BITS + n) * box_bytes);
      unsigned char *box = (unsigned char *)(mine + 1) + sent[n] % 2 * state_bytes;
      dendrite_state_pack((float *)(void *)box, states, heads, dim);
      atomic_store_explicit(&mine->written, ++sent[n], memory_order_release);
      for (long t = 0; atomic_load_explicit(&theirs->written, memory_order_acquire) <= taken[n]; t++) rest(t);
      merge_from((const float *)(const void *)((unsigned char *)(theirs + 1) + taken[n]++ % 2 * state_bytes));
    }
    return;
  case 1:
    for (int bit = ranks / 2; bit > 0; bit /= 2) {
      dendrite_state_pack(outgoing, states, heads, dim);
      swap_messages(outgoing, incoming, bytes, rank ^ bit, rank ^ bit);
      merge_from(incoming);
    }
    return;
  case 2: {
    // Weights and values shifted to the common bound, then summed; l travels as one number.
    float *m = outgoing, *l = outgoing + heads, *n = outgoing + 2 * heads;
    float *all_m = incoming, *all_l = incoming + heads, *all_n = incoming + 2 * heads;
    for (long h = 0; h < heads; h++) m[h] = states[h * floats];
    MPI_Allreduce(m, all_m, (int)heads, MPI_FLOAT, MPI_MAX, MPI_COMM_WORLD);
    for (long h = 0; h < heads; h++) {
      const float *state = states + h * floats, shift = m[h] == -INFINITY ? 0 : exp2f(m[h] - all_m[h]);
      float sum = 0;
      for (int i = 0; i < 16; i++) sum += state[16 + i];
      l[h] = sum * shift;
      for (long d = 0; d < dim; d++) n[h * dim + d] = state[32 + d] * shift;
    }
    MPI_Allreduce(l, all_l, (int)heads, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    MPI_Allreduce(n, all_n, (int)(heads * dim), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    for (long h = 0; h < heads; h++) {
      float *state = states + h * floats;
      state[0] = all_m[h];
      memset(state + 16, 0, 64);
      state[16] = all_l[h];
      memcpy(state + 32, all_n + h * dim, (size_t)dim * 4);
    }
    return;
  }
  case 3:
    dendrite_state_pack(outgoing, states, heads, dim);
    MPI_Allreduce(outgoing, incoming, (int)heads, record, operator, MPI_COMM_WORLD);
    unpack(incoming);
    return;
  case 4:
    dendrite_state_pack(outgoing, states, heads, dim);
    MPI_Allgather(outgoing, (int)(heads * wire), MPI_FLOAT, gathered, (int)(heads * wire), MPI_FLOAT, MPI_COMM_WORLD);
    for (int r = 0; r < ranks; r++) {
      if (r == 0) unpack(gathered);
      else merge_from(gathered + r * heads * wire);
    }
    return;
  default:
    if (rank > 0) {
      MPI_Recv(incoming, (int)(heads * wire), MPI_FLOAT, rank - 1, 2, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      merge_from(incoming);
    }
    dendrite_state_pack(outgoing, states, heads, dim);
    if (rank + 1 < ranks) MPI_Send(outgoing, (int)(heads * wire), MPI_FLOAT, rank + 1, 2, MPI_COMM_WORLD);
    MPI_Bcast(outgoing, (int)(heads * wire), MPI_FLOAT, ranks - 1, MPI_COMM_WORLD);
    unpack(outgoing);
  }
}

static void run(int way, float *scratch) {
  if (way < REDUCTIONS) {
    memcpy(states, own, (size_t)(heads * floats) * 4);
    reduce(way);
  } else if (way == 6) {
    attend(part, states, scratch);
    reduce(0);
  } else {
    // The part in hand is attended to while it travels on and the next one arrives.
    const uint8_t *current = part;
    for (int step = 0; step < ranks; step++) {
      MPI_Request requests[2];
      uint8_t *next = travelling[step % 2];
      if (step + 1 < ranks) {
        MPI_Irecv(next, (int)part_bytes, MPI_BYTE, (rank + ranks - 1) % ranks, 3, MPI_COMM_WORLD, requests);
        MPI_Isend(current, (int)part_bytes, MPI_BYTE, (rank + 1) % ranks, 3, MPI_COMM_WORLD, requests + 1);
      }
      attend(current, step == 0 ? states : incoming, scratch);
      if (step > 0) kernels->merge(states, incoming, heads, dim);
      if (step + 1 < ranks) {
        int done = 0;
        for (long t = 0; !done; t++) {
          MPI_Testall(2, requests, &done, MPI_STATUSES_IGNORE);
          if (!done) rest(t);
        }
      }
      current = next;
    }
  }
}

// The largest difference from one softmax over the whole context, of a few heads.
static double difference(float *out) {
  kernels->finish(out, states, heads, dim);
  double worst = 0;
  const long context = blocks * 64 * ranks, group = heads / kv_heads;
  for (long h = 0; h < heads; h += heads > 3 ? heads / 3 : 1) {
    double most = -INFINITY, sum = 0, *scores = malloc((size_t)context * sizeof *scores), *z = calloc((size_t)dim, sizeof *z);
    for (long t = 0; t < context; t++) {
      double s = 0;
      for (long d = 0; d < dim; d++) s += (double)query[h * dim + d] * (double)key_at(h / group, t, d);
      scores[t] = s;
      if (s > most) most = s;
    }
    for (long t = 0; t < context; t++) {
      const double w = exp2(scores[t] - most);
      sum += w;
      for (long d = 0; d < dim; d++) z[d] += w * (double)value_at(h / group, t, d);
    }
    for (long d = 0; d < dim; d++) worst = fmax(worst, fabs(z[d] / sum - (double)out[h * dim + d]));
    free(scores), free(z);
  }
  return worst;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static long number(int count, char **arguments, int i, long otherwise) {
  return count > i ? atol(arguments[i]) : otherwise;
}

int main(int count, char **arguments) {
  MPI_Init(&count, &arguments);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  tokens = number(count, arguments, 1, 4096), heads = number(count, arguments, 2, 32);
  kv_heads = number(count, arguments, 3, 8), dim = number(count, arguments, 4, 128);
  const int repetitions = (int)number(count, arguments, 5, 40);
  if ((ranks & (ranks - 1)) || ranks > 16 || kv_heads < 1 || heads % kv_heads || dim < 1 || dim > 1024 || repetitions < 1 ||
      tokens < 64 * ranks) {
    if (rank == 0) fprintf(stderr, "reductions: expected 1, 2, 4, 8 or 16 ranks, heads in groups, 64 tokens a rank\n");
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  kernels = dendrite_kernels_at(0);
  layout = dendrite_kv_layout_make(DENDRITE_KV_F32, dim);
  floats = dendrite_state_floats(dim), wire = dendrite_state_wire_floats(dim);
  blocks = tokens / 64 / ranks, part_bytes = blocks * kv_heads * layout.head_bytes;
  state_bytes = (heads * wire * 4 + 63) / 64 * 64, box_bytes = 128 + 2 * state_bytes;
  const size_t all = (size_t)(heads * floats) * 4;
  own = fresh(all), states = fresh(all), outgoing = fresh(all), incoming = fresh(all);
  gathered = fresh(all * (size_t)ranks), part = fresh((size_t)part_bytes);
  for (int i = 0; i < 2; i++) travelling[i] = fresh((size_t)part_bytes);
  table = fresh((size_t)blocks * sizeof *table), query = fresh((size_t)(heads * dim) * 4);
  float *scratch = fresh((size_t)(16 * heads * floats) * 4), *out = fresh((size_t)(heads * dim) * 4);
  for (long i = 0; i < heads * dim; i++) query[i] = random_at(7, i) * 3 * 1.4426950408889634f / sqrtf((float)dim);
  fill_part();
  attend(part, own, scratch);

  MPI_Type_contiguous((int)wire, MPI_FLOAT, &record);
  MPI_Type_commit(&record);
  MPI_Op_create(merge_records, 1, &operator);
  MPI_Win handle;
  MPI_Aint size;
  int unit;
  const MPI_Aint window_bytes = (MPI_Aint)ranks * BITS * box_bytes;
  MPI_Win_allocate_shared(rank == 0 ? window_bytes : 0, 1, MPI_INFO_NULL, MPI_COMM_WORLD, &window, &handle);
  MPI_Win_shared_query(handle, 0, &size, &unit, &window);
  if (rank == 0) memset(window, 0, (size_t)window_bytes);
  MPI_Barrier(MPI_COMM_WORLD);

  double *times[WAYS], *ratios = fresh((size_t)repetitions * sizeof *ratios), worst[WAYS];
  for (int way = 0; way < WAYS; way++) {
    times[way] = fresh((size_t)repetitions * sizeof **times);
    run(way, scratch);
    double mine = difference(out);
    MPI_Allreduce(&mine, &worst[way], 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    if (!(worst[way] <= 1e-5)) {
      if (rank == 0) fprintf(stderr, "reductions: %s differs by %g from one softmax\n", names[way], worst[way]);
      MPI_Abort(MPI_COMM_WORLD, 1);
    }
  }
  for (int r = -1; r < repetitions; r++)
    for (int way = 0; way < WAYS; way++) {
      const int turns = way < REDUCTIONS ? 200 : 4;
      MPI_Barrier(MPI_COMM_WORLD);
      const double began = now();
      for (int i = 0; i < turns; i++) run(way, scratch);
      if (r >= 0) times[way][r] = (now() - began) / turns * 1e6;
    }
  if (rank == 0) {
    printf("%d ranks, %ld tokens, %ld heads, %ld KV heads, head dim %ld, %s; states %ld bytes, a rank's keys and values %ld\n",
           ranks, blocks * 64 * ranks, heads, kv_heads, dim, kernels->name, heads * wire * 4, part_bytes);
    for (int way = 0; way < WAYS; way++) {
      const int base = way < REDUCTIONS ? 0 : 6;
      for (int r = 0; r < repetitions; r++) ratios[r] = times[way][r] / times[base][r];
      qsort(ratios, (size_t)repetitions, sizeof *ratios, ascending);
      const double ratio = ratios[repetitions / 2];
      double *copy = fresh((size_t)repetitions * sizeof *copy);
      memcpy(copy, times[way], (size_t)repetitions * sizeof *copy);
      qsort(copy, (size_t)repetitions, sizeof *copy, ascending);
      printf("%-13s median %9.2f us, %6.2f times %s, differs from one softmax by %.1e\n", names[way],
             copy[repetitions / 2], ratio, names[base], worst[way]);
      free(copy);
    }
  }
  MPI_Win_free(&handle);
  MPI_Finalize();
  return 0;
}
