// SPDX-License-Identifier: Apache-2.0
#include "dendrite_math.h"

#include <stdint.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

static double double_from_bits(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static uint64_t bits_of_double(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

float dendrite_exp2f(float x) {
  if (x != x) return x;
  if (x < -126.0f) return 0.0f;
  if (x > 127.0f) x = 127.0f;
  const float shift = 12582912.0f; /* 1.5 * 2^23: adding it rounds to the nearest even integer */
  const float whole = (x + shift) - shift;
  const float f = x - whole; /* exact, in [-1/2, 1/2] */
  /* Taylor of 2^f: ln(2)^k / k!; the next term is below 2^-27. */
  float p = 1.52527338e-5f;
  p = p * f + 1.54035304e-4f;
  p = p * f + 1.33335581e-3f;
  p = p * f + 9.61812911e-3f;
  p = p * f + 5.55041087e-2f;
  p = p * f + 2.40226507e-1f;
  p = p * f + 6.93147181e-1f;
  p = p * f + 1.0f;
  const uint32_t bits = (uint32_t)((int32_t)whole + 127) << 23;
  float power;
  memcpy(&power, &bits, sizeof power);
  return p * power;
}

float dendrite_tanhf(float x) {
  const float size = x < 0 ? -x : x;
  if (!(size < 0.625f)) {
    const float large = 1.0f - 2.0f / (dendrite_exp2f(size * 2.88539008f) + 1.0f);
    return x < 0 ? -large : large;
  }
  const float z = x * x;
  /* A polynomial in x^2 fitted to tanh(x) / x; the fit is within 1.5 units of 2^-24. */
  float p = -0.00610491866f;
  p = p * z + 0.0210036151f;
  p = p * z + -0.0538524911f;
  p = p * z + 0.133327827f;
  p = p * z + -0.333333284f;
  return x + (x * z) * p;
}

double dendrite_exp2(double x) {
  if (x != x) return x;
  if (x < -1022.0) return 0.0;
  if (x > 1023.0) x = 1023.0;
  const double shift = 6755399441055744.0; /* 1.5 * 2^52 */
  const double whole = (x + shift) - shift;
  const double t = (x - whole) * 0.69314718055994530942; /* in [-0.347, 0.347] */
  double p = 1.0 / 6227020800.0; /* Taylor of e^t to t^13: the rest is below 1e-17 */
  p = p * t + 1.0 / 479001600.0;
  p = p * t + 1.0 / 39916800.0;
  p = p * t + 1.0 / 3628800.0;
  p = p * t + 1.0 / 362880.0;
  p = p * t + 1.0 / 40320.0;
  p = p * t + 1.0 / 5040.0;
  p = p * t + 1.0 / 720.0;
  p = p * t + 1.0 / 120.0;
  p = p * t + 1.0 / 24.0;
  p = p * t + 1.0 / 6.0;
  p = p * t + 0.5;
  p = p * t + 1.0;
  p = p * t + 1.0;
  return p * double_from_bits((uint64_t)((int64_t)whole + 1023) << 52);
}

double dendrite_log(double x) {
  /* x = m * 2^e with m in [sqrt(1/2), sqrt(2)); log m = 2 atanh(s), s = (m - 1) / (m + 1). */
  uint64_t bits = bits_of_double(x);
  int64_t e = (int64_t)(bits >> 52) - 1023;
  bits = (bits & 0x000fffffffffffffULL) | 0x3ff0000000000000ULL;
  double m = double_from_bits(bits);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    e += 1;
  }
  const double s = (m - 1.0) / (m + 1.0); /* |s| <= 0.1716 */
  const double z = s * s;
  double p = 1.0 / 21.0;
  p = p * z + 1.0 / 19.0;
  p = p * z + 1.0 / 17.0;
  p = p * z + 1.0 / 15.0;
  p = p * z + 1.0 / 13.0;
  p = p * z + 1.0 / 11.0;
  p = p * z + 1.0 / 9.0;
  p = p * z + 1.0 / 7.0;
  p = p * z + 1.0 / 5.0;
  p = p * z + 1.0 / 3.0;
  const double tail = 2.0 * s * (z * p);
  /* ln 2 in two parts: the first has 21 trailing zero bits, so e * high is exact. */
  const double high = 6.93147180369123816490e-1, low = 1.90821492927058770002e-10;
  return (double)e * high + (2.0 * s + (tail + (double)e * low));
}

void dendrite_sincos(double x, double *sine, double *cosine) {
  const double shift = 6755399441055744.0;
  const double quarter = (x * 0.63661977236758134308 + shift) - shift; /* nearest multiple of pi/2 */
  /* pi/2 in three parts of 33 bits (and a rest): quarter * part is exact for |quarter| < 2^20. */
  double r = x - quarter * 1.57079632673412561417e+00;
  r = r - quarter * 6.07710050630396597660e-11;
  r = r - quarter * 2.02226624879595063154e-21;
  const double z = r * r;
  double s = -1.0 / 1307674368000.0;
  s = s * z + 1.0 / 6227020800.0;
  s = s * z - 1.0 / 39916800.0;
  s = s * z + 1.0 / 362880.0;
  s = s * z - 1.0 / 5040.0;
  s = s * z + 1.0 / 120.0;
  s = s * z - 1.0 / 6.0;
  s = r + r * (z * s);
  double c = 1.0 / 20922789888000.0;
  c = c * z - 1.0 / 87178291200.0;
  c = c * z + 1.0 / 479001600.0;
  c = c * z - 1.0 / 3628800.0;
  c = c * z + 1.0 / 40320.0;
  c = c * z - 1.0 / 720.0;
  c = c * z + 1.0 / 24.0;
  c = c * z - 0.5;
  c = 1.0 + z * c;
  switch ((int64_t)quarter & 3) {
    case 0: *sine = s; *cosine = c; break;
    case 1: *sine = c; *cosine = -s; break;
    case 2: *sine = -s; *cosine = -c; break;
    default: *sine = -c; *cosine = s; break;
  }
}
