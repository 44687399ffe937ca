/* SPDX-License-Identifier: Apache-2.0 */
/* What emlearn's headers name of <math.h>, for a compiler without a C library. */
#ifndef BENCH_MATH_H
#define BENCH_MATH_H

#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")

float expf(float x);
float logf(float x);
float tanhf(float x);

static inline float fabsf(float x)
{
    return __builtin_fabsf(x);
}

#endif
