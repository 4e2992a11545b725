#include "core/panel.h"

#include "core/pool.h"
#include "core/thread_room.h"

#include <stdbool.h>
#include <string.h>

/* Weight rows of a task, all of which pass by while a tile of x is in the first-level cache.
 * Whole register tiles of either height. */
#define TASK_ROWS 24

/* Between rows of converted weights: at a multiple of 1024 bytes the loads of a register tile would
 * fall into one bank of the first-level cache (6 x 16: 0.87 of the speed). */
#define WEIGHTS_STRIDE (PANEL_CHUNK + 8)

/* Tokens that go together, at most: a chunk of them (192 KB) stays in the second-level cache. */
#define MAX_TOKENS 192

static size_t size_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t n_parts(size_t n, size_t part)
{
    return (n + part - 1) / part;
}

struct panels {
    float *y;       /* [n, n_out] */
    const float *x; /* [n, n_in] */
    const struct matrix *w;
    size_t n;
    size_t n_wide, n_narrow; /* tiles: the wide ones come first */
    float *packed;           /* x by chunks of columns, of which each holds its tiles */
    const struct panel_kernels *panels;
    const struct matmul_kernels *kernels;
};

/* All vectors of 8 tokens go in threes, but for the two or four that are left in the end. */
static void choose_tiles(struct panels *p)
{
    size_t n_vectors = n_parts(p->n, 8);
    p->n_narrow = n_vectors % 3 == 0 ? 0 : n_vectors % 3 == 2 || n_vectors == 1 ? 1 : 2;
    p->n_wide = n_vectors > 2 * p->n_narrow ? (n_vectors - 2 * p->n_narrow) / 3 : 0;
}

struct tile {
    size_t t; /* the first token */
    size_t width, height;
};

static struct tile tile_at(const struct panels *p, size_t i)
{
    if (i < p->n_wide)
        return (struct tile){i * PANEL_WIDE, PANEL_WIDE, PANEL_WIDE_ROWS};
    return (struct tile){p->n_wide * PANEL_WIDE + (i - p->n_wide) * PANEL_NARROW, PANEL_NARROW,
                         PANEL_NARROW_ROWS};
}

static size_t n_tiles(const struct panels *p)
{
    return p->n_wide + p->n_narrow;
}

/* Tokens with those that fill the last tile. */
static size_t padded(const struct panels *p)
{
    return p->n_wide * PANEL_WIDE + p->n_narrow * PANEL_NARROW;
}

static float *packed_tile(const struct panels *p, size_t col, size_t n_cols, struct tile tile)
{
    return p->packed + col * padded(p) + tile.t * n_cols;
}

static void pack_task(void *data, size_t task)
{
    const struct panels *p = data;
    const struct tile tile = tile_at(p, task % n_tiles(p));
    const size_t col = task / n_tiles(p) * PANEL_CHUNK;
    const size_t n_cols = size_min(PANEL_CHUNK, p->w->n_cols - col);
    p->panels->pack(packed_tile(p, col, n_cols, tile), p->x + tile.t * p->w->n_cols + col,
                    p->w->n_cols, size_min(tile.width, p->n - tile.t), tile.width, n_cols);
}

static const char *weight_at(const struct matrix *w, size_t row, size_t col)
{
    return (const char *)w->data + dtype_bytes(w->dtype, row * w->n_cols + col);
}

/* What a task keeps: the weights of a chunk as f32, and those of the next one while they are made,
 * and for each tile of tokens the sums [TASK_ROWS, width]. */
struct task_room {
    float weights[2][TASK_ROWS * WEIGHTS_STRIDE];
    float sums[TASK_ROWS * MAX_TOKENS];
};

/* Weights [n_rows, n_cols] from (row, col) on, which a task multiplies. */
struct chunk {
    const struct panels *p;
    size_t row, n_rows;
    size_t col, n_cols;
    float *weights, *next_weights; /* f32; next_weights: of the next columns */
    size_t n_ready, n_next_ready;  /* rows of either that are converted */
    float *sums;
};

static void make_ready(struct chunk *c, size_t n_rows)
{
    const struct matrix *w = c->p->w;
    for (; c->n_ready < n_rows; c->n_ready++)
        c->p->kernels->to_f32(c->weights + c->n_ready * WEIGHTS_STRIDE,
                              weight_at(w, c->row + c->n_ready, c->col), w->dtype, c->n_cols);
}

/* Bytes from the weights at column col to those that the same rows of the register tile take after
 * them: in the next chunk or, behind the last one, in the task that this thread will probably do
 * next. */
static size_t bytes_ahead(const struct matrix *w, size_t col)
{
    if (col + PANEL_CHUNK < w->n_cols)
        return dtype_bytes(w->dtype, PANEL_CHUNK);
    return dtype_bytes(w->dtype, (size_t)pool_threads() * TASK_ROWS * w->n_cols - col);
}

/* The weights for the register tile after the one that ends at row j, which are the first of the
 * next columns if there is none. False if they have to be converted by themselves. */
static bool find_next(struct panel_next *next, const struct chunk *c, size_t j, size_t height)
{
    const struct matrix *w = c->p->w;
    const bool is_last = j >= c->n_rows;
    const size_t row = is_last ? 0 : j, col = is_last ? c->col + c->n_cols : c->col;
    if (dtype_block(w->dtype) > 1 || c->n_cols % 8 != 0 || row + height > c->n_rows ||
        col + c->n_cols > w->n_cols)
        return false;
    *next = (struct panel_next){(is_last ? c->next_weights : c->weights) + row * WEIGHTS_STRIDE,
                                weight_at(w, c->row + row, col), dtype_bytes(w->dtype, w->n_cols),
                                bytes_ahead(w, col), w->dtype};
    return true;
}

/* One register tile; the first time that its weights are used, the next ones are converted. */
static void multiply_rows(struct chunk *c, const struct tile *tile, const float *x, size_t j)
{
    const struct panel_kernels *panels = c->p->panels;
    const size_t end = size_min(j + tile->height, c->n_rows);
    struct panel_next next;
    bool has_next = tile->t == 0 && find_next(&next, c, end, tile->height);
    make_ready(c, end);
    (tile->width == PANEL_WIDE ? panels->wide : panels->narrow)(
        c->sums + tile->t * TASK_ROWS + j * tile->width, x, c->weights + j * WEIGHTS_STRIDE,
        WEIGHTS_STRIDE, c->n_cols, has_next ? &next : NULL);
    if (has_next && end < c->n_rows)
        c->n_ready = end + tile->height;
    else if (has_next)
        c->n_next_ready = tile->height;
}

static void multiply_chunk(struct chunk *c)
{
    c->n_cols = size_min(PANEL_CHUNK, c->p->w->n_cols - c->col);
    for (size_t i = 0; i < n_tiles(c->p); i++) {
        const struct tile tile = tile_at(c->p, i);
        const float *x = packed_tile(c->p, c->col, c->n_cols, tile);
        for (size_t j = 0; j < c->n_rows; j += tile.height)
            multiply_rows(c, &tile, x, j);
    }
}

static void next_chunk(struct chunk *c)
{
    float *weights = c->weights;
    c->weights = c->next_weights;
    c->next_weights = weights;
    c->n_ready = c->n_next_ready;
    c->n_next_ready = 0;
    c->col += c->n_cols;
}

/* Asks for the first columns of a task's weights, all at once: the rows are far apart, and nothing
 * else would see them coming. Those that follow are asked for by the register tiles. */
static void fetch_first(const struct chunk *c)
{
    const struct matrix *w = c->p->w;
    const size_t n_bytes = dtype_bytes(w->dtype, size_min(PANEL_CHUNK, w->n_cols));
    for (size_t j = 0; j < c->n_rows; j++) {
        const char *at = weight_at(w, c->row + j, 0);
        for (size_t i = 0; i < n_bytes; i += 64)
            __builtin_prefetch(at + i, 0, 2);
    }
}

static void product_task(void *data, size_t task)
{
    const struct panels *p = data;
    struct task_room *room = thread_room(ROOM_TASK, sizeof *room);
    struct chunk c = {.p = p,
                      .row = task * TASK_ROWS,
                      .weights = room->weights[0],
                      .next_weights = room->weights[1],
                      .sums = room->sums};
    c.n_rows = size_min(TASK_ROWS, p->w->n_rows - c.row);
    fetch_first(&c);
    memset(room->sums, 0, TASK_ROWS * padded(p) * sizeof *room->sums);
    while (c.col < p->w->n_cols) {
        multiply_chunk(&c);
        next_chunk(&c);
    }
    for (size_t i = 0; i < n_tiles(p); i++) {
        const struct tile tile = tile_at(p, i);
        p->panels->unpack(p->y + tile.t * p->w->n_rows + c.row, p->w->n_rows,
                          c.sums + tile.t * TASK_ROWS, tile.width,
                          size_min(tile.width, p->n - tile.t), c.n_rows);
    }
}

static void run_block(struct panels *p)
{
    const struct matrix *w = p->w;
    choose_tiles(p);
    p->packed = thread_room(ROOM_PACKED, padded(p) * w->n_cols * sizeof *p->packed);
    pool_run(pack_task, p, n_tiles(p) * n_parts(w->n_cols, PANEL_CHUNK),
             (double)p->n * (double)w->n_cols * 4);
    pool_run(product_task, p, n_parts(w->n_rows, TASK_ROWS),
             (double)p->n * (double)w->n_rows * (double)w->n_cols);
}

bool panel_pays(size_t n)
{
    struct panels p = {.n = n};
    choose_tiles(&p);
    return n > 40 || 16 * n > 15 * padded(&p);
}

void panel_product(float *y, const float *x, const struct matrix *w, size_t n,
                   const struct panel_kernels *panels, const struct matmul_kernels *kernels)
{
    const size_t block = n_parts(n_parts(n, n_parts(n, MAX_TOKENS)), 8) * 8;
    for (size_t t = 0; t < n; t += block) {
        struct panels p = {.y = y + t * w->n_rows,
                           .x = x + t * w->n_cols,
                           .w = w,
                           .n = size_min(block, n - t),
                           .panels = panels,
                           .kernels = kernels};
        run_block(&p);
    }
}
