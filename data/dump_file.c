#include "data/dump_file.h"

#include "data/mem.h"
#include "data/safetensors.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "resid."
#define MAX_LAYER 9999
#define MAX_LISTED 12

struct dump_file {
    struct safetensors *st;
    char *name; /* owned */
    size_t n_tokens, d_model;
    int *ids;      /* [n_tokens] owned, or NULL */
    bool *counted; /* [n_tokens] owned, or NULL */
};

/* L of a name that is exactly "resid.L", else -1. */
static int layer_of(const struct tensor *t)
{
    const char *digits = t->name + strlen(PREFIX);
    size_t len = strlen(t->name);
    if (strncmp(t->name, PREFIX, strlen(PREFIX)) != 0 || len == strlen(PREFIX) || len > 10 ||
        strspn(digits, "0123456789") != strlen(digits) || (digits[0] == '0' && digits[1]))
        return -1;
    long layer = strtol(digits, NULL, 10);
    return layer <= MAX_LAYER ? (int)layer : -1;
}

/* The shape without a leading dimension of 1, as rows and columns (1 for a list). */
static bool shape_of(size_t *rows, size_t *columns, const struct tensor *t, int n_dims)
{
    int skip = t->n_dims == n_dims + 1 && t->shape[0] == 1;
    if (t->n_dims - skip != n_dims)
        return false;
    *rows = t->shape[skip];
    *columns = n_dims > 1 ? t->shape[skip + 1] : 1;
    return true;
}

static int refuse(const struct dump_file *d, const struct tensor *t, const char *what,
                  struct err *err)
{
    err_set(err, ERR_SHAPE, "%s: tensor '%.100s' %s", d->name, t->name, what);
    err_hint(err, "A dump holds resid.L [n_tokens, d_model] and ids [n_tokens]; the README shows "
                  "how one is written.");
    return ERR_SHAPE;
}

static int check_resid(struct dump_file *d, const struct tensor *t, struct err *err)
{
    size_t rows, columns;
    if (t->dtype != DTYPE_F32 && t->dtype != DTYPE_F16 && t->dtype != DTYPE_BF16)
        return refuse(d, t, "is stored neither as F32, nor F16, nor BF16", err);
    if (!shape_of(&rows, &columns, t, 2) || rows == 0 || columns == 0 || rows > INT_MAX)
        return refuse(d, t, "is no matrix [n_tokens, d_model]", err);
    if (d->n_tokens > 0 && (rows != d->n_tokens || columns != d->d_model))
        return refuse(d, t, "has another shape than the other residuals", err);
    d->n_tokens = rows;
    d->d_model = columns;
    return ERR_OK;
}

static int read_ids(struct dump_file *d, const struct tensor *t, struct err *err)
{
    size_t rows, columns;
    if (t->dtype != DTYPE_I64 && t->dtype != DTYPE_I32)
        return refuse(d, t, "is stored neither as I64 nor as I32", err);
    if (!shape_of(&rows, &columns, t, 1) || rows != d->n_tokens)
        return refuse(d, t, "does not have one id for each row of the residual", err);
    d->ids = mem_alloc(rows, sizeof *d->ids);
    for (size_t i = 0; i < rows; i++) {
        long long id = t->dtype == DTYPE_I64 ? (long long)((const int64_t *)t->data)[i]
                                             : ((const int32_t *)t->data)[i];
        if (id < 0 || id > INT_MAX)
            return refuse(d, t, "holds a number that is no token id", err);
        d->ids[i] = (int)id;
    }
    return ERR_OK;
}

static int read_counted(struct dump_file *d, const struct tensor *t, struct err *err)
{
    size_t rows, columns;
    if (t->dtype != DTYPE_U8 || !shape_of(&rows, &columns, t, 1) || rows != d->n_tokens)
        return refuse(d, t, "is no list of bytes, one for each row of the residual", err);
    d->counted = mem_alloc(rows, sizeof *d->counted);
    for (size_t i = 0; i < rows; i++)
        d->counted[i] = ((const uint8_t *)t->data)[i] != 0;
    return ERR_OK;
}

static int read_all(struct dump_file *d, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; i < safetensors_count(d->st) && rc == ERR_OK; i++)
        if (layer_of(safetensors_at(d->st, i)) >= 0)
            rc = check_resid(d, safetensors_at(d->st, i), err);
    if (rc == ERR_OK && d->n_tokens == 0) {
        rc = err_set(err, ERR_FORMAT, "%s: holds no tensor called resid.L, L a layer", d->name);
        err_hint(err, "Write one with axscope dump, or as the README shows.");
    }
    const struct tensor *ids = safetensors_find(d->st, "ids");
    const struct tensor *counted = safetensors_find(d->st, "counted");
    if (rc == ERR_OK && ids)
        rc = read_ids(d, ids, err);
    if (rc == ERR_OK && counted)
        rc = read_counted(d, counted, err);
    return rc;
}

/* Takes st. */
static int finish(struct dump_file **out, struct safetensors *st, const char *name, struct err *err)
{
    struct dump_file *d = mem_zalloc(1, sizeof *d);
    d->st = st;
    d->name = mem_strdup(name);
    int rc = read_all(d, err);
    if (rc == ERR_OK)
        *out = d;
    else
        dump_file_close(d);
    return rc;
}

int dump_file_open(struct dump_file **out, const char *path, struct err *err)
{
    struct safetensors *st;
    *out = NULL;
    int rc = safetensors_open(&st, path, err);
    return rc == ERR_OK ? finish(out, st, path, err) : rc;
}

int dump_file_parse(struct dump_file **out, const void *bytes, size_t size, const char *name,
                    struct err *err)
{
    struct safetensors *st;
    *out = NULL;
    int rc = safetensors_parse(&st, bytes, size, name, err);
    return rc == ERR_OK ? finish(out, st, name, err) : rc;
}

void dump_file_close(struct dump_file *dump)
{
    if (!dump)
        return;
    safetensors_close(dump->st);
    free(dump->name);
    free(dump->ids);
    free(dump->counted);
    free(dump);
}

const char *dump_file_name(const struct dump_file *dump)
{
    return dump->name;
}

const char *dump_file_model(const struct dump_file *dump)
{
    return safetensors_metadata(dump->st, "model");
}

size_t dump_file_n_tokens(const struct dump_file *dump)
{
    return dump->n_tokens;
}

size_t dump_file_d_model(const struct dump_file *dump)
{
    return dump->d_model;
}

const int *dump_file_ids(const struct dump_file *dump)
{
    return dump->ids;
}

const bool *dump_file_counted(const struct dump_file *dump)
{
    return dump->counted;
}

int dump_file_layer(int *out, const struct dump_file *dump, int wanted, const char *what,
                    struct err *err)
{
    struct buf names = {0};
    int n = 0;
    for (size_t i = 0; i < safetensors_count(dump->st); i++) {
        int layer = layer_of(safetensors_at(dump->st, i));
        if (layer < 0)
            continue;
        *out = layer;
        if (layer == wanted) {
            buf_clear(&names);
            return ERR_OK;
        }
        if (n++ < MAX_LISTED)
            buf_printf(&names, "%s%d", n > 1 ? ", " : "", layer);
    }
    int rc = ERR_OK;
    if (wanted >= 0) {
        rc = err_set(err, ERR_SHAPE,
                     "%s: holds the residual after layer %s%s, and %s is read at "
                     "layer %d",
                     dump->name, buf_cstr(&names), n > MAX_LISTED ? ", ..." : "", what, wanted);
        err_hint(err, "Write the dump again with layer %d, or give the dictionary of that layer.",
                 wanted);
    } else if (n > 1) {
        rc = err_set(err, ERR_SHAPE,
                     "%s: holds residuals after layers %s, and %s does not say "
                     "which is its own",
                     dump->name, buf_cstr(&names), what);
        err_hint(err, "Pick one with --layer N.");
    }
    buf_clear(&names);
    return rc;
}

int dump_file_resid(float **out, const struct dump_file *dump, int layer, struct err *err)
{
    char name[32];
    const size_t n = dump->n_tokens * dump->d_model; /* a product the reader has checked */
    snprintf(name, sizeof name, PREFIX "%d", layer);
    const struct tensor *t = safetensors_find(dump->st, name);
    *out = NULL;
    if (!t)
        return err_set(err, ERR_FORMAT, "%s: holds no tensor called %s", dump->name, name);
    float *resid = mem_try_floats(dump->n_tokens, dump->d_model);
    if (!resid)
        return err_set(err, ERR_NOMEM, "%s: no memory for %zu residuals of width %zu", dump->name,
                       dump->n_tokens, dump->d_model);
    tensor_to_f32(resid, t->data, t->dtype, n);
    for (size_t i = 0; i < n; i++) {
        if (isfinite(resid[i]))
            continue;
        free(resid);
        err_set(err, ERR_FORMAT, "%s: the residual at position %zu is not a finite number",
                dump->name, i / dump->d_model);
        err_hint(err, "Run the model in bfloat16 or float32: float16 overflows in Gemma 2.");
        return ERR_FORMAT;
    }
    *out = resid;
    return ERR_OK;
}
