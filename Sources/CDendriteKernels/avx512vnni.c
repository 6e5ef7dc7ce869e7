// SPDX-License-Identifier: Apache-2.0
//
// AVX-512 with VNNI: one register is sixteen lanes; vpdpbusd multiplies unsigned weights with signed
// activations, so weights are offset and the offset's share (offset * sum of x) starts the sum.
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c"))), \
    apply_to = function)

#define VARIANT(name) name##_avx512vnni
#define VARIANT_NAME "avx512vnni"
#define TILE_ROWS 16

#include <stdint.h>
#include <string.h>

typedef int32_t ilanes_ __attribute__((vector_size(64), aligned(4)));

static inline __attribute__((always_inline)) __m512i chunk(const int8_t *x, int c) {
  int32_t four;
  memcpy(&four, x + 4 * c, 4);
  return _mm512_set1_epi32(four);
}

static inline __attribute__((always_inline)) void dots(const int rows, ilanes_ *isum, const __m512i *w,
                                                       int from, int to, const int8_t *x,
                                                       const int32_t *sums, int32_t low, int32_t high) {
  _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) {
    __m512i sum = _mm512_set1_epi32(low * sums[r * 2] + high * sums[r * 2 + 1]);
    _Pragma("clang loop unroll(full)") for (int c = from; c < to; c++)
      sum = _mm512_dpbusd_epi32(sum, w[c], chunk(x + r * 32, c));
    isum[r] = (ilanes_)sum;
  }
}

static inline __attribute__((always_inline)) void dots_q4(const int rows, ilanes_ *isum,
                                                          const uint8_t *codes, const int8_t *x,
                                                          const int32_t *sums) {
  const __m512i nibble = _mm512_set1_epi8(15);
  __m512i w[8];
  _Pragma("clang loop unroll(full)") for (int v = 0; v < 4; v++) {
    const __m512i pair = _mm512_loadu_si512(codes + v * 64);
    w[v] = _mm512_and_si512(pair, nibble);
    w[v + 4] = _mm512_and_si512(_mm512_srli_epi16(pair, 4), nibble);
  }
  dots(rows, isum, w, 0, 8, x, sums, -8, -8);
}

static inline __attribute__((always_inline)) void load_bytes_offset(__m512i *w, const uint8_t *codes) {
  const __m512i offset = _mm512_set1_epi8((char)0x80);
  _Pragma("clang loop unroll(full)") for (int c = 0; c < 8; c++)
    w[c] = _mm512_xor_si512(_mm512_loadu_si512(codes + c * 64), offset);
}

static inline __attribute__((always_inline)) void dots_q8(const int rows, ilanes_ *isum,
                                                          const uint8_t *codes, const int8_t *x,
                                                          const int32_t *sums) {
  __m512i w[8];
  load_bytes_offset(w, codes);
  dots(rows, isum, w, 0, 8, x, sums, -128, -128);
}

static inline __attribute__((always_inline)) void dots_qx(const int rows, ilanes_ *low, ilanes_ *high,
                                                          const uint8_t *codes, const int8_t *x,
                                                          const int32_t *sums) {
  __m512i w[8];
  load_bytes_offset(w, codes);
  dots(rows, low, w, 0, 4, x, sums, -128, 0);
  dots(rows, high, w, 4, 8, x, sums, 0, -128);
}

#include "lanes.h"
#pragma clang attribute pop
#endif
