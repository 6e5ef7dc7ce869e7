// SPDX-License-Identifier: Apache-2.0
//
// Half-precision conversions by integer operations: exact to read, round to nearest even to write.
// Hardware instructions give the same bits; where there are none this is not a library call.
#pragma once

#include <stdint.h>
#include <string.h>

static inline float dendrite_float_from_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline uint32_t dendrite_bits_of_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static inline float dendrite_float_from_half(uint16_t half) {
  const uint32_t sign = (uint32_t)(half & 0x8000) << 16;
  const uint32_t magnitude = half & 0x7fff;
  if (magnitude >= 0x7c00) { /* infinity, NaN (made quiet) */
    const uint32_t quiet = magnitude > 0x7c00 ? 0x00400000 : 0;
    return dendrite_float_from_bits(sign | 0x7f800000 | (magnitude & 0x3ff) << 13 | quiet);
  }
  if (magnitude >= 0x0400) return dendrite_float_from_bits(sign | ((magnitude << 13) + 0x38000000));
  const float subnormal = (float)magnitude * 0x1p-24f; /* exact */
  return dendrite_float_from_bits(sign | dendrite_bits_of_float(subnormal));
}

static inline uint16_t dendrite_half_from_float(float value) {
  const uint32_t bits = dendrite_bits_of_float(value);
  const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00 | (magnitude >> 13 & 0x3ff);
  if (magnitude >= 0x477ff000) return sign | 0x7c00; /* 65520 and above round to infinity */
  if (magnitude < 0x38800000) {                       /* below 2^-14: the result is subnormal */
    /* Adding 2^-1 aligns the units of 2^-24 with the last bit and rounds to nearest even. */
    const float aligned = dendrite_float_from_bits(magnitude) + 0.5f;
    return sign | (uint16_t)(dendrite_bits_of_float(aligned) - 0x3f000000);
  }
  const uint32_t odd = magnitude >> 13 & 1;
  return sign | (uint16_t)((magnitude + 0xfff + odd - 0x38000000) >> 13);
}

static inline uint16_t dendrite_load_u16(const void *p) {
  uint16_t value;
  memcpy(&value, p, sizeof value);
  return value;
}

static inline float dendrite_float_from_bfloat(uint16_t bfloat) {
  return dendrite_float_from_bits((uint32_t)bfloat << 16);
}

static inline uint16_t dendrite_bfloat_from_float(float value) {
  const uint32_t bits = dendrite_bits_of_float(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40); /* NaN, made quiet */
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
