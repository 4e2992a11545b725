#include "core/matmul.h"

#include "core/isa.h"
#include "core/kernels.h"
#include "core/matmul_int.h"
#include "core/matmul_kernels.h"
#include "core/panel.h"
#include "core/parts.h"
#include "core/pool.h"
#include "core/thread_room.h"

#include <assert.h>
#include <cblas.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>

/* From this many rows on OpenBLAS, which packs its operands, beats the fused kernel in plain C. */
#define MATMUL_MANY_ROWS 64

/* Tiles are the unit of work of a thread. Their sizes depend on the shapes alone, never on the
 * number of threads: so neither do the sums. Columns are cut between blocks of weights, all of
 * which divide 256. */
#define FEW_TILE_OUT 128  /* weight rows of the fused kernel, half as many of a small matrix */
#define MANY_TILE_OUT 256 /* at most so many weight rows of one sgemm */
#define MANY_TILE_IN 2560 /* at most so many columns are converted at a time */
#define BACK_TILE_IN 256
#define BACK_TILE_OUT 512
#define UNTRANSPOSED_TILE 1024
#define UNTRANSPOSED_MAX_ROWS 4 /* above, OpenBLAS is faster */
#define TILE_FLOATS (MANY_TILE_OUT * MANY_TILE_IN)

/* Columns that are converted at a time: equal parts of whole blocks. */
static size_t many_tile_in(const struct matrix *w)
{
    size_t block = dtype_block(w->dtype);
    return n_parts(n_parts(w->n_cols, n_parts(w->n_cols, MANY_TILE_IN)), block) * block;
}

/* Weight rows of one sgemm: equal parts, and a number of parts that 2 or 4 threads can share. */
static size_t many_tile_out(size_t n_out)
{
    size_t n_tiles = n_parts(n_out, MANY_TILE_OUT);
    if (n_tiles > 2)
        n_tiles = n_parts(n_tiles, 4) * 4;
    return n_parts(n_out, n_tiles);
}

/* Long stretches, so that the processor's prefetching seldom starts afresh, but enough of them. */
static size_t few_tile_out(size_t n_out)
{
    return n_out < 16 * FEW_TILE_OUT ? FEW_TILE_OUT / 2 : FEW_TILE_OUT;
}

/* --- instruction set and OpenBLAS --- */

const struct matmul_kernels *matmul_kernels_in_use(void)
{
    static const struct matmul_kernels *const of[N_ISAS] = {[ISA_GENERIC] = &matmul_generic,
                                                            [ISA_NEON] = &matmul_neon,
                                                            [ISA_AVX2] = &matmul_avx2,
                                                            [ISA_AVX512] = &matmul_avx512};
    return of[isa_current()];
}

/* OpenBLAS's own threads under ours would fight for the same cores. */
static void tame_blas(void)
{
    openblas_set_num_threads(1);
}

static pthread_once_t blas_once = PTHREAD_ONCE_INIT;

/* --- y = x Wᵀ --- */

struct product {
    float *y;
    const float *x;
    const struct matrix *w;
    size_t n;
};

/* f32 weights that a float pointer may point to: files need not align them. */
static const float *as_f32(const struct matrix *w)
{
    bool is_aligned = (uintptr_t)w->data % sizeof(float) == 0;
    return w->dtype == DTYPE_F32 && is_aligned ? w->data : NULL;
}

static void few_rows_task(void *data, size_t task)
{
    const struct product *p = data;
    const size_t tile_out = few_tile_out(p->w->n_rows);
    size_t j = task * tile_out;
    size_t n_out = size_min(tile_out, p->w->n_rows - j);
    matmul_kernels_in_use()->few_rows(p->y + j, p->w->n_rows, p->x, p->n, matrix_at(p->w, j, 0),
                                      p->w->dtype, n_out, p->w->n_cols);
}

static void many_rows_task(void *data, size_t task)
{
    const struct product *p = data;
    const struct matrix *w = p->w;
    const int n_in = (int)w->n_cols;
    const size_t tile_out = many_tile_out(w->n_rows);
    size_t j = task * tile_out;
    int n_out = (int)size_min(tile_out, w->n_rows - j);
    float *y = p->y + j;
    if (as_f32(w)) {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)p->n, n_out, n_in, 1, p->x, n_in,
                    as_f32(w) + j * w->n_cols, n_in, 0, y, (int)w->n_rows);
        return;
    }
    float *tile = thread_room(ROOM_TASK, TILE_FLOATS * sizeof *tile);
    const size_t tile_in = many_tile_in(w);
    for (size_t i = 0; i < w->n_cols; i += tile_in) {
        size_t width = size_min(tile_in, w->n_cols - i);
        for (size_t row = 0; row < (size_t)n_out; row++)
            matmul_kernels_in_use()->to_f32(tile + row * width, matrix_at(w, j + row, i), w->dtype,
                                            width);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)p->n, n_out, (int)width, 1,
                    p->x + i, n_in, tile, (int)width, i > 0, y, (int)w->n_rows);
    }
}

void matmul(float *y, const float *x, const struct matrix *w, size_t n)
{
    assert(w->n_cols % dtype_block(w->dtype) == 0);
    assert(n <= INT_MAX && w->n_rows <= INT_MAX && w->n_cols <= INT_MAX);
    struct product p = {y, x, w, n};
    pthread_once(&blas_once, tame_blas);
    double n_products = (double)n * (double)w->n_rows * (double)w->n_cols;
    const struct panel_kernels *panels = panel_kernels_in_use();
    if (n == 0)
        return;
    if (matmul_int_takes(w)) {
        matmul_int(y, x, w, n);
        return;
    }
    if (panels && panel_pays(n))
        panel_product(y, x, w, n, panels, matmul_kernels_in_use());
    else if (n < MATMUL_MANY_ROWS)
        pool_run(few_rows_task, &p, n_parts(w->n_rows, few_tile_out(w->n_rows)), n_products);
    else
        pool_run(many_rows_task, &p, n_parts(w->n_rows, many_tile_out(w->n_rows)), n_products);
}

/* --- dx += dy W --- */

struct backward {
    float *dx;
    const float *dy;
    const struct matrix *w;
    size_t n;
};

static void backward_task(void *data, size_t task)
{
    const struct backward *b = data;
    const struct matrix *w = b->w;
    const int n_in = (int)w->n_cols, n_out = (int)w->n_rows, n = (int)b->n;
    size_t i = task * BACK_TILE_IN;
    size_t width = size_min(BACK_TILE_IN, w->n_cols - i);
    if (as_f32(w)) {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, (int)width, n_out, 1, b->dy,
                    n_out, as_f32(w) + i, n_in, 1, b->dx + i, n_in);
        return;
    }
    float *tile = thread_room(ROOM_TASK, TILE_FLOATS * sizeof *tile);
    for (size_t j = 0; j < w->n_rows; j += BACK_TILE_OUT) {
        size_t height = size_min(BACK_TILE_OUT, w->n_rows - j);
        for (size_t row = 0; row < height; row++)
            matmul_kernels_in_use()->to_f32(tile + row * width, matrix_at(w, j + row, i), w->dtype,
                                            width);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, (int)width, (int)height, 1,
                    b->dy + j, n_out, tile, (int)width, 1, b->dx + i, n_in);
    }
}

void matmul_backward(float *dx, const float *dy, const struct matrix *w, size_t n)
{
    assert(n <= INT_MAX && w->n_rows <= INT_MAX && w->n_cols <= INT_MAX);
    struct backward b = {dx, dy, w, n};
    pthread_once(&blas_once, tame_blas);
    if (n > 0)
        pool_run(backward_task, &b, n_parts(w->n_cols, BACK_TILE_IN),
                 (double)n * (double)w->n_rows * (double)w->n_cols);
}

/* --- y += x W --- */

/* Each weight row is read once, a stretch at a time, and added to all rows of y. */
static void untransposed_task(void *data, size_t task)
{
    const struct backward *b = data;
    const struct matrix *w = b->w;
    size_t i = task * UNTRANSPOSED_TILE;
    size_t width = size_min(UNTRANSPOSED_TILE, w->n_cols - i);
    float stretch[UNTRANSPOSED_TILE];
    for (size_t j = 0; j < w->n_rows; j++) {
        matmul_kernels_in_use()->to_f32(stretch, matrix_at(w, j, i), w->dtype, width);
        for (size_t t = 0; t < b->n; t++)
            axpy(b->dx + t * w->n_cols + i, b->dy[t * w->n_rows + j], stretch, width);
    }
}

void matmul_untransposed(float *y, const float *x, const struct matrix *w, size_t n)
{
    struct backward b = {y, x, w, n};
    if (n > UNTRANSPOSED_MAX_ROWS)
        matmul_backward(y, x, w, n);
    else if (n > 0)
        pool_run(untransposed_task, &b, n_parts(w->n_cols, UNTRANSPOSED_TILE),
                 (double)n * (double)w->n_rows * (double)w->n_cols);
}
