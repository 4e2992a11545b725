#include "core/quant_q8.h"

#include "core/isa.h"
#include "data/mem.h"
#include "data/quant.h"
#include "tests/support/approx.h"
#include "tests/support/runner.h"
#include "tests/support/store_floats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_BLOCKS = 64, N = 32 * N_BLOCKS };

/* Blocks of every kind: of all sizes, halves of a step, zeros, the smallest and largest numbers,
 * infinities and NaN. */
static void fill(float *x)
{
    random_floats(x, N, 3);
    for (int b = 0; b < N_BLOCKS; b++)
        for (int i = 0; i < 32; i++)
            x[32 * b + i] *= exp2f((float)(b % 24 - 20));
    for (int i = 0; i < 32; i++) {
        x[i] = i == 0 ? 127 : (float)(i - 16) + 0.5f; /* a step of 1: every element is a half */
        x[32 + i] = 0;
        x[64 + i] = i % 2 ? 1e-45f : -3e-45f;
        x[96 + i] = i == 7 ? NAN : 1;
        x[128 + i] = i == 31 ? -INFINITY : 2;
        x[160 + i] = i == 0 ? 1e-38f : -0.0f;
        x[192 + i] = i % 3 ? 3.4e38f : -3.4e38f;
        x[224 + i] = i == 0 ? 127 : nextafterf(0.5f, (float)(i % 2)); /* a bit beside a half */
    }
}

static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16};

START_TEST(blocks_are_those_of_the_elements_as_floats)
{
    float x[N], as_f32[N];
    uint8_t *stored = mem_alloc(4 * N + 1, 1);
    uint8_t got[N_BLOCKS * Q8_0_BYTES], want[N_BLOCKS * Q8_0_BYTES];
    fill(x);
    store_floats(stored + 1, x, dtypes[_i], N); /* at an odd address */
    tensor_to_f32(as_f32, stored + 1, dtypes[_i], N);
    quant_q8_0(want, as_f32, N);
    quant_q8_generic(got, stored + 1, dtypes[_i], N);
    ck_assert_mem_eq(got, want, sizeof want);
    quant_q8(got, stored + 1, dtypes[_i], N);
    ck_assert_mem_eq(got, want, sizeof want);
    free(stored);
}
END_TEST

START_TEST(avx2_gives_the_same_bits)
{
    if (!isa_has(ISA_AVX2)) {
        printf("skipped: this processor has no AVX2\n");
        return;
    }
    float x[N];
    uint8_t *stored = mem_alloc(4 * N + 1, 1);
    uint8_t got[N_BLOCKS * Q8_0_BYTES], want[N_BLOCKS * Q8_0_BYTES];
    fill(x);
    store_floats(stored + 1, x, dtypes[_i], N);
    quant_q8_generic(want, stored + 1, dtypes[_i], N);
    quant_q8_avx2(got, stored + 1, dtypes[_i], N);
    for (size_t b = 0; b < N_BLOCKS; b++)
        ck_assert_msg(memcmp(got + b * Q8_0_BYTES, want + b * Q8_0_BYTES, Q8_0_BYTES) == 0,
                      "block %zu", b);
    free(stored);
}
END_TEST

Suite *suite_quant_q8(void)
{
    Suite *s = suite_create("quant_q8");
    TCase *t = tcase_create("quant_q8");
    tcase_add_loop_test(t, blocks_are_those_of_the_elements_as_floats, 0, 3);
    tcase_add_loop_test(t, avx2_gives_the_same_bits, 0, 3);
    suite_add_tcase(s, t);
    return s;
}
