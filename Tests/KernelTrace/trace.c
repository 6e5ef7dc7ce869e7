// SPDX-License-Identifier: Apache-2.0
#include "kernel_trace.h"
#include "trace_format.h"

#include <stdio.h>
#include <string.h>

static const dendrite_kernels *base;
static dendrite_kernels recording;
static FILE *file;
static uint64_t run_hash;
static const void *matrices[TRACE_MATRICES];
static int32_t matrix_count;

static void blob(const void *p, size_t bytes) { fwrite(p, 1, bytes, file); }
static void word(uint32_t value) { blob(&value, sizeof value); }
static void number(int64_t value) { blob(&value, sizeof value); }
static void result(const void *p, size_t bytes) {
  const uint64_t hash = trace_hash(trace_seed, p, bytes);
  blob(&hash, sizeof hash);
  run_hash = trace_hash(run_hash, &hash, sizeof hash);
}

static int32_t matrix_number(const dendrite_matrix *w) {
  for (int32_t i = 0; i < matrix_count; i++)
    if (matrices[i] == w->data) return i;
  if (matrix_count == TRACE_MATRICES) return -1;
  matrices[matrix_count] = w->data;
  word(TRACE_MATRIX);
  blob(w, sizeof *w);
  blob(w->data, (size_t)((w->rows + 15) / 16 * (w->code_bytes + w->scale_bytes)));
  return matrix_count++;
}

static void record_matmul(float *y, long y_stride, const dendrite_matrix *w, const dendrite_activations *x,
                          long group_begin, long group_end, long row_begin, long row_end) {
  const int32_t matrix = matrix_number(w);
  const size_t cells = (size_t)(w->blocks * x->rows);
  const int integers = w->packing >= DENDRITE_PACK_Q4;
  word(TRACE_MATMUL);
  number(matrix), number(x->rows);
  number(group_begin), number(group_end), number(row_begin), number(row_end);
  if (integers) {
    blob(x->codes, cells * DENDRITE_CELL);
  } else {
    blob(x->values, cells * 128);
  }
  base->matmul(y, y_stride, w, x, group_begin, group_end, row_begin, row_end);
  uint64_t hash = trace_seed;
  const long last = group_end * 16 < w->rows ? group_end * 16 : w->rows;
  for (long row = row_begin; row < row_end; row++)
    hash = trace_hash(hash, y + row * y_stride + group_begin * 16, (size_t)(last - group_begin * 16) * 4);
  blob(&hash, sizeof hash);
  run_hash = trace_hash(run_hash, &hash, sizeof hash);
}

static void record_quantize(dendrite_activations *out, long row, const float *x, long columns) {
  word(TRACE_QUANTIZE);
  number(columns);
  blob(x, (size_t)columns * 4);
  base->quantize(out, row, x, columns);
  const uint64_t hash = trace_hash_activations(out, (columns + 31) / 32, row, 1);
  blob(&hash, sizeof hash);
  run_hash = trace_hash(run_hash, &hash, sizeof hash);
}

static void record_arrange(dendrite_activations *out, long row, const float *x, long columns) {
  word(TRACE_ARRANGE);
  number(columns);
  blob(x, (size_t)columns * 4);
  base->arrange(out, row, x, columns);
  const uint64_t hash = trace_hash_activations(out, (columns + 31) / 32, row, 0);
  blob(&hash, sizeof hash);
  run_hash = trace_hash(run_hash, &hash, sizeof hash);
}

static float record_rms_norm(float *y, const float *x, const float *weight, long count, float epsilon) {
  word(TRACE_RMS_NORM);
  number(count);
  blob(&epsilon, 4);
  blob(x, (size_t)count * 4);
  blob(weight, (size_t)count * 4);
  const float mean = base->rms_norm(y, x, weight, count, epsilon);
  result(y, (size_t)count * 4);
  return mean;
}

static void record_swiglu(float *y, const float *gate, const float *up, long count) {
  word(TRACE_SWIGLU);
  number(count);
  blob(gate, (size_t)count * 4);
  blob(up, (size_t)count * 4);
  base->swiglu(y, gate, up, count);
  result(y, (size_t)count * 4);
}

static void record_geglu(float *y, const float *gate, const float *up, long count) {
  word(TRACE_GEGLU);
  number(count);
  blob(gate, (size_t)count * 4);
  blob(up, (size_t)count * 4);
  base->geglu(y, gate, up, count);
  result(y, (size_t)count * 4);
}

static void record_swiglu_clamped(float *y, const float *gate, const float *up, long count) {
  word(TRACE_SWIGLU_CLAMPED);
  number(count);
  blob(gate, (size_t)count * 4);
  blob(up, (size_t)count * 4);
  base->swiglu_clamped(y, gate, up, count);
  result(y, (size_t)count * 4);
}

static void record_soft_cap(float *x, long count, float cap) {
  word(TRACE_SOFT_CAP);
  number(count);
  blob(&cap, 4);
  blob(x, (size_t)count * 4);
  base->soft_cap(x, count, cap);
  result(x, (size_t)count * 4);
}

static void record_add(float *y, const float *x, long count) {
  word(TRACE_ADD);
  number(count);
  blob(y, (size_t)count * 4);
  blob(x, (size_t)count * 4);
  base->add(y, x, count);
  result(y, (size_t)count * 4);
}

static void record_rope(float *x, const float *cosine, const float *sine, long heads, long head_dim,
                        long pairs, int interleaved, float factor) {
  word(TRACE_ROPE);
  number(heads), number(head_dim), number(pairs), number(interleaved);
  blob(&factor, 4);
  blob(x, (size_t)(heads * head_dim) * 4);
  blob(cosine, (size_t)pairs * 4);
  blob(sine, (size_t)pairs * 4);
  base->rope(x, cosine, sine, heads, head_dim, pairs, interleaved, factor);
  result(x, (size_t)(heads * head_dim) * 4);
}

static void record_store(void *head, const dendrite_kv_layout *layout, long position, const float *key,
                         const float *value) {
  word(TRACE_STORE);
  number(layout->type), number(layout->head_dim), number(position);
  blob(head, (size_t)layout->head_bytes);
  blob(key, (size_t)layout->head_dim * 4);
  blob(value, (size_t)layout->head_dim * 4);
  base->store(head, layout, position, key, value);
  result(head, (size_t)layout->head_bytes);
}

static void record_attend(float *states, const float *query, long queries, const void *head,
                          const dendrite_kv_layout *layout, long begin, long end, float cap,
                          const void *next) {
  const size_t bytes = (size_t)(queries * dendrite_state_floats(layout->head_dim)) * 4;
  word(TRACE_ATTEND);
  number(layout->type), number(layout->head_dim), number(queries), number(begin), number(end);
  blob(&cap, 4);
  blob(states, bytes);
  blob(query, (size_t)(queries * layout->head_dim) * 4);
  blob(head, (size_t)layout->head_bytes);
  base->attend(states, query, queries, head, layout, begin, end, cap, next);
  result(states, bytes);
}

static void record_merge(float *a, const float *b, long queries, long head_dim) {
  const size_t bytes = (size_t)(queries * dendrite_state_floats(head_dim)) * 4;
  word(TRACE_MERGE);
  number(queries), number(head_dim);
  blob(a, bytes);
  blob(b, bytes);
  base->merge(a, b, queries, head_dim);
  result(a, bytes);
}

static void record_finish(float *out, const float *states, long queries, long head_dim) {
  word(TRACE_FINISH);
  number(queries), number(head_dim);
  blob(states, (size_t)(queries * dendrite_state_floats(head_dim)) * 4);
  base->finish(out, states, queries, head_dim);
  result(out, (size_t)(queries * head_dim) * 4);
}

static long record_argmax(const float *x, long count) {
  word(TRACE_ARGMAX);
  number(count);
  blob(x, (size_t)count * 4);
  const int64_t index = base->argmax(x, count);
  result(&index, sizeof index);
  return (long)index;
}

// What chooses a token does not go through a machine's table, so it is only passed on.
static float pass_maximum(const float *x, long count, long *index) { return base->maximum(x, count, index); }
static double pass_softmax_sum(const float *x, long count, float maximum) {
  return base->softmax_sum(x, count, maximum);
}

const dendrite_kernels *kernel_trace_begin(const dendrite_kernels *kernels, const char *path) {
  file = fopen(path, "wb");
  if (!file) return NULL;
  blob("DKTR", 4);
  base = kernels;
  run_hash = trace_seed;
  matrix_count = 0;
  recording = (dendrite_kernels){
      kernels->name, record_matmul, record_quantize, record_arrange, record_rms_norm, record_swiglu, record_add,
      record_rope,   record_store,  record_attend,   record_merge,   record_finish,   record_argmax,
      pass_maximum,  pass_softmax_sum, record_geglu, record_swiglu_clamped,
      record_soft_cap};
  return &recording;
}

uint64_t kernel_trace_end(void) {
  word(TRACE_END);
  blob(&run_hash, sizeof run_hash);
  const int failed = ferror(file) | (fclose(file) != 0);
  file = NULL;
  return failed ? 0 : run_hash;
}
