#include "core/panel.h"

#include "core/isa.h"
#include "core/parts.h"
#include "core/pool.h"
#include "core/thread_room.h"

#include <string.h>

/* Columns of a panel; more only for blocks that are larger. Shorter chunks spend more on loading
 * and storing sums, longer panels crowd x and the next weights out of the first-level cache: 96 and
 * 256 columns took 1.05 to 1.1 times as long. */
#define CHUNK 128
#define MAX_CHUNK 256

/* Rows of x that go together, at most: a chunk of them and their sums (160 KB) stay in the
 * second-level cache. */
#define MAX_TOKENS 256

#define LINE 64

const struct panel_kernels *panel_kernels_in_use(void)
{
    static const struct panel_kernels *const of[N_ISAS] = {
        [ISA_NEON] = &panel_neon, [ISA_AVX2] = &panel_avx2, [ISA_AVX512] = &panel_avx512};
    return of[isa_current()];
}

struct product {
    float *y;       /* [n, n_out] */
    const float *x; /* [n, n_in] */
    const struct matrix *w;
    size_t n;
    size_t group_rows, n_larger; /* of x: the first n_larger groups have one row more */
    size_t chunk;
    float *packed; /* chunk by chunk and in it group by group: [n_cols, rows of the group] */
    const struct panel_kernels *panels;
    const struct matmul_kernels *kernels;
};

/* --- x --- */

/* Rows of the group that begins at row t. */
static size_t rows_at(const struct product *p, size_t t)
{
    return p->group_rows + (t < p->n_larger * (p->group_rows + 1));
}

static float *packed_at(const struct product *p, size_t col, size_t n_cols, size_t t)
{
    return p->packed + col * p->n + t * n_cols;
}

static void pack_task(void *data, size_t task)
{
    const struct product *p = data;
    const size_t n_in = p->w->n_cols, col = task * p->chunk;
    const size_t n_cols = size_min(p->chunk, n_in - col);
    for (size_t t = 0, n_x; t < p->n; t += n_x) {
        const float *x = p->x + t * n_in + col;
        float *dst = packed_at(p, col, n_cols, t);
        n_x = rows_at(p, t);
        for (size_t i = 0; i < n_cols; i++)
            for (size_t k = 0; k < n_x; k++)
                *dst++ = x[k * n_in + i];
    }
}

/* --- w --- */

struct task_room {
    float panel[MAX_CHUNK * PANEL_ROWS];
    float sums[MAX_TOKENS * PANEL_ROWS];
    float rows[PANEL_ROWS * MAX_CHUNK]; /* converted blocks */
};

/* Stored weights [n_rows, n_cols] from (row, col) on. */
struct piece {
    size_t row, n_rows;
    size_t col, n_cols;
};

static struct piece piece_at(const struct product *p, size_t row, size_t col)
{
    return (struct piece){row, size_min(PANEL_ROWS, p->w->n_rows - row), col,
                          size_min(p->chunk, p->w->n_cols - col)};
}

static void make_panel(struct task_room *room, const struct product *p, const struct piece *at)
{
    const struct matrix *w = p->w;
    const char *stored = matrix_at(w, at->row, at->col);
    const size_t stride = dtype_bytes(w->dtype, w->n_cols);
    if (dtype_block(w->dtype) == 1) {
        p->panels->make(room->panel, stored, w->dtype, stride, at->n_rows, at->n_cols);
        return;
    }
    for (size_t j = 0; j < at->n_rows; j++)
        p->kernels->to_f32(room->rows + j * MAX_CHUNK, stored + j * stride, w->dtype, at->n_cols);
    p->panels->make(room->panel, (const char *)room->rows, DTYPE_F32, MAX_CHUNK * sizeof(float),
                    at->n_rows, at->n_cols);
}

/* What this thread will probably take after a piece: the next columns or, behind the last ones, the
 * first columns of the task that is as many tasks on as there are threads. False if there is none.
 */
static bool piece_after(struct piece *next, const struct product *p, const struct piece *at)
{
    const size_t col = at->col + at->n_cols;
    const size_t row = at->row + (size_t)pool_threads() * PANEL_ROWS;
    if (col < p->w->n_cols)
        *next = piece_at(p, at->row, col);
    else if (row < p->w->n_rows)
        *next = piece_at(p, row, 0);
    else
        return false;
    return true;
}

/* All of a piece for now. Files need not align weights to lines: the one in which a piece begins
 * came with the columns before it, so each is asked for by the last of 64 bytes. */
static struct panel_fetch fetch_of(const struct product *p, const struct piece *piece)
{
    const enum dtype dtype = p->w->dtype;
    return (struct panel_fetch){matrix_at(p->w, piece->row, piece->col) + LINE - 1,
                                dtype_bytes(dtype, p->w->n_cols), piece->n_rows,
                                n_parts(dtype_bytes(dtype, piece->n_cols), LINE)};
}

/* Takes from `all` the rows that a product of n_cols columns has time to ask for. */
static struct panel_fetch take_rows(struct panel_fetch *all, size_t n_cols)
{
    struct panel_fetch part = *all;
    part.n_rows = all->n_lines == 0 ? 0 : size_min(all->n_rows, n_cols / 4 / all->n_lines);
    all->at += part.n_rows * all->stride;
    all->n_rows -= part.n_rows;
    return part;
}

static void fetch_now(struct panel_fetch all)
{
    for (; all.n_rows > 0; all.n_rows--, all.at += all.stride)
        for (size_t i = 0; i < all.n_lines; i++)
            __builtin_prefetch(all.at + i * LINE, 0, 2);
}

/* --- y --- */

static void multiply_piece(struct task_room *room, const struct product *p, const struct piece *at)
{
    struct piece next;
    struct panel_fetch fetch = {0};
    if (piece_after(&next, p, at))
        fetch = fetch_of(p, &next);
    make_panel(room, p, at);
    for (size_t t = 0, n_x; t < p->n; t += n_x) {
        const struct panel_fetch part = take_rows(&fetch, at->n_cols);
        n_x = rows_at(p, t);
        p->panels->multiply(room->sums + t * PANEL_ROWS, packed_at(p, at->col, at->n_cols, t), n_x,
                            room->panel, at->n_cols, &part);
    }
}

static void product_task(void *data, size_t task)
{
    const struct product *p = data;
    const size_t n_out = p->w->n_rows, n_in = p->w->n_cols;
    struct task_room *room = thread_room(ROOM_TASK, sizeof *room);
    struct piece at = piece_at(p, task * PANEL_ROWS, 0);
    if (task < (size_t)pool_threads()) /* nobody has asked for it before */
        fetch_now(fetch_of(p, &at));
    memset(room->sums, 0, p->n * PANEL_ROWS * sizeof *room->sums);
    for (; at.col < n_in; at = piece_at(p, at.row, at.col + at.n_cols))
        multiply_piece(room, p, &at);
    for (size_t t = 0; t < p->n; t++)
        panel_copy_sums(p->y + t * n_out + at.row, room->sums + t * PANEL_ROWS, at.n_rows);
}

static void run_block(struct product *p)
{
    const struct matrix *w = p->w;
    const size_t n_groups = n_parts(p->n, p->panels->max_x);
    p->group_rows = p->n / n_groups;
    p->n_larger = p->n % n_groups;
    p->packed = thread_room(ROOM_PACKED, p->n * w->n_cols * sizeof *p->packed);
    pool_run(pack_task, p, n_parts(w->n_cols, p->chunk), (double)p->n * (double)w->n_cols * 4);
    pool_run(product_task, p, n_parts(w->n_rows, PANEL_ROWS),
             (double)p->n * (double)w->n_rows * (double)w->n_cols);
}

bool panel_pays(size_t n)
{
    return n > MATMUL_FEW_ROWS;
}

void panel_product(float *y, const float *x, const struct matrix *w, size_t n,
                   const struct panel_kernels *panels, const struct matmul_kernels *kernels)
{
    const size_t block = n_parts(n, n_parts(n, MAX_TOKENS));
    for (size_t t = 0; t < n; t += block) {
        struct product p = {.y = y + t * w->n_rows,
                            .x = x + t * w->n_cols,
                            .w = w,
                            .n = size_min(block, n - t),
                            .chunk = dtype_block(w->dtype) > CHUNK ? MAX_CHUNK : CHUNK,
                            .panels = panels,
                            .kernels = kernels};
        run_block(&p);
    }
}
