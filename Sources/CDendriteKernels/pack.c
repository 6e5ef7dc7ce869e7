// SPDX-License-Identifier: Apache-2.0
//
// Interleaving sixteen output rows: from GGUF blocks, row by row, to the one layout of all variants.
#include "dendrite_kernels.h"
#include "halves.h"
#include "unpack.h"

#include <string.h>

typedef struct {
  int type, packing, block_length, block_bytes, has_minima;
} format;

static const format formats[] = {
    {DENDRITE_GGUF_F32, DENDRITE_PACK_F32, 1, 4, 0},
    {DENDRITE_GGUF_F16, DENDRITE_PACK_F16, 1, 2, 0},
    {DENDRITE_GGUF_BF16, DENDRITE_PACK_BF16, 1, 2, 0},
    {DENDRITE_GGUF_Q4_0, DENDRITE_PACK_Q4, 32, 18, 0},
    {DENDRITE_GGUF_Q4_1, DENDRITE_PACK_QX, 32, 20, 1},
    {DENDRITE_GGUF_Q5_0, DENDRITE_PACK_Q5, 32, 22, 0},
    {DENDRITE_GGUF_Q5_1, DENDRITE_PACK_QX, 32, 24, 1},
    {DENDRITE_GGUF_Q8_0, DENDRITE_PACK_Q8, 32, 34, 0},
    {DENDRITE_GGUF_Q2_K, DENDRITE_PACK_QX, 256, 84, 1},
    {DENDRITE_GGUF_Q3_K, DENDRITE_PACK_QX, 256, 110, 0},
    {DENDRITE_GGUF_Q4_K, DENDRITE_PACK_Q4K, 256, 144, 0},
    {DENDRITE_GGUF_Q5_K, DENDRITE_PACK_Q5K, 256, 176, 0},
    {DENDRITE_GGUF_Q6_K, DENDRITE_PACK_Q6K, 256, 210, 0},
    {DENDRITE_GGUF_IQ4_NL, DENDRITE_PACK_IQ4, 32, 18, 0},
    {DENDRITE_GGUF_IQ4_XS, DENDRITE_PACK_QX, 256, 136, 0},
    {DENDRITE_GGUF_MXFP4, DENDRITE_PACK_MX4, 32, 17, 0},
    {DENDRITE_F8_E4M3, DENDRITE_PACK_F16, 1, 1, 0},
    {DENDRITE_F8_E5M2, DENDRITE_PACK_F16, 1, 1, 0},
};

static const format *format_of(int gguf_type) {
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
    if (formats[i].type == gguf_type) return &formats[i];
  return NULL;
}

dendrite_matrix dendrite_matrix_make(int gguf_type, long rows, long columns) {
  const format *f = format_of(gguf_type);
  dendrite_matrix m = {.rows = rows, .columns = columns, .blocks = (columns + 31) / 32};
  if (!f) {
    m.packing = (dendrite_packing)-1;
    return m;
  }
  m.packing = (dendrite_packing)f->packing;
  m.has_minima = f->has_minima;
  const long halves = (m.blocks * 32 + 63) / 64 * 64, supers = (m.blocks + 7) / 8;
  switch (m.packing) {
    case DENDRITE_PACK_F32: m.code_bytes = columns * 64; break;
    case DENDRITE_PACK_F16:
    case DENDRITE_PACK_BF16: m.code_bytes = (columns * 32 + 63) / 64 * 64; break;
    case DENDRITE_PACK_Q4:
    case DENDRITE_PACK_IQ4:
    case DENDRITE_PACK_MX4: m.code_bytes = m.blocks * 256, m.scale_bytes = halves; break;
    case DENDRITE_PACK_Q5: m.code_bytes = m.blocks * 320, m.scale_bytes = halves; break;
    case DENDRITE_PACK_Q8: m.code_bytes = m.blocks * 512, m.scale_bytes = halves; break;
    case DENDRITE_PACK_Q4K: m.code_bytes = m.blocks * 256, m.scale_bytes = supers * 320; break;
    case DENDRITE_PACK_Q5K: m.code_bytes = m.blocks * 320, m.scale_bytes = supers * 320; break;
    case DENDRITE_PACK_Q6K:
      m.code_bytes = m.blocks * 384, m.scale_bytes = (supers * 288 + 63) / 64 * 64;
      break;
    case DENDRITE_PACK_QX:
      m.code_bytes = m.blocks * 512;
      m.scale_bytes = m.blocks * (long)sizeof(dendrite_qx_scales);
      break;
  }
  return m;
}

static int is_broken_half(const uint8_t *p) { return (dendrite_load_u16(p) & 0x7c00) == 0x7c00; }
static int is_broken_float(float x) {
  return (dendrite_bits_of_float(x) & 0x7f800000) == 0x7f800000;
}

// A float of eight bits as a half, exactly. E5M2 is the upper byte of a half. E4M3 has a bias of 7, no
// infinities, and NaN where all bits but the sign are set.
static uint16_t half_from_f8(uint8_t bits, int type) {
  if (type == DENDRITE_F8_E5M2) return (uint16_t)(bits << 8);
  const uint16_t sign = (uint16_t)((bits & 0x80) << 8), magnitude = bits & 0x7f;
  if (magnitude == 0x7f) return sign | 0x7e00;
  if (magnitude >= 8) return sign | (uint16_t)((magnitude << 7) + 0x2000);
  return sign | dendrite_half_from_float((float)magnitude * 0x1p-9f); /* subnormal: steps of 2^-9 */
}

// Elements of `size` bytes to [k][16]; returns whether the row holds NaN or infinity.
static int pack_float_row(uint8_t *group, const uint8_t *row, int lane, long columns, int type) {
  int broken = 0;
  for (long k = 0; k < columns; k++) {
    if (type == DENDRITE_GGUF_F32) {
      float value;
      memcpy(&value, row + k * 4, 4);
      broken |= is_broken_float(value);
      memcpy(group + (k * 16 + lane) * 4, &value, 4);
    } else if (type == DENDRITE_F8_E4M3 || type == DENDRITE_F8_E5M2) {
      const uint16_t value = half_from_f8(row[k], type);
      broken |= (value & 0x7c00) == 0x7c00;
      memcpy(group + (k * 16 + lane) * 2, &value, 2);
    } else {
      const uint16_t mask = type == DENDRITE_GGUF_F16 ? 0x7c00 : 0x7f80;
      broken |= (dendrite_load_u16(row + k * 2) & mask) == mask;
      memcpy(group + (k * 16 + lane) * 2, row + k * 2, 2);
    }
  }
  return broken;
}

// Four-bit blocks of 32 whose nibbles lie as the packing wants them, from `nibbles` bytes on. The scale is
// a half, or the exponent byte of MXFP4.
static int pack_nibble_row(uint8_t *group, uint8_t *scales, const uint8_t *row, int lane, long blocks,
                           const format *f) {
  const int nibbles = f->block_bytes - 16;
  int broken = 0;
  for (long b = 0; b < blocks; b++, row += f->block_bytes) {
    if (f->packing == DENDRITE_PACK_MX4) {
      /* 2^(e - 128), as a bfloat: subnormal for e = 0 and 1. */
      const uint16_t scale = row[0] >= 2 ? (uint16_t)((row[0] - 1) << 7) : (uint16_t)(0x20 << row[0]);
      memcpy(scales + (b * 16 + lane) * 2, &scale, 2);
    } else {
      broken |= is_broken_half(row);
      memcpy(scales + (b * 16 + lane) * 2, row, 2);
    }
    for (int v = 0; v < 4; v++) memcpy(group + b * 256 + v * 64 + lane * 4, row + nibbles + v * 4, 4);
  }
  return broken;
}

// One row's codes of a block into its planes.
static void pack_codes(uint8_t *block, const int8_t *codes, int lane, dendrite_packing packing) {
  if (packing == DENDRITE_PACK_Q8 || packing == DENDRITE_PACK_QX) {
    for (int c = 0; c < 8; c++) memcpy(block + c * 64 + lane * 4, codes + c * 4, 4);
    return;
  }
  const int centre = packing == DENDRITE_PACK_Q5 ? 16 : packing == DENDRITE_PACK_Q6K ? 32 : 0;
  uint8_t u[32], pairs[16], high[8] = {0};
  for (int i = 0; i < 32; i++) u[i] = (uint8_t)(codes[i] + centre);
  for (int i = 0; i < 16; i++) pairs[i] = (uint8_t)((u[i] & 15) | (u[i + 16] & 15) << 4);
  for (int v = 0; v < 4; v++) memcpy(block + v * 64 + lane * 4, pairs + v * 4, 4);
  if (packing == DENDRITE_PACK_Q4K) return;
  if (packing == DENDRITE_PACK_Q6K) {
    for (int i = 0; i < 32; i++) high[i / 16 * 4 + i % 4] |= (uint8_t)(u[i] >> 4 << i % 16 / 4 * 2);
    for (int h = 0; h < 2; h++) memcpy(block + 256 + h * 64 + lane * 4, high + h * 4, 4);
  } else {
    for (int i = 0; i < 32; i++) high[i % 4] |= (uint8_t)(u[i] >> 4 << i / 4);
    memcpy(block + 256 + lane * 4, high, 4);
  }
}

static void pack_half(uint8_t *at, int lane, float value) {
  const uint16_t half = dendrite_half_from_float(value); /* it was a half before */
  memcpy(at + lane * 2, &half, 2);
}

static void pack_scales(uint8_t *scales, const dendrite_unpacked *u, long b, int lane,
                        dendrite_packing packing) {
  switch (packing) {
    case DENDRITE_PACK_Q4K:
    case DENDRITE_PACK_Q5K: {
      uint8_t *super = scales + b / 8 * 320, *own = super + 64 + b % 8 * 32;
      pack_half(super, lane, u->scale);
      pack_half(super + 32, lane, u->minimum);
      own[lane] = (uint8_t)u->scales[0];
      own[16 + lane] = (uint8_t)u->minima[0];
      break;
    }
    case DENDRITE_PACK_Q6K: {
      uint8_t *super = scales + b / 8 * 288;
      pack_half(super, lane, u->scale);
      for (int half = 0; half < 2; half++)
        super[32 + b % 8 * 32 + half * 16 + lane] = (uint8_t)u->scales[half];
      break;
    }
    case DENDRITE_PACK_QX: {
      dendrite_qx_scales *s = (dendrite_qx_scales *)(void *)(scales + b * (long)sizeof(dendrite_qx_scales));
      s->scale[lane] = u->scale;
      s->minimum[lane] = u->minimum;
      for (int half = 0; half < 2; half++) {
        s->scales[half][lane] = u->scales[half];
        s->minima[half][lane] = u->minima[half];
      }
      break;
    }
    default: pack_half(scales + b * 32, lane, u->scale);
  }
}

static int pack_unpacked_row(uint8_t *group, uint8_t *scales, const uint8_t *row, int lane,
                             const dendrite_matrix *shape, const format *f) {
  const dendrite_unpacker unpack = dendrite_unpacker_for(f->type);
  const int parts = f->block_length / 32;
  const long block_bytes = shape->code_bytes / shape->blocks;
  int broken = 0;
  for (long b = 0; b < shape->blocks; b++) {
    dendrite_unpacked u;
    unpack(&u, row + b / parts * f->block_bytes, (int)(b % parts));
    broken |= is_broken_float(u.scale) | is_broken_float(u.minimum);
    pack_codes(group + b * block_bytes, u.codes, lane, shape->packing);
    pack_scales(scales, &u, b, lane, shape->packing);
  }
  return broken;
}

long dendrite_matrix_pack(uint8_t *data, const dendrite_matrix *shape, int gguf_type, const void *source,
                          long row_bytes, long group_begin, long group_end) {
  const format *f = format_of(gguf_type);
  long first_broken = -1;
  if (!f) return 0;
  for (long g = group_begin; g < group_end; g++) {
    uint8_t *group = data + g * (shape->code_bytes + shape->scale_bytes);
    uint8_t *scales = group + shape->code_bytes;
    memset(group, 0, (size_t)(shape->code_bytes + shape->scale_bytes));
    for (int lane = 0; lane < 16 && g * 16 + lane < shape->rows; lane++) {
      const uint8_t *row = (const uint8_t *)source + (g * 16 + lane) * row_bytes;
      int broken;
      if (shape->packing <= DENDRITE_PACK_BF16)
        broken = pack_float_row(group, row, lane, shape->columns, gguf_type);
      else if (shape->packing == DENDRITE_PACK_Q4 || shape->packing == DENDRITE_PACK_IQ4 ||
               shape->packing == DENDRITE_PACK_MX4)
        broken = pack_nibble_row(group, scales, row, lane, shape->blocks, f);
      else
        broken = pack_unpacked_row(group, scales, row, lane, shape, f);
      if (broken && first_broken < 0) first_broken = g * 16 + lane;
    }
  }
  return first_broken;
}
