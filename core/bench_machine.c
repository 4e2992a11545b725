#include "core/bench_machine.h"

#include "core/matmul.h"
#include "core/pool.h"
#include "data/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define HAS_X86
#include <immintrin.h>
#endif

#define ALL_THREADS 1e12 /* cost that pool_run never thinks too small to share */

/* --- multiply-adds in registers --- */

enum { N_CHAINS = 12 }; /* independent sums: latency times issue width, with some to spare */

/* Runs `rounds` of N_CHAINS multiply-adds; the result is only there so that none is left out. */
typedef float fma_fn(long rounds);

/* Compilers keep the chains in vector registers where they have some; without contraction a
 * multiply and an add are two instructions. Every chain starts elsewhere: equal ones are one. */
static float fma_generic(long rounds)
{
    enum { WIDTH = 8, HALF = N_CHAINS / 2 };
    float sums[HALF][WIDTH], total = 0;
    for (int c = 0; c < HALF; c++)
        for (int i = 0; i < WIDTH; i++)
            sums[c][i] = (float)(c * WIDTH + i);
    for (long r = 0; r < 2 * rounds; r++)
        for (int c = 0; c < HALF; c++)
            for (int i = 0; i < WIDTH; i++)
                sums[c][i] = sums[c][i] * 0.5f + 1;
    for (int c = 0; c < HALF; c++)
        for (int i = 0; i < WIDTH; i++)
            total += sums[c][i];
    return total;
}

#ifdef HAS_X86
/* Named registers, not an array: at -O1 an array would live in memory. */
#define FMA_LOOP(name, isa, vec, prefix)                                                  \
    __attribute__((target(isa))) static float name(long rounds)                           \
    {                                                                                     \
        vec h = prefix##_set1_ps(0.5f), one = prefix##_set1_ps(1);                        \
        vec a = prefix##_set1_ps(3), b = prefix##_set1_ps(4), c = prefix##_set1_ps(5);    \
        vec d = prefix##_set1_ps(6), e = prefix##_set1_ps(7), f = prefix##_set1_ps(8);    \
        vec g = prefix##_set1_ps(9), i = prefix##_set1_ps(10), j = prefix##_set1_ps(11);  \
        vec k = prefix##_set1_ps(12), l = prefix##_set1_ps(13), m = prefix##_set1_ps(14); \
        for (long r = 0; r < rounds; r++) {                                               \
            a = prefix##_fmadd_ps(a, h, one), b = prefix##_fmadd_ps(b, h, one);           \
            c = prefix##_fmadd_ps(c, h, one), d = prefix##_fmadd_ps(d, h, one);           \
            e = prefix##_fmadd_ps(e, h, one), f = prefix##_fmadd_ps(f, h, one);           \
            g = prefix##_fmadd_ps(g, h, one), i = prefix##_fmadd_ps(i, h, one);           \
            j = prefix##_fmadd_ps(j, h, one), k = prefix##_fmadd_ps(k, h, one);           \
            l = prefix##_fmadd_ps(l, h, one), m = prefix##_fmadd_ps(m, h, one);           \
        }                                                                                 \
        float lanes[sizeof(vec) / sizeof(float)];                                         \
        a = prefix##_add_ps(prefix##_add_ps(a, b), prefix##_add_ps(c, d));                \
        e = prefix##_add_ps(prefix##_add_ps(e, f), prefix##_add_ps(g, i));                \
        j = prefix##_add_ps(prefix##_add_ps(j, k), prefix##_add_ps(l, m));                \
        prefix##_storeu_ps(lanes, prefix##_add_ps(prefix##_add_ps(a, e), j));             \
        return lanes[0];                                                                  \
    }

FMA_LOOP(fma_avx2, "avx2,fma", __m256, _mm256)
FMA_LOOP(fma_avx512, "avx512f", __m512, _mm512)
#endif

struct fma_road {
    fma_fn *fn;
    int width; /* lanes of a chain */
};

static struct fma_road best_road(void)
{
#ifdef HAS_X86
    if (__builtin_cpu_supports("avx512f"))
        return (struct fma_road){fma_avx512, 16};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (struct fma_road){fma_avx2, 8};
#endif
    return (struct fma_road){fma_generic, 8};
}

struct spin {
    struct fma_road road;
    long rounds;
    volatile float *results; /* [threads] */
};

static void spin_task(void *data, size_t task)
{
    struct spin *s = data;
    s->results[task] = s->road.fn(s->rounds);
}

/* --- reading --- */

/* The sum of n words, n a multiple of 16: nobody needs it, but nothing may be left out. */
typedef uint64_t sweep_fn(const uint64_t *words, size_t n);

static uint64_t sweep_generic(const uint64_t *words, size_t n)
{
    uint64_t sums[4] = {0};
    for (size_t i = 0; i < n; i += 4)
        for (int k = 0; k < 4; k++)
            sums[k] += words[i + (size_t)k];
    return sums[0] + sums[1] + sums[2] + sums[3];
}

#ifdef HAS_X86
__attribute__((target("avx2"))) static uint64_t sweep_avx2(const uint64_t *words, size_t n)
{
    const __m256i *p = (const __m256i *)(const void *)words;
    __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
    for (size_t i = 0; i < n / 4; i += 4) {
        a = _mm256_add_epi64(a, _mm256_loadu_si256(p + i));
        b = _mm256_add_epi64(b, _mm256_loadu_si256(p + i + 1));
        c = _mm256_add_epi64(c, _mm256_loadu_si256(p + i + 2));
        d = _mm256_add_epi64(d, _mm256_loadu_si256(p + i + 3));
    }
    uint64_t lanes[4];
    a = _mm256_add_epi64(_mm256_add_epi64(a, b), _mm256_add_epi64(c, d));
    _mm256_storeu_si256((__m256i *)(void *)lanes, a);
    return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}
#endif

static sweep_fn *best_sweep(void)
{
#ifdef HAS_X86
    if (__builtin_cpu_supports("avx2"))
        return sweep_avx2;
#endif
    return sweep_generic;
}

struct sweep {
    sweep_fn *fn;
    const uint64_t *words;
    size_t n_words; /* of one task */
    volatile uint64_t *results;
};

static void sweep_task(void *data, size_t task)
{
    struct sweep *s = data;
    s->results[task] = s->fn(s->words + task * s->n_words, s->n_words);
}

/* --- the figures --- */

/* Best of the runs, not their median: a ceiling is what the machine can do. */
static double time_best(double *seconds, int n_runs, pool_task_fn *fn, void *data, size_t n_tasks)
{
    double best = 0;
    pool_run(fn, data, n_tasks, ALL_THREADS);
    for (int run = 0; run < n_runs; run++) {
        double start = bench_now();
        pool_run(fn, data, n_tasks, ALL_THREADS);
        seconds[run] = bench_now() - start;
        best = run == 0 || seconds[run] < best ? seconds[run] : best;
    }
    return best;
}

/* Adds a rate: `work` units of a run over its time. */
static void add_rate(struct bench *b, const char *name, const char *text, const char *unit,
                     double work, double *seconds, int n)
{
    struct bench_figure *f = bench_add(b, "machine", name, text, unit);
    for (int i = 0; i < n; i++)
        seconds[i] = work / seconds[i] / 1e9;
    bench_set(f, seconds, n);
}

static void measure_bandwidth(struct bench *b, size_t n_bytes, double *seconds, int n_runs)
{
    enum { PER_THREAD = 4, STEP = 16 };
    const size_t n_tasks = (size_t)pool_threads() * PER_THREAD;
    struct sweep s = {best_sweep(), NULL, n_bytes / n_tasks / sizeof(uint64_t) / STEP * STEP, NULL};
    const size_t n_words = s.n_words * n_tasks;
    uint64_t *words = mem_try_alloc(n_words, sizeof *words);
    if (!words) {
        bench_add_missing(b, "machine", "bandwidth", "memory read", "GB/s",
                          "no memory for the buffer");
        return;
    }
    memset(words, 1, n_words * sizeof *words);
    uint64_t *results = mem_zalloc(n_tasks, sizeof *results);
    s.words = words;
    s.results = results;
    const double n_read = (double)(n_words * sizeof *words);
    b->bandwidth = n_read / time_best(seconds, n_runs, sweep_task, &s, n_tasks);
    add_rate(b, "bandwidth", "memory read", "GB/s", n_read, seconds, n_runs);
    free(words);
    free(results);
}

static void measure_fma(struct bench *b, double *seconds, int n_runs)
{
    const size_t n_tasks = (size_t)pool_threads();
    float *results = mem_zalloc(n_tasks, sizeof *results);
    struct spin s = {best_road(), 4000000, results};
    const double flops = 2.0 * N_CHAINS * s.road.width * (double)s.rounds * (double)n_tasks;
    b->fma = flops / time_best(seconds, n_runs, spin_task, &s, n_tasks);
    add_rate(b, "fma", "multiply-add in registers", "GFLOP/s", flops, seconds, n_runs);
    free(results);
}

static void measure_sgemm(struct bench *b, double *seconds, int n_runs)
{
    enum { ROWS = 256, SIZE = 1024 };
    float *x = mem_alloc((size_t)ROWS * SIZE, sizeof *x);
    float *y = mem_alloc((size_t)ROWS * SIZE, sizeof *y);
    float *w = mem_alloc((size_t)SIZE * SIZE, sizeof *w);
    for (int i = 0; i < ROWS * SIZE; i++)
        x[i] = (float)(i % 7) - 3;
    for (int i = 0; i < SIZE * SIZE; i++)
        w[i] = (float)(i % 5) - 2;
    const struct matrix m = {DTYPE_F32, SIZE, SIZE, w};
    matmul(y, x, &m, ROWS);
    for (int run = 0; run < n_runs; run++) {
        double start = bench_now();
        matmul(y, x, &m, ROWS);
        seconds[run] = bench_now() - start;
    }
    add_rate(b, "sgemm", "matrix product, f32", "GFLOP/s", 2.0 * ROWS * SIZE * SIZE, seconds,
             n_runs);
    free(x);
    free(y);
    free(w);
}

void bench_machine(struct bench *b, size_t n_bytes)
{
    enum { N_RUNS = 7 }; /* also where others have fewer: all shares rest on these */
    double seconds[N_RUNS];
    measure_bandwidth(b, n_bytes, seconds, N_RUNS);
    measure_fma(b, seconds, N_RUNS);
    measure_sgemm(b, seconds, N_RUNS);
}
