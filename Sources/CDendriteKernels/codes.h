// SPDX-License-Identifier: Apache-2.0
//
// What the codes of integer packings are; see dendrite_kernels.h for their planes.
#pragma once

#include "dendrite_kernels.h"

#include <stdint.h>
#include <string.h>

enum { CODES_4, CODES_5, CODES_6, CODES_8, CODES_IQ4, CODES_MX4 };

/* Sums of products, one register of them: the file that includes this one defines PARTS. */
typedef int32_t part_ints __attribute__((vector_size(64 / PARTS)));

#define ALWAYS_INLINE static inline __attribute__((always_inline))
// A tile is compiled once for each packing and number of rows, its loops unrolled, so that its sums stay in
// registers. Sanitizers watch every load and would take minutes over that: for them a tile is one function
// with loops, which touches the same memory.
#if __has_feature(address_sanitizer)
#define TILE_FUNCTION static __attribute__((noinline))
#define UNROLL
#else
#define TILE_FUNCTION ALWAYS_INLINE
#define UNROLL _Pragma("clang loop unroll(full)")
#endif

// Whether codes are multiplied as signed numbers where an instruction set can choose.
ALWAYS_INLINE int codes_are_signed(const int kind) {
  return kind == CODES_8 || kind == CODES_IQ4 || kind == CODES_MX4;
}
// The offset is -128 * (sum of x); unsigned codes of n bits are 2^(n - 1) too high, so they need it shifted.
ALWAYS_INLINE int offset_shift(const int kind) { return kind == CODES_4 ? 4 : kind == CODES_5 ? 3 : 2; }

// Four activations, to be spread over a register.
ALWAYS_INLINE int32_t four_codes(const int8_t *x, int chunk) {
  int32_t four;
  memcpy(&four, x + 4 * chunk, 4);
  return four;
}
