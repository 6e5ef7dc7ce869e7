// SPDX-License-Identifier: Apache-2.0
//
// Products of packed matrices with activations. Part of lanes.h, which includes it.
//
// A tile multiplies one or a few groups of sixteen output rows with some rows of activations and keeps
// their sums in registers from the first block to the last. Registers may be narrower than sixteen lanes;
// a `part` is what one holds.

typedef float part_floats __attribute__((vector_size(64 / PARTS)));
typedef int8_t part_int8s __attribute__((vector_size(16 / PARTS)));
typedef uint8_t part_uint8s __attribute__((vector_size(16 / PARTS)));
typedef _Float16 part_halves __attribute__((vector_size(32 / PARTS)));
typedef uint16_t part_words __attribute__((vector_size(32 / PARTS)));
enum { PART_LANES = 16 / PARTS };

INLINE part_floats part_splat(float x) {
  part_floats v;
  UNROLL for (int i = 0; i < PART_LANES; i++) v[i] = x;
  return v;
}
INLINE part_floats part_fused(part_floats a, part_floats b, part_floats c) {
  return __builtin_elementwise_fma(a, b, c);
}
INLINE part_floats part_load(const float *p) {
  part_floats v;
  memcpy(&v, p, sizeof v);
  return v;
}
INLINE part_floats part_of_ints(part_ints x) { return __builtin_convertvector(x, part_floats); }
INLINE part_floats part_of_halves(const void *p) {
  part_halves h;
  memcpy(&h, p, sizeof h);
  return __builtin_convertvector(h, part_floats);
}
INLINE part_floats part_of_bfloats(const void *p) {
  part_words w;
  memcpy(&w, p, sizeof w);
  return (part_floats)(__builtin_convertvector(w, part_ints) << 16);
}
INLINE part_floats part_of_int8s(const void *p) {
  part_int8s b;
  memcpy(&b, p, sizeof b);
  return __builtin_convertvector(b, part_floats);
}
INLINE part_floats part_of_uint8s(const void *p) {
  part_uint8s b;
  memcpy(&b, p, sizeof b);
  return __builtin_convertvector(b, part_floats);
}
INLINE void part_save(float *y, part_floats v, long left) {
  if (left >= PART_LANES) memcpy(y, &v, sizeof v);
  else if (left > 0) memcpy(y, &v, (size_t)left * sizeof(float));
}

// MARK: Float weights

INLINE part_floats load_weights(dendrite_packing packing, const uint8_t *group, long k, int part) {
  const long at = k * 16 + part * PART_LANES;
  if (packing == DENDRITE_PACK_F32) return part_load((const float *)(const void *)group + at);
  if (packing == DENDRITE_PACK_F16) return part_of_halves(group + at * 2);
  return part_of_bfloats(group + at * 2);
}

TILE_FUNCTION void float_tile(dendrite_packing packing, const int groups, const int rows, float *y,
                              long y_stride, const dendrite_matrix *w, const float *x, long tile_rows, long g) {
  part_floats acc[PARTS * MAX_FLOAT_SUMS];
  UNROLL for (int i = 0; i < groups * rows * PARTS; i++) acc[i] = part_splat(0);
  const long bytes = w->code_bytes + w->scale_bytes;
  const uint8_t *group = w->data + g * bytes;
  for (long b = 0; b < w->blocks; b++) {
    const float *values = x + b * tile_rows * 32;
    const long left = w->columns - b * 32, count = left < 32 ? left : 32;
    for (long k = 0; k < count; k++) {
      UNROLL for (int i = 0; i < groups; i++)
        UNROLL for (int part = 0; part < PARTS; part++) {
          const part_floats weights = load_weights(packing, group + i * bytes, b * 32 + k, part);
          UNROLL for (int r = 0; r < rows; r++) {
            part_floats *sum = acc + (i * PARTS + part) * rows + r;
            *sum = part_fused(weights, part_splat(values[r * 32 + k]), *sum);
          }
        }
    }
  }
  UNROLL for (int i = 0; i < groups; i++)
    UNROLL for (int part = 0; part < PARTS; part++)
      UNROLL for (int r = 0; r < rows; r++)
        part_save(y + r * y_stride + i * 16 + part * PART_LANES, acc[(i * PARTS + part) * rows + r],
                  w->rows - (g + i) * 16 - part * PART_LANES);
}

// MARK: Integer weights

// What the codes of a packing are.
INLINE int code_kind(dendrite_packing packing) {
  switch (packing) {
    case DENDRITE_PACK_Q4:
    case DENDRITE_PACK_Q4K: return CODES_4;
    case DENDRITE_PACK_Q5:
    case DENDRITE_PACK_Q5K: return CODES_5;
    case DENDRITE_PACK_Q6K: return CODES_6;
    case DENDRITE_PACK_IQ4: return CODES_IQ4;
    case DENDRITE_PACK_MX4: return CODES_MX4;
    default: return CODES_8;
  }
}
INLINE long code_bytes(int kind) {
  return kind == CODES_8 ? 512 : kind == CODES_6 ? 384 : kind == CODES_5 ? 320 : 256;
}

// Scales of a block, and their minima or half scales: float, because sums below 2^24 are exact in it.
typedef struct {
  part_floats scale, minimum, half0, half1, minimum0, minimum1;
} block_scales;

INLINE block_scales load_scales(dendrite_packing packing, int has_minima, const uint8_t *scales, long b,
                                int part) {
  const int lane = part * PART_LANES;
  block_scales s = {.scale = part_splat(0)};
  switch (packing) {
    case DENDRITE_PACK_Q4K:
    case DENDRITE_PACK_Q5K: {
      const uint8_t *super = scales + b / 8 * 320, *own = super + 64 + b % 8 * 32;
      s.scale = part_of_halves(super + lane * 2) * part_of_uint8s(own + lane);
      s.minimum = part_of_halves(super + 32 + lane * 2) * part_of_uint8s(own + 16 + lane);
      break;
    }
    case DENDRITE_PACK_Q6K: {
      const uint8_t *super = scales + b / 8 * 288, *own = super + 32 + b % 8 * 32;
      s.scale = part_of_halves(super + lane * 2);
      s.half0 = part_of_int8s(own + lane), s.half1 = part_of_int8s(own + 16 + lane);
      break;
    }
    case DENDRITE_PACK_QX: {
      const uint8_t *p = scales + b * (long)sizeof(dendrite_qx_scales);
      s.scale = part_load((const float *)(const void *)p + lane);
      s.half0 = part_of_int8s(p + 128 + lane), s.half1 = part_of_int8s(p + 144 + lane);
      if (!has_minima) break;
      s.minimum = part_load((const float *)(const void *)(p + 64) + lane);
      s.minimum0 = part_of_int8s(p + 160 + lane), s.minimum1 = part_of_int8s(p + 176 + lane);
      break;
    }
    case DENDRITE_PACK_MX4: s.scale = part_of_bfloats(scales + b * 32 + lane * 2); break;
    default: s.scale = part_of_halves(scales + b * 32 + lane * 2);
  }
  s.scale = s.scale * part_splat(CODE_UNIT(code_kind(packing))); /* a power of two, exact */
  return s;
}

// Adds a block's share to the sums of a few rows. Their products go side by side: one row's are a chain.
INLINE void integer_step(dendrite_packing packing, int has_minima, const int rows, const part_codes *codes,
                         const block_scales *s, const int8_t *x, const float *dx, long tile_rows,
                         part_floats *sums) {
  const int kind = code_kind(packing);
  const int32_t *offset = (const int32_t *)(const void *)(dx + tile_rows);
  part_ints isum[ROWS_ABREAST], high[ROWS_ABREAST];
  if (packing == DENDRITE_PACK_Q6K || packing == DENDRITE_PACK_QX) {
    dot_codes(kind, 1, rows, isum, codes, 0, 4, x, offset + tile_rows);
    dot_codes(kind, 1, rows, high, codes, 4, 8, x, offset + 2 * tile_rows);
    UNROLL for (int r = 0; r < rows; r++) {
      const part_floats f1 = part_of_ints(high[r]) * s->half1;
      const part_floats f = part_fused(part_of_ints(isum[r]), s->half0, f1); /* exact: below 2^24 */
      sums[r] = part_fused(f, s->scale * part_splat(dx[r]), sums[r]);
      if (!has_minima) continue;
      const part_floats m0 = s->minimum0 * part_splat((float)(offset[tile_rows + r] / 128));
      const part_floats m1 = part_splat((float)(offset[2 * tile_rows + r] / 128));
      sums[r] = part_fused(part_fused(s->minimum1, m1, m0), s->minimum * part_splat(dx[r]), sums[r]);
    }
    return;
  }
  const int is_k = packing == DENDRITE_PACK_Q4K || packing == DENDRITE_PACK_Q5K;
  dot_codes(kind, !is_k, rows, isum, codes, 0, 8, x, offset);
  UNROLL for (int r = 0; r < rows; r++) {
    sums[r] = part_fused(part_of_ints(isum[r]), s->scale * part_splat(dx[r]), sums[r]);
    const float *share = (const float *)(const void *)(offset + 3 * tile_rows) + r;
    if (is_k) sums[r] = part_fused(part_splat(*share), s->minimum, sums[r]);
  }
}

// Weights come from memory as fast as it gives them, so they are asked for ahead of time.
enum { PREFETCH_BYTES = 2048 };

INLINE void prefetch_lines(const uint8_t *p, long bytes) {
  for (long line = 0; line < bytes; line += 64) __builtin_prefetch(p + PREFETCH_BYTES + line);
}

// x: the tile's first block; row: which of its rows comes first.
TILE_FUNCTION void integer_tile(dendrite_packing packing, int has_minima, const int groups, const int rows,
                                float *y, long y_stride, const dendrite_matrix *w, const uint8_t *x,
                                long rows_of_tile, long row, long g) {
  /* A full tile's addresses are constants from one pointer. */
  const long tile_rows = rows == DENDRITE_TILE ? DENDRITE_TILE : rows_of_tile;
  part_floats acc[PARTS * MAX_INTEGER_SUMS];
  UNROLL for (int i = 0; i < groups * rows * PARTS; i++) acc[i] = part_splat(0);
  const long group_bytes = w->code_bytes + w->scale_bytes;
  const int kind = code_kind(packing);
  for (long b = 0; b < w->blocks; b++, x += tile_rows * DENDRITE_CELL) {
    const int8_t *x_codes = (const int8_t *)x + row * 32;
    const float *dx = (const float *)(const void *)(x + tile_rows * 32) + row;
    UNROLL for (int i = 0; i < groups; i++) {
      const uint8_t *group = w->data + (g + i) * group_bytes;
      const uint8_t *codes = group + b * code_bytes(kind);
      prefetch_lines(codes, code_bytes(kind));
      UNROLL for (int part = 0; part < PARTS; part++) {
        part_codes unpacked[8];
        unpack_codes(kind, unpacked, codes, part);
        const block_scales s = load_scales(packing, has_minima, group + w->code_bytes, b, part);
        part_floats *sums = acc + (i * PARTS + part) * rows;
        UNROLL for (int r = 0; r < rows; r += ROWS_ABREAST) {
          const int few = rows - r < ROWS_ABREAST ? rows - r : ROWS_ABREAST;
          integer_step(packing, has_minima, few, unpacked, &s, x_codes + r * 32, dx + r, tile_rows, sums + r);
        }
      }
    }
  }
  UNROLL for (int i = 0; i < groups; i++)
    UNROLL for (int part = 0; part < PARTS; part++)
      UNROLL for (int r = 0; r < rows; r++)
        part_save(y + r * y_stride + i * 16 + part * PART_LANES, acc[(i * PARTS + part) * rows + r],
                  w->rows - (g + i) * 16 - part * PART_LANES);
}

#ifdef MANY_ROWS
#define NO_UNROLL _Pragma("clang loop unroll(disable)")
// As integer_tile for one group and any number of rows up to a tile's. Few registers hold either the codes of a
// block or the sums of many rows: here it is the codes, unpacked once for all rows, and the sums go through the
// nearest cache, one load and one store a row and block.
TILE_FUNCTION void integer_tile_of_many(dendrite_packing packing, int has_minima, long rows, float *y,
                                        long y_stride, const dendrite_matrix *w, const uint8_t *x, long tile_rows,
                                        long row, long g) {
  part_floats acc[PARTS][DENDRITE_TILE];
  for (long r = 0; r < rows; r++) UNROLL for (int part = 0; part < PARTS; part++) acc[part][r] = part_splat(0);
  const uint8_t *group = w->data + g * (w->code_bytes + w->scale_bytes);
  const int kind = code_kind(packing);
  for (long b = 0; b < w->blocks; b++, x += tile_rows * DENDRITE_CELL) {
    const uint8_t *codes = group + b * code_bytes(kind);
    const float *dx = (const float *)(const void *)(x + tile_rows * 32) + row;
    prefetch_lines(codes, code_bytes(kind));
    UNROLL for (int part = 0; part < PARTS; part++) {
      part_codes unpacked[8];
      unpack_codes(kind, unpacked, codes, part);
      const block_scales s = load_scales(packing, has_minima, group + w->code_bytes, b, part);
      const int8_t *x_codes = (const int8_t *)x + row * 32;
      const int abreast = codes_are_signed(kind) ? 1 : ROWS_ABREAST; /* signed ones take registers for magnitudes */
      long r = 0;
      NO_UNROLL for (; r + abreast <= rows; r += abreast)
        integer_step(packing, has_minima, abreast, unpacked, &s, x_codes + r * 32, dx + r, tile_rows, &acc[part][r]);
      if (r < rows)
        integer_step(packing, has_minima, 1, unpacked, &s, x_codes + r * 32, dx + r, tile_rows, &acc[part][r]);
    }
  }
  for (long r = 0; r < rows; r++)
    UNROLL for (int part = 0; part < PARTS; part++)
      part_save(y + r * y_stride + part * PART_LANES, acc[part][r], w->rows - g * 16 - part * PART_LANES);
}
#endif

// MARK: Cutting the work into tiles

// A stretch of groups whose weights stay in the second cache while the tiles of a long pass go over them.
enum { STRETCH_BYTES = 256 << 10 };

INLINE long stretch_of(const dendrite_matrix *w, long rows) {
  const long bytes = w->code_bytes + w->scale_bytes, fit = STRETCH_BYTES / bytes;
  return rows <= DENDRITE_TILE ? w->rows : fit < 4 ? 4 : fit / 4 * 4;
}

#define TRY_ROWS(tile, n) \
  if (end - row >= n) { \
    tile(n); \
    row += n; \
    continue; \
  }

// How many groups a tile of so many rows takes together: each is a stream of its own to the memory, and
// its sums fill the registers that rows leave free.
#define GROUPS_OF(rows, sums) ((rows) * 4 <= (sums) ? 4 : (rows) * 2 <= (sums) ? 2 : 1)

// Rows [row, end) of one tile and groups [from, to), in few bites: EACH_..._TILE lists the variant's sizes.
INLINE void integer_rows(dendrite_packing packing, int has_minima, float *y, long y_stride,
                         const dendrite_matrix *w, const uint8_t *x, long tile_rows, long row, long end,
                         long from, long to) {
#ifdef MANY_ROWS
  if (end - row >= MANY_ROWS) {
    for (long g = from; g < to; g++)
      integer_tile_of_many(packing, has_minima, end - row, y + row * y_stride + g * 16, y_stride, w, x, tile_rows,
                           row, g);
    return;
  }
#endif
  while (row < end) {
    float *out = y + row * y_stride;
    long g = from;
#define INTEGER(n) \
  for (; g + GROUPS_OF(n, MAX_INTEGER_SUMS) <= to; g += GROUPS_OF(n, MAX_INTEGER_SUMS)) \
    integer_tile(packing, has_minima, GROUPS_OF(n, MAX_INTEGER_SUMS), n, out + g * 16, y_stride, w, x, tile_rows, \
                 row, g); \
  for (; g < to; g++) integer_tile(packing, has_minima, 1, n, out + g * 16, y_stride, w, x, tile_rows, row, g)
#define TRY(n) TRY_ROWS(INTEGER, n)
    EACH_INTEGER_TILE(TRY)
#undef TRY
#undef INTEGER
  }
}

INLINE void float_rows(dendrite_packing packing, float *y, long y_stride, const dendrite_matrix *w,
                       const float *x, long tile_rows, long row, long end, long from, long to) {
  while (row < end) {
    float *out = y + row * y_stride;
    long g = from;
#define FLOATING(n) \
  for (; g + GROUPS_OF(n, MAX_FLOAT_SUMS) <= to; g += GROUPS_OF(n, MAX_FLOAT_SUMS)) \
    float_tile(packing, GROUPS_OF(n, MAX_FLOAT_SUMS), n, out + g * 16, y_stride, w, x + row * 32, tile_rows, g); \
  for (; g < to; g++) float_tile(packing, 1, n, out + g * 16, y_stride, w, x + row * 32, tile_rows, g)
#define TRY(n) TRY_ROWS(FLOATING, n)
    EACH_FLOAT_TILE(TRY)
#undef TRY
#undef FLOATING
  }
}

INLINE void matmul_of(dendrite_packing packing, int has_minima, float *y, long y_stride,
                      const dendrite_matrix *w, const dendrite_activations *x, long group_begin,
                      long group_end, long row_begin, long row_end) {
  const long stretch = stretch_of(w, row_end - row_begin);
  for (long from = group_begin; from < group_end; from += stretch) {
    const long to = from + stretch < group_end ? from + stretch : group_end;
    for (long row = row_begin, end; row < row_end; row = end) {
      const long first = row / DENDRITE_TILE * DENDRITE_TILE, tile_rows = dendrite_tile_rows(x->rows, row);
      const long cells = dendrite_tile_cells(w->blocks, row);
      end = first + tile_rows < row_end ? first + tile_rows : row_end;
      float *out = y + first * y_stride;
      if (packing >= DENDRITE_PACK_Q4)
        integer_rows(packing, has_minima, out, y_stride, w, x->codes + cells * DENDRITE_CELL, tile_rows,
                     row - first, end - first, from, to);
      else
        float_rows(packing, out, y_stride, w, x->values + cells * 32, tile_rows, row - first, end - first,
                   from, to);
    }
  }
}

// A function for each packing: compilers take long over one that holds all of them.
#define PARAMETERS \
  float *y, long y_stride, const dendrite_matrix *w, const dendrite_activations *x, long group_begin, \
      long group_end, long row_begin, long row_end
#define ARGUMENTS y, y_stride, w, x, group_begin, group_end, row_begin, row_end
#define EACH_PACKING(DO) \
  DO(F32, 0) DO(F16, 0) DO(BF16, 0) DO(Q4, 0) DO(Q5, 0) DO(Q8, 0) DO(IQ4, 0) DO(MX4, 0) DO(Q4K, 0) DO(Q5K, 0) \
      DO(Q6K, 0) DO(QX, 0) DO(QX, 1)

#define DEFINE(packing, has_minima) \
  static __attribute__((noinline)) void matmul_##packing##_##has_minima(PARAMETERS) { \
    matmul_of(DENDRITE_PACK_##packing, has_minima, ARGUMENTS); \
  }
EACH_PACKING(DEFINE)
#undef DEFINE

static void VARIANT(matmul)(PARAMETERS) {
#define CHOOSE(kind, minima) \
  if (w->packing == DENDRITE_PACK_##kind && w->has_minima == minima) matmul_##kind##_##minima(ARGUMENTS);
  EACH_PACKING(CHOOSE)
#undef CHOOSE
}
#undef EACH_PACKING
#undef ARGUMENTS
#undef PARAMETERS
