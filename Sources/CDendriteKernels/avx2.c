// SPDX-License-Identifier: Apache-2.0
//
// AVX2: sixteen lanes are two registers. vpmaddubsw saturates at 16 bits, so signed weights go in as
// |w| against x with the sign of w; four-bit weights are small enough to add eight products first.
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#define VARIANT(name) name##_avx2
#define VARIANT_NAME "avx2"
#define TILE_ROWS 4

#include <stdint.h>
#include <string.h>

typedef int32_t ilanes_ __attribute__((vector_size(64), aligned(4)));

static inline __attribute__((always_inline)) __m256i chunk(const int8_t *x, int c) {
  int32_t four;
  memcpy(&four, x + 4 * c, 4);
  return _mm256_set1_epi32(four);
}

static inline __attribute__((always_inline)) void put(ilanes_ *isum, int part, __m256i value) {
  memcpy((char *)isum + part * 32, &value, 32);
}

static inline __attribute__((always_inline)) void dots_q4(const int rows, ilanes_ *isum,
                                                          const uint8_t *codes, const int8_t *x,
                                                          const int32_t *sums) {
  const __m256i nibble = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
  _Pragma("clang loop unroll(full)") for (int part = 0; part < 2; part++) {
    __m256i acc[TILE_ROWS];
    _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) acc[r] = _mm256_setzero_si256();
    _Pragma("clang loop unroll(full)") for (int v = 0; v < 4; v++) {
      const __m256i pair = _mm256_loadu_si256((const __m256i *)(codes + v * 64 + part * 32));
      const __m256i low = _mm256_and_si256(pair, nibble);
      const __m256i high = _mm256_and_si256(_mm256_srli_epi16(pair, 4), nibble);
      /* 8 products of at most 2 * 15 * 127 fit into 16 bits. */
      _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) {
        acc[r] = _mm256_add_epi16(acc[r], _mm256_maddubs_epi16(low, chunk(x + r * 32, v)));
        acc[r] = _mm256_add_epi16(acc[r], _mm256_maddubs_epi16(high, chunk(x + r * 32, v + 4)));
      }
    }
    _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) {
      const __m256i offset = _mm256_set1_epi32(-8 * (sums[r * 2] + sums[r * 2 + 1]));
      put(&isum[r], part, _mm256_add_epi32(_mm256_madd_epi16(acc[r], ones), offset));
    }
  }
}

static inline __attribute__((always_inline)) void dots_bytes(const int rows, ilanes_ *isum,
                                                             const uint8_t *codes, const int8_t *x,
                                                             int from, int to) {
  const __m256i ones = _mm256_set1_epi16(1);
  _Pragma("clang loop unroll(full)") for (int part = 0; part < 2; part++) {
    __m256i acc[TILE_ROWS];
    _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) acc[r] = _mm256_setzero_si256();
    _Pragma("clang loop unroll(full)") for (int c = from; c < to; c++) {
      const __m256i w = _mm256_loadu_si256((const __m256i *)(codes + c * 64 + part * 32));
      const __m256i magnitude = _mm256_abs_epi8(w);
      _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) {
        const __m256i signed_x = _mm256_sign_epi8(chunk(x + r * 32, c), w);
        acc[r] = _mm256_add_epi32(
            acc[r], _mm256_madd_epi16(_mm256_maddubs_epi16(magnitude, signed_x), ones));
      }
    }
    _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) put(&isum[r], part, acc[r]);
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
