// SPDX-License-Identifier: Apache-2.0
//
// Which variants exist in this binary and run on this CPU.
#include "dendrite_kernels.h"

#include <fenv.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

extern const dendrite_kernels dendrite_kernels_generic;
#if defined(__x86_64__)
extern const dendrite_kernels dendrite_kernels_avx2, dendrite_kernels_avxvnni,
    dendrite_kernels_avx512vnni;
static int has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("f16c");
}
// CPUID leaf 7, subleaf 1, EAX bit 4; the operating system keeps the registers of AVX2 anyway.
static int has_avxvnni(void) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return has_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}
static int has_avx512vnni(void) {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vnni");
}
#elif defined(__aarch64__)
extern const dendrite_kernels dendrite_kernels_neon, dendrite_kernels_neoni8mm;
#if defined(__linux__)
static int has_dotprod(void) { return (getauxval(AT_HWCAP) >> 20 & 1) != 0; } /* HWCAP_ASIMDDP */
static int has_i8mm(void) { return has_dotprod() && (getauxval(AT_HWCAP2) >> 13 & 1) != 0; } /* HWCAP2_I8MM */
#elif defined(__APPLE__)
static int has_feature(const char *name) {
  int has = 0;
  size_t size = sizeof has;
  return sysctlbyname(name, &has, &size, NULL, 0) == 0 && has;
}
static int has_dotprod(void) { return has_feature("hw.optional.arm.FEAT_DotProd"); }
static int has_i8mm(void) { return has_dotprod() && has_feature("hw.optional.arm.FEAT_I8MM"); }
#else
static int has_dotprod(void) { return 0; }
static int has_i8mm(void) { return 0; }
#endif
#endif

const dendrite_kernels *dendrite_kernels_at(long index) {
  const dendrite_kernels *found[4];
  long count = 0;
#if defined(__x86_64__)
  if (has_avx512vnni()) found[count++] = &dendrite_kernels_avx512vnni;
  if (has_avxvnni()) found[count++] = &dendrite_kernels_avxvnni;
  if (has_avx2()) found[count++] = &dendrite_kernels_avx2;
#elif defined(__aarch64__)
  if (has_i8mm()) found[count++] = &dendrite_kernels_neoni8mm;
  if (has_dotprod()) found[count++] = &dendrite_kernels_neon;
#endif
  found[count++] = &dendrite_kernels_generic;
  return index >= 0 && index < count ? found[index] : NULL;
}

long dendrite_kernels_count(void) {
  long count = 0;
  while (dendrite_kernels_at(count)) count++;
  return count;
}

const dendrite_kernels *dendrite_kernels_named(const char *name) {
  for (long i = 0;; i++) {
    const dendrite_kernels *kernels = dendrite_kernels_at(i);
    if (!kernels || strcmp(kernels->name, name) == 0) return kernels;
  }
}

void dendrite_float_environment_set(void) {
  fesetround(FE_TONEAREST);
#if defined(__x86_64__)
  _mm_setcsr(_mm_getcsr() & ~(unsigned)0x8040); /* flush-to-zero, denormals-are-zero */
#elif defined(__aarch64__)
  unsigned long control;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control));
  control &= ~(1UL << 24);
  __asm__ volatile("msr fpcr, %0" : : "r"(control));
#endif
}
