#include "data/calibration_sums.h"

#include "data/calibration_internal.h"
#include "data/mem.h"
#include "data/safetensors.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT "axscope-calibration-sums-1"

int calibration_sums_new(struct calibration_sums **out, size_t n_concepts, bool has_threshold,
                         struct err *err)
{
    struct calibration_sums *s = mem_zalloc(1, sizeof *s);
    size_t n_bins = 0;
    *out = NULL;
    if (size_mul(&n_bins, n_concepts, CALIBRATION_BINS))
        s->bins = mem_try_zalloc(n_bins, sizeof *s->bins);
    if (!s->bins) {
        free(s);
        return err_set(err, ERR_NOMEM, "no memory for the histograms of %zu rows (%zu MB)",
                       n_concepts, n_concepts * CALIBRATION_BINS * sizeof *s->bins >> 20);
    }
    s->n_concepts = n_concepts;
    s->sum = mem_zalloc(n_concepts, sizeof *s->sum);
    s->sum2 = mem_zalloc(n_concepts, sizeof *s->sum2);
    s->above = has_threshold ? mem_zalloc(n_concepts, sizeof *s->above) : NULL;
    s->max = mem_zalloc(n_concepts, sizeof *s->max);
    s->max_passage = mem_zalloc(n_concepts, sizeof *s->max_passage);
    *out = s;
    return ERR_OK;
}

void calibration_sums_free(struct calibration_sums *s)
{
    if (!s)
        return;
    free(s->sum);
    free(s->sum2);
    free(s->above);
    free(s->max);
    free(s->max_passage);
    free(s->bins);
    free(s);
}

char *calibration_sums_path(const struct calibration_key *key)
{
    char *path = calibration_path(key);
    struct buf name = {0};
    if (!path)
        return NULL;
    buf_printf(&name, "%s.partial", path);
    free(path);
    return name.data;
}

/* The tensors of s, largest elements first; returns how many. */
static size_t list_tensors(struct tensor *t, const struct calibration_sums *s)
{
    const struct {
        const char *name;
        enum dtype dtype;
        const void *data;
        size_t n_columns;
    } all[] = {
        {"sum", DTYPE_F64, s->sum, 0},
        {"sum2", DTYPE_F64, s->sum2, 0},
        {"above", DTYPE_I64, s->above, 0},
        {"max", DTYPE_F32, s->max, 0},
        {"max_passage", DTYPE_I32, s->max_passage, 0},
        /* safetensors' U32 is not among the types that are read here: counts stay below 2^31 */
        {"bins", DTYPE_I32, s->bins, CALIBRATION_BINS},
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!all[i].data)
            continue;
        t[n] = (struct tensor){.name = all[i].name, .dtype = all[i].dtype, .data = all[i].data};
        t[n].n_dims = all[i].n_columns ? 2 : 1;
        t[n].shape[0] = s->n_concepts;
        t[n].shape[1] = all[i].n_columns;
        t[n].n_bytes =
            s->n_concepts * (all[i].n_columns ? all[i].n_columns : 1) * dtype_size(all[i].dtype);
        n++;
    }
    return n;
}

int calibration_sums_save(const struct calibration_sums *s, const char *path, struct err *err)
{
    struct tensor t[6];
    char n_tokens[24], n_passages[24], texts[24];
    snprintf(n_tokens, sizeof n_tokens, "%zu", s->n_tokens);
    snprintf(n_passages, sizeof n_passages, "%zu", s->n_passages);
    snprintf(texts, sizeof texts, "%016" PRIx64, s->texts_hash);
    const char *const metadata[][2] = {{"format", FORMAT},
                                       {"n_tokens", n_tokens},
                                       {"n_passages", n_passages},
                                       {"texts_hash", texts}};
    return safetensors_write(path, t, list_tensors(t, s), metadata, 4, err);
}

static int refuse(const char *name, const char *what, struct err *err)
{
    err_set(err, ERR_FORMAT, "%s: is no unfinished calibration of this program: %s", name, what);
    err_hint(err, "Remove the file; axscope calibrate begins again.");
    return ERR_FORMAT;
}

/* Is every number one that counting can have made? */
static bool is_sound(const struct calibration_sums *s)
{
    size_t n = s->n_concepts, n_tokens = s->n_tokens;
    for (size_t c = 0; c < n; c++) {
        uint64_t total = 0;
        for (size_t b = 0; b < CALIBRATION_BINS; b++)
            total += s->bins[c * CALIBRATION_BINS + b];
        if (total != n_tokens || !isfinite(s->sum[c]) || !isfinite(s->sum2[c]) || s->sum2[c] < 0 ||
            !isfinite(s->max[c]) || s->max_passage[c] < 0 ||
            (size_t)s->max_passage[c] >= s->n_passages ||
            (s->above && (s->above[c] < 0 || (uint64_t)s->above[c] > n_tokens)))
            return false;
    }
    return true;
}

/* Copies the tensors into the room that s has for them. */
static bool copy_tensors(const struct calibration_sums *s, const struct safetensors *st)
{
    struct tensor wanted[6];
    size_t n = list_tensors(wanted, s);
    for (size_t i = 0; i < n; i++) {
        const struct tensor *w = &wanted[i], *t = safetensors_find(st, w->name);
        if (!t || t->dtype != w->dtype || t->n_dims != w->n_dims || t->n_bytes != w->n_bytes ||
            t->shape[0] != w->shape[0])
            return false;
        /* the list is of views for writing; the blocks behind it are s's own */
        memcpy((void *)(uintptr_t)w->data, t->data, t->n_bytes);
    }
    return true;
}

static int read_all(struct calibration_sums **out, const struct safetensors *st, const char *name,
                    struct err *err)
{
    const char *format = safetensors_metadata(st, "format");
    const struct tensor *sum = safetensors_find(st, "sum"), *bins = safetensors_find(st, "bins");
    uint64_t n_tokens, n_passages, texts_hash;
    if (!format || strcmp(format, FORMAT) != 0 || !sum || sum->n_dims != 1 || sum->shape[0] == 0 ||
        !bins || bins->n_dims != 2 || bins->shape[0] != sum->shape[0] ||
        bins->shape[1] != CALIBRATION_BINS)
        return refuse(name, "its format is not " FORMAT, err);
    if (!calibration_read_number(&n_tokens, st, "n_tokens", 10) || n_tokens > INT32_MAX ||
        !calibration_read_number(&n_passages, st, "n_passages", 10) || n_passages > INT32_MAX ||
        !calibration_read_number(&texts_hash, st, "texts_hash", 16))
        return refuse(name, "a count is missing or no number", err);
    struct calibration_sums *s;
    int rc = calibration_sums_new(&s, sum->shape[0], safetensors_find(st, "above") != NULL, err);
    if (rc != ERR_OK)
        return rc;
    s->n_tokens = (size_t)n_tokens;
    s->n_passages = (size_t)n_passages;
    s->texts_hash = texts_hash;
    if (!copy_tensors(s, st) || !is_sound(s)) {
        calibration_sums_free(s);
        return refuse(name, "a sum is missing, of another shape, or impossible", err);
    }
    *out = s;
    return ERR_OK;
}

int calibration_sums_parse(struct calibration_sums **out, const void *bytes, size_t size,
                           const char *name, struct err *err)
{
    struct safetensors *st;
    *out = NULL;
    int rc = safetensors_parse(&st, bytes, size, name, err);
    if (rc != ERR_OK)
        return rc;
    rc = read_all(out, st, name, err);
    safetensors_close(st);
    return rc;
}

int calibration_sums_open(struct calibration_sums **out, const char *path, struct err *err)
{
    struct safetensors *st;
    *out = NULL;
    int rc = safetensors_open(&st, path, err);
    if (rc != ERR_OK)
        return rc;
    rc = read_all(out, st, path, err);
    safetensors_close(st);
    return rc;
}
