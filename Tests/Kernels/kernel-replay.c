// SPDX-License-Identifier: Apache-2.0
//
// Repeats the kernel calls of a recorded run with another variant and compares every output's hash.
//
//   kernel-replay TRACE [variant]
//
// Prints the hash over all outputs: the engine printed the same one when it recorded the run.
#define _POSIX_C_SOURCE 200809L
#include "dendrite_kernels.h"
#include "../KernelTrace/trace_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *file;
static uint64_t run_hash;
static long calls, failures;

static void take(void *p, size_t bytes) {
  if (fread(p, 1, bytes, file) != bytes) {
    fprintf(stderr, "kernel-replay: the trace ends in the middle of a record\n");
    exit(2);
  }
}
static void *blob(size_t bytes) {
  void *p = NULL;
  if (posix_memalign(&p, 64, bytes ? bytes : 1)) exit(2);
  take(p, bytes);
  return p;
}
static float *floats(int64_t count) { return blob((size_t)count * 4); }
static long number(void) {
  int64_t value;
  take(&value, sizeof value);
  return (long)value;
}
static float real(void) {
  float value;
  take(&value, sizeof value);
  return value;
}
static void compare(const char *what, uint64_t hash) {
  uint64_t want;
  take(&want, sizeof want);
  run_hash = trace_hash(run_hash, &hash, sizeof hash);
  calls++;
  if (hash == want) return;
  if (failures++ < 10) fprintf(stderr, "call %ld, %s: other bits than the recorded ones\n", calls, what);
}
static void compare_output(const char *what, const void *p, size_t bytes) {
  compare(what, trace_hash(trace_seed, p, bytes));
}

static dendrite_matrix matrices[TRACE_MATRICES];
static int matrix_count;

static void replay_matmul(const dendrite_kernels *k) {
  const dendrite_matrix *w = &matrices[number()];
  dendrite_activations x = {.rows = number()};
  const long g0 = number(), g1 = number(), r0 = number(), r1 = number();
  const size_t cells = (size_t)(w->blocks * x.rows);
  if (w->packing >= DENDRITE_PACK_Q4) {
    x.codes = blob(cells * DENDRITE_CELL);
  } else {
    x.values = blob(cells * 128);
  }
  float *y = calloc((size_t)(x.rows * w->rows), 4);
  k->matmul(y, w->rows, w, &x, g0, g1, r0, r1);
  uint64_t hash = trace_seed;
  const long last = g1 * 16 < w->rows ? g1 * 16 : w->rows;
  for (long row = r0; row < r1; row++)
    hash = trace_hash(hash, y + row * w->rows + g0 * 16, (size_t)(last - g0 * 16) * 4);
  compare("matmul", hash);
  free(x.values), free(x.codes), free(y);
}

static void replay_activations(const dendrite_kernels *k, int integers) {
  const long columns = number(), blocks = (columns + 31) / 32;
  float *x = floats(columns);
  dendrite_activations out = {1, calloc((size_t)blocks, 128), calloc((size_t)blocks, DENDRITE_CELL)};
  if (integers) k->quantize(&out, 0, x, columns);
  else k->arrange(&out, 0, x, columns);
  compare(integers ? "quantize" : "arrange", trace_hash_activations(&out, blocks, 0, integers));
  free(x), free(out.values), free(out.codes);
}

static void replay_rows(const dendrite_kernels *k, uint32_t operation) {
  const long count = number();
  const float epsilon = operation == TRACE_RMS_NORM || operation == TRACE_SOFT_CAP ? real() : 0;
  float *a = floats(count);
  float *b = operation == TRACE_ARGMAX || operation == TRACE_SOFT_CAP ? NULL : floats(count);
  switch (operation) {
    case TRACE_RMS_NORM: {
      float *y = malloc((size_t)count * 4);
      k->rms_norm(y, a, b, count, epsilon);
      compare_output("rms_norm", y, (size_t)count * 4);
      free(y);
      break;
    }
    case TRACE_SWIGLU: {
      float *y = malloc((size_t)count * 4);
      k->swiglu(y, a, b, count);
      compare_output("swiglu", y, (size_t)count * 4);
      free(y);
      break;
    }
    case TRACE_GEGLU: {
      float *y = malloc((size_t)count * 4);
      k->geglu(y, a, b, count);
      compare_output("geglu", y, (size_t)count * 4);
      free(y);
      break;
    }
    case TRACE_SWIGLU_CLAMPED: {
      float *y = malloc((size_t)count * 4);
      k->swiglu_clamped(y, a, b, count);
      compare_output("swiglu_clamped", y, (size_t)count * 4);
      free(y);
      break;
    }
    case TRACE_SOFT_CAP:
      k->soft_cap(a, count, epsilon);
      compare_output("soft_cap", a, (size_t)count * 4);
      break;
    case TRACE_ADD:
      k->add(a, b, count);
      compare_output("add", a, (size_t)count * 4);
      break;
    default: {
      const int64_t index = k->argmax(a, count);
      compare_output("argmax", &index, sizeof index);
    }
  }
  free(a), free(b);
}

static void replay_rope(const dendrite_kernels *k) {
  const long heads = number(), dim = number(), pairs = number(), interleaved = number();
  const float factor = real();
  float *x = floats(heads * dim), *c = floats(pairs), *s = floats(pairs);
  k->rope(x, c, s, heads, dim, pairs, (int)interleaved, factor);
  compare_output("rope", x, (size_t)(heads * dim) * 4);
  free(x), free(c), free(s);
}

static void replay_store(const dendrite_kernels *k) {
  const long type = number(), dim = number(), position = number();
  const dendrite_kv_layout layout = dendrite_kv_layout_make((dendrite_kv_type)type, dim);
  void *head = blob((size_t)layout.head_bytes);
  float *key = floats(dim), *value = floats(dim);
  k->store(head, &layout, position, key, value);
  compare_output("store", head, (size_t)layout.head_bytes);
  free(head), free(key), free(value);
}

static void replay_attend(const dendrite_kernels *k) {
  const long type = number(), dim = number(), queries = number(), begin = number(), end = number();
  const float cap = real();
  const dendrite_kv_layout layout = dendrite_kv_layout_make((dendrite_kv_type)type, dim);
  float *states = floats(queries * dendrite_state_floats(dim)), *query = floats(queries * dim);
  void *head = blob((size_t)layout.head_bytes);
  k->attend(states, query, queries, head, &layout, begin, end, cap, NULL);
  compare_output("attend", states, (size_t)(queries * dendrite_state_floats(dim)) * 4);
  free(states), free(query), free(head);
}

static void replay_states(const dendrite_kernels *k, uint32_t operation) {
  const long queries = number(), dim = number();
  const long count = queries * dendrite_state_floats(dim);
  float *a = floats(count), *b = operation == TRACE_MERGE ? floats(count) : calloc((size_t)(queries * dim), 4);
  if (operation == TRACE_MERGE) {
    k->merge(a, b, queries, dim);
    compare_output("merge", a, (size_t)count * 4);
  } else {
    k->finish(b, a, queries, dim);
    compare_output("finish", b, (size_t)(queries * dim) * 4);
  }
  free(a), free(b);
}

static void read_matrix(void) {
  dendrite_matrix *w = &matrices[matrix_count++];
  take(w, sizeof *w);
  w->data = blob((size_t)((w->rows + 15) / 16 * (w->code_bytes + w->scale_bytes)));
}

int main(int argc, char **argv) {
  const dendrite_kernels *k = argc > 2 ? dendrite_kernels_named(argv[2]) : dendrite_kernels_at(0);
  file = argc > 1 ? fopen(argv[1], "rb") : NULL;
  char magic[4];
  if (!k || !file || fread(magic, 1, 4, file) != 4 || memcmp(magic, "DKTR", 4) != 0) {
    fprintf(stderr, "usage: kernel-replay TRACE [variant that this CPU can run]\n");
    return 2;
  }
  dendrite_float_environment_set();
  run_hash = trace_seed;
  for (;;) {
    uint32_t operation;
    take(&operation, sizeof operation);
    if (operation == TRACE_END) break;
    switch (operation) {
      case TRACE_MATRIX: read_matrix(); break;
      case TRACE_MATMUL: replay_matmul(k); break;
      case TRACE_QUANTIZE: replay_activations(k, 1); break;
      case TRACE_ARRANGE: replay_activations(k, 0); break;
      case TRACE_ROPE: replay_rope(k); break;
      case TRACE_STORE: replay_store(k); break;
      case TRACE_ATTEND: replay_attend(k); break;
      case TRACE_MERGE:
      case TRACE_FINISH: replay_states(k, operation); break;
      case TRACE_RMS_NORM:
      case TRACE_SWIGLU:
      case TRACE_ADD:
      case TRACE_ARGMAX:
      case TRACE_GEGLU:
      case TRACE_SWIGLU_CLAMPED:
      case TRACE_SOFT_CAP: replay_rows(k, operation); break;
      default: fprintf(stderr, "kernel-replay: unknown operation %u\n", operation); return 2;
    }
  }
  uint64_t want;
  take(&want, sizeof want);
  printf("%-12s kernel hash %016" PRIx64 " (%ld calls, %ld differ)\n", k->name, run_hash, calls, failures);
  return failures != 0 || want != run_hash;
}
