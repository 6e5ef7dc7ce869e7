// SPDX-License-Identifier: Apache-2.0
#include "unpack.h"

#include "dendrite_kernels.h"
#include "halves.h"

#include <stddef.h>

const int8_t dendrite_iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                        1,    13,   25,  38,  53,  69,  89,  113};
/* Twice the E2M1 values. */
const int8_t dendrite_mx4_values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

static float half_at(const uint8_t *p) { return dendrite_float_from_half(dendrite_load_u16(p)); }

static void set_scales(dendrite_unpacked *out, float scale, float minimum) {
  out->scale = scale;
  out->minimum = minimum;
  out->scales[0] = out->scales[1] = 1;
  out->minima[0] = out->minima[1] = 1;
}

/* Low nibbles are the first sixteen values, high nibbles the last sixteen. */
static int nibble(const uint8_t *qs, int i) { return i < 16 ? qs[i] & 15 : qs[i - 16] >> 4; }

static int fifth_bit(const uint8_t *qh, int i) { return (qh[i / 8] >> (i % 8)) & 1; }

static void unpack_q4_1(dendrite_unpacked *out, const uint8_t *block, int part) {
  (void)part;
  set_scales(out, half_at(block), -half_at(block + 2));
  for (int i = 0; i < 32; i++) out->codes[i] = (int8_t)nibble(block + 4, i);
}

static void unpack_q5_0(dendrite_unpacked *out, const uint8_t *block, int part) {
  (void)part;
  set_scales(out, half_at(block), 0);
  for (int i = 0; i < 32; i++)
    out->codes[i] = (int8_t)((nibble(block + 6, i) | fifth_bit(block + 2, i) << 4) - 16);
}

static void unpack_q5_1(dendrite_unpacked *out, const uint8_t *block, int part) {
  (void)part;
  set_scales(out, half_at(block), -half_at(block + 2));
  for (int i = 0; i < 32; i++)
    out->codes[i] = (int8_t)(nibble(block + 8, i) | fifth_bit(block + 4, i) << 4);
}

static void unpack_q8_0(dendrite_unpacked *out, const uint8_t *block, int part) {
  (void)part;
  set_scales(out, half_at(block), 0);
  memcpy(out->codes, block + 2, 32);
}

static void unpack_iq4_nl(dendrite_unpacked *out, const uint8_t *block, int part) {
  (void)part;
  set_scales(out, half_at(block), 0);
  for (int i = 0; i < 32; i++) out->codes[i] = dendrite_iq4_values[nibble(block + 2, i)];
}

static void unpack_iq4_xs(dendrite_unpacked *out, const uint8_t *block, int part) {
  const int low = block[4 + part / 2] >> (4 * (part & 1)) & 15;
  const int high = dendrite_load_u16(block + 2) >> (2 * part) & 3;
  set_scales(out, half_at(block) * (float)((low | high << 4) - 32), 0);
  for (int i = 0; i < 32; i++) out->codes[i] = dendrite_iq4_values[nibble(block + 8 + 16 * part, i)];
}

static void unpack_mxfp4(dendrite_unpacked *out, const uint8_t *block, int part) {
  (void)part;
  /* 2^(e - 128): subnormal for e = 0 and 1. */
  const float scale = block[0] >= 2 ? dendrite_float_from_bits((uint32_t)(block[0] - 1) << 23)
                                    : dendrite_float_from_bits(0x00200000u << block[0]);
  set_scales(out, scale, 0);
  for (int i = 0; i < 32; i++) out->codes[i] = dendrite_mx4_values[nibble(block + 1, i)];
}

/* Eight 6-bit scales and minima in twelve bytes. */
static void k_scales(const uint8_t *s, int j, int *scale, int *minimum) {
  if (j < 4) {
    *scale = s[j] & 63;
    *minimum = s[j + 4] & 63;
  } else {
    *scale = (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
    *minimum = s[j + 4] >> 4 | (s[j] >> 6) << 4;
  }
}

static void set_k_scales(dendrite_unpacked *out, const uint8_t *block, int scale, int minimum) {
  set_scales(out, half_at(block), half_at(block + 2));
  out->scales[0] = out->scales[1] = (int8_t)scale;
  out->minima[0] = out->minima[1] = (int8_t)minimum;
}

static void unpack_q4_k(dendrite_unpacked *out, const uint8_t *block, int part) {
  int scale, minimum;
  k_scales(block + 4, part, &scale, &minimum);
  set_k_scales(out, block, scale, minimum);
  const uint8_t *qs = block + 16 + 32 * (part / 2);
  for (int i = 0; i < 32; i++) out->codes[i] = (int8_t)(part & 1 ? qs[i] >> 4 : qs[i] & 15);
}

static void unpack_q5_k(dendrite_unpacked *out, const uint8_t *block, int part) {
  int scale, minimum;
  k_scales(block + 4, part, &scale, &minimum);
  set_k_scales(out, block, scale, minimum);
  const uint8_t *qh = block + 16, *qs = block + 48 + 32 * (part / 2);
  for (int i = 0; i < 32; i++)
    out->codes[i] = (int8_t)((part & 1 ? qs[i] >> 4 : qs[i] & 15) | (qh[i] >> part & 1) << 4);
}

static void unpack_q6_k(dendrite_unpacked *out, const uint8_t *block, int part) {
  const int half = part / 4, quarter = part % 4;
  const uint8_t *ql = block + 64 * half + 32 * (quarter & 1), *qh = block + 128 + 32 * half;
  set_scales(out, half_at(block + 208), 0);
  for (int i = 0; i < 2; i++) out->scales[i] = (int8_t)block[192 + 8 * half + 2 * quarter + i];
  for (int i = 0; i < 32; i++) {
    const int low = quarter < 2 ? ql[i] & 15 : ql[i] >> 4;
    out->codes[i] = (int8_t)((low | (qh[i] >> (2 * quarter) & 3) << 4) - 32);
  }
}

static void unpack_q2_k(dendrite_unpacked *out, const uint8_t *block, int part) {
  const int half = part / 4, shift = 2 * (part % 4);
  set_scales(out, half_at(block + 80), half_at(block + 82));
  for (int i = 0; i < 2; i++) {
    out->scales[i] = (int8_t)(block[2 * part + i] & 15);
    out->minima[i] = (int8_t)(block[2 * part + i] >> 4);
  }
  for (int i = 0; i < 32; i++) out->codes[i] = (int8_t)(block[16 + 32 * half + i] >> shift & 3);
}

static void unpack_q3_k(dendrite_unpacked *out, const uint8_t *block, int part) {
  const int half = part / 4, shift = 2 * (part % 4);
  const uint8_t *s = block + 96;
  set_scales(out, half_at(block + 108), 0);
  for (int i = 0; i < 2; i++) {
    const int k = 2 * part + i;
    const int low = k < 8 ? s[k] & 15 : s[k - 8] >> 4;
    out->scales[i] = (int8_t)((low | (s[8 + (k & 3)] >> (2 * (k >> 2)) & 3) << 4) - 32);
  }
  for (int i = 0; i < 32; i++) {
    const int low = block[32 + 32 * half + i] >> shift & 3;
    out->codes[i] = (int8_t)(low - (block[i] >> part & 1 ? 0 : 4));
  }
}

dendrite_unpacker dendrite_unpacker_for(int gguf_type) {
  switch (gguf_type) {
    case DENDRITE_GGUF_Q4_1: return unpack_q4_1;
    case DENDRITE_GGUF_Q5_0: return unpack_q5_0;
    case DENDRITE_GGUF_Q5_1: return unpack_q5_1;
    case DENDRITE_GGUF_Q8_0: return unpack_q8_0;
    case DENDRITE_GGUF_IQ4_NL: return unpack_iq4_nl;
    case DENDRITE_GGUF_IQ4_XS: return unpack_iq4_xs;
    case DENDRITE_GGUF_MXFP4: return unpack_mxfp4;
    case DENDRITE_GGUF_Q2_K: return unpack_q2_k;
    case DENDRITE_GGUF_Q3_K: return unpack_q3_k;
    case DENDRITE_GGUF_Q4_K: return unpack_q4_k;
    case DENDRITE_GGUF_Q5_K: return unpack_q5_k;
    case DENDRITE_GGUF_Q6_K: return unpack_q6_k;
    default: return NULL;
  }
}
