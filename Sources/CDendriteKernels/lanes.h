// SPDX-License-Identifier: Apache-2.0
//
// The kernels over vectors of sixteen lanes, compiled once per instruction set.
//
// A file that includes this one sets the target, defines VARIANT(name), how lanes are spread over registers
// (PARTS), the tiles that its registers hold (EACH_..._TILE, largest first; MAX_..._SUMS, ATTEND_SUMS), from how many
// rows on their sums lie in memory instead (MANY_ROWS, if ever) and provides the integer dot products, the only part
// that the sets do not share:
//   part_codes                                     the codes of one chunk, one part
//   unpack_codes(kind, codes[8], planes, part)     the eight chunks of a block
//   dot_codes(kind, has_offset, rows, sums, codes, from, to, x, offsets)
//                                                  for up to ROWS_ABREAST rows the sum over chunks of codes * x, times
//                                                  1 / CODE_UNIT; without has_offset codes are as stored
// Everything else is written once, in the order of generic.c. Vectors wider than the registers are
// split by the compiler, which changes no result.
#include "codes.h"
#include "dendrite_kernels.h"
#include "dendrite_math.h"
#include "halves.h"

#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF
/* Vectors wider than the registers are passed between functions that are always inlined. */
#pragma clang diagnostic ignored "-Wpsabi"

#define INLINE ALWAYS_INLINE

/* Naturally aligned, so that a register spilled to the stack does not straddle cache lines; memory of any
   alignment is read and written by memcpy. */
typedef float lanes __attribute__((vector_size(64)));
typedef int32_t ilanes __attribute__((vector_size(64)));
typedef _Float16 float16s __attribute__((vector_size(32)));
typedef uint16_t bfloat16s __attribute__((vector_size(32)));
typedef int8_t bytes16 __attribute__((vector_size(16)));

INLINE lanes splat(float x) { return (lanes){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }
INLINE ilanes isplat(int32_t x) { return (ilanes){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }
INLINE lanes fused(lanes a, lanes b, lanes c) { return __builtin_elementwise_fma(a, b, c); }
INLINE lanes to_float(ilanes x) { return __builtin_convertvector(x, lanes); }
INLINE lanes select_lanes(ilanes mask, lanes yes, lanes no) {
  return (lanes)((mask & (ilanes)yes) | (~mask & (ilanes)no));
}
INLINE ilanes lane_numbers(void) {
  return (ilanes){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
}

INLINE lanes load(const float *p) {
  lanes v;
  memcpy(&v, p, sizeof v);
  return v;
}
INLINE void save(float *p, lanes v) { memcpy(p, &v, sizeof v); }
INLINE lanes load_half(const void *p) {
  float16s h;
  memcpy(&h, p, sizeof h);
  return __builtin_convertvector(h, lanes);
}
INLINE lanes load_bfloat(const void *p) {
  bfloat16s b;
  memcpy(&b, p, sizeof b);
  return (lanes)(__builtin_convertvector(b, ilanes) << 16);
}
INLINE lanes load_bytes(const void *p) {
  bytes16 b;
  memcpy(&b, p, sizeof b);
  return __builtin_convertvector(b, lanes);
}
// The first `count` values, zeros behind them; nothing else is touched.
INLINE lanes load_part(const float *p, long count) {
  float part[16] = {0};
  memcpy(part, p, (size_t)count * sizeof(float));
  return load(part);
}
INLINE void save_part(float *p, lanes v, long count) {
  float part[16];
  save(part, v);
  memcpy(p, part, (size_t)count * sizeof(float));
}
INLINE lanes load_upto(const float *p, long count) {
  return count >= 16 ? load(p) : load_part(p, count);
}
INLINE void save_upto(float *p, lanes v, long count) {
  if (count >= 16) save(p, v);
  else save_part(p, v, count);
}

INLINE float fold_sum(lanes v) {
  float x[16];
  save(x, v);
  UNROLL for (int half = 8; half > 0; half /= 2)
    UNROLL for (int i = 0; i < half; i++) x[i] = x[i] + x[i + half];
  return x[0];
}
INLINE int32_t fold_maximum(ilanes v) { return __builtin_reduce_max(v); }

// As dendrite_exp2f, lane by lane.
INLINE lanes exp2_lanes(lanes x) {
  const lanes clamped = select_lanes(x > splat(127.0f), splat(127.0f), x);
  const lanes shifted = clamped + splat(12582912.0f);
  const lanes f = clamped - (shifted - splat(12582912.0f));
  lanes p = splat(1.52527338e-5f);
  p = p * f + splat(1.54035304e-4f);
  p = p * f + splat(1.33335581e-3f);
  p = p * f + splat(9.61812911e-3f);
  p = p * f + splat(5.55041087e-2f);
  p = p * f + splat(2.40226507e-1f);
  p = p * f + splat(6.93147181e-1f);
  p = p * f + splat(1.0f);
  const ilanes exponent = ((ilanes)shifted - isplat(0x4b400000) + isplat(127)) << 23;
  return select_lanes(x < splat(-126.0f), splat(0.0f), p * (lanes)exponent);
}
// As dendrite_tanhf, lane by lane.
INLINE lanes tanh_lanes(lanes x) {
  const lanes z = x * x;
  lanes p = splat(-0.00610491866f);
  p = p * z + splat(0.0210036151f);
  p = p * z + splat(-0.0538524911f);
  p = p * z + splat(0.133327827f);
  p = p * z + splat(-0.333333284f);
  const lanes small = x + (x * z) * p;
  const lanes size = (lanes)((ilanes)x & isplat(0x7fffffff));
  const lanes large = splat(1.0f) - splat(2.0f) / (exp2_lanes(size * splat(2.88539008f)) + splat(1.0f));
  const lanes signed_large = (lanes)((ilanes)large | ((ilanes)x & isplat((int32_t)0x80000000)));
  return select_lanes(size < splat(0.625f), small, signed_large);
}
// cap * tanh(t), where t is x in units of the cap; NaN if x is not finite.
INLINE lanes capped_lanes(lanes x, lanes t, float cap) { return splat(cap) * tanh_lanes(t) + (x - x); }
INLINE float power_of_two(float difference) {
  if (!(difference >= -126.0f)) return 0.0f;
  return dendrite_float_from_bits((uint32_t)((int32_t)difference + 127) << 23);
}

#include "lanes_matrix.h"
#include "lanes_rows.h"
#include "lanes_attention.h"

const dendrite_kernels VARIANT(dendrite_kernels) = {
    VARIANT_NAME,     VARIANT(matmul), VARIANT(quantize), VARIANT(arrange), VARIANT(rms_norm),
    VARIANT(swiglu),  VARIANT(add),    VARIANT(rope),     VARIANT(store),   VARIANT(attend),
    VARIANT(merge),   VARIANT(finish), VARIANT(argmax),   VARIANT(maximum),  VARIANT(softmax_sum),
    VARIANT(geglu),   VARIANT(swiglu_clamped),   VARIANT(soft_cap),
};
