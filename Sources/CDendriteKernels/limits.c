// SPDX-License-Identifier: Apache-2.0
//
// What the machine can do at most: bytes read, int8 products made. Nothing here computes a model.
#include "dendrite_kernels.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define UNROLL _Pragma("clang loop unroll(full)")

typedef uint64_t wide __attribute__((vector_size(64), aligned(8)));

static inline __attribute__((always_inline)) uint64_t read_streams(const uint8_t *memory, size_t bytes,
                                                                   const int streams) {
  wide sums[8];
  const size_t part = bytes / (size_t)streams;
  UNROLL for (int s = 0; s < 8; s++) sums[s] = (wide){0};
  for (size_t i = 0; i + 256 <= part; i += 256)
    UNROLL for (int s = 0; s < streams; s++) {
      const uint8_t *p = memory + (size_t)s * part + i;
      UNROLL for (int line = 0; line < 4; line++) sums[(s * 4 + line) % 8] ^= *(const wide *)(p + line * 64);
    }
  uint64_t sum = 0;
  UNROLL for (int s = 0; s < 8; s++) UNROLL for (int i = 0; i < 8; i++) sum ^= sums[s][i];
  return sum;
}

#define READ(NAME)                                                              \
  static uint64_t NAME(const void *memory, size_t bytes, long streams) {       \
    switch (streams) {                                                          \
      case 1: return read_streams(memory, bytes, 1);                            \
      case 2: return read_streams(memory, bytes, 2);                            \
      case 4: return read_streams(memory, bytes, 4);                            \
      default: return read_streams(memory, bytes, 8);                           \
    }                                                                           \
  }

READ(read_plain)

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
static inline __attribute__((always_inline)) uint64_t read_streams_avx2(const uint8_t *memory, size_t bytes,
                                                                        const int streams) {
  __m256i sums[8];
  const size_t part = bytes / (size_t)streams;
  UNROLL for (int s = 0; s < 8; s++) sums[s] = _mm256_setzero_si256();
  for (size_t i = 0; i + 256 <= part; i += 256)
    UNROLL for (int s = 0; s < streams; s++) {
      const uint8_t *p = memory + (size_t)s * part + i;
      UNROLL for (int h = 0; h < 8; h++)
        sums[h] = _mm256_xor_si256(sums[h], _mm256_loadu_si256((const __m256i *)(p + h * 32)));
    }
  uint64_t sum = 0;
  UNROLL for (int s = 0; s < 8; s++) {
    uint64_t part_sums[4];
    memcpy(part_sums, &sums[s], 32);
    UNROLL for (int i = 0; i < 4; i++) sum ^= part_sums[i];
  }
  return sum;
}
static uint64_t read_avx2(const void *memory, size_t bytes, long streams) {
  switch (streams) {
    case 1: return read_streams_avx2(memory, bytes, 1);
    case 2: return read_streams_avx2(memory, bytes, 2);
    case 4: return read_streams_avx2(memory, bytes, 4);
    default: return read_streams_avx2(memory, bytes, 8);
  }
}

static double int8_avx2(long repetitions) {
  /* The best case, codes of four bits: eight products fit a sum of 16 bits. Every product is made: without the
     empty assembly a compiler makes equal ones once. */
  __m256i acc[2], w = _mm256_set1_epi8(3), x = _mm256_set1_epi8(5), ones = _mm256_set1_epi16(1);
  UNROLL for (int i = 0; i < 2; i++) acc[i] = _mm256_setzero_si256();
  for (long n = 0; n < repetitions; n++)
    UNROLL for (int i = 0; i < 2; i++) {
      __m256i p[8];
      UNROLL for (int c = 0; c < 8; c++) {
        __asm__ volatile("" : "+x"(w), "+x"(x));
        p[c] = _mm256_maddubs_epi16(w, x);
      }
      UNROLL for (int half = 4; half > 0; half /= 2)
        UNROLL for (int c = 0; c < half; c++) p[c] = _mm256_add_epi16(p[c], p[c + half]);
      acc[i] = _mm256_add_epi32(acc[i], _mm256_madd_epi16(p[0], ones));
    }
  UNROLL for (int i = 0; i < 2; i++) __asm__ volatile("" : : "x"(acc[i]));
  return (double)repetitions * 2 * 8 * 32;
}
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx2,avxvnni"))), apply_to = function)
static double int8_avxvnni(long repetitions) {
  __m256i acc[12], w = _mm256_set1_epi8(3), x = _mm256_set1_epi8(5);
  UNROLL for (int i = 0; i < 12; i++) acc[i] = _mm256_setzero_si256();
  for (long n = 0; n < repetitions; n++) {
    UNROLL for (int i = 0; i < 12; i++) acc[i] = _mm256_dpbusd_avx_epi32(acc[i], w, x);
    __asm__ volatile("" : "+x"(w), "+x"(x));
  }
  UNROLL for (int i = 0; i < 12; i++) __asm__ volatile("" : : "x"(acc[i]));
  return (double)repetitions * 12 * 32;
}
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512vnni"))), apply_to = function)
static double int8_avx512vnni(long repetitions) {
  __m512i acc[16], w = _mm512_set1_epi32(0x03030303), x = _mm512_set1_epi32(0x05050505);
  UNROLL for (int i = 0; i < 16; i++) acc[i] = _mm512_setzero_si512();
  for (long n = 0; n < repetitions; n++) {
    UNROLL for (int i = 0; i < 16; i++) acc[i] = _mm512_dpbusd_epi32(acc[i], w, x);
    __asm__ volatile("" : "+v"(w), "+v"(x));
  }
  UNROLL for (int i = 0; i < 16; i++) __asm__ volatile("" : : "v"(acc[i]));
  return (double)repetitions * 16 * 64;
}
#pragma clang attribute pop
#endif

#if defined(__aarch64__)
// Independent sums enough to hide how long one takes: 16 of 32 registers.
#pragma clang attribute push(__attribute__((target("dotprod,i8mm"))), apply_to = function)
static double int8_neon(long repetitions) {
  int32x4_t acc[16];
  int8x16_t w = vdupq_n_s8(3), x = vdupq_n_s8(5);
  UNROLL for (int i = 0; i < 16; i++) acc[i] = vdupq_n_s32(0);
  for (long n = 0; n < repetitions; n++) {
    UNROLL for (int i = 0; i < 16; i++) acc[i] = vdotq_s32(acc[i], w, x);
    __asm__ volatile("" : "+w"(w), "+w"(x));
  }
  UNROLL for (int i = 0; i < 16; i++) __asm__ volatile("" : : "w"(acc[i]));
  return (double)repetitions * 16 * 16;
}

static double int8_neoni8mm(long repetitions) {
  int32x4_t acc[16];
  int8x16_t w = vdupq_n_s8(3), x = vdupq_n_s8(5);
  UNROLL for (int i = 0; i < 16; i++) acc[i] = vdupq_n_s32(0);
  for (long n = 0; n < repetitions; n++) {
    UNROLL for (int i = 0; i < 16; i++) acc[i] = vmmlaq_s32(acc[i], w, x);
    __asm__ volatile("" : "+w"(w), "+w"(x));
  }
  UNROLL for (int i = 0; i < 16; i++) __asm__ volatile("" : : "w"(acc[i]));
  return (double)repetitions * 16 * 32;
}
#pragma clang attribute pop
#endif

uint64_t dendrite_probe_read(const void *memory, size_t bytes, long streams) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return read_avx2(memory, bytes, streams);
#endif
  return read_plain(memory, bytes, streams);
}

double dendrite_probe_int8(const dendrite_kernels *kernels, long repetitions) {
#if defined(__x86_64__)
  if (strcmp(kernels->name, "avx512vnni") == 0) return int8_avx512vnni(repetitions);
  if (strcmp(kernels->name, "avxvnni") == 0) return int8_avxvnni(repetitions);
  if (strcmp(kernels->name, "avx2") == 0) return int8_avx2(repetitions);
#elif defined(__aarch64__)
  if (strcmp(kernels->name, "neoni8mm") == 0) return int8_neoni8mm(repetitions);
  if (strcmp(kernels->name, "neon") == 0) return int8_neon(repetitions);
#endif
  (void)kernels;
  int32_t sum = 0;
  int8_t w = 3, x = 5;
  for (long n = 0; n < repetitions; n++) {
    sum += w * x;
    __asm__ volatile("" : "+r"(w), "+r"(x), "+r"(sum));
  }
  return (double)repetitions;
}
