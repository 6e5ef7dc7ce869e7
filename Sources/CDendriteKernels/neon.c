// SPDX-License-Identifier: Apache-2.0
//
// Arm with the dot product extension: sixteen lanes are four registers.
#if defined(__aarch64__)
#include <arm_neon.h>
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)

#define VARIANT(name) name##_neon
#define VARIANT_NAME "neon"
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

ALWAYS_INLINE void dot_codes(const int kind, const int has_offset, const int rows, part_ints *sums,
                             const part_codes *w, const int from, const int to, const int8_t *x,
                             const int32_t *offsets) {
  const int is_signed = codes_are_signed(kind);
  UNROLL for (int r = 0; r < rows; r++)
    sums[r] = (part_ints)vdupq_n_s32(has_offset && !is_signed ? offsets[r] >> offset_shift(kind) : 0);
  UNROLL for (int c = from; c < to; c++)
    UNROLL for (int r = 0; r < rows; r++)
      sums[r] = (part_ints)vdotq_s32((int32x4_t)sums[r], w[c],
                                     vreinterpretq_s8_s32(vdupq_n_s32(four_codes(x + r * 32, c))));
}

#include "lanes.h"
#pragma clang attribute pop
#endif
