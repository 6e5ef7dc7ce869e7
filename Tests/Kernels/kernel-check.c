// SPDX-License-Identifier: Apache-2.0
//
// Compares every variant that this CPU runs with `generic`, byte for byte, on random shapes, and prints
// one hash of all results. The hash is the same on every machine and architecture; built with address
// and undefined-behaviour sanitizers it also shows that nothing outside the buffers is touched
// (each buffer is allocated to its exact size).
//
//   kernel-check [seed] [rounds]
#define _POSIX_C_SOURCE 200809L
#include "dendrite_kernels.h"
#include "dendrite_math.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state;
static uint64_t hash = 0xcbf29ce484222325;
static long checks, failures;
static const dendrite_kernels *generic;

static uint32_t next(void) { /* PCG32 */
  const uint64_t old = state;
  state = old * 6364136223846793005u + 1442695040888963407u;
  const uint32_t x = (uint32_t)((old >> 18 ^ old) >> 27), r = (uint32_t)(old >> 59);
  return x >> r | x << (-r & 31);
}
static long below(long n) { return (long)(next() % (uint32_t)n); }
static float uniform(void) { return (float)(int32_t)next() * 0x1p-31f; }

static void *fresh(size_t bytes) { /* aligned as the product aligns its buffers, exactly sized */
  void *p = NULL;
  if (posix_memalign(&p, 64, bytes ? bytes : 1)) abort();
  memset(p, 0, bytes);
  return p;
}

static float *floats(long count, float scale) {
  float *x = fresh((size_t)count * 4);
  for (long i = 0; i < count; i++) x[i] = uniform() * uniform() * scale;
  return x;
}

static void *copy(const void *p, size_t bytes) { return memcpy(fresh(bytes), p, bytes); }

static void mix(const void *p, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) hash = (hash ^ ((const uint8_t *)p)[i]) * 0x100000001b3;
}

static void expect_same(const char *what, const char *variant, const void *want, const void *got,
                        size_t bytes) {
  checks++;
  if (memcmp(want, got, bytes) == 0) return;
  size_t at = 0;
  while (((const uint8_t *)want)[at] == ((const uint8_t *)got)[at]) at++;
  failures++;
  fprintf(stderr, "%s: %s differs from generic at byte %zu of %zu\n", what, variant, at, bytes);
}

static size_t cells_of(long rows, long columns) { return (size_t)((columns + 31) / 32) * (size_t)rows; }
static dendrite_activations activations(long rows, long columns) {
  const size_t cells = cells_of(rows, columns);
  return (dendrite_activations){rows, fresh(cells * 128), fresh(cells * DENDRITE_CELL)};
}
static void release(dendrite_activations *x) {
  free(x->values);
  free(x->codes);
}

static const struct {
  int type, length, bytes, halves[2];
} types[] = {
    {DENDRITE_GGUF_F32, 1, 4, {-1, -1}},     {DENDRITE_GGUF_F16, 1, 2, {0, -1}},
    {DENDRITE_GGUF_BF16, 1, 2, {-1, -1}},    {DENDRITE_GGUF_Q4_0, 32, 18, {0, -1}},
    {DENDRITE_GGUF_Q4_1, 32, 20, {0, 2}},    {DENDRITE_GGUF_Q5_0, 32, 22, {0, -1}},
    {DENDRITE_GGUF_Q5_1, 32, 24, {0, 2}},    {DENDRITE_GGUF_Q8_0, 32, 34, {0, -1}},
    {DENDRITE_GGUF_Q2_K, 256, 84, {80, 82}}, {DENDRITE_GGUF_Q3_K, 256, 110, {108, -1}},
    {DENDRITE_GGUF_Q4_K, 256, 144, {0, 2}},  {DENDRITE_GGUF_Q5_K, 256, 176, {0, 2}},
    {DENDRITE_GGUF_Q6_K, 256, 210, {208, -1}}, {DENDRITE_GGUF_IQ4_NL, 32, 18, {0, -1}},
    {DENDRITE_GGUF_IQ4_XS, 256, 136, {0, -1}}, {DENDRITE_GGUF_MXFP4, 32, 17, {-1, -1}},
};

// Random blocks with finite scales.
static uint8_t *blocks_of(int t, long rows, long columns) {
  const long count = rows * (columns / types[t].length);
  uint8_t *data = fresh((size_t)(count * types[t].bytes));
  for (long i = 0; i < count; i++) {
    uint8_t *block = data + i * types[t].bytes;
    for (int b = 0; b < types[t].bytes; b++) block[b] = (uint8_t)next();
    for (int h = 0; h < 2; h++)
      if (types[t].halves[h] >= 0) {
        const uint16_t half = (uint16_t)(0x1400 + below(0x0c00) + (next() & 0x8000));
        memcpy(block + types[t].halves[h], &half, 2);
      }
    if (types[t].type == DENDRITE_GGUF_F32) {
      const float value = uniform();
      memcpy(block, &value, 4);
    }
    if (types[t].type == DENDRITE_GGUF_BF16) {
      const uint16_t value = (uint16_t)(0x3c00 + below(0x300) + (next() & 0x8000));
      memcpy(block, &value, 2);
    }
    if (types[t].type == DENDRITE_GGUF_MXFP4) block[0] = (uint8_t)(116 + below(12));
  }
  return data;
}

static void check_matmul(const dendrite_kernels *k, int t) {
  const long rows = 1 + below(70), columns = types[t].length * (1 + below(types[t].length == 1 ? 90 : 5));
  const long n = 1 + below(34), groups = (rows + 15) / 16;
  uint8_t *source = blocks_of(t, rows, columns);
  dendrite_matrix w = dendrite_matrix_make(types[t].type, rows, columns);
  uint8_t *packed = fresh((size_t)(groups * (w.code_bytes + w.scale_bytes)));
  dendrite_matrix_pack(packed, &w, types[t].type, source, columns / types[t].length * types[t].bytes, 0,
                       groups);
  w.data = packed;
  dendrite_activations a = activations(n, columns), b = activations(n, columns);
  for (long r = 0; r < n; r++) {
    float *x = floats(columns, r % 7 == 3 ? 1e-32f : 4);
    generic->quantize(&a, r, x, columns);
    generic->arrange(&a, r, x, columns);
    k->quantize(&b, r, x, columns);
    k->arrange(&b, r, x, columns);
    free(x);
  }
  const size_t cells = cells_of(n, columns);
  expect_same("quantize", k->name, a.codes, b.codes, cells * DENDRITE_CELL);
  expect_same("arrange", k->name, a.values, b.values, cells * 128);
  if (t == 0) mix(b.codes, cells * DENDRITE_CELL);
  float *want = fresh((size_t)(n * rows) * 4), *got = fresh((size_t)(n * rows) * 4);
  generic->matmul(want, rows, &w, &a, 0, groups, 0, n);
  for (long g = 0; g < groups;) { /* any division of the work gives the same bits */
    const long to = g + 1 + below(groups - g);
    for (long r = 0; r < n;) {
      const long end = r + 1 + below(n - r);
      k->matmul(got, rows, &w, &a, g, to, r, end);
      r = end;
    }
    g = to;
  }
  char what[32];
  snprintf(what, sizeof what, "matmul type %d", types[t].type);
  expect_same(what, k->name, want, got, (size_t)(n * rows) * 4);
  mix(got, (size_t)(n * rows) * 4);
  free(source), free(packed), free(want), free(got);
  release(&a), release(&b);
}

static void check_maximum(const dendrite_kernels *k, const float *x, long n) {
  long want_index, got_index;
  const float want = generic->maximum(x, n, &want_index), got = k->maximum(x, n, &got_index);
  expect_same("maximum", k->name, &want, &got, sizeof got);
  expect_same("index of the maximum", k->name, &want_index, &got_index, sizeof got_index);
}

static void check_rows(const dendrite_kernels *k) {
  const long n = 1 + below(100);
  float *x = floats(n, 8), *w = floats(n, 2), *want = fresh((size_t)n * 4), *got = fresh((size_t)n * 4);
  generic->rms_norm(want, x, w, n, 1e-5f);
  k->rms_norm(got, x, w, n, 1e-5f);
  expect_same("rms_norm", k->name, want, got, (size_t)n * 4);
  mix(got, (size_t)n * 4);
  x[0] = 300, w[0] = -300;
  generic->swiglu(want, x, w, n);
  k->swiglu(got, x, w, n);
  expect_same("swiglu", k->name, want, got, (size_t)n * 4);
  mix(got, (size_t)n * 4);
  generic->geglu(want, x, w, n);
  k->geglu(got, x, w, n);
  expect_same("geglu", k->name, want, got, (size_t)n * 4);
  mix(got, (size_t)n * 4);
  generic->swiglu_clamped(want, x, w, n);
  k->swiglu_clamped(got, x, w, n);
  expect_same("swiglu_clamped", k->name, want, got, (size_t)n * 4);
  mix(got, (size_t)n * 4);
  generic->soft_cap(want, n, 3.5f);
  k->soft_cap(got, n, 3.5f);
  expect_same("soft_cap", k->name, want, got, (size_t)n * 4);
  mix(got, (size_t)n * 4);
  generic->add(want, x, n);
  k->add(got, x, n);
  expect_same("add", k->name, want, got, (size_t)n * 4);
  if (n > 3) x[n - 1] = x[n / 2] = 500;
  const long winner = generic->argmax(x, n);
  checks++;
  if (k->argmax(x, n) != winner) failures++, fprintf(stderr, "argmax: %s differs\n", k->name);
  check_maximum(k, x, n);
  long index;
  const float maximum = k->maximum(x, n, &index);
  const double sum = k->softmax_sum(x, n, maximum);
  expect_same("softmax_sum", k->name, &(double){generic->softmax_sum(x, n, maximum)}, &sum, sizeof sum);
  mix(&sum, sizeof sum);
  x[below(n)] = NAN;
  checks++;
  if (k->argmax(x, n) != -1) failures++, fprintf(stderr, "argmax: %s overlooks NaN\n", k->name);
  check_maximum(k, x, n);
  for (long i = 0; i < n; i++) x[i] = (float)(i % 3 - 2) * (below(2) ? -0.0f : 0.0f);
  check_maximum(k, x, n);
  for (long i = 0; i < n; i++) x[i] = -INFINITY;
  check_maximum(k, x, n);
  free(x), free(w), free(want), free(got);
}

static void check_rope(const dendrite_kernels *k) {
  const long dim = 2 * (1 + below(64)), pairs = 1 + below(dim / 2), heads = 1 + below(4);
  const size_t bytes = (size_t)(heads * dim) * 4;
  float *x = floats(heads * dim, 3), *y = copy(x, bytes), *c = floats(pairs, 1), *s = floats(pairs, 1);
  for (int interleaved = 0; interleaved < 2; interleaved++) {
    generic->rope(x, c, s, heads, dim, pairs, interleaved, 0.36f);
    k->rope(y, c, s, heads, dim, pairs, interleaved, 0.36f);
    expect_same("rope", k->name, x, y, bytes);
  }
  mix(y, bytes);
  free(x), free(y), free(c), free(s);
}

static void attend_all(const dendrite_kernels *k, float *out, const float *q, long queries, const void *const *heads,
                       const dendrite_kv_layout *layout, long begin, long end, float cap, float *states) {
  const dendrite_history history = {k, layout, heads, 0, cap};
  dendrite_attend_begin(states, queries, layout->head_dim);
  dendrite_attend_fold(&history, states, queries, 0, queries, q, begin, end);
  dendrite_attend_end(k, out, states, queries, layout->head_dim);
}

static void check_attention(const dendrite_kernels *k, dendrite_kv_type type) {
  static const long dims[] = {8, 16, 24, 32, 64, 80, 96, 128, 256};
  const long dim = dims[below(9)], queries = 1 + below(9), length = 1 + below(1500);
  const dendrite_kv_layout layout = dendrite_kv_layout_make(type, dim);
  const long blocks = (length + 63) / 64;
  const void **want_heads = fresh((size_t)blocks * sizeof(void *)), **heads = fresh((size_t)blocks * sizeof(void *));
  for (long b = 0; b < blocks; b++) {
    want_heads[b] = fresh((size_t)layout.head_bytes);
    heads[b] = fresh((size_t)layout.head_bytes);
  }
  for (long p = 0; p < length; p++) {
    float *key = floats(dim, 6), *value = floats(dim, 2);
    generic->store((void *)want_heads[p / 64], &layout, p % 64, key, value);
    k->store((void *)heads[p / 64], &layout, p % 64, key, value);
    free(key), free(value);
  }
  for (long b = 0; b < blocks; b++)
    expect_same("store", k->name, want_heads[b], heads[b], (size_t)layout.head_bytes);
  float *q = floats(queries * dim, 3);
  const size_t bytes = (size_t)(queries * dim) * 4;
  const size_t scratch_bytes = (size_t)(16 * queries * dendrite_state_floats(dim)) * 4;
  float *want = fresh(bytes), *got = fresh(bytes), *scratch = fresh(scratch_bytes);
  const long begin = below(3) == 0 ? below(length) : 0;
  const float cap = below(3) == 0 ? 7.2f : 0; /* of scores, where there is one */
  attend_all(generic, want, q, queries, want_heads, &layout, begin, length, cap, scratch);
  attend_all(k, got, q, queries, heads, &layout, begin, length, cap, scratch);
  expect_same("attention", k->name, want, got, bytes);
  mix(got, bytes);
  /* Queries one at a time give the bits they give together. */
  for (long i = 0; i < queries; i++)
    attend_all(k, got + i * dim, q + i * dim, 1, heads, &layout, begin, length, cap, scratch);
  expect_same("attention, one query at a time", k->name, want, got, bytes);
  /* Whole blocks together, the rest one query at a time. */
  const dendrite_history history = {k, &layout, heads, 0, cap};
  const long shared = begin + below(length - begin + 1), cut = shared / 64 * 64 > begin ? shared / 64 * 64 : begin;
  dendrite_attend_begin(scratch, queries, dim);
  if (cut > begin) dendrite_attend_fold(&history, scratch, queries, 0, queries, q, begin, cut);
  for (long i = 0; i < queries && cut < length; i++)
    dendrite_attend_fold(&history, scratch, queries, i, 1, q + i * dim, cut, length);
  dendrite_attend_end(k, got, scratch, queries, dim);
  expect_same("attention, partly together", k->name, want, got, bytes);
  /* The same classes in 2 ... 16 shards: each folds its own, the merges stay where they are. */
  const long state = queries * dendrite_state_floats(dim);
  for (long ranks = 2; ranks <= 16; ranks *= 2) {
    for (long c = 0; c < 16; c++) {
      float *s = scratch + c * state;
      memset(s, 0, (size_t)state * 4);
      for (long i = 0; i < queries; i++) s[i * (state / queries)] = -INFINITY;
      for (long b = 0; b < blocks; b++) {
        const long from = begin > b * 64 ? begin - b * 64 : 0, to = length - b * 64 < 64 ? length - b * 64 : 64;
        if (b % 16 == c && from < to) k->attend(s, q, queries, heads[b], &layout, from, to, cap, NULL);
      }
    }
    for (long rank = 0; rank < ranks; rank++) /* inside a rank: classes equal modulo ranks */
      for (long half = 8; half >= ranks; half /= 2)
        for (long c = rank; c < half; c += ranks)
          k->merge(scratch + c * state, scratch + (c + half) * state, queries, dim);
    for (long half = ranks / 2; half > 0; half /= 2)
      for (long c = 0; c < half; c++) {
        if (c & 1) { /* the partner may be on either side: the merge commutes */
          k->merge(scratch + (c + half) * state, scratch + c * state, queries, dim);
          memcpy(scratch + c * state, scratch + (c + half) * state, (size_t)state * 4);
        } else {
          k->merge(scratch + c * state, scratch + (c + half) * state, queries, dim);
        }
      }
    k->finish(got, scratch, queries, dim);
    expect_same("attention over ranks", k->name, want, got, bytes);
  }
  for (long b = 0; b < blocks; b++) free((void *)want_heads[b]), free((void *)heads[b]);
  free(want_heads), free(heads), free(q), free(want), free(got), free(scratch);
}

int main(int argc, char **argv) {
  const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  const long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : 20;
  dendrite_float_environment_set();
  generic = dendrite_kernels_named("generic");
  uint64_t first = 0;
  for (long i = 0; i < dendrite_kernels_count(); i++) {
    const dendrite_kernels *k = dendrite_kernels_at(i);
    state = seed * 2 + 1;
    hash = 0xcbf29ce484222325;
    for (long round = 0; round < rounds; round++) {
      for (int t = 0; t < (int)(sizeof types / sizeof *types); t++) check_matmul(k, t);
      check_rows(k);
      check_rope(k);
      for (int type = 0; type < 4; type++) check_attention(k, (dendrite_kv_type)type);
    }
    printf("%-12s hash %016" PRIx64 "\n", k->name, hash);
    if (i == 0) first = hash;
    if (hash != first) failures++;
  }
  printf("%ld passed, %ld failed\n", checks - failures, failures);
  return failures != 0;
}
