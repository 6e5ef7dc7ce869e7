// SPDX-License-Identifier: Apache-2.0
//
// Products of packed matrices with activations. Part of lanes.h, which includes it.

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
