// SPDX-License-Identifier: Apache-2.0
//
// Arm with the dot product extension: sixteen lanes are four registers, both factors are signed.
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

typedef int8x16_t part_codes;

ALWAYS_INLINE uint8x16_t load_plane(const uint8_t *codes, int plane, int part) {
  return vld1q_u8(codes + plane * 64 + part * 16);
}

ALWAYS_INLINE uint8x16_t shifted(uint8x16_t x, int by) { return vshlq_u8(x, vdupq_n_s8((int8_t)by)); }

ALWAYS_INLINE void unpack_codes(const int kind, part_codes *w, const uint8_t *codes, int part) {
  if (kind == CODES_8) {
    UNROLL for (int c = 0; c < 8; c++) w[c] = vreinterpretq_s8_u8(load_plane(codes, c, part));
    return;
  }
  uint8x16_t u[8];
  UNROLL for (int v = 0; v < 4; v++) {
    const uint8x16_t pair = load_plane(codes, v, part);
    u[v] = vandq_u8(pair, vdupq_n_u8(15));
    u[v + 4] = vshrq_n_u8(pair, 4);
  }
  if (kind == CODES_IQ4 || kind == CODES_MX4) {
    const int8x16_t table = vld1q_s8(kind == CODES_IQ4 ? dendrite_iq4_values : dendrite_mx4_values);
    UNROLL for (int c = 0; c < 8; c++) w[c] = vqtbl1q_s8(table, u[c]);
    return;
  }
  UNROLL for (int c = 0; c < 8; c++) {
    if (kind == CODES_5)
      u[c] = vorrq_u8(u[c], vandq_u8(shifted(load_plane(codes, 4, part), 4 - c), vdupq_n_u8(0x10)));
    if (kind == CODES_6)
      u[c] = vorrq_u8(u[c], vandq_u8(shifted(load_plane(codes, 4 + c / 4, part), 4 - 2 * (c % 4)),
                                     vdupq_n_u8(0x30)));
    w[c] = vreinterpretq_s8_u8(u[c]);
  }
}

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
