// SPDX-License-Identifier: Apache-2.0
//
// AVX2: sixteen lanes are two registers. vpmaddubsw multiplies unsigned with signed bytes and saturates at
// 16 bits: codes of four to six bits go in unsigned and several products are added before they are widened;
// signed codes go in as their magnitude, and the activations take their sign.
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#define VARIANT(name) name##_avx2
#define VARIANT_NAME "avx2"
#define PARTS 2
#define MAX_INTEGER_SUMS 4
#define MAX_FLOAT_SUMS 4
#define ROWS_ABREAST 2
#define ATTEND_SUMS 4
#define MANY_ROWS 3
#define EACH_INTEGER_TILE(TRY) TRY(2) TRY(1)
#define EACH_FLOAT_TILE(TRY) TRY(4) TRY(3) TRY(2) TRY(1)
/* Unsigned codes: products are multiplied with 16, 8 or 4 while they are widened, so that offsets go in as they are. */
#define CODE_UNIT(kind) ((kind) == CODES_4 ? 0.0625f : (kind) == CODES_5 ? 0.125f : (kind) == CODES_6 ? 0.25f : 1.0f)

#include "codes.h"

typedef __m256i part_codes;

ALWAYS_INLINE __m256i load_plane(const uint8_t *codes, int plane, int part) {
  return _mm256_loadu_si256((const __m256i *)(const void *)(codes + plane * 64 + part * 32));
}

// `shifted` masked and put above the nibble.
ALWAYS_INLINE __m256i above(__m256i nibble, __m256i shifted, uint8_t mask) {
  return _mm256_or_si256(nibble, _mm256_and_si256(shifted, _mm256_set1_epi8((char)mask)));
}

ALWAYS_INLINE void unpack_codes(const int kind, part_codes *w, const uint8_t *codes, int part) {
  if (kind == CODES_8) {
    UNROLL for (int c = 0; c < 8; c++) w[c] = load_plane(codes, c, part);
    return;
  }
  const __m256i mask = _mm256_set1_epi8(15);
  UNROLL for (int v = 0; v < 4; v++) {
    const __m256i pair = load_plane(codes, v, part);
    w[v] = _mm256_and_si256(pair, mask);
    w[v + 4] = _mm256_and_si256(_mm256_srli_epi16(pair, 4), mask);
  }
  if (kind == CODES_5) {
    const __m256i fifths = load_plane(codes, 4, part);
    UNROLL for (int c = 0; c < 8; c++)
      w[c] = above(w[c], c < 4 ? _mm256_slli_epi16(fifths, 4 - c) : _mm256_srli_epi16(fifths, c - 4), 0x10);
  } else if (kind == CODES_6) {
    UNROLL for (int c = 0; c < 8; c++) {
      const __m256i sixths = load_plane(codes, 4 + c / 4, part);
      const int up = 4 - 2 * (c % 4);
      w[c] = above(w[c], up >= 0 ? _mm256_slli_epi16(sixths, up) : _mm256_srli_epi16(sixths, -up), 0x30);
    }
  } else if (kind == CODES_IQ4 || kind == CODES_MX4) {
    const int8_t *values = kind == CODES_IQ4 ? dendrite_iq4_values : dendrite_mx4_values;
    const __m256i table = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)values));
    UNROLL for (int c = 0; c < 8; c++) w[c] = _mm256_shuffle_epi8(table, w[c]);
  }
}

// How many products of two a 16-bit sum holds: 2 * 127 * code * products < 2^15.
ALWAYS_INLINE int products_of(const int kind) {
  return kind == CODES_4 || kind == CODES_MX4 ? 8 : kind == CODES_5 ? 4 : kind == CODES_6 ? 2 : 1;
}

// Products of two codes each, signed or not.
ALWAYS_INLINE __m256i products(const int kind, __m256i w, __m256i x) {
  if (codes_are_signed(kind)) return _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
  return _mm256_maddubs_epi16(w, x);
}

// Rows go side by side, product by product: one row's are a chain, and the processor does not look far ahead.
ALWAYS_INLINE void dot_codes(const int kind, const int has_offset, const int rows, part_ints *sums,
                             const part_codes *w, const int from, const int to, const int8_t *x,
                             const int32_t *offsets) {
  const int fit = products_of(kind), starts = has_offset && !codes_are_signed(kind);
  const __m256i unit = _mm256_set1_epi16((short)(1 / CODE_UNIT(kind)));
  __m256i pairs[ROWS_ABREAST];
  UNROLL for (int c = from; c < to; c++) {
    UNROLL for (int r = 0; r < rows; r++) {
      const __m256i product = products(kind, w[c], _mm256_set1_epi32(four_codes(x + r * 32, c)));
      pairs[r] = (c - from) % fit == 0 ? product : _mm256_add_epi16(pairs[r], product);
    }
    if ((c - from) % fit != fit - 1 && c != to - 1) continue;
    UNROLL for (int r = 0; r < rows; r++) {
      const __m256i sum = _mm256_madd_epi16(pairs[r], unit);
      if (c - from >= fit) sums[r] = (part_ints)_mm256_add_epi32((__m256i)sums[r], sum);
      else if (starts) sums[r] = (part_ints)_mm256_add_epi32(_mm256_set1_epi32(offsets[r]), sum);
      else sums[r] = (part_ints)sum;
    }
  }
}

#include "lanes.h"
#pragma clang attribute pop
#endif
