// SPDX-License-Identifier: Apache-2.0
//
// AVX-512 with VNNI: one register is sixteen lanes. vpdpbusd multiplies unsigned with signed bytes, so
// codes are kept as unsigned bytes, 128 too high, and sums start at the activations' offset. Codes narrower
// than eight bits stand at the top of their byte: 16, 8 or 4 times too large, which the scale takes back.
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c"))), \
    apply_to = function)

#define VARIANT(name) name##_avx512vnni
#define VARIANT_NAME "avx512vnni"
#define PARTS 1
#define MAX_INTEGER_SUMS 16
#define MAX_FLOAT_SUMS 16
#define ROWS_ABREAST 4
#define ATTEND_SUMS 16
#define EACH_INTEGER_TILE(TRY) TRY(16) TRY(12) TRY(8) TRY(6) TRY(4) TRY(3) TRY(2) TRY(1)
#define EACH_FLOAT_TILE(TRY) TRY(8) TRY(6) TRY(4) TRY(3) TRY(2) TRY(1)

#include "codes.h"

typedef __m512i part_codes;

ALWAYS_INLINE part_codes load_plane(const uint8_t *codes, int plane, int part) {
  (void)part;
  return _mm512_loadu_si512(codes + plane * 64);
}
ALWAYS_INLINE part_codes spread_byte(uint8_t x) { return _mm512_set1_epi8((char)x); }
ALWAYS_INLINE part_codes spread_int(int32_t x) { return _mm512_set1_epi32(x); }
/* Bytes are shifted in words: what crosses a byte's border is masked away. */
ALWAYS_INLINE part_codes left(part_codes x, int by) { return _mm512_slli_epi16(x, (unsigned)by); }
ALWAYS_INLINE part_codes right(part_codes x, int by) { return _mm512_srli_epi16(x, (unsigned)by); }
ALWAYS_INLINE part_codes both(part_codes a, part_codes b) { return _mm512_and_si512(a, b); }
ALWAYS_INLINE part_codes differ(part_codes a, part_codes b) { return _mm512_xor_si512(a, b); }
/* a | (b & mask) */
ALWAYS_INLINE part_codes either(part_codes a, part_codes b, part_codes mask) {
  return _mm512_ternarylogic_epi32(a, b, mask, 0xf8);
}
ALWAYS_INLINE part_codes load_table(const int8_t *values) {
  const __m128i table = _mm_loadu_si128((const __m128i *)(const void *)values);
  return differ(_mm512_broadcast_i32x4(table), spread_byte(0x80));
}
ALWAYS_INLINE part_codes look_up(part_codes table, part_codes index) {
  return _mm512_shuffle_epi8(table, index);
}
ALWAYS_INLINE part_codes dot(part_codes sum, part_codes w, part_codes x) {
  return _mm512_dpbusd_epi32(sum, w, x);
}
#include "codes_vnni.h"

#include "lanes.h"
#pragma clang attribute pop
#endif
