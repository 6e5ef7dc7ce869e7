// SPDX-License-Identifier: Apache-2.0
//
// The kernels over vectors of sixteen lanes, compiled once per instruction set.
//
// A file that includes this one sets the target, defines VARIANT(name) and TILE_ROWS (rows that a matrix
// tile holds in registers) and provides the integer dot products, the only part that the sets do
// not share:
//   dots_q4(rows, isum, codes, x, sums)          isum[row] = sum over 32 of (nibble - 8) * x
//   dots_q8(rows, isum, codes, x, sums)          isum[row] = sum over 32 of code * x
//   dots_qx(rows, isum0, isum1, codes, x, sums)  the same for each half of 16
// Everything else is written once, in the order of generic.c. Vectors wider than the registers are
// split by the compiler, which changes no result.
#include "dendrite_kernels.h"
#include "halves.h"

#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF
/* Vectors wider than the registers are passed between functions that are always inlined. */
#pragma clang diagnostic ignored "-Wpsabi"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

typedef float lanes __attribute__((vector_size(64), aligned(4)));
typedef int32_t ilanes __attribute__((vector_size(64), aligned(4)));
typedef uint16_t halves __attribute__((vector_size(32), aligned(2)));
typedef _Float16 float16s __attribute__((vector_size(32), aligned(2)));
typedef int8_t bytes16 __attribute__((vector_size(16), aligned(1)));

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

INLINE lanes load(const float *p) { return *(const lanes *)p; }
INLINE void save(float *p, lanes v) { *(lanes *)p = v; }
INLINE lanes load_half(const void *p) {
  float16s h;
  memcpy(&h, p, sizeof h);
  return __builtin_convertvector(h, lanes);
}
INLINE lanes load_bfloat(const void *p) {
  halves h;
  memcpy(&h, p, sizeof h);
  return (lanes)(__builtin_convertvector(h, ilanes) << 16);
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
INLINE float power_of_two(float difference) {
  if (!(difference >= -126.0f)) return 0.0f;
  return dendrite_float_from_bits((uint32_t)((int32_t)difference + 127) << 23);
}

// MARK: Matrices

INLINE void save_group(float *y, lanes v, long left) { save_upto(y, v, left); }

INLINE lanes load_weights(dendrite_packing packing, const uint8_t *group, long k) {
  if (packing == DENDRITE_PACK_F32) return load((const float *)group + k * 16);
  if (packing == DENDRITE_PACK_F16) return load_half(group + k * 32);
  return load_bfloat(group + k * 32);
}

INLINE void float_tile(dendrite_packing packing, int groups, int rows, float *y, long y_stride,
                       const dendrite_matrix *w, const dendrite_activations *x, long g, long row) {
  lanes acc[8];
  UNROLL for (int i = 0; i < groups * rows; i++) acc[i] = splat(0);
  const long bytes = w->code_bytes + w->scale_bytes;
  const uint8_t *group = w->data + g * bytes;
  for (long b = 0; b < w->blocks; b++) {
    const float *values = x->values + (b * x->rows + row) * 32;
    const long left = w->columns - b * 32, count = left < 32 ? left : 32;
    for (long k = 0; k < count; k++) {
      UNROLL for (int i = 0; i < groups; i++) {
        const lanes weights = load_weights(packing, group + i * bytes, b * 32 + k);
        UNROLL for (int r = 0; r < rows; r++)
          acc[i * rows + r] = fused(weights, splat(values[r * 32 + k]), acc[i * rows + r]);
      }
    }
  }
  UNROLL for (int i = 0; i < groups; i++)
    UNROLL for (int r = 0; r < rows; r++)
      save_group(y + (row + r) * y_stride + (g + i) * 16, acc[i * rows + r], w->rows - (g + i) * 16);
}

// Groups of a single row run four at a time, so that four chains of fused operations hide their latency.
INLINE void float_matmul(dendrite_packing packing, float *y, long y_stride, const dendrite_matrix *w,
                         const dendrite_activations *x, long group_begin, long group_end, long row_begin,
                         long row_end) {
  long g = group_begin;
  if (row_end - row_begin == 1)
    for (; g + 4 <= group_end; g += 4) float_tile(packing, 4, 1, y, y_stride, w, x, g, row_begin);
  for (; g < group_end; g++) {
    long row = row_begin;
    for (; row + 8 <= row_end; row += 8) float_tile(packing, 1, 8, y, y_stride, w, x, g, row);
    for (; row + 4 <= row_end; row += 4) float_tile(packing, 1, 4, y, y_stride, w, x, g, row);
    for (; row + 2 <= row_end; row += 2) float_tile(packing, 1, 2, y, y_stride, w, x, g, row);
    for (; row < row_end; row++) float_tile(packing, 1, 1, y, y_stride, w, x, g, row);
  }
}

// Decoding one row reads weights as fast as memory gives them, so they are asked for ahead of time.
enum { PREFETCH_BYTES = 2048 };

INLINE void prefetch_lines(const uint8_t *p, long bytes) {
  for (long line = 0; line < bytes; line += 64) __builtin_prefetch(p + PREFETCH_BYTES + line);
}

INLINE void integer_tile(dendrite_packing packing, int groups, int rows, float *y, long y_stride,
                         const dendrite_matrix *w, const dendrite_activations *x, long g, long row) {
  lanes acc[TILE_ROWS];
  UNROLL for (int i = 0; i < groups * rows; i++) acc[i] = splat(0);
  const long group_bytes = w->code_bytes + w->scale_bytes;
  const long block_bytes = packing == DENDRITE_PACK_Q4 ? 256 : 512;
  for (long b = 0; b < w->blocks; b++) {
    const long at = b * x->rows + row;
    const float *dx = x->scales + at;
    UNROLL for (int i = 0; i < groups; i++) {
      const uint8_t *group = w->data + (g + i) * group_bytes;
      const uint8_t *codes = group + b * block_bytes, *scales = group + w->code_bytes;
      lanes *sum = acc + i * rows;
      if (rows == 1) prefetch_lines(codes, block_bytes);
      if (packing != DENDRITE_PACK_QX) {
        ilanes isum[TILE_ROWS];
        if (packing == DENDRITE_PACK_Q4) dots_q4(rows, isum, codes, x->codes + at * 32, x->sums + at * 2);
        else dots_q8(rows, isum, codes, x->codes + at * 32, x->sums + at * 2);
        const lanes d = load_half(scales + b * 32);
        UNROLL for (int r = 0; r < rows; r++)
          sum[r] = fused(to_float(isum[r]), d * splat(dx[r]), sum[r]);
      } else {
        ilanes low[TILE_ROWS], high[TILE_ROWS];
        dots_qx(rows, low, high, codes, x->codes + at * 32, x->sums + at * 2);
        const uint8_t *p = scales + b * (long)sizeof(dendrite_qx_scales);
        if (rows == 1) prefetch_lines(p, (long)sizeof(dendrite_qx_scales));
        const lanes d = load((const float *)p), m = load((const float *)(p + 64));
        bytes16 b0, b1, b2, b3;
        memcpy(&b0, p + 128, 16);
        memcpy(&b1, p + 144, 16);
        memcpy(&b2, p + 160, 16);
        memcpy(&b3, p + 176, 16);
        const ilanes s0 = __builtin_convertvector(b0, ilanes), s1 = __builtin_convertvector(b1, ilanes);
        const ilanes m0 = __builtin_convertvector(b2, ilanes), m1 = __builtin_convertvector(b3, ilanes);
        UNROLL for (int r = 0; r < rows; r++) {
          const ilanes isum = s0 * low[r] + s1 * high[r];
          sum[r] = fused(to_float(isum), d * splat(dx[r]), sum[r]);
          if (w->has_minima) {
            const int32_t *sums = x->sums + (at + r) * 2;
            const ilanes msum = m0 * isplat(sums[0]) + m1 * isplat(sums[1]);
            sum[r] = fused(to_float(-msum), m * splat(dx[r]), sum[r]);
          }
        }
      }
    }
  }
  UNROLL for (int i = 0; i < groups; i++)
    UNROLL for (int r = 0; r < rows; r++)
      save_group(y + (row + r) * y_stride + (g + i) * 16, acc[i * rows + r], w->rows - (g + i) * 16);
}

// A single row runs two groups at a time: two streams of memory, two chains of sums.
INLINE void integer_matmul(dendrite_packing packing, float *y, long y_stride, const dendrite_matrix *w,
                           const dendrite_activations *x, long group_begin, long group_end,
                           long row_begin, long row_end) {
  long g = group_begin;
  if (row_end - row_begin == 1)
    for (; g + 2 <= group_end; g += 2) integer_tile(packing, 2, 1, y, y_stride, w, x, g, row_begin);
  for (; g < group_end; g++) {
    long row = row_begin;
    for (; row + TILE_ROWS <= row_end; row += TILE_ROWS)
      integer_tile(packing, 1, TILE_ROWS, y, y_stride, w, x, g, row);
#if TILE_ROWS > 8
    for (; row + 8 <= row_end; row += 8) integer_tile(packing, 1, 8, y, y_stride, w, x, g, row);
#endif
#if TILE_ROWS > 4
    for (; row + 4 <= row_end; row += 4) integer_tile(packing, 1, 4, y, y_stride, w, x, g, row);
#endif
    for (; row + 2 <= row_end; row += 2) integer_tile(packing, 1, 2, y, y_stride, w, x, g, row);
    for (; row < row_end; row++) integer_tile(packing, 1, 1, y, y_stride, w, x, g, row);
  }
}

#define ARGUMENTS y, y_stride, w, x, group_begin, group_end, row_begin, row_end
static void VARIANT(matmul)(float *y, long y_stride, const dendrite_matrix *w,
                            const dendrite_activations *x, long group_begin, long group_end,
                            long row_begin, long row_end) {
  switch (w->packing) {
    case DENDRITE_PACK_F32: float_matmul(DENDRITE_PACK_F32, ARGUMENTS); break;
    case DENDRITE_PACK_F16: float_matmul(DENDRITE_PACK_F16, ARGUMENTS); break;
    case DENDRITE_PACK_BF16: float_matmul(DENDRITE_PACK_BF16, ARGUMENTS); break;
    case DENDRITE_PACK_Q4: integer_matmul(DENDRITE_PACK_Q4, ARGUMENTS); break;
    case DENDRITE_PACK_Q8: integer_matmul(DENDRITE_PACK_Q8, ARGUMENTS); break;
    case DENDRITE_PACK_QX: integer_matmul(DENDRITE_PACK_QX, ARGUMENTS); break;
  }
}
#undef ARGUMENTS

// MARK: Activations

// Quantises up to 32 values; returns the scale.
INLINE float quantize_block(int8_t *codes, const float *x, long count) {
  const lanes low = load_upto(x, count);
  const lanes high = count > 16 ? load_upto(x + 16, count - 16) : splat(0);
  const ilanes mask = isplat(0x7fffffff);
  const ilanes a = (ilanes)low & mask, b = (ilanes)high & mask;
  const int32_t largest = fold_maximum(__builtin_elementwise_max(a, b));
  if (largest >= 0x7f800000) {
    memset(codes, 0, 32);
    return NAN;
  }
  const float max = dendrite_float_from_bits((uint32_t)largest);
  if (max < 0x1p-100f) {
    memset(codes, 0, 32);
    return 0;
  }
  const float inverse = 127.0f / max;
  const ilanes base = isplat(0x4b400000);
  const ilanes c0 = (ilanes)(low * splat(inverse) + splat(12582912.0f)) - base;
  const ilanes c1 = (ilanes)(high * splat(inverse) + splat(12582912.0f)) - base;
  const bytes16 n0 = __builtin_convertvector(c0, bytes16), n1 = __builtin_convertvector(c1, bytes16);
  memcpy(codes, &n0, 16);
  memcpy(codes + 16, &n1, 16);
  return max / 127.0f;
}

static void VARIANT(quantize)(dendrite_activations *out, long row, const float *x, long columns) {
  for (long b = 0; b * 32 < columns; b++) {
    const long at = b * out->rows + row, left = columns - b * 32;
    int8_t *codes = out->codes + at * 32;
    out->scales[at] = quantize_block(codes, x + b * 32, left < 32 ? left : 32);
    for (int half = 0; half < 2; half++) {
      bytes16 c;
      memcpy(&c, codes + half * 16, 16);
      out->sums[at * 2 + half] = __builtin_reduce_add(__builtin_convertvector(c, ilanes));
    }
  }
}

static void VARIANT(arrange)(dendrite_activations *out, long row, const float *x, long columns) {
  for (long b = 0; b * 32 < columns; b++) {
    float *values = out->values + (b * out->rows + row) * 32;
    const long left = columns - b * 32;
    save(values, load_upto(x + b * 32, left));
    save(values + 16, left > 16 ? load_upto(x + b * 32 + 16, left - 16) : splat(0));
  }
}

// MARK: Rows

static float VARIANT(rms_norm)(float *y, const float *x, const float *weight, long count, float epsilon) {
  lanes acc = splat(0);
  for (long i = 0; i < count; i += 16) {
    const lanes v = load_upto(x + i, count - i);
    acc = fused(v, v, acc);
  }
  const float mean = fold_sum(acc) / (float)count;
  const float inverse = 1.0f / sqrtf(mean + epsilon);
  for (long i = 0; i < count; i += 16)
    save_upto(y + i, (load_upto(x + i, count - i) * splat(inverse)) * load_upto(weight + i, count - i),
              count - i);
  return mean;
}

static void VARIANT(swiglu)(float *y, const float *gate, const float *up, long count) {
  for (long i = 0; i < count; i += 16) {
    const lanes g = load_upto(gate + i, count - i), u = load_upto(up + i, count - i);
    const lanes e = exp2_lanes(g * splat(-1.44269504f));
    save_upto(y + i, (g / (splat(1.0f) + e)) * u, count - i);
  }
}

static void VARIANT(add)(float *y, const float *x, long count) {
  for (long i = 0; i < count; i += 16)
    save_upto(y + i, load_upto(y + i, count - i) + load_upto(x + i, count - i), count - i);
}

static void VARIANT(rope)(float *x, const float *cosine, const float *sine, long heads, long head_dim,
                          long pairs, int interleaved, float factor) {
  for (long h = 0; h < heads; h++) {
    float *v = x + h * head_dim;
    const long step = interleaved ? 2 : 1, partner = interleaved ? 1 : pairs;
    for (long i = 0; i < pairs; i++) {
      const float a = v[i * step], b = v[i * step + partner];
      v[i * step] = __builtin_fmaf(a, cosine[i], -(b * sine[i]));
      v[i * step + partner] = __builtin_fmaf(a, sine[i], b * cosine[i]);
    }
    for (long d = 0; d < head_dim; d++) v[d] = v[d] * factor;
  }
}

// MARK: Attention

static void VARIANT(store)(void *head, const dendrite_kv_layout *layout, long position, const float *key,
                           const float *value) {
  const long dim = layout->head_dim, tile = position / 16, lane = position % 16;
  uint8_t *base = head;
  switch (layout->type) {
    case DENDRITE_KV_F32: {
      float *k = (float *)base + tile * dim * 16 + lane;
      for (long d = 0; d < dim; d++) k[d * 16] = key[d];
      memcpy(base + layout->values + position * dim * 4, value, (size_t)dim * 4);
      break;
    }
    case DENDRITE_KV_F16: {
      _Float16 *k = (_Float16 *)base + tile * dim * 16 + lane;
      _Float16 *v = (_Float16 *)(base + layout->values) + position * dim;
      for (long d = 0; d < dim; d++) k[d * 16] = (_Float16)key[d];
      for (long d = 0; d < dim; d++) v[d] = (_Float16)value[d];
      break;
    }
    case DENDRITE_KV_Q8: {
      float *key_scales = (float *)(base + layout->key_scales) + tile * layout->quants * 16 + lane;
      float *value_scales = (float *)(base + layout->value_scales) + position * layout->quants;
      int8_t *k = (int8_t *)base + tile * dim * 16 + lane;
      int8_t *v = (int8_t *)(base + layout->values) + position * dim;
      for (long q = 0; q < layout->quants; q++) {
        const long from = q * layout->quant_length, left = dim - from;
        const long count = left < layout->quant_length ? left : layout->quant_length;
        int8_t codes[32];
        key_scales[q * 16] = quantize_block(codes, key + from, count);
        for (long i = 0; i < count; i++) k[(from + i) * 16] = codes[i];
        value_scales[q] = quantize_block(codes, value + from, count);
        memcpy(v + from, codes, (size_t)count);
      }
      break;
    }
  }
}

// Scores of sixteen keys for `tile` queries: q.k in ascending order of the head dimension.
INLINE void score_tile(dendrite_kv_type type, int tile, lanes *s, const float *query,
                       const uint8_t *keys, const dendrite_kv_layout *layout, long group) {
  const long dim = layout->head_dim;
  UNROLL for (int q = 0; q < tile; q++) s[q] = splat(0);
  if (type != DENDRITE_KV_Q8) {
    for (long d = 0; d < dim; d++) {
      const long at = (group * dim + d) * 16;
      const lanes k = type == DENDRITE_KV_F32 ? load((const float *)keys + at) : load_half(keys + at * 2);
      UNROLL for (int q = 0; q < tile; q++) s[q] = fused(splat(query[q * dim + d]), k, s[q]);
    }
    return;
  }
  const float *scales = (const float *)(keys + layout->key_scales) + group * layout->quants * 16;
  for (long b = 0; b < layout->quants; b++) {
    const long from = b * layout->quant_length;
    const long to = dim - from < layout->quant_length ? dim : from + layout->quant_length;
    lanes t[4];
    UNROLL for (int q = 0; q < tile; q++) t[q] = splat(0);
    for (long d = from; d < to; d++) {
      const lanes k = load_bytes(keys + (group * dim + d) * 16);
      UNROLL for (int q = 0; q < tile; q++) t[q] = fused(splat(query[q * dim + d]), k, t[q]);
    }
    const lanes scale = load(scales + b * 16);
    UNROLL for (int q = 0; q < tile; q++) s[q] = fused(t[q], scale, s[q]);
  }
}

INLINE lanes load_channels(dendrite_kv_type type, const uint8_t *values, long at, long count) {
  if (count >= 16) {
    if (type == DENDRITE_KV_F32) return load((const float *)values + at);
    if (type == DENDRITE_KV_F16) return load_half(values + at * 2);
    return load_bytes(values + at);
  }
  float part[16] = {0};
  for (long i = 0; i < count; i++) {
    if (type == DENDRITE_KV_F32) part[i] = ((const float *)values)[at + i];
    else if (type == DENDRITE_KV_F16) part[i] = (float)((const _Float16 *)values)[at + i];
    else part[i] = (float)((const int8_t *)values)[at + i];
  }
  return load(part);
}

// n += p . v for `tile` queries and `width` vectors of channels, positions ascending.
INLINE void weigh_tile(dendrite_kv_type type, int tile, int width, float *n, long stride,
                       const float (*p)[DENDRITE_KV_POSITIONS], const float *factors, const uint8_t *head,
                       const dendrite_kv_layout *layout, long channel, long begin, long end) {
  const long dim = layout->head_dim;
  const uint8_t *values = head + layout->values;
  const float *scales = (const float *)(head + layout->value_scales);
  lanes acc[16];
  UNROLL for (int q = 0; q < tile; q++)
    UNROLL for (int c = 0; c < width; c++)
      acc[q * width + c] = load(n + q * stride + channel + c * 16) * splat(factors[q]);
  for (long j = begin; j < end; j++)
    UNROLL for (int c = 0; c < width; c++) {
      const long at = channel + c * 16;
      const lanes v = load_channels(type, values, j * dim + at, width == 1 ? dim - at : 16);
      UNROLL for (int q = 0; q < tile; q++) {
        float weight = p[q][j];
        if (type == DENDRITE_KV_Q8) weight = weight * scales[j * layout->quants + at / layout->quant_length];
        acc[q * width + c] = fused(splat(weight), v, acc[q * width + c]);
      }
    }
  UNROLL for (int q = 0; q < tile; q++)
    UNROLL for (int c = 0; c < width; c++) save(n + q * stride + channel + c * 16, acc[q * width + c]);
}

INLINE void attend_tile(dendrite_kv_type type, int tile, float *states, const float *query,
                        const uint8_t *head, const dendrite_kv_layout *layout, long begin, long end) {
  const long dim = layout->head_dim, stride = 32 + (dim + 15) / 16 * 16;
  float p[4][DENDRITE_KV_POSITIONS], factors[4];
  const ilanes numbers = lane_numbers();
  lanes largest[4];
  UNROLL for (int q = 0; q < tile; q++) largest[q] = splat(-INFINITY);
  for (long group = begin / 16; group * 16 < end; group++) {
    lanes s[4];
    score_tile(type, tile, s, query, head, layout, group);
    const ilanes position = numbers + isplat((int32_t)(group * 16));
    const ilanes seen = (position >= isplat((int32_t)begin)) & (position < isplat((int32_t)end));
    UNROLL for (int q = 0; q < tile; q++) {
      s[q] = select_lanes(seen, s[q], splat(-INFINITY));
      largest[q] = select_lanes(s[q] > largest[q], s[q], largest[q]);
      save(&p[q][group * 16], s[q]);
    }
  }
  UNROLL for (int q = 0; q < tile; q++) {
    float *state = states + q * stride;
    float top[16], bound = state[0];
    save(top, largest[q]);
    UNROLL for (int half = 8; half > 0; half /= 2)
      UNROLL for (int i = 0; i < half; i++) top[i] = top[i + half] > top[i] ? top[i + half] : top[i];
    const float ceiling = ceilf(top[0]);
    if (ceiling > bound) bound = ceiling;
    if (bound == -INFINITY) bound = 0;
    factors[q] = power_of_two(state[0] - bound);
    state[0] = bound;
    lanes l = load(state + 16) * splat(factors[q]);
    for (long group = begin / 16; group * 16 < end; group++) {
      const lanes s = load(&p[q][group * 16]);
      const ilanes position = numbers + isplat((int32_t)(group * 16));
      const ilanes seen = (position >= isplat((int32_t)begin)) & (position < isplat((int32_t)end));
      const lanes weights = (lanes)(seen & (ilanes)exp2_lanes(s - splat(bound)));
      l = l + weights;
      save(&p[q][group * 16], weights);
    }
    save(state + 16, l);
  }
  long channel = 0;
  for (; channel + 64 <= dim; channel += 64)
    weigh_tile(type, tile, 4, states + 32, stride, (const float (*)[DENDRITE_KV_POSITIONS])p, factors,
               head, layout, channel, begin, end);
  for (; channel < dim; channel += 16)
    weigh_tile(type, tile, 1, states + 32, stride, (const float (*)[DENDRITE_KV_POSITIONS])p, factors,
               head, layout, channel, begin, end);
}

INLINE void attend_type(dendrite_kv_type type, float *states, const float *query, long queries,
                        const void *head, const dendrite_kv_layout *layout, long begin, long end) {
  const long dim = layout->head_dim, stride = 32 + (dim + 15) / 16 * 16;
  long q = 0;
  for (; q + 4 <= queries; q += 4)
    attend_tile(type, 4, states + q * stride, query + q * dim, head, layout, begin, end);
  for (; q < queries; q++)
    attend_tile(type, 1, states + q * stride, query + q * dim, head, layout, begin, end);
}

static void VARIANT(attend)(float *states, const float *query, long queries, const void *head,
                            const dendrite_kv_layout *layout, long begin, long end) {
  switch (layout->type) {
    case DENDRITE_KV_F32: attend_type(DENDRITE_KV_F32, states, query, queries, head, layout, begin, end); break;
    case DENDRITE_KV_F16: attend_type(DENDRITE_KV_F16, states, query, queries, head, layout, begin, end); break;
    case DENDRITE_KV_Q8: attend_type(DENDRITE_KV_Q8, states, query, queries, head, layout, begin, end); break;
  }
}

static void VARIANT(merge)(float *a, const float *b, long queries, long head_dim) {
  const long stride = dendrite_state_floats(head_dim);
  for (long q = 0; q < queries; q++, a += stride, b += stride) {
    if (b[0] == -INFINITY) continue;
    if (a[0] == -INFINITY) {
      memcpy(a, b, (size_t)stride * sizeof(float));
      continue;
    }
    const float m = a[0] > b[0] ? a[0] : b[0];
    const lanes fa = splat(power_of_two(a[0] - m)), fb = splat(power_of_two(b[0] - m));
    a[0] = m;
    for (long i = 16; i < stride; i += 16) {
      const lanes left = load(a + i) * fa, right = load(b + i) * fb;
      save(a + i, left + right);
    }
  }
}

static void VARIANT(finish)(float *out, const float *states, long queries, long head_dim) {
  const long stride = dendrite_state_floats(head_dim);
  for (long q = 0; q < queries; q++) {
    const float *state = states + q * stride;
    const float l = fold_sum(load(state + 16));
    const int empty = state[0] == -INFINITY;
    for (long d = 0; d < head_dim; d += 16)
      save_upto(out + q * head_dim + d, empty ? splat(0) : load(state + 32 + d) / splat(l), head_dim - d);
  }
}

static long VARIANT(argmax)(const float *x, long count) {
  const ilanes exponent = isplat(0x7f800000);
  ilanes broken = isplat(0);
  lanes best = splat(-INFINITY);
  long i = 0;
  for (; i + 16 <= count; i += 16) {
    const lanes v = load(x + i);
    broken |= ((ilanes)v & exponent) == exponent;
    best = select_lanes(v > best, v, best);
  }
  float top[16], largest = -INFINITY;
  save(top, best);
  for (int lane = 0; lane < 16; lane++)
    if (top[lane] > largest) largest = top[lane];
  if (fold_maximum(-broken) != 0) return -1;
  for (; i < count; i++) {
    if ((dendrite_bits_of_float(x[i]) & 0x7f800000) == 0x7f800000) return -1;
    if (x[i] > largest) largest = x[i];
  }
  for (i = 0; i < count; i++)
    if (x[i] == largest) return i;
  return -1;
}

const dendrite_kernels VARIANT(dendrite_kernels) = {
    VARIANT_NAME,     VARIANT(matmul), VARIANT(quantize), VARIANT(arrange), VARIANT(rms_norm),
    VARIANT(swiglu),  VARIANT(add),    VARIANT(rope),     VARIANT(store),   VARIANT(attend),
    VARIANT(merge),   VARIANT(finish), VARIANT(argmax),
};
