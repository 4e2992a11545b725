/* The two ceilings of this machine: how fast memory can be read, and how fast it multiplies. */
#ifndef CORE_BENCH_MACHINE_H
#define CORE_BENCH_MACHINE_H

#include "core/bench.h"

/* Adds the figures "bandwidth" (GB/s: a buffer of n_bytes read by all threads), "fma" (GFLOP/s:
 * multiply-adds in registers, the widest this processor has) and "sgemm" (GFLOP/s: matmul of f32
 * weights, 256 rows), and sets the bench's ceilings. n_bytes should be well above the caches. */
void bench_machine(struct bench *b, size_t n_bytes);

#endif
