// SPDX-License-Identifier: Apache-2.0
//
// The specification: every kernel as plain loops. Each fused operation is written as fmaf, each
// other one rounds once; nothing may be reordered. The variants in lanes.h follow this order.
#include "dendrite_kernels.h"
#include "dendrite_math.h"
#include "halves.h"

#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

enum { L = DENDRITE_LANES, B = DENDRITE_BLOCK };

static float fold_lanes(const float *lanes) {
  float sum[L];
  memcpy(sum, lanes, sizeof sum);
  for (int half = L / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++) sum[i] = sum[i] + sum[i + half];
  return sum[0];
}

// MARK: Matrices

static float weight_value(const dendrite_matrix *w, const uint8_t *group, long k, int lane) {
  const long i = k * L + lane;
  switch (w->packing) {
    case DENDRITE_PACK_F32: {
      float value;
      memcpy(&value, group + i * 4, sizeof value);
      return value;
    }
    case DENDRITE_PACK_F16: return dendrite_float_from_half(dendrite_load_u16(group + i * 2));
    default: return dendrite_float_from_bfloat(dendrite_load_u16(group + i * 2));
  }
}

static int weight_code(const dendrite_matrix *w, const uint8_t *codes, int k, int lane) {
  const int chunk = k / 4, at = lane * 4 + k % 4;
  const uint8_t pair = codes[chunk % 4 * 64 + at];
  const int nibble = chunk < 4 ? pair & 15 : pair >> 4;
  switch (w->packing) {
    case DENDRITE_PACK_Q4: return nibble - 8;
    case DENDRITE_PACK_Q4K: return nibble;
    case DENDRITE_PACK_Q5:
    case DENDRITE_PACK_Q5K: {
      const int fifth = codes[256 + at] >> chunk & 1;
      return (nibble | fifth << 4) - (w->packing == DENDRITE_PACK_Q5 ? 16 : 0);
    }
    case DENDRITE_PACK_Q6K: {
      const int sixths = codes[256 + chunk / 4 * 64 + at] >> (chunk % 4 * 2) & 3;
      return (nibble | sixths << 4) - 32;
    }
    case DENDRITE_PACK_IQ4: return dendrite_iq4_values[nibble];
    case DENDRITE_PACK_MX4: return dendrite_mx4_values[nibble];
    default: return ((const int8_t *)codes)[chunk * 64 + at];
  }
}

static float half_of_lane(const uint8_t *halves, int lane) {
  return dendrite_float_from_half(dendrite_load_u16(halves + lane * 2));
}

static float float_dot(const dendrite_matrix *w, const dendrite_activations *x, const uint8_t *group,
                       int lane, long row) {
  float acc = 0;
  for (long k = 0; k < w->columns; k++)
    acc = fmaf(weight_value(w, group, k, lane), dendrite_values_at(x, w->blocks, k / B, row)[k % B], acc);
  return acc;
}

// Adds the share of one block.
static float integer_step(const dendrite_matrix *w, const uint8_t *scales, long b, int lane,
                          const int32_t *half, const dendrite_cell *x, float acc) {
  const float dx = *x->dx;
  switch (w->packing) {
    case DENDRITE_PACK_Q4K:
    case DENDRITE_PACK_Q5K: {
      const uint8_t *super = scales + b / 8 * 320, *own = super + 64 + b % 8 * 32;
      const float scale = half_of_lane(super, lane) * (float)own[lane];
      const float minimum = half_of_lane(super + 32, lane) * (float)own[16 + lane];
      acc = fmaf((float)(half[0] + half[1]), scale * dx, acc);
      return fmaf(*x->share, minimum, acc);
    }
    case DENDRITE_PACK_Q6K: {
      const uint8_t *super = scales + b / 8 * 288;
      const int8_t *own = (const int8_t *)super + 32 + b % 8 * 32;
      const int32_t isum = own[lane] * half[0] + own[16 + lane] * half[1];
      return fmaf((float)isum, half_of_lane(super, lane) * dx, acc);
    }
    case DENDRITE_PACK_QX: {
      dendrite_qx_scales s;
      memcpy(&s, scales + b * (long)sizeof s, sizeof s);
      const int32_t isum = s.scales[0][lane] * half[0] + s.scales[1][lane] * half[1];
      acc = fmaf((float)isum, s.scale[lane] * dx, acc);
      if (!w->has_minima) return acc;
      const int32_t msum =
          s.minima[0][lane] * (*x->offset0 / -128) + s.minima[1][lane] * (*x->offset1 / -128);
      return fmaf((float)-msum, s.minimum[lane] * dx, acc);
    }
    case DENDRITE_PACK_MX4: {
      const float d = dendrite_float_from_bfloat(dendrite_load_u16(scales + (b * L + lane) * 2));
      return fmaf((float)(half[0] + half[1]), d * dx, acc);
    }
    default:
      return fmaf((float)(half[0] + half[1]), half_of_lane(scales + b * 32, lane) * dx, acc);
  }
}

static float integer_dot(const dendrite_matrix *w, const dendrite_activations *x, const uint8_t *group,
                         int lane, long row) {
  const long block_bytes = w->code_bytes / w->blocks;
  float acc = 0;
  for (long b = 0; b < w->blocks; b++) {
    const dendrite_cell cell = dendrite_cell_at(x, w->blocks, b, row);
    int32_t half[2] = {0, 0};
    for (int k = 0; k < B; k++)
      half[k / 16] += weight_code(w, group + b * block_bytes, k, lane) * cell.codes[k];
    acc = integer_step(w, group + w->code_bytes, b, lane, half, &cell, acc);
  }
  return acc;
}

static void matmul(float *y, long y_stride, const dendrite_matrix *w, const dendrite_activations *x,
                   long group_begin, long group_end, long row_begin, long row_end) {
  for (long g = group_begin; g < group_end; g++) {
    const uint8_t *group = w->data + g * (w->code_bytes + w->scale_bytes);
    for (long row = row_begin; row < row_end; row++)
      for (int lane = 0; lane < L && g * L + lane < w->rows; lane++)
        y[row * y_stride + g * L + lane] = w->packing <= DENDRITE_PACK_BF16
                                               ? float_dot(w, x, group, lane, row)
                                               : integer_dot(w, x, group, lane, row);
  }
}

// MARK: Activations

// Quantises up to 32 values; returns the scale.
static float quantize_block(int8_t *codes, const float *x, long count) {
  uint32_t largest = 0;
  for (long i = 0; i < count; i++) {
    const uint32_t magnitude = dendrite_bits_of_float(x[i]) & 0x7fffffff;
    if (magnitude > largest) largest = magnitude;
  }
  memset(codes, 0, (size_t)count);
  if (largest >= 0x7f800000) return NAN;
  const float max = dendrite_float_from_bits(largest);
  if (max < 0x1p-80f) return 0;
  const float inverse = 127.0f / max;
  const float shift = 12582912.0f; /* 1.5 * 2^23: the sum's low bits are the rounded integer */
  for (long i = 0; i < count; i++) {
    const float shifted = x[i] * inverse + shift;
    codes[i] = (int8_t)((int32_t)dendrite_bits_of_float(shifted) - 0x4b400000);
  }
  return max / 127.0f;
}

static void quantize(dendrite_activations *out, long row, const float *x, long columns) {
  const long blocks = (columns + B - 1) / B;
  for (long b = 0; b < blocks; b++) {
    const dendrite_cell cell = dendrite_cell_at(out, blocks, b, row);
    memset(cell.codes, 0, B);
    const long count = columns - b * B < B ? columns - b * B : B;
    *cell.dx = quantize_block(cell.codes, x + b * B, count);
    int32_t sums[2] = {0, 0};
    for (int k = 0; k < B; k++) sums[k / 16] += cell.codes[k];
    *cell.offset0 = -128 * sums[0];
    *cell.offset1 = -128 * sums[1];
    *cell.offset = -128 * (sums[0] + sums[1]);
    *cell.share = -((float)(sums[0] + sums[1]) * *cell.dx);
  }
}

static void arrange(dendrite_activations *out, long row, const float *x, long columns) {
  const long blocks = (columns + B - 1) / B;
  for (long b = 0; b < blocks; b++) {
    float *values = dendrite_values_at(out, blocks, b, row);
    for (long k = 0; k < B; k++) values[k] = b * B + k < columns ? x[b * B + k] : 0;
  }
}

// MARK: Rows

static float rms_norm(float *y, const float *x, const float *weight, long count, float epsilon) {
  float lanes[L] = {0};
  for (long i = 0; i < count; i++) lanes[i % L] = fmaf(x[i], x[i], lanes[i % L]);
  const float mean = fold_lanes(lanes) / (float)count;
  const float inverse = 1.0f / sqrtf(mean + epsilon);
  for (long i = 0; i < count; i++) y[i] = (x[i] * inverse) * weight[i];
  return mean;
}

static void swiglu(float *y, const float *gate, const float *up, long count) {
  for (long i = 0; i < count; i++) {
    const float e = dendrite_exp2f(gate[i] * -1.44269504f);
    y[i] = (gate[i] / (1.0f + e)) * up[i];
  }
}

static void add(float *y, const float *x, long count) {
  for (long i = 0; i < count; i++) y[i] = y[i] + x[i];
}

static void rope(float *x, const float *cosine, const float *sine, long heads, long head_dim, long pairs,
                 int interleaved, float factor) {
  for (long h = 0; h < heads; h++) {
    float *v = x + h * head_dim;
    for (long i = 0; i < pairs; i++) {
      const long first = interleaved ? 2 * i : i, second = interleaved ? 2 * i + 1 : i + pairs;
      const float a = v[first], b = v[second];
      v[first] = fmaf(a, cosine[i], -(b * sine[i]));
      v[second] = fmaf(a, sine[i], b * cosine[i]);
    }
    for (long d = 0; d < head_dim; d++) v[d] = v[d] * factor;
  }
}

// MARK: Attention

static void store(void *head, const dendrite_kv_layout *layout, long position, const float *key,
                  const float *value) {
  const long dim = layout->head_dim, tile = position / L, lane = position % L;
  uint8_t *base = head;
  for (long d = 0; d < dim; d++) {
    const long k = (tile * dim + d) * L + lane, v = position * dim + d;
    if (layout->type == DENDRITE_KV_F32) {
      ((float *)base)[k] = key[d];
      ((float *)(base + layout->values))[v] = value[d];
    } else if (layout->type == DENDRITE_KV_F16) {
      ((uint16_t *)base)[k] = dendrite_half_from_float(key[d]);
      ((uint16_t *)(base + layout->values))[v] = dendrite_half_from_float(value[d]);
    } else if (layout->type == DENDRITE_KV_BF16) {
      ((uint16_t *)base)[k] = dendrite_bfloat_from_float(key[d]);
      ((uint16_t *)(base + layout->values))[v] = dendrite_bfloat_from_float(value[d]);
    }
  }
  if (layout->type != DENDRITE_KV_Q8) return;
  float *key_scales = (float *)(base + layout->key_scales);
  float *value_scales = (float *)(base + layout->value_scales);
  for (long q = 0; q < layout->quants; q++) {
    const long from = q * layout->quant_length;
    const long count = dim - from < layout->quant_length ? dim - from : layout->quant_length;
    int8_t codes[B];
    key_scales[(tile * layout->quants + q) * L + lane] = quantize_block(codes, key + from, count);
    for (long i = 0; i < count; i++) ((int8_t *)base)[(tile * dim + from + i) * L + lane] = codes[i];
    value_scales[position * layout->quants + q] = quantize_block(codes, value + from, count);
    memcpy(base + layout->values + position * dim + from, codes, (size_t)count);
  }
}

static float stored_float(const uint8_t *base, const dendrite_kv_layout *layout, long index) {
  if (layout->type == DENDRITE_KV_F32) return ((const float *)base)[index];
  const uint16_t half = ((const uint16_t *)base)[index];
  return layout->type == DENDRITE_KV_BF16 ? dendrite_float_from_bfloat(half) : dendrite_float_from_half(half);
}

// q.k in ascending order of the head dimension; Q8 sums each block before it scales.
static float score(const float *query, const uint8_t *base, const dendrite_kv_layout *layout,
                   long position) {
  const long dim = layout->head_dim, tile = position / L, lane = position % L;
  float s = 0;
  if (layout->type != DENDRITE_KV_Q8) {
    for (long d = 0; d < dim; d++)
      s = fmaf(query[d], stored_float(base, layout, (tile * dim + d) * L + lane), s);
    return s;
  }
  const float *scales = (const float *)(base + layout->key_scales);
  for (long q = 0; q < layout->quants; q++) {
    const long from = q * layout->quant_length;
    const long to = dim - from < layout->quant_length ? dim : from + layout->quant_length;
    float t = 0;
    for (long d = from; d < to; d++)
      t = fmaf(query[d], (float)((const int8_t *)base)[(tile * dim + d) * L + lane], t);
    s = fmaf(t, scales[(tile * layout->quants + q) * L + lane], s);
  }
  return s;
}

// cap * tanh(t), where t is x in units of the cap; NaN if x is not finite.
static float capped(float x, float t, float cap) { return cap * dendrite_tanhf(t) + (x - x); }

// 2^difference for an integer difference <= 0; 0 below -126 (and for an empty state).
static float power_of_two(float difference) {
  return difference >= -126.0f ? dendrite_exp2f(difference) : 0.0f;
}

static void attend(float *states, const float *query, long queries, const void *head,
                   const dendrite_kv_layout *layout, long begin, long end, float cap, const void *next) {
  (void)next;
  const long dim = layout->head_dim, stride = dendrite_state_floats(dim);
  const uint8_t *values = (const uint8_t *)head + layout->values;
  const float *value_scales = (const float *)((const uint8_t *)head + layout->value_scales);
  for (long q = 0; q < queries; q++) {
    float *m = states + q * stride, *l = m + 16, *n = m + 32;
    float p[DENDRITE_KV_POSITIONS];
    float bound = *m;
    for (long j = begin; j < end; j++) {
      p[j] = score(query + q * dim, head, layout, j);
      if (cap != 0) p[j] = capped(p[j], p[j], cap);
      const float ceiling = ceilf(p[j]);
      if (ceiling > bound) bound = ceiling;
    }
    if (bound == -INFINITY) bound = 0; /* only NaN or -infinity so far: no empty state, so it shows */
    const float factor = power_of_two(*m - bound);
    *m = bound;
    for (int i = 0; i < L; i++) l[i] = l[i] * factor;
    for (long d = 0; d < dim; d++) n[d] = n[d] * factor;
    for (long j = begin; j < end; j++) {
      p[j] = dendrite_exp2f(p[j] - bound);
      l[j % L] = l[j % L] + p[j];
      for (long d = 0; d < dim; d++) {
        if (layout->type == DENDRITE_KV_Q8) {
          const float scaled = p[j] * value_scales[j * layout->quants + d / layout->quant_length];
          n[d] = fmaf(scaled, (float)((const int8_t *)values)[j * dim + d], n[d]);
        } else {
          n[d] = fmaf(p[j], stored_float(values, layout, j * dim + d), n[d]);
        }
      }
    }
  }
}

static void merge(float *a, const float *b, long queries, long head_dim) {
  const long stride = dendrite_state_floats(head_dim);
  for (long q = 0; q < queries; q++, a += stride, b += stride) {
    if (b[0] == -INFINITY) continue;
    if (a[0] == -INFINITY) {
      memcpy(a, b, (size_t)stride * sizeof(float));
      continue;
    }
    const float m = a[0] > b[0] ? a[0] : b[0];
    const float fa = power_of_two(a[0] - m), fb = power_of_two(b[0] - m);
    a[0] = m;
    for (long i = 16; i < stride; i++) {
      const float left = a[i] * fa, right = b[i] * fb;
      a[i] = left + right;
    }
  }
}

static void finish(float *out, const float *states, long queries, long head_dim) {
  const long stride = dendrite_state_floats(head_dim);
  for (long q = 0; q < queries; q++) {
    const float *state = states + q * stride;
    const float l = fold_lanes(state + 16);
    for (long d = 0; d < head_dim; d++)
      out[q * head_dim + d] = state[0] == -INFINITY ? 0.0f : state[32 + d] / l;
  }
}

static long argmax(const float *x, long count) {
  long best = 0;
  int finite = 1;
  for (long i = 0; i < count; i++) {
    finite &= (dendrite_bits_of_float(x[i]) & 0x7f800000) != 0x7f800000;
    if (x[i] > x[best]) best = i;
  }
  return finite && count > 0 ? best : -1;
}

static float maximum(const float *x, long count, long *index) {
  float best = -INFINITY;
  *index = -1;
  for (long i = 0; i < count; i++)
    if (x[i] > best) best = x[i], *index = i;
  return best;
}

static double softmax_sum(const float *x, long count, float maximum) {
  double lane[8] = {0};
  for (long i = 0; i < count; i++) {
    const float power = (x[i] - maximum) * DENDRITE_LOG2_E;
    lane[i % 8] = lane[i % 8] + (double)dendrite_exp2f(power);
  }
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

static void geglu(float *y, const float *gate, const float *up, long count) {
  for (long i = 0; i < count; i++) {
    const float x = gate[i], square = x * x, slope = square * -0.102943240f + -2.30220820f;
    const float e = dendrite_exp2f(x * slope);
    y[i] = (x / (1.0f + e)) * up[i];
  }
}

static void swiglu_clamped(float *y, const float *gate, const float *up, long count) {
  for (long i = 0; i < count; i++) {
    const float g = gate[i] > 7.0f ? 7.0f : gate[i];
    const float u = up[i] > 7.0f ? 7.0f : up[i] < -7.0f ? -7.0f : up[i];
    const float e = dendrite_exp2f(g * -2.45546700f);
    y[i] = (g / (1.0f + e)) * (u + 1.0f);
  }
}

static void soft_cap(float *x, long count, float cap) {
  for (long i = 0; i < count; i++) x[i] = capped(x[i], x[i] / cap, cap);
}

const dendrite_kernels dendrite_kernels_generic = {
    "generic", matmul, quantize, arrange, rms_norm, swiglu,  add,         rope,
    store,     attend, merge,    finish,  argmax,   maximum, softmax_sum,
    geglu,     swiglu_clamped, soft_cap,
};
