// SPDX-License-Identifier: Apache-2.0
//
// Elementary functions with one answer on every machine. The C library's differ between platforms
// and versions, so a text sampled with a seed, or a rotary angle, would too. Only IEEE operations
// that round once (add, multiply, divide) are used, written out, with contraction off.
#pragma once

// log2(e), rounded to float.
#define DENDRITE_LOG2_E 1.442695f

// 2^x. Error below 2 ulp. x < -126 gives 0 (no subnormal result), x > 127 gives 2^127, NaN gives NaN.
float dendrite_exp2f(float x);

// tanh x. Error below 3 ulp; NaN gives NaN.
float dendrite_tanhf(float x);

// 2^x, error below 2 ulp, clamped like dendrite_exp2f at -1022 and 1023.
double dendrite_exp2(double x);

// Natural logarithm, error below 2 ulp. x must be positive, normal and finite.
double dendrite_log(double x);

// sin x and cos x, absolute error below 4e-16 for |x| <= 2^20.
void dendrite_sincos(double x, double *sine, double *cosine);
