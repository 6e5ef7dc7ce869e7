// SPDX-License-Identifier: Apache-2.0
//
// Storing keys and values, and folding blocks of them into partial states. Part of lanes.h, which
// includes it.

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
    case DENDRITE_KV_BF16: {
      uint16_t *k = (uint16_t *)base + tile * dim * 16 + lane;
      uint16_t *v = (uint16_t *)(base + layout->values) + position * dim;
      for (long d = 0; d < dim; d++) k[d * 16] = dendrite_bfloat_from_float(key[d]);
      for (long d = 0; d < dim; d++) v[d] = dendrite_bfloat_from_float(value[d]);
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

// Queries that are attended together, and sixteens of keys or channels beside them: their sums fill the
// registers, and enough of them hide how long one addition takes.
enum { ATTEND_TILE = ATTEND_SUMS >= 16 ? 8 : 4 };
INLINE int wide_of(int tile) { return tile * 4 <= ATTEND_SUMS ? 4 : tile * 2 <= ATTEND_SUMS ? 2 : 1; }

// Asks for `bytes` at `from` of what comes next, if anything does.
INLINE void fetch(const uint8_t *next, long from, long bytes) {
  if (next)
    for (long line = 0; line < bytes; line += 64) __builtin_prefetch(next + from + line);
}

// Sixteen stored values; those of Q8 without their scale.
INLINE lanes load_stored(dendrite_kv_type type, const uint8_t *stored, long at) {
  if (type == DENDRITE_KV_F32) return load((const float *)(const void *)stored + at);
  if (type == DENDRITE_KV_F16) return load_half(stored + at * 2);
  if (type == DENDRITE_KV_BF16) return load_bfloat(stored + at * 2);
  return load_bytes(stored + at);
}

// Scores of `wide` sixteens of keys for `tile` queries: q.k in ascending order of the head dimension.
INLINE void score_tile(dendrite_kv_type type, const int tile, const int wide, lanes *s, const float *query,
                       const uint8_t *keys, const dendrite_kv_layout *layout, long group, const uint8_t *next) {
  const long dim = layout->head_dim, line = wide * dendrite_kv_element_bytes(type) * 16;
  UNROLL for (int i = 0; i < tile * wide; i++) s[i] = splat(0);
  if (type != DENDRITE_KV_Q8) {
    for (long d = 0; d < dim; d++) {
      fetch(next, d * line, line);
      UNROLL for (int g = 0; g < wide; g++) {
        const lanes k = load_stored(type, keys, ((group + g) * dim + d) * 16);
        UNROLL for (int q = 0; q < tile; q++)
          s[q * wide + g] = fused(splat(query[q * dim + d]), k, s[q * wide + g]);
      }
    }
    return;
  }
  const float *scales = (const float *)(const void *)(keys + layout->key_scales) + group * layout->quants * 16;
  for (long b = 0; b < layout->quants; b++) {
    const long from = b * layout->quant_length;
    const long to = dim - from < layout->quant_length ? dim : from + layout->quant_length;
    lanes t[16];
    UNROLL for (int i = 0; i < tile * wide; i++) t[i] = splat(0);
    for (long d = from; d < to; d++) {
      fetch(next, d * line, line);
      UNROLL for (int g = 0; g < wide; g++) {
        const lanes k = load_stored(type, keys, ((group + g) * dim + d) * 16);
        UNROLL for (int q = 0; q < tile; q++)
          t[q * wide + g] = fused(splat(query[q * dim + d]), k, t[q * wide + g]);
      }
    }
    UNROLL for (int g = 0; g < wide; g++) {
      const lanes scale = load(scales + (g * layout->quants + b) * 16);
      UNROLL for (int q = 0; q < tile; q++) s[q * wide + g] = fused(t[q * wide + g], scale, s[q * wide + g]);
    }
  }
}

INLINE lanes load_channels(dendrite_kv_type type, const uint8_t *values, long at, long count) {
  if (count >= 16) return load_stored(type, values, at);
  uint8_t part[64] = {0};
  const long bytes = dendrite_kv_element_bytes(type);
  memcpy(part, values + at * bytes, (size_t)(count * bytes));
  return load_stored(type, part, 0);
}

// n += p . v for `tile` queries and `width` vectors of channels, positions ascending.
INLINE void weigh_tile(dendrite_kv_type type, const int tile, const int width, float *n, long stride,
                       const float (*p)[DENDRITE_KV_POSITIONS], const float *factors, const uint8_t *values,
                       long dim, long channel, long begin, long end, const uint8_t *next) {
  lanes acc[16];
  UNROLL for (int q = 0; q < tile; q++)
    UNROLL for (int c = 0; c < width; c++)
      acc[q * width + c] = load(n + q * stride + channel + c * 16) * splat(factors[q]);
  for (long j = begin; j < end; j++) {
    fetch(next, (j * dim + channel) * dendrite_kv_element_bytes(type), width * dendrite_kv_element_bytes(type) * 16);
    UNROLL for (int c = 0; c < width; c++) {
      const long at = channel + c * 16;
      const lanes v = load_channels(type, values, j * dim + at, width == 1 ? dim - at : 16);
      UNROLL for (int q = 0; q < tile; q++)
        acc[q * width + c] = fused(splat(p[q][j]), v, acc[q * width + c]);
    }
  }
  UNROLL for (int q = 0; q < tile; q++)
    UNROLL for (int c = 0; c < width; c++) save(n + q * stride + channel + c * 16, acc[q * width + c]);
}

// scaled = p times the scales of one block of channels, position by position.
INLINE void scale_weights(const int tile, float (*scaled)[DENDRITE_KV_POSITIONS],
                          const float (*p)[DENDRITE_KV_POSITIONS], const float *scales, long quants, long begin,
                          long end) {
  float column[DENDRITE_KV_POSITIONS] = {0};
  for (long j = begin; j < end; j++) column[j] = scales[j * quants];
  for (long j = begin / 16 * 16; j < end; j += 16)
    UNROLL for (int q = 0; q < tile; q++) save(&scaled[q][j], load(&p[q][j]) * load(column + j));
}

INLINE void weigh(dendrite_kv_type type, const int tile, float *n, long stride,
                  const float (*p)[DENDRITE_KV_POSITIONS], const float *factors, const uint8_t *head,
                  const dendrite_kv_layout *layout, long begin, long end, const uint8_t *next) {
  const long dim = layout->head_dim;
  const uint8_t *values = head + layout->values, *following = next ? next + layout->values : NULL;
  /* Channels that go together share their scale. */
  const int wide = type == DENDRITE_KV_Q8 && wide_of(tile) > 2 ? 2 : wide_of(tile);
  float scaled[ATTEND_TILE][DENDRITE_KV_POSITIONS] __attribute__((aligned(64)));
  const float(*weights)[DENDRITE_KV_POSITIONS] = p;
  for (long channel = 0; channel < dim;) {
    if (type == DENDRITE_KV_Q8) {
      const float *scales = (const float *)(const void *)(head + layout->value_scales);
      if (channel % layout->quant_length == 0)
        scale_weights(tile, scaled, p, scales + channel / layout->quant_length, layout->quants, begin, end);
      weights = (const float(*)[DENDRITE_KV_POSITIONS])scaled;
    }
    if (channel + wide * 16 <= dim) {
      weigh_tile(type, tile, wide, n, stride, weights, factors, values, dim, channel, begin, end, following);
      channel += wide * 16;
    } else {
      weigh_tile(type, tile, 1, n, stride, weights, factors, values, dim, channel, begin, end, NULL);
      channel += 16;
    }
  }
}

// Which of the sixteen positions from 16 * group on lie in [begin, end).
INLINE ilanes lanes_seen(long group, long begin, long end) {
  const ilanes position = lane_numbers() + isplat((int32_t)(group * 16));
  return (position >= isplat((int32_t)begin)) & (position < isplat((int32_t)end));
}

INLINE void keep_score(float *p, lanes *largest, lanes score, ilanes seen) {
  score = select_lanes(seen, score, splat(-INFINITY));
  *largest = select_lanes(score > *largest, score, *largest);
  save(p, score);
}

TILE_FUNCTION void attend_tile(dendrite_kv_type type, const int tile, float *states, const float *query,
                               const uint8_t *head, const dendrite_kv_layout *layout, long begin, long end,
                               float cap, const uint8_t *next) {
  const long dim = layout->head_dim, stride = 32 + (dim + 15) / 16 * 16;
  float p[ATTEND_TILE][DENDRITE_KV_POSITIONS] __attribute__((aligned(64))), factors[ATTEND_TILE];
  const int wide = wide_of(tile);
  lanes largest[ATTEND_TILE];
  UNROLL for (int q = 0; q < tile; q++) largest[q] = splat(-INFINITY);
  long group = begin / 16;
  while (group * 16 < end) {
    lanes s[16];
    const int all = group * 16 + wide * 16 <= DENDRITE_KV_POSITIONS, some = all ? wide : 1;
    const uint8_t *keys = next && all ? next + group * dim * 16 * dendrite_kv_element_bytes(type) : NULL;
    if (all) score_tile(type, tile, wide, s, query, head, layout, group, keys);
    else score_tile(type, tile, 1, s, query, head, layout, group, NULL);
    if (cap != 0) UNROLL for (int i = 0; i < tile * wide; i++) s[i] = capped_lanes(s[i], s[i], cap);
    UNROLL for (int g = 0; g < wide; g++)
      UNROLL for (int q = 0; q < tile; q++)
        if (g < some)
          keep_score(&p[q][(group + g) * 16], &largest[q], all ? s[q * wide + g] : s[q],
                     lanes_seen(group + g, begin, end));
    group += some;
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
    for (long g = begin / 16; g * 16 < end; g++) {
      const lanes difference = load(&p[q][g * 16]) - splat(bound);
      const lanes weights = (lanes)(lanes_seen(g, begin, end) & (ilanes)exp2_lanes(difference));
      l = l + weights;
      save(&p[q][g * 16], weights);
    }
    save(state + 16, l);
  }
  weigh(type, tile, states + 32, stride, (const float(*)[DENDRITE_KV_POSITIONS])p, factors, head, layout, begin,
        end, next);
}

INLINE void attend_type(dendrite_kv_type type, float *states, const float *query, long queries,
                        const void *head, const dendrite_kv_layout *layout, long begin, long end,
                        float cap, const uint8_t *next) {
  const long dim = layout->head_dim, stride = 32 + (dim + 15) / 16 * 16;
  for (long q = 0; q < queries;) {
#define ATTEND(n) \
  case n: attend_tile(type, n, states + q * stride, query + q * dim, head, layout, begin, end, cap, next); break;
    const long tile = queries - q < ATTEND_TILE ? queries - q : ATTEND_TILE;
    switch (tile) {
      ATTEND(1) ATTEND(2) ATTEND(3) ATTEND(4)
#if ATTEND_SUMS >= 16
      ATTEND(5) ATTEND(6) ATTEND(7) ATTEND(8)
#endif
    }
#undef ATTEND
    q += tile;
    next = NULL; /* once is enough */
  }
}

#define DEFINE(kind) \
  static __attribute__((noinline)) void attend_##kind(float *states, const float *query, long queries, \
                                                      const void *head, const dendrite_kv_layout *layout, \
                                                      long begin, long end, float cap, const void *next) { \
    attend_type(DENDRITE_KV_##kind, states, query, queries, head, layout, begin, end, cap, next); \
  }
DEFINE(F32)
DEFINE(F16)
DEFINE(BF16)
DEFINE(Q8)
#undef DEFINE

static void VARIANT(attend)(float *states, const float *query, long queries, const void *head,
                            const dendrite_kv_layout *layout, long begin, long end, float cap,
                            const void *next) {
  switch (layout->type) {
    case DENDRITE_KV_F32: attend_F32(states, query, queries, head, layout, begin, end, cap, next); break;
    case DENDRITE_KV_F16: attend_F16(states, query, queries, head, layout, begin, end, cap, next); break;
    case DENDRITE_KV_BF16: attend_BF16(states, query, queries, head, layout, begin, end, cap, next); break;
    case DENDRITE_KV_Q8: attend_Q8(states, query, queries, head, layout, begin, end, cap, next); break;
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
