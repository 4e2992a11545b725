#include "data/sae_config.h"

#include "data/json.h"

#include <stdlib.h>
#include <string.h>

#define MAX_LAYER 9999
#define MAX_SIZE (1L << 30)

struct reader {
    const struct json_doc *doc;
    const struct json *root;
    const struct json *metadata; /* of version 6, or NULL */
    struct err *err;
};

const char *sae_kind_name(enum sae_kind kind)
{
    static const char *const names[] = {"standard", "jumprelu", "topk", "gated"};
    return names[kind];
}

static bool is_absent(const struct json *v)
{
    return !v || json_is_null(v);
}

/* The value of a key where either form has it, or of its older name; NULL: absent or null. */
static const struct json *get(const struct reader *r, const char *key, const char *old)
{
    const struct json *v = json_get(r->metadata, key);
    if (is_absent(v))
        v = json_get(r->root, key);
    if (is_absent(v) && old)
        v = json_get(r->root, old);
    return is_absent(v) ? NULL : v;
}

/* *out stays as it is if the key is absent. */
static int get_string(const char **out, const struct reader *r, const char *key, const char *old)
{
    const struct json *v = get(r, key, old);
    if (v && !json_is_string(v)) {
        err_set(r->err, ERR_FORMAT, "%s: %s is not a string", json_name(r->doc), key);
        err_hint(r->err, "Download or copy the file again.");
        return ERR_FORMAT;
    }
    *out = v ? json_string(v) : *out;
    return ERR_OK;
}

static int get_bool(bool *out, const struct reader *r, const char *key)
{
    const struct json *v = get(r, key, NULL);
    if (v && !json_is_bool(v)) {
        err_set(r->err, ERR_FORMAT, "%s: %s is neither true nor false", json_name(r->doc), key);
        err_hint(r->err, "Download or copy the file again.");
        return ERR_FORMAT;
    }
    *out = v ? json_bool(v) : *out;
    return ERR_OK;
}

static int get_int(long *out, const struct reader *r, const char *key, const char *old, long max)
{
    const struct json *v = get(r, key, old);
    double number = v ? json_number(v) : 0;
    if (v && (!json_is_number(v) || !(number >= 0 && number <= (double)max) ||
              number != (double)(long)number)) {
        err_set(r->err, ERR_FORMAT, "%s: %s is not a whole number from 0 to %ld", json_name(r->doc),
                key, max);
        err_hint(r->err, "Download or copy the file again.");
        return ERR_FORMAT;
    }
    *out = v ? (long)number : *out;
    return ERR_OK;
}

static int refuse(const struct reader *r, const char *key, const char *value, const char *hint)
{
    err_set(r->err, ERR_UNSUPPORTED, "%s: %s '%.80s' is not read", json_name(r->doc), key, value);
    err_hint(r->err, "%s", hint);
    return ERR_UNSUPPORTED;
}

/* --- what it computes --- */

static int read_topk(struct sae_config *c, const struct reader *r)
{
    long k = 0;
    int rc = get_int(&k, r, "k", NULL, MAX_SIZE);
    const struct json *arguments = get(r, "activation_fn_kwargs", NULL);
    if (rc == ERR_OK && k == 0 && json_get(arguments, "k"))
        rc = json_get_int(&k, r->doc, arguments, "k", 1, MAX_SIZE, r->err);
    if (rc == ERR_OK)
        rc = get_bool(&c->rescale_by_norms, r, "rescale_acts_by_decoder_norm");
    if (rc == ERR_OK && k == 0) {
        rc = err_set(r->err, ERR_FORMAT, "%s: a topk autoencoder without k", json_name(r->doc));
        err_hint(r->err, "Download or copy the file again.");
    }
    c->k = (size_t)k;
    return rc;
}

static int read_kind(struct sae_config *c, const struct reader *r)
{
    const char *kind = "standard", *activation = "relu";
    int rc = get_string(&kind, r, "architecture", NULL);
    if (rc == ERR_OK)
        rc = get_string(&activation, r, "activation_fn", "activation_fn_str");
    if (rc != ERR_OK)
        return rc;
    if (strcmp(activation, "topk") == 0)
        kind = "topk";
    else if (strcmp(activation, "relu") != 0)
        return refuse(r, "activation_fn", activation, "relu and topk are read.");
    for (int k = SAE_STANDARD; k <= SAE_GATED; k++) {
        if (strcmp(kind, sae_kind_name((enum sae_kind)k)) != 0)
            continue;
        c->kind = (enum sae_kind)k;
        return c->kind == SAE_TOPK ? read_topk(c, r) : ERR_OK;
    }
    return refuse(r, "architecture", kind,
                  "standard, jumprelu, topk and gated are read; SAELens saves batchtopk as "
                  "jumprelu when it is saved for inference.");
}

static int read_norm(struct sae_config *c, const struct reader *r)
{
    static const struct {
        const char *name;
        enum sae_norm norm;
    } norms[] = {{"none", SAE_NORM_NONE},
                 {"expected_average_only_in", SAE_NORM_NONE},
                 {"constant_norm_rescale", SAE_NORM_CONSTANT},
                 {"layer_norm", SAE_NORM_LAYER}};
    const char *name = "none";
    if (json_is_bool(get(r, "normalize_activations", NULL)))
        return ERR_OK; /* the old form: true means expected_average_only_in */
    int rc = get_string(&name, r, "normalize_activations", NULL);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < sizeof norms / sizeof *norms; i++) {
        if (strcmp(name, norms[i].name) != 0)
            continue;
        c->norm = norms[i].norm;
        return ERR_OK;
    }
    return refuse(r, "normalize_activations", name,
                  "none, expected_average_only_in, constant_norm_rescale and layer_norm are read.");
}

/* --- where it reads --- */

/* N of "blocks.N.SUFFIX"; false if the name is another. */
static bool block_of(long *out, const char *name, const char *suffix)
{
    static const char prefix[] = "blocks.";
    if (strncmp(name, prefix, strlen(prefix)) != 0)
        return false;
    const char *at = name + strlen(prefix);
    size_t n = strspn(at, "0123456789");
    if (n == 0 || n > 4 || at[n] != '.' || strcmp(at + n + 1, suffix) != 0)
        return false;
    *out = strtol(at, NULL, 10);
    return true;
}

static int refuse_layers(const struct reader *r, const char *hook, long layer)
{
    err_set(r->err, ERR_FORMAT, "%s: records contradict: hook_name is %.80s and hook_layer is %ld",
            json_name(r->doc), hook, layer);
    err_hint(r->err, "Correct the file; nothing was read.");
    return ERR_FORMAT;
}

static int read_hook(struct sae_config *c, const struct reader *r)
{
    const char *hook = NULL;
    long layer = -1, block;
    int rc = get_string(&hook, r, "hook_name", "hook_point");
    if (rc == ERR_OK)
        rc = get_int(&layer, r, "hook_layer", "hook_point_layer", MAX_LAYER);
    if (rc != ERR_OK || !hook)
        return rc;
    bool is_pre = block_of(&block, hook, "hook_resid_pre");
    if (!is_pre && !block_of(&block, hook, "hook_resid_post"))
        return refuse(r, "hook_name", hook,
                      "Autoencoders of the residual stream are read: blocks.N.hook_resid_post and "
                      "blocks.N.hook_resid_pre.");
    if (layer >= 0 && layer != block)
        return refuse_layers(r, hook, layer);
    if (is_pre && block == 0)
        return refuse(r, "hook_name", hook,
                      "It reads the embeddings; the residual after a layer can be read.");
    c->hook_layer = (int)(is_pre ? block - 1 : block); /* what enters a layer left the one before */
    return ERR_OK;
}

static int read_options(struct sae_config *c, const struct reader *r)
{
    const char *reshape = "none", *source = NULL;
    long d_model = 0, n_features = 0;
    int rc = get_bool(&c->subtract_b_dec, r, "apply_b_dec_to_input");
    if (rc == ERR_OK)
        rc = get_bool(&c->is_finetuned, r, "finetuning_scaling_factor");
    if (rc == ERR_OK)
        rc = get_int(&d_model, r, "d_in", NULL, MAX_SIZE);
    if (rc == ERR_OK)
        rc = get_int(&n_features, r, "d_sae", NULL, MAX_SIZE);
    if (rc == ERR_OK)
        rc = get_string(&source, r, "neuronpedia_id", NULL);
    if (rc == ERR_OK)
        rc = get_string(&reshape, r, "reshape_activations", NULL);
    if (rc == ERR_OK && strcmp(reshape, "none") != 0)
        rc = refuse(r, "reshape_activations", reshape, "Only none is read.");
    if (rc == ERR_OK && get(r, "hook_head_index", "hook_point_head_index"))
        rc = refuse(r, "hook_head_index", "of one attention head",
                    "Autoencoders of the residual stream are read.");
    c->d_model = (size_t)d_model;
    c->n_features = (size_t)n_features;
    c->source = source ? mem_strdup(source) : NULL;
    return rc;
}

static int read_config(struct sae_config *c, const struct reader *r)
{
    *c = (struct sae_config){.subtract_b_dec = true, .hook_layer = -1};
    if (!json_is_object(r->root)) {
        err_set(r->err, ERR_FORMAT, "%s: is not a JSON object", json_name(r->doc));
        err_hint(r->err, "Download or copy the file again.");
        return ERR_FORMAT;
    }
    int rc = read_kind(c, r);
    if (rc == ERR_OK)
        rc = read_norm(c, r);
    if (rc == ERR_OK)
        rc = read_hook(c, r);
    if (rc == ERR_OK)
        rc = read_options(c, r);
    if (rc != ERR_OK)
        sae_config_clear(c);
    return rc;
}

static int read_doc(struct sae_config *out, struct json_doc *doc, struct err *err)
{
    struct reader r = {doc, json_root(doc), json_get(json_root(doc), "metadata"), err};
    int rc = read_config(out, &r);
    json_close(doc);
    return err_hint_missing(err, rc, "Download or copy the file again.");
}

int sae_config_parse(struct sae_config *out, const char *text, size_t len, const char *name,
                     struct err *err)
{
    struct json_doc *doc;
    *out = (struct sae_config){0};
    int rc = json_parse(&doc, text, len, name, err);
    return rc == ERR_OK ? read_doc(out, doc, err) : rc;
}

int sae_config_open(struct sae_config *out, const char *path, struct err *err)
{
    struct json_doc *doc;
    *out = (struct sae_config){0};
    int rc = json_open(&doc, path, err);
    return rc == ERR_OK ? read_doc(out, doc, err) : rc;
}

void sae_config_clear(struct sae_config *config)
{
    free(config->source);
    *config = (struct sae_config){0};
}
