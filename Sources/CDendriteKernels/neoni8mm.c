// SPDX-License-Identifier: Apache-2.0
//
// Arm with the matrix multiplication of bytes: one instruction multiplies two output rows with two rows of
// activations over eight values of k, twice the products of a dot product. A row without a partner goes as
// in neon.c.
#if defined(__aarch64__)
#include <arm_neon.h>
#pragma clang attribute push(__attribute__((target("dotprod,i8mm"))), apply_to = function)

#define VARIANT(name) name##_neoni8mm
#define VARIANT_NAME "neoni8mm"
#define PARTS 4
#define MAX_INTEGER_SUMS 4
#define MAX_FLOAT_SUMS 4
#define ROWS_ABREAST 4
#define ATTEND_SUMS 4
#define EACH_INTEGER_TILE(TRY) TRY(4) TRY(3) TRY(2) TRY(1)
#define EACH_FLOAT_TILE(TRY) TRY(4) TRY(3) TRY(2) TRY(1)
#define CODE_UNIT(kind) 1.0f

#include "codes.h"
#include "codes_neon.h"

// The eight activations of chunks c and c + 1 of two rows.
ALWAYS_INLINE int8x16_t two_rows(const int8_t *x, int c) {
  return vcombine_s8(vld1_s8(x + 4 * c), vld1_s8(x + 32 + 4 * c));
}

// Two chunks of four output rows, regrouped as eight values of k for each of two rows.
ALWAYS_INLINE int8x16_t lower_pair(const part_codes *w, int c) {
  return vreinterpretq_s8_s32(vzip1q_s32(vreinterpretq_s32_s8(w[c]), vreinterpretq_s32_s8(w[c + 1])));
}
ALWAYS_INLINE int8x16_t upper_pair(const part_codes *w, int c) {
  return vreinterpretq_s8_s32(vzip2q_s32(vreinterpretq_s32_s8(w[c]), vreinterpretq_s32_s8(w[c + 1])));
}

ALWAYS_INLINE void dot_codes(const int kind, const int has_offset, const int rows, part_ints *sums,
                             const part_codes *w, const int from, const int to, const int8_t *x,
                             const int32_t *offsets) {
  const int needs_offset = has_offset && !codes_are_signed(kind), pairs = rows / 2 * 2;
  UNROLL for (int r = 0; r < pairs; r += 2) {
    /* output rows 0 and 1, then 2 and 3: [output row][row of activations] */
    int32x4_t lower = vdupq_n_s32(0), upper = vdupq_n_s32(0);
    UNROLL for (int c = from; c < to; c += 2) {
      const int8x16_t activations = two_rows(x + r * 32, c);
      lower = vmmlaq_s32(lower, lower_pair(w, c), activations);
      upper = vmmlaq_s32(upper, upper_pair(w, c), activations);
    }
    sums[r] = (part_ints)vuzp1q_s32(lower, upper);
    sums[r + 1] = (part_ints)vuzp2q_s32(lower, upper);
  }
  if (rows > pairs) {
    int32x4_t sum = vdupq_n_s32(0);
    UNROLL for (int c = from; c < to; c++)
      sum = vdotq_s32(sum, w[c], vreinterpretq_s8_s32(vdupq_n_s32(four_codes(x + pairs * 32, c))));
    sums[pairs] = (part_ints)sum;
  }
  if (needs_offset)
    UNROLL for (int r = 0; r < rows; r++)
      sums[r] += (part_ints)vdupq_n_s32(offsets[r] >> offset_shift(kind));
}

#include "lanes.h"
#pragma clang attribute pop
#endif
