// SPDX-License-Identifier: Apache-2.0
//
// AVX2 with the VNNI instructions of smaller cores (AVX-VNNI): sixteen lanes are two registers; codes as in
// avx512vnni.c.
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avxvnni"))), apply_to = function)

#define VARIANT(name) name##_avxvnni
#define VARIANT_NAME "avxvnni"
#define PARTS 2
#define MAX_INTEGER_SUMS 4
#define MAX_FLOAT_SUMS 4
#define ROWS_ABREAST 4
#define ATTEND_SUMS 4
#define EACH_INTEGER_TILE(TRY) TRY(4) TRY(3) TRY(2) TRY(1)
#define EACH_FLOAT_TILE(TRY) TRY(4) TRY(3) TRY(2) TRY(1)

#include "codes.h"

typedef __m256i part_codes;

ALWAYS_INLINE part_codes load_plane(const uint8_t *codes, int plane, int part) {
  return _mm256_loadu_si256((const __m256i *)(const void *)(codes + plane * 64 + part * 32));
}
ALWAYS_INLINE part_codes spread_byte(uint8_t x) { return _mm256_set1_epi8((char)x); }
ALWAYS_INLINE part_codes spread_int(int32_t x) { return _mm256_set1_epi32(x); }
/* Bytes are shifted in words: what crosses a byte's border is masked away. */
ALWAYS_INLINE part_codes left(part_codes x, int by) { return _mm256_slli_epi16(x, by); }
ALWAYS_INLINE part_codes right(part_codes x, int by) { return _mm256_srli_epi16(x, by); }
ALWAYS_INLINE part_codes both(part_codes a, part_codes b) { return _mm256_and_si256(a, b); }
ALWAYS_INLINE part_codes differ(part_codes a, part_codes b) { return _mm256_xor_si256(a, b); }
/* a | (b & mask) */
ALWAYS_INLINE part_codes either(part_codes a, part_codes b, part_codes mask) {
  return _mm256_or_si256(a, _mm256_and_si256(b, mask));
}
ALWAYS_INLINE part_codes load_table(const int8_t *values) {
  const __m128i table = _mm_loadu_si128((const __m128i *)(const void *)values);
  return differ(_mm256_broadcastsi128_si256(table), spread_byte(0x80));
}
ALWAYS_INLINE part_codes look_up(part_codes table, part_codes index) {
  return _mm256_shuffle_epi8(table, index);
}
ALWAYS_INLINE part_codes dot(part_codes sum, part_codes w, part_codes x) {
  return _mm256_dpbusd_avx_epi32(sum, w, x);
}
#include "codes_vnni.h"

#include "lanes.h"
#pragma clang attribute pop
#endif
