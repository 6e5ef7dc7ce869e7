// SPDX-License-Identifier: Apache-2.0
//
// Kernels of one row: quantising, norms, activations, rotation, argmax. Part of lanes.h, which
// includes it.

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
  if (max < 0x1p-80f) {
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
  const long blocks = (columns + 31) / 32;
  for (long b = 0; b < blocks; b++) {
    const dendrite_cell cell = dendrite_cell_at(out, blocks, b, row);
    const long left = columns - b * 32;
    *cell.dx = quantize_block(cell.codes, x + b * 32, left < 32 ? left : 32);
    int32_t sums[2];
    for (int half = 0; half < 2; half++) {
      bytes16 c;
      memcpy(&c, cell.codes + half * 16, 16);
      sums[half] = __builtin_reduce_add(__builtin_convertvector(c, ilanes));
    }
    *cell.offset0 = -128 * sums[0];
    *cell.offset1 = -128 * sums[1];
    *cell.offset = -128 * (sums[0] + sums[1]);
    *cell.share = -((float)(sums[0] + sums[1]) * *cell.dx);
  }
}

static void VARIANT(arrange)(dendrite_activations *out, long row, const float *x, long columns) {
  const long blocks = (columns + 31) / 32;
  for (long b = 0; b < blocks; b++) {
    float *values = dendrite_values_at(out, blocks, b, row);
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

static void VARIANT(geglu)(float *y, const float *gate, const float *up, long count) {
  for (long i = 0; i < count; i += 16) {
    const lanes x = load_upto(gate + i, count - i), u = load_upto(up + i, count - i);
    const lanes slope = (x * x) * splat(-0.102943240f) + splat(-2.30220820f);
    const lanes e = exp2_lanes(x * slope);
    save_upto(y + i, (x / (splat(1.0f) + e)) * u, count - i);
  }
}

static void VARIANT(swiglu_clamped)(float *y, const float *gate, const float *up, long count) {
  const lanes limit = splat(7.0f);
  for (long i = 0; i < count; i += 16) {
    lanes g = load_upto(gate + i, count - i), u = load_upto(up + i, count - i);
    g = select_lanes(g > limit, limit, g);
    u = select_lanes(u > limit, limit, select_lanes(u < -limit, -limit, u));
    const lanes e = exp2_lanes(g * splat(-2.45546700f));
    save_upto(y + i, (g / (splat(1.0f) + e)) * (u + splat(1.0f)), count - i);
  }
}

static void VARIANT(soft_cap)(float *x, long count, float cap) {
  for (long i = 0; i < count; i += 16) {
    const lanes v = load_upto(x + i, count - i);
    save_upto(x + i, capped_lanes(v, v / splat(cap), cap), count - i);
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

static float VARIANT(maximum)(const float *x, long count, long *index) {
  lanes best = splat(-INFINITY);
  ilanes block = isplat(-1); /* where each lane met its largest value first */
  long i = 0;
  for (; i + 16 <= count; i += 16) {
    const lanes v = load(x + i);
    const ilanes larger = v > best;
    best = select_lanes(larger, v, best);
    block = (larger & isplat((int32_t)(i / 16))) | (~larger & block);
  }
  float top[16], largest = -INFINITY;
  int32_t first[16];
  save(top, best);
  memcpy(first, &block, sizeof first);
  *index = -1;
  for (int lane = 0; lane < 16; lane++) {
    const long at = first[lane] * 16L + lane;
    if (first[lane] < 0 || top[lane] < largest) continue;
    if (top[lane] > largest || at < *index) largest = top[lane], *index = at;
  }
  for (; i < count; i++)
    if (x[i] > largest) largest = x[i], *index = i;
  return largest;
}

static double VARIANT(softmax_sum)(const float *x, long count, float maximum) {
  typedef double eight __attribute__((vector_size(64)));
  typedef float eight_floats __attribute__((vector_size(32)));
  eight sum = {0};
  long i = 0;
  for (; i + 16 <= count; i += 16) {
    const lanes weights = exp2_lanes((load(x + i) - splat(maximum)) * splat(DENDRITE_LOG2_E));
    const eight_floats first = __builtin_shufflevector(weights, weights, 0, 1, 2, 3, 4, 5, 6, 7);
    const eight_floats second = __builtin_shufflevector(weights, weights, 8, 9, 10, 11, 12, 13, 14, 15);
    sum = sum + __builtin_convertvector(first, eight);
    sum = sum + __builtin_convertvector(second, eight);
  }
  double lane[8];
  memcpy(lane, &sum, sizeof sum);
  for (; i < count; i++) {
    const float power = (x[i] - maximum) * DENDRITE_LOG2_E;
    lane[i % 8] = lane[i % 8] + (double)dendrite_exp2f(power);
  }
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}
