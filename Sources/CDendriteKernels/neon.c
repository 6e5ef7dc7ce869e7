// SPDX-License-Identifier: Apache-2.0
//
// Arm with the dot product extension: sixteen lanes are four registers, both factors are signed.
#if defined(__aarch64__)
#include <arm_neon.h>
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)

#define VARIANT(name) name##_neon
#define VARIANT_NAME "neon"
#define TILE_ROWS 4

#include <stdint.h>
#include <string.h>

typedef int32_t ilanes_ __attribute__((vector_size(64), aligned(4)));

static inline __attribute__((always_inline)) int32x4_t dot_chunk(int32x4_t acc, int8x16_t w,
                                                                 const int8_t *x, int c) {
  int32_t four;
  memcpy(&four, x + 4 * c, 4);
  return vdotq_s32(acc, w, vreinterpretq_s8_s32(vdupq_n_s32(four)));
}

static inline __attribute__((always_inline)) void put(ilanes_ *isum, int part, int32x4_t value) {
  memcpy((char *)isum + part * 16, &value, 16);
}

static inline __attribute__((always_inline)) void dots_q4(const int rows, ilanes_ *isum,
                                                          const uint8_t *codes, const int8_t *x,
                                                          const int32_t *sums) {
  (void)sums;
  for (int part = 0; part < 4; part++) {
    int32x4_t acc[TILE_ROWS];
    for (int r = 0; r < rows; r++) acc[r] = vdupq_n_s32(0);
    for (int v = 0; v < 4; v++) {
      const uint8x16_t pair = vld1q_u8(codes + v * 64 + part * 16);
      const int8x16_t eight = vdupq_n_s8(8);
      const int8x16_t low = vsubq_s8(vreinterpretq_s8_u8(vandq_u8(pair, vdupq_n_u8(15))), eight);
      const int8x16_t high = vsubq_s8(vreinterpretq_s8_u8(vshrq_n_u8(pair, 4)), eight);
      for (int r = 0; r < rows; r++) {
        acc[r] = dot_chunk(acc[r], low, x + r * 32, v);
        acc[r] = dot_chunk(acc[r], high, x + r * 32, v + 4);
      }
    }
    for (int r = 0; r < rows; r++) put(&isum[r], part, acc[r]);
  }
}

static inline __attribute__((always_inline)) void dots_bytes(const int rows, ilanes_ *isum,
                                                             const uint8_t *codes, const int8_t *x,
                                                             int from, int to) {
  for (int part = 0; part < 4; part++) {
    int32x4_t acc[TILE_ROWS];
    for (int r = 0; r < rows; r++) acc[r] = vdupq_n_s32(0);
    for (int c = from; c < to; c++) {
      const int8x16_t w = vreinterpretq_s8_u8(vld1q_u8(codes + c * 64 + part * 16));
      for (int r = 0; r < rows; r++) acc[r] = dot_chunk(acc[r], w, x + r * 32, c);
    }
    for (int r = 0; r < rows; r++) put(&isum[r], part, acc[r]);
  }
}

static inline __attribute__((always_inline)) void dots_q8(const int rows, ilanes_ *isum,
                                                          const uint8_t *codes, const int8_t *x,
                                                          const int32_t *sums) {
  (void)sums;
  dots_bytes(rows, isum, codes, x, 0, 8);
}

static inline __attribute__((always_inline)) void dots_qx(const int rows, ilanes_ *low, ilanes_ *high,
                                                          const uint8_t *codes, const int8_t *x,
                                                          const int32_t *sums) {
  (void)sums;
  dots_bytes(rows, low, codes, x, 0, 4);
  dots_bytes(rows, high, codes, x, 4, 8);
}

#include "lanes.h"
#pragma clang attribute pop
#endif
