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
