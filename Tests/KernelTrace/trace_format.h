// SPDX-License-Identifier: Apache-2.0
//
// The trace file: "DKTR", then records of little-endian words and blobs, in native layout.
//   u32 operation, operands as the functions in trace.c write them, u64 hash of the outputs
// A matrix is written once, when it is first used (operation TRACE_MATRIX), and named by a number.
#pragma once

#include "dendrite_kernels.h"

#include <stdint.h>
#include <stddef.h>

enum {
  TRACE_END = 0, TRACE_MATRIX, TRACE_MATMUL, TRACE_QUANTIZE, TRACE_ARRANGE, TRACE_RMS_NORM,
  TRACE_SWIGLU, TRACE_ADD, TRACE_ROPE, TRACE_STORE, TRACE_ATTEND, TRACE_MERGE, TRACE_FINISH,
  TRACE_ARGMAX, TRACE_GEGLU, TRACE_SOFT_CAP, TRACE_SWIGLU_CLAMPED,
};

enum { TRACE_MATRICES = 4096 };

static inline uint64_t trace_hash(uint64_t hash, const void *data, size_t bytes) {
  const uint8_t *p = data;
  for (size_t i = 0; i < bytes; i++) hash = (hash ^ p[i]) * 0x100000001b3;
  return hash;
}

static const uint64_t trace_seed = 0xcbf29ce484222325;

// One row of activations, block by block.
static inline uint64_t trace_hash_activations(const dendrite_activations *x, long blocks, long row,
                                              int integers) {
  uint64_t hash = trace_seed;
  for (long b = 0; b < blocks; b++) {
    if (!integers) {
      hash = trace_hash(hash, dendrite_values_at(x, blocks, b, row), 128);
      continue;
    }
    const dendrite_cell cell = dendrite_cell_at(x, blocks, b, row);
    hash = trace_hash(hash, cell.codes, 32);
    hash = trace_hash(hash, cell.dx, 4);
    hash = trace_hash(hash, cell.offset, 4);
    hash = trace_hash(hash, cell.offset0, 4);
    hash = trace_hash(hash, cell.offset1, 4);
    hash = trace_hash(hash, cell.share, 4);
  }
  return hash;
}
