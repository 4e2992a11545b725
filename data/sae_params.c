#include "data/sae_params.h"

#include "data/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct sae_params *sae;
    const struct tensor_file *file;
    const char *name;
    struct err *err;
};

bool sae_is_in(const struct tensor_file *f)
{
    return tensor_file_find(f, "W_enc") && tensor_file_find(f, "W_dec");
}

static int refuse(const struct reader *r, enum err_code code)
{
    err_hint(r->err, "The files do not belong together or are damaged; download them again.");
    return code;
}

/* The tensor of that name with n_dims dimensions of floating-point numbers. */
static int find_tensor(const struct tensor **out, const struct reader *r, const char *name,
                       int n_dims)
{
    const struct tensor *t = *out = tensor_file_find(r->file, name);
    if (!t) {
        err_set(r->err, ERR_FORMAT, "%s: a %s autoencoder without tensor '%s'", r->name,
                sae_kind_name(r->sae->config.kind), name);
        return refuse(r, ERR_FORMAT);
    }
    if (t->n_dims != n_dims || t->n_bytes == 0) {
        err_set(r->err, ERR_SHAPE, "%s: tensor '%s' has %d dimensions and %zu bytes, not %d",
                r->name, name, t->n_dims, t->n_bytes, n_dims);
        return refuse(r, ERR_SHAPE);
    }
    if (t->dtype == DTYPE_F32 || t->dtype == DTYPE_F16 || t->dtype == DTYPE_BF16 ||
        t->dtype == DTYPE_F64)
        return ERR_OK;
    err_set(r->err, ERR_UNSUPPORTED, "%s: tensor '%s' is stored as %s", r->name, name,
            dtype_name(t->dtype));
    err_hint(r->err, "Save it as float32, float16 or bfloat16.");
    return ERR_UNSUPPORTED;
}

static int read_matrix(struct matrix *out, float **owned, const struct reader *r, const char *name)
{
    const struct tensor *t;
    int rc = find_tensor(&t, r, name, 2);
    return rc == ERR_OK ? matrix_take(out, owned, t, r->err) : rc;
}

static int check_finite(const struct reader *r, const char *name, const float *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (isfinite(v[i]))
            continue;
        err_set(r->err, ERR_FORMAT, "%s: tensor '%s': number %zu is a NaN or infinity", r->name,
                name, i);
        return refuse(r, ERR_FORMAT);
    }
    return ERR_OK;
}

static int read_vector(float **out, const struct reader *r, const char *name, size_t n)
{
    const struct tensor *t;
    int rc = find_tensor(&t, r, name, 1);
    if (rc != ERR_OK)
        return rc;
    if (t->shape[0] != n) {
        err_set(r->err, ERR_SHAPE, "%s: tensor '%s' has %zu elements, not %zu", r->name, name,
                t->shape[0], n);
        return refuse(r, ERR_SHAPE);
    }
    *out = mem_alloc(n, sizeof **out);
    tensor_to_f32(*out, t->data, t->dtype, n);
    return check_finite(r, name, *out, n);
}

static int check_size(const struct reader *r, const char *key, size_t said, size_t is)
{
    if (said == 0 || said == is)
        return ERR_OK;
    err_set(r->err, ERR_SHAPE, "%s: %s is %zu in cfg.json, but %zu in the weights", r->name, key,
            said, is);
    return refuse(r, ERR_SHAPE);
}

static int read_matrices(struct sae_params *sae, const struct reader *r)
{
    int rc = read_matrix(&sae->w_enc, &sae->owned_enc, r, "W_enc");
    if (rc == ERR_OK)
        rc = read_matrix(&sae->w_dec, &sae->owned_dec, r, "W_dec");
    if (rc != ERR_OK)
        return rc;
    if (sae->w_enc.n_rows != sae->w_dec.n_cols || sae->w_enc.n_cols != sae->w_dec.n_rows) {
        err_set(r->err, ERR_SHAPE,
                "%s: W_enc is [%zu, %zu] and W_dec is [%zu, %zu]: one should be [d_model, "
                "n_features], the other [n_features, d_model]",
                r->name, sae->w_enc.n_rows, sae->w_enc.n_cols, sae->w_dec.n_rows,
                sae->w_dec.n_cols);
        return refuse(r, ERR_SHAPE);
    }
    rc = check_size(r, "d_in", sae->config.d_model, sae->w_enc.n_rows);
    return rc == ERR_OK ? check_size(r, "d_sae", sae->config.n_features, sae->w_enc.n_cols) : rc;
}

static bool all_ones(const float *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (v[i] != 1)
            return false;
    return true;
}

/* SAELens leaves a vector of ones in files that were not finetuned. */
static int read_scale(struct sae_params *sae, const struct reader *r)
{
    static const char *const names[] = {"finetuning_scaling_factor", "scaling_factor"};
    size_t n = sae->w_enc.n_cols;
    int rc = ERR_OK;
    for (size_t i = 0; i < 2 && !sae->out_scale && rc == ERR_OK; i++)
        if (tensor_file_find(r->file, names[i]))
            rc = read_vector(&sae->out_scale, r, names[i], n);
    if (rc != ERR_OK || !sae->out_scale)
        return rc;
    if (all_ones(sae->out_scale, n)) {
        free(sae->out_scale);
        sae->out_scale = NULL;
    } else if (!sae->config.is_finetuned) {
        err_set(r->err, ERR_FORMAT,
                "%s: records contradict: the weights have a scaling_factor, and cfg.json says "
                "finetuning_scaling_factor false",
                r->name);
        rc = refuse(r, ERR_FORMAT);
    }
    return rc;
}

/* Where topk compares features by what they add, acts are in units of |w_dec| and the decoder
 * divides by it again. */
static int read_norms(struct sae_params *sae, const struct reader *r)
{
    size_t n = sae->w_dec.n_rows, d = sae->w_dec.n_cols;
    float *row = mem_alloc(d, sizeof *row);
    free(sae->out_scale);
    sae->out_scale = mem_alloc(n, sizeof *sae->out_scale);
    for (size_t f = 0; f < n; f++) {
        double sum = 0;
        matrix_row(row, &sae->w_dec, f);
        for (size_t i = 0; i < d; i++)
            sum += (double)row[i] * (double)row[i];
        sae->out_scale[f] = (float)(1 / sqrt(sum));
    }
    free(row);
    return check_finite(r, "W_dec (1 / norm)", sae->out_scale, n);
}

static int read_vectors(struct sae_params *sae, const struct reader *r)
{
    size_t n = sae->w_enc.n_cols;
    bool is_gated = sae->config.kind == SAE_GATED;
    int rc = read_vector(&sae->b_dec, r, "b_dec", sae->w_enc.n_rows);
    if (rc == ERR_OK)
        rc = read_vector(&sae->b_enc, r, is_gated ? "b_gate" : "b_enc", n);
    if (rc == ERR_OK && is_gated)
        rc = read_vector(&sae->b_mag, r, "b_mag", n);
    if (rc == ERR_OK && is_gated)
        rc = read_vector(&sae->r_mag, r, "r_mag", n);
    if (rc == ERR_OK && sae->config.kind == SAE_JUMPRELU)
        rc = read_vector(&sae->threshold, r, "threshold", n);
    if (rc == ERR_OK)
        rc = read_scale(sae, r);
    if (rc == ERR_OK && sae->config.kind == SAE_TOPK && sae->config.rescale_by_norms)
        rc = read_norms(sae, r);
    return rc;
}

int sae_params_open(struct sae_params **out, const struct tensor_file *f, const char *name,
                    const char *config_path, struct err *err)
{
    struct sae_params *sae = mem_zalloc(1, sizeof *sae);
    struct reader r = {sae, f, name, err};
    int rc = ERR_OK;
    sae->config = (struct sae_config){.kind = SAE_JUMPRELU, .hook_layer = -1};
    if (config_path)
        rc = sae_config_open(&sae->config, config_path, err);
    if (rc == ERR_OK)
        rc = read_matrices(sae, &r);
    if (rc == ERR_OK && sae->config.kind == SAE_TOPK && sae->config.k > sae->w_enc.n_cols) {
        err_set(err, ERR_FORMAT, "%s: k is %zu, and there are %zu features", name, sae->config.k,
                sae->w_enc.n_cols);
        rc = refuse(&r, ERR_FORMAT);
    }
    if (rc == ERR_OK)
        rc = read_vectors(sae, &r);
    if (rc != ERR_OK) {
        sae_params_close(sae);
        sae = NULL;
    }
    *out = sae;
    return rc;
}

void sae_params_close(struct sae_params *sae)
{
    if (!sae)
        return;
    sae_config_clear(&sae->config);
    free(sae->b_dec);
    free(sae->b_enc);
    free(sae->threshold);
    free(sae->b_mag);
    free(sae->r_mag);
    free(sae->out_scale);
    free(sae->owned_enc);
    free(sae->owned_dec);
    free(sae);
}

size_t sae_heap_bytes(const struct sae_params *sae)
{
    size_t n = sae->w_enc.n_rows * sae->w_enc.n_cols;
    return ((sae->owned_enc ? n : 0) + (sae->owned_dec ? n : 0)) * sizeof(float);
}
