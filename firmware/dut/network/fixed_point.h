/* Arithmetic of quantised networks: int32 accumulators times a real factor, bit for bit as the reference
 * kernels of TensorFlow Lite (ai-edge-litert, BUILTIN_REF) do it. They round in two ways. Convolutions and
 * additions: twice (gemmlowp's saturating, rounding, doubling high multiply, then a rounding shift). Fully
 * connected layers: once, a product in double precision, for which the tool that writes the tables finds an
 * integer factor that rounds the same way. Overflow of an accumulator is excluded by that tool, too.
 *
 * Right shifts of negative numbers are arithmetic with every compiler that this is built with; C leaves
 * that to the implementation.
 */
#ifndef JOULEBENCH_FIXED_POINT_H
#define JOULEBENCH_FIXED_POINT_H

#include <stdint.h>

/* round(a * b / 2^31), halves towards plus infinity. b is never INT32_MIN: factors are positive. */
static inline int32_t high_multiply(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + (INT64_C(1) << 30)) >> 31);
}

/* round(x / 2^exponent), halves away from zero; exponent 0..31. */
static inline int32_t rounding_shift(int32_t x, int exponent)
{
    const int32_t mask = (int32_t)((UINT32_C(1) << exponent) - 1U);
    const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
    return (x >> exponent) + ((x & mask) > threshold ? 1 : 0);
}

/* x times multiplier / 2^31 times 2^shift; multiplier in [2^30, 2^31) or 0, shift -31..30. */
static inline int32_t scale(int32_t x, int32_t multiplier, int shift)
{
    if (shift > 0) {
        return high_multiply((int32_t)((uint32_t)x << shift), multiplier);
    }
    return rounding_shift(high_multiply(x, multiplier), -shift);
}

/* The same, rounded once: halves away from zero. */
static inline int32_t scale_once(int32_t x, int32_t multiplier, int shift)
{
    const int64_t half = INT64_C(1) << (30 - shift);
    const int64_t product = (int64_t)x * multiplier + half - (x < 0 ? 1 : 0);
    return (int32_t)(product >> (31 - shift));
}

/* Compilers make no branches of it: how long a layer takes must not depend on what a predictor has seen before, or a
 * layer alone would be faster than in its network. */
static inline int32_t clamp(int32_t x, int32_t lowest, int32_t highest)
{
    const int32_t raised = x < lowest ? lowest : x;
    return raised > highest ? highest : raised;
}

/* round(x), halves away from zero, for |x| < 2^23; without libm. x - whole is exact there. */
static inline int32_t round_to_int(float x)
{
    const int32_t whole = (int32_t)x;
    const float rest = x - (float)whole;
    if (rest >= 0.5F) {
        return whole + 1;
    }
    return rest <= -0.5F ? whole - 1 : whole;
}

#endif
