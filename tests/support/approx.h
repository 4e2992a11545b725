/* Comparison of tensors with a tolerance, and reproducible random numbers to fill them with. */
#ifndef TESTS_SUPPORT_APPROX_H
#define TESTS_SUPPORT_APPROX_H

#include <stddef.h>
#include <stdint.h>

/* A function that computes what is expected, in one thread and on data of its own: the thread
 * sanitizer, which would only be slow there, does not watch its accesses. */
#define ORACLE __attribute__((no_sanitize("thread")))

/* The largest |got - want| divided by the largest |want|; infinite if got has a NaN. The index of
 * the worst element goes to *where, which may be NULL. */
double approx_worst(const float *got, const float *want, size_t n, size_t *where);

/* Fails the running test, saying what, where and by how much, if approx_worst exceeds tolerance. */
void approx_tensor(const char *what, const float *got, const float *want, size_t n,
                   double tolerance);

/* n numbers in [-1, 1) that depend on the seed alone. */
void random_floats(float *out, size_t n, uint32_t seed);

#endif
