#include "data/calibration.h"

#include "data/cache_dir.h"
#include "data/calibration_internal.h"
#include "data/file.h"
#include "data/mem.h"
#include "data/safetensors.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT "axscope-calibration-1"
#define REMOVE_HINT "Remove the file; axscope calibrate makes it again."

const double calibration_levels[CALIBRATION_QUANTILES] = {0.5, 0.9, 0.99, 0.999};
const char *const calibration_level_names[CALIBRATION_QUANTILES] = {"p50", "p90", "p99", "p99.9"};

bool calibration_any(void)
{
    char *folder = cache_file("calibration", "");
    bool any = folder && file_is_dir(folder);
    free(folder);
    return any;
}

char *calibration_path(const struct calibration_key *key)
{
    char name[64];
    snprintf(name, sizeof name, "%016" PRIx64 "-%016" PRIx64 "-l%d.safetensors", key->model,
             key->dict, key->layer);
    return cache_file("calibration", name);
}

struct calibration *calibration_new(size_t n_concepts, bool has_density)
{
    struct calibration *cal = mem_zalloc(1, sizeof *cal);
    cal->n_concepts = n_concepts;
    cal->mean = mem_zalloc(n_concepts, sizeof *cal->mean);
    cal->spread = mem_zalloc(n_concepts, sizeof *cal->spread);
    cal->quantiles = mem_zalloc(n_concepts, CALIBRATION_QUANTILES * sizeof *cal->quantiles);
    cal->density = has_density ? mem_zalloc(n_concepts, sizeof *cal->density) : NULL;
    cal->max = mem_zalloc(n_concepts, sizeof *cal->max);
    cal->max_passage = mem_zalloc(n_concepts, sizeof *cal->max_passage);
    return cal;
}

void calibration_close(struct calibration *cal)
{
    if (!cal)
        return;
    free(cal->mean);
    free(cal->spread);
    free(cal->quantiles);
    free(cal->density);
    free(cal->max);
    free(cal->max_passage);
    passages_clear(&cal->passages);
    free(cal->arena);
    free(cal);
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

void calibration_set_floor(struct calibration *cal)
{
    float *sorted = mem_alloc(cal->n_concepts + 1, sizeof *sorted);
    sorted[0] = 0;
    memcpy(sorted, cal->spread, cal->n_concepts * sizeof *sorted);
    qsort(sorted, cal->n_concepts, sizeof *sorted, by_value);
    float floor = 0.01f * sorted[cal->n_concepts / 2];
    cal->spread_floor = floor > 1e-6f ? floor : 1e-6f;
    free(sorted);
}

float calibration_z(const struct calibration *cal, size_t row, float value)
{
    float spread = cal->spread[row] > cal->spread_floor ? cal->spread[row] : cal->spread_floor;
    return (value - cal->mean[row]) / spread;
}

/* Lays out the passages in an arena of their own; `ends` are byte offsets. */
static void take_passages(struct calibration *cal, char *arena, const int64_t *ends, size_t n)
{
    cal->arena = arena;
    cal->passages.items = mem_alloc(n + 1, sizeof *cal->passages.items);
    cal->passages.n = n;
    for (size_t i = 0; i < n; i++) {
        size_t start = i ? (size_t)ends[i - 1] : 0;
        cal->passages.items[i] = (struct passage){arena + start, (size_t)ends[i] - start};
    }
}

/* The passages one after the other; *ends [n] owned by the caller. */
static struct buf join_passages(int64_t **ends, const struct passages *passages)
{
    struct buf arena = {0};
    *ends = mem_alloc(passages->n + 1, sizeof **ends);
    for (size_t i = 0; i < passages->n; i++) {
        buf_add(&arena, passages->items[i].text, passages->items[i].len);
        (*ends)[i] = (int64_t)arena.len;
    }
    return arena;
}

void calibration_set_passages(struct calibration *cal, const struct passages *passages)
{
    int64_t *ends;
    struct buf arena = join_passages(&ends, passages);
    passages_clear(&cal->passages);
    free(cal->arena);
    take_passages(cal, arena.data, ends, passages->n);
    free(ends);
}

/* --- writing --- */

static struct tensor rows_of(const char *name, enum dtype dtype, const void *data, size_t n)
{
    return (struct tensor){.name = name,
                           .dtype = dtype,
                           .n_dims = 1,
                           .shape = {n},
                           .data = data,
                           .n_bytes = n * dtype_size(dtype)};
}

int calibration_save(const struct calibration *cal, const char *path, struct err *err)
{
    size_t n = cal->n_concepts, n_tensors = 0;
    int64_t *ends;
    struct buf arena = join_passages(&ends, &cal->passages);
    struct tensor t[8], *at = t;
    *at++ = rows_of("text_ends", DTYPE_I64, ends, cal->passages.n);
    *at++ = rows_of("mean", DTYPE_F32, cal->mean, n);
    *at++ = rows_of("spread", DTYPE_F32, cal->spread, n);
    *at = rows_of("quantiles", DTYPE_F32, cal->quantiles, CALIBRATION_QUANTILES * n);
    at->n_dims = 2;
    at->shape[0] = CALIBRATION_QUANTILES;
    at->shape[1] = n;
    at++;
    *at++ = rows_of("max", DTYPE_F32, cal->max, n);
    *at++ = rows_of("max_passage", DTYPE_I32, cal->max_passage, n);
    if (cal->density)
        *at++ = rows_of("density", DTYPE_F32, cal->density, n);
    *at++ = rows_of("texts", DTYPE_U8, buf_cstr(&arena), arena.len);
    n_tensors = (size_t)(at - t);
    char n_tokens[24], texts[24];
    snprintf(n_tokens, sizeof n_tokens, "%zu", cal->n_tokens);
    snprintf(texts, sizeof texts, "%016" PRIx64, cal->texts_hash);
    const char *const metadata[][2] = {
        {"format", FORMAT}, {"n_tokens", n_tokens}, {"texts_hash", texts}};
    int rc = safetensors_write(path, t, n_tensors, metadata, 3, err);
    free(ends);
    buf_clear(&arena);
    return rc;
}

/* --- reading --- */

static int refuse(const char *name, const char *what, struct err *err)
{
    err_set(err, ERR_FORMAT, "%s: is no calibration of this program: %s", name, what);
    err_hint(err, REMOVE_HINT);
    return ERR_FORMAT;
}

/* A tensor of this type and shape [n0] or, with n1, [n0, n1]; NULL if it is not that. */
static const void *tensor_data(const struct safetensors *st, const char *name, enum dtype dtype,
                               size_t n0, size_t n1)
{
    const struct tensor *t = safetensors_find(st, name);
    int n_dims = n1 ? 2 : 1;
    bool fits = t && t->dtype == dtype && t->n_dims == n_dims && t->shape[0] == n0 &&
                (!n1 || t->shape[1] == n1);
    return fits ? t->data : NULL;
}

static bool copy_floats(float *dst, const struct safetensors *st, const char *name, size_t n0,
                        size_t n1)
{
    const void *data = tensor_data(st, name, DTYPE_F32, n0, n1);
    size_t n = n0 * (n1 ? n1 : 1);
    if (!data)
        return false;
    memcpy(dst, data, n * sizeof *dst);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(dst[i]))
            return false;
    return true;
}

static bool within(const float *values, size_t n, float low, float high)
{
    for (size_t i = 0; i < n; i++)
        if (!(values[i] >= low && values[i] <= high))
            return false;
    return true;
}

static bool read_rows(struct calibration *cal, const struct safetensors *st)
{
    size_t n = cal->n_concepts;
    return copy_floats(cal->mean, st, "mean", n, 0) &&
           copy_floats(cal->spread, st, "spread", n, 0) && within(cal->spread, n, 0, HUGE_VALF) &&
           copy_floats(cal->quantiles, st, "quantiles", CALIBRATION_QUANTILES, n) &&
           (!cal->density ||
            (copy_floats(cal->density, st, "density", n, 0) && within(cal->density, n, 0, 1))) &&
           copy_floats(cal->max, st, "max", n, 0);
}

static bool read_passages(struct calibration *cal, const struct safetensors *st)
{
    const struct tensor *texts = safetensors_find(st, "texts");
    const struct tensor *ends = safetensors_find(st, "text_ends");
    const int32_t *max_passage = tensor_data(st, "max_passage", DTYPE_I32, cal->n_concepts, 0);
    if (!texts || texts->dtype != DTYPE_U8 || !ends || ends->dtype != DTYPE_I64 ||
        ends->n_dims != 1 || ends->shape[0] == 0 || !max_passage)
        return false;
    const int64_t *at = ends->data;
    size_t n = ends->shape[0];
    for (size_t i = 0; i < n; i++)
        if (at[i] < (i ? at[i - 1] : 0) || (uint64_t)at[i] > texts->n_bytes)
            return false;
    for (size_t c = 0; c < cal->n_concepts; c++)
        if (max_passage[c] < 0 || (size_t)max_passage[c] >= n)
            return false;
    memcpy(cal->max_passage, max_passage, cal->n_concepts * sizeof *max_passage);
    take_passages(cal, mem_strndup(texts->n_bytes ? texts->data : "", texts->n_bytes), at, n);
    return true;
}

bool calibration_read_number(uint64_t *out, const struct safetensors *st, const char *key, int base)
{
    const char *text = safetensors_metadata(st, key);
    size_t len = text ? strlen(text) : 0;
    if (len == 0 || len > 18 || strspn(text, base == 16 ? "0123456789abcdef" : "0123456789") < len)
        return false;
    *out = strtoull(text, NULL, base);
    return true;
}

static int read_all(struct calibration **out, const struct safetensors *st, const char *name,
                    struct err *err)
{
    const char *format = safetensors_metadata(st, "format");
    const struct tensor *mean = safetensors_find(st, "mean");
    if (!format || strcmp(format, FORMAT) != 0)
        return refuse(name, "its format is not " FORMAT, err);
    if (!mean || mean->n_dims != 1 || mean->dtype != DTYPE_F32 || mean->shape[0] == 0)
        return refuse(name, "mean is missing or no list of numbers", err);
    struct calibration *cal =
        calibration_new(mean->shape[0], safetensors_find(st, "density") != NULL);
    uint64_t n_tokens = 0;
    int rc = ERR_OK;
    if (!calibration_read_number(&n_tokens, st, "n_tokens", 10) || n_tokens == 0 ||
        !calibration_read_number(&cal->texts_hash, st, "texts_hash", 16))
        rc = refuse(name, "n_tokens or texts_hash is missing or no number", err);
    else if (!read_rows(cal, st))
        rc = refuse(name, "a statistic is missing, of another shape, or not finite", err);
    else if (!read_passages(cal, st))
        rc = refuse(name, "its passages do not fit together", err);
    cal->n_tokens = (size_t)n_tokens;
    calibration_set_floor(cal);
    if (rc == ERR_OK)
        *out = cal;
    else
        calibration_close(cal);
    return rc;
}

static int read_and_close(struct calibration **out, struct safetensors *st, const char *name,
                          struct err *err)
{
    int rc = read_all(out, st, name, err);
    safetensors_close(st);
    return rc;
}

int calibration_parse(struct calibration **out, const void *bytes, size_t size, const char *name,
                      struct err *err)
{
    struct safetensors *st;
    *out = NULL;
    int rc = safetensors_parse(&st, bytes, size, name, err);
    return rc == ERR_OK ? read_and_close(out, st, name, err) : rc;
}

int calibration_open(struct calibration **out, const char *path, struct err *err)
{
    struct safetensors *st;
    *out = NULL;
    int rc = safetensors_open(&st, path, err);
    return rc == ERR_OK ? read_and_close(out, st, path, err) : rc;
}

int calibration_find(struct calibration **out, const struct calibration_key *key, size_t n_concepts,
                     struct err *err)
{
    *out = NULL;
    char *path = calibration_path(key);
    if (!path || !file_exists(path)) {
        free(path);
        return ERR_OK;
    }
    int rc = calibration_open(out, path, err);
    if (rc == ERR_OK && (*out)->n_concepts != n_concepts) {
        rc = refuse(path, "it has another number of rows than the dictionary", err);
        calibration_close(*out);
        *out = NULL;
    }
    free(path);
    if (rc != ERR_OK)
        err_hint(err, REMOVE_HINT);
    return rc;
}
