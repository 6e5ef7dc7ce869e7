// SPDX-License-Identifier: Apache-2.0
//
// How fast one core multiplies: a matrix of each packing with passes of several widths, beside what the variant's
// instructions allow and what memory gives. The best of all repetitions within half a second: what the kernel can
// do, not what a busy machine lets it do. `dendrite bench` measures whole models.
//
//   matmul [variant] [GGUF type numbers, comma-separated] [output features] [input features]
#define _POSIX_C_SOURCE 200809L
#include "dendrite_kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *fresh(size_t bytes) {
  void *p = NULL;
  if (posix_memalign(&p, 64, bytes + 64)) abort();
  return p;
}

// Products of the register-only probe a second, the best of five.
static double limit_of(const dendrite_kernels *k) {
  double best = 0;
  for (int i = 0; i < 5; i++) {
    const double start = now(), done = dendrite_probe_int8(k, 3000000), rate = done / (now() - start);
    if (rate > best) best = rate;
  }
  return best;
}

// Small finite weights: halves and bfloats of 0x3b3b, so that nothing is subnormal.
static dendrite_matrix matrix(int type, long rows, long columns, size_t *bytes) {
  dendrite_matrix w = dendrite_matrix_make(type, rows, columns);
  *bytes = (size_t)((rows + 15) / 16 * (w.code_bytes + w.scale_bytes));
  uint8_t *data = fresh(*bytes);
  memset(data, 0x3b, *bytes);
  w.data = data;
  return w;
}

static dendrite_activations activations(const dendrite_kernels *k, long n, long columns) {
  const size_t blocks = (size_t)((columns + 31) / 32 * n);
  dendrite_activations x = {n, fresh(blocks * 128), fresh(blocks * DENDRITE_CELL)};
  float *row = fresh((size_t)columns * 4);
  for (long r = 0; r < n; r++) {
    for (long i = 0; i < columns; i++) row[i] = (float)((i * 37 + r * 11) % 101 - 50) / 50;
    k->quantize(&x, r, row, columns);
    k->arrange(&x, r, row, columns);
  }
  free(row);
  return x;
}

int main(int argc, char **argv) {
  const dendrite_kernels *k = argc > 1 ? dendrite_kernels_named(argv[1]) : dendrite_kernels_at(0);
  const char *types = argc > 2 ? argv[2] : "2,8,12,14,6,1,30";
  const long rows = argc > 3 ? atol(argv[3]) : 2048, columns = argc > 4 ? atol(argv[4]) : 2048;
  if (!k || rows < 1 || columns < 256 || columns % 256) {
    fprintf(stderr, "usage: matmul [variant of this CPU] [types] [output features] [input features, by 256]\n");
    return 64;
  }
  const double limit = limit_of(k);
  printf("%s, one core, %ld x %ld; int8 products in registers: %.0f G/s\n", k->name, rows, columns, limit / 1e9);
  printf("type  rows      G/s  of limit   GB/s\n");
  char list[256];
  snprintf(list, sizeof list, "%s", types);
  for (char *item = strtok(list, ","); item; item = strtok(NULL, ",")) {
    size_t bytes;
    dendrite_matrix w = matrix(atoi(item), rows, columns, &bytes);
    static const long widths[] = {1, 2, 4, 8, 16, 64, 512};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
      const long n = widths[i];
      dendrite_activations x = activations(k, n, columns);
      float *y = fresh((size_t)(rows * n) * 4);
      double best = 1e9;
      for (double start = now(); now() - start < 0.5;) {
        const double began = now();
        k->matmul(y, rows, &w, &x, 0, (rows + 15) / 16, 0, n);
        const double time = now() - began;
        if (time < best) best = time;
      }
      const double rate = (double)rows * (double)columns * (double)n / best;
      printf("%4s  %4ld  %7.1f  %6.0f %%  %5.1f\n", item, n, rate / 1e9, 100 * rate / limit,
             (double)bytes / best / 1e9);
      fflush(stdout);
      free(x.values), free(x.codes), free(y);
    }
    free((void *)(uintptr_t)w.data);
  }
  return 0;
}
