#include "core/model_quantise.h"

#include "core/parts.h"
#include "core/pool.h"
#include "core/quant_q8.h"
#include "data/calibration.h"
#include "data/file.h"
#include "data/mem.h"
#include "data/model_gguf.h"
#include "data/quant.h"
#include "data/weights_cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define STEP_BYTES ((size_t)16 << 20) /* of stored weights between two looks at progress */
#define TASK_BYTES ((size_t)128 << 10)
#define COST_PER_BYTE 4 /* of a stored weight, in multiplications */

/* A matrix that is to be quantised, and what it becomes. */
struct item {
    struct matrix *matrix;
    char name[WEIGHT_NAME_SIZE]; /* in the cache: that of GGUF */
    struct tensor blocks;        /* its data is NULL until there is a place for it */
};

struct work {
    struct model *model;
    const struct quantise_options *options;
    struct item *items; /* [n_items] owned */
    size_t n_items;
    size_t n_bytes, n_done; /* of blocks */
    struct err *err;
};

/* For looking at: model_matrix hands out what may be changed. */
static const struct matrix *matrix_of(const struct model *model, enum weight_role role, int layer)
{
    return model_matrix((struct model *)(uintptr_t)model, role, layer);
}

static bool can_be_quantised(const struct matrix *m)
{
    return dtype_block(m->dtype) == 1 && m->n_cols % QUANT_BLOCK == 0;
}

static size_t stored_bytes(const struct matrix *m)
{
    return dtype_bytes(m->dtype, m->n_rows * m->n_cols);
}

static size_t block_bytes(const struct matrix *m)
{
    return dtype_bytes(DTYPE_Q8_0, m->n_rows * m->n_cols);
}

static void add_item(struct work *w, enum weight_role role, int layer)
{
    struct matrix *m = model_matrix(w->model, role, layer);
    if (!m || !can_be_quantised(m))
        return;
    struct item *item = &w->items[w->n_items++];
    item->matrix = m;
    model_gguf_tensor_name(item->name, role, layer);
    item->blocks = (struct tensor){.name = item->name,
                                   .dtype = DTYPE_Q8_0,
                                   .n_dims = 2,
                                   .shape = {m->n_rows, m->n_cols},
                                   .n_bytes = block_bytes(m)};
    w->n_bytes += item->blocks.n_bytes;
}

static void list_items(struct work *w)
{
    int n_layers = w->model->config.n_layers;
    w->items = mem_zalloc(((size_t)n_layers + 1) * N_WEIGHT_ROLES, sizeof *w->items);
    add_item(w, WEIGHT_EMBED, 0);
    for (int layer = 0; layer < n_layers; layer++)
        for (int role = WEIGHT_NORM_FINAL + 1; role < N_WEIGHT_ROLES; role++)
            add_item(w, (enum weight_role)role, layer);
}

size_t model_matrix_bytes(const struct model *model, enum weight_role role, int layer, bool is_q8)
{
    const struct matrix *m = matrix_of(model, role, layer);
    return !m ? 0 : is_q8 && can_be_quantised(m) ? block_bytes(m) : stored_bytes(m);
}

size_t model_quantised_bytes(const struct model *model)
{
    size_t bytes = model->n_weight_bytes; /* norms included */
    for (int layer = 0; layer < model->config.n_layers; layer++)
        for (int role = layer == 0 ? 0 : WEIGHT_QUERY; role < N_WEIGHT_ROLES; role++)
            bytes += model_matrix_bytes(model, (enum weight_role)role, layer, true) -
                     model_matrix_bytes(model, (enum weight_role)role, layer, false);
    return bytes;
}

/* --- the arithmetic --- */

/* Rows of one matrix, shared by the threads. */
struct rows {
    uint8_t *dst;
    const char *src;
    enum dtype dtype;
    size_t n_rows, n_cols, rows_per_task;
};

static void quantise_task(void *data, size_t task)
{
    const struct rows *r = data;
    size_t row = task * r->rows_per_task, n = size_min(r->rows_per_task, r->n_rows - row);
    quant_q8(r->dst + dtype_bytes(DTYPE_Q8_0, row * r->n_cols),
             r->src + dtype_bytes(r->dtype, row * r->n_cols), r->dtype, n * r->n_cols);
}

static size_t rows_in(size_t n_bytes, const struct matrix *m)
{
    size_t n = n_bytes / dtype_bytes(m->dtype, m->n_cols);
    return n > 0 ? n : 1;
}

/* Blocks of rows first .. first + n, and the stored ones given back to the system. */
static void quantise_rows(uint8_t *dst, const struct matrix *m, size_t first, size_t n)
{
    const char *src = matrix_at(m, first, 0);
    size_t n_bytes = dtype_bytes(m->dtype, n * m->n_cols), per_task = rows_in(TASK_BYTES, m);
    struct rows rows = {dst, src, m->dtype, n, m->n_cols, per_task};
    pool_run(quantise_task, &rows, n_parts(n, per_task), COST_PER_BYTE * (double)n_bytes);
    file_map_release(src, n_bytes);
}

static int report(struct work *w, size_t n_more)
{
    const struct quantise_options *o = w->options;
    w->n_done += n_more;
    if (o->progress && o->progress(o->data, (long)(w->n_done >> 10), (long)(w->n_bytes >> 10)))
        return err_set(w->err, ERR_CANCELLED, "quantising the weights was interrupted");
    return ERR_OK;
}

/* The blocks of a matrix: to `dst`, or step by step to the writer through `dst`, which then has
 * room for one step. */
static int quantise_matrix(struct work *w, const struct item *item, uint8_t *dst,
                           struct weights_writer *writer)
{
    const struct matrix *m = item->matrix;
    size_t step = rows_in(STEP_BYTES, m);
    int rc = ERR_OK;
    for (size_t row = 0; row < m->n_rows && rc == ERR_OK; row += step) {
        size_t n = size_min(step, m->n_rows - row);
        size_t n_bytes = dtype_bytes(DTYPE_Q8_0, n * m->n_cols);
        quantise_rows(dst, m, row, n);
        if (writer)
            rc = weights_writer_add(writer, dst, n_bytes, w->err);
        else
            dst += n_bytes;
        if (rc == ERR_OK)
            rc = report(w, n_bytes);
    }
    return rc;
}

/* --- where the blocks go --- */

/* The model uses the blocks from here on. */
static void take_blocks(struct work *w)
{
    for (size_t i = 0; i < w->n_items; i++) {
        struct item *item = &w->items[i];
        w->model->n_weight_bytes -= stored_bytes(item->matrix) - item->blocks.n_bytes;
        item->matrix->dtype = DTYPE_Q8_0;
        item->matrix->data = item->blocks.data;
    }
}

static int quantise_to_heap(struct work *w)
{
    uint8_t *blocks = mem_try_alloc(w->n_bytes, 1), *at = blocks;
    if (!blocks) {
        err_set(w->err, ERR_NOMEM, "%s: no memory for %.2f GB of weights in 8 bits", w->model->path,
                (double)w->n_bytes / 1e9);
        err_hint(w->err, "--cache-weights stores them on the disk and maps them.");
        return ERR_NOMEM;
    }
    int rc = ERR_OK;
    for (size_t i = 0; i < w->n_items && rc == ERR_OK; i++) {
        rc = quantise_matrix(w, &w->items[i], at, NULL);
        w->items[i].blocks.data = at;
        at += w->items[i].blocks.n_bytes;
    }
    if (rc != ERR_OK) {
        free(blocks);
        return rc;
    }
    take_blocks(w);
    w->model->blocks = blocks;
    w->model->n_heap_bytes = w->n_bytes;
    return ERR_OK;
}

/* Finds every matrix in the cache's file; *why says why it cannot be used. */
static bool map_blocks(struct work *w, const char *path, uint64_t source, struct err *why)
{
    struct weights_cache *cache;
    if (weights_cache_open(&cache, path, source, why) != ERR_OK || !cache)
        return false;
    for (size_t i = 0; i < w->n_items; i++) {
        struct tensor *blocks = &w->items[i].blocks;
        const struct tensor *found = weights_cache_tensor(cache, blocks->name);
        if (!found || found->dtype != blocks->dtype || found->n_bytes != blocks->n_bytes ||
            memcmp(found->shape, blocks->shape, sizeof found->shape) != 0) {
            err_set(why, ERR_FORMAT, "%s: has no fitting tensor '%s'", path, blocks->name);
            weights_cache_close(cache);
            return false;
        }
        blocks->data = found->data;
    }
    take_blocks(w);
    w->model->cache = cache;
    return true;
}

static int write_all(struct work *w, uint64_t source, uint8_t *step)
{
    struct weights_writer writer;
    struct tensor *tensors = mem_alloc(w->n_items, sizeof *tensors);
    for (size_t i = 0; i < w->n_items; i++)
        tensors[i] = w->items[i].blocks;
    int rc = weights_writer_begin(&writer, w->model->path, source, tensors, w->n_items, w->err);
    free(tensors);
    for (size_t i = 0; i < w->n_items && rc == ERR_OK; i++) {
        rc = quantise_matrix(w, &w->items[i], step, &writer);
        if (rc == ERR_OK)
            rc = weights_writer_end_tensor(&writer, w->items[i].blocks.n_bytes, w->err);
    }
    if (rc == ERR_OK)
        return weights_writer_end(&writer, w->err);
    weights_writer_discard(&writer);
    return rc;
}

static int quantise_to_cache(struct work *w, const char *path, uint64_t source)
{
    size_t n_step = 0;
    for (size_t i = 0; i < w->n_items; i++) {
        const struct matrix *m = w->items[i].matrix;
        size_t n = dtype_bytes(DTYPE_Q8_0, rows_in(STEP_BYTES, m) * m->n_cols);
        n_step = n > n_step ? n : n_step;
    }
    uint8_t *step = mem_try_alloc(n_step, 1);
    if (!step)
        return err_set(w->err, ERR_NOMEM, "no memory for %zu bytes of weights", n_step);
    int rc = write_all(w, source, step);
    free(step);
    if (rc == ERR_OK && !map_blocks(w, path, source, w->err))
        rc = w->err->code;
    return rc;
}

static void set_notice(struct work *w, const struct err *why)
{
    struct buf text = {0};
    buf_printf(&text, "the weights in the cache were %s: %s",
               w->options->writes_cache ? "stored again"
                                        : "not used (--cache-weights replaces them)",
               why->message);
    free(w->model->notice);
    w->model->notice = text.data;
}

static int quantise(struct work *w)
{
    uint64_t source;
    struct err why = {0};
    char *path = weights_cache_path(w->model->path);
    int rc = calibration_model_hash(&source, w->model->path, w->err);
    if (rc != ERR_OK || (path && map_blocks(w, path, source, &why))) {
        free(path);
        return rc;
    }
    rc = w->options->writes_cache ? quantise_to_cache(w, path, source) : quantise_to_heap(w);
    if (rc == ERR_OK && why.code != ERR_OK)
        set_notice(w, &why);
    free(path);
    return rc;
}

int model_quantise(struct model *model, const struct quantise_options *options, struct err *err)
{
    assert(model->files); /* what is released must be mapped */
    struct work w = {.model = model, .options = options, .err = err};
    list_items(&w);
    int rc = w.n_items > 0 ? quantise(&w) : ERR_OK;
    free(w.items);
    return rc;
}
