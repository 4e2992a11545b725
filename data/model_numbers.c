#include "data/model_numbers.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct config {
    const struct json_doc *doc;
    const struct json *root;
    struct err *err;
};

static bool absent(const struct config *c, const char *key)
{
    const struct json *v = json_get(c->root, key);
    return !v || json_is_null(v);
}

static int get_size(int *out, const struct config *c, const char *key, long fallback)
{
    long v = fallback;
    if (!absent(c, key)) {
        int rc = json_get_int(&v, c->doc, c->root, key, 1, MODEL_MAX_SIZE, c->err);
        if (rc != ERR_OK)
            return rc;
    }
    *out = (int)v;
    return ERR_OK;
}

static int get_positive(double *out, const struct config *c, const char *key, double fallback)
{
    *out = fallback;
    if (absent(c, key))
        return ERR_OK;
    int rc = json_get_number(out, c->doc, c->root, key, c->err);
    if (rc == ERR_OK && *out <= 0)
        return err_set(c->err, ERR_FORMAT, "%s: %s is %g, it should be above 0", json_name(c->doc),
                       key, *out);
    return rc;
}

/* A soft-cap that is null means none; one that is absent has the default. */
static int get_softcap(double *out, const struct config *c, const char *key, double fallback)
{
    if (json_is_null(json_get(c->root, key))) {
        *out = 0;
        return ERR_OK;
    }
    return get_positive(out, c, key, fallback);
}

static int get_bool(bool *out, const struct config *c, const char *key, bool fallback)
{
    *out = fallback;
    if (absent(c, key))
        return ERR_OK;
    const struct json *v = json_get(c->root, key);
    if (!json_is_bool(v))
        return err_set(c->err, ERR_FORMAT, "%s: %s is not true or false", json_name(c->doc), key);
    *out = json_bool(v);
    return ERR_OK;
}

/* A name for comparing: one too long to be known is cut. The fallback may be `out` itself. */
static void get_name(char out[64], const struct config *c, const char *key, const char *fallback)
{
    const char *s = json_string(json_get(c->root, key));
    if (s || fallback != out)
        snprintf(out, 64, "%s", s ? s : fallback);
}

/* Some converters leave model_type out and keep the class, as "Gemma2ForCausalLM". */
static void get_architecture(struct model_numbers *n, const struct config *c)
{
    get_name(n->architecture, c, "model_type", "");
    const char *class = json_string(json_first(json_get(c->root, "architectures")));
    if (!*n->architecture && class)
        snprintf(n->architecture, sizeof n->architecture, "%s",
                 strcmp(class, "Gemma2ForCausalLM") == 0 ? "gemma2" : class);
}

/* Hugging Face's Gemma ignores hidden_act, where older files say "gelu" and mean the tanh form. */
static void get_activation(struct model_numbers *n, const struct config *c)
{
    get_name(n->activation, c, "hidden_act", "gelu_pytorch_tanh");
    if (strcmp(n->activation, "gelu") == 0)
        snprintf(n->activation, sizeof n->activation, "gelu_pytorch_tanh");
    get_name(n->activation, c, "hidden_activation", n->activation);
}

static int get_sizes(struct model_numbers *n, const struct config *c)
{
    const struct {
        int *out;
        const char *key;
        long fallback;
    } sizes[] = {
        {&n->n_layers, "num_hidden_layers", 26}, {&n->d_model, "hidden_size", 2304},
        {&n->n_heads, "num_attention_heads", 8}, {&n->n_kv_heads, "num_key_value_heads", 4},
        {&n->d_head, "head_dim", 256},           {&n->d_ff, "intermediate_size", 9216},
        {&n->n_vocab, "vocab_size", 256000},     {&n->n_ctx, "max_position_embeddings", 8192},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int rc = get_size(sizes[i].out, c, sizes[i].key, sizes[i].fallback);
        if (rc != ERR_OK)
            return rc;
    }
    if (json_is_null(json_get(c->root, "sliding_window")))
        return n->window = 0, ERR_OK;
    return get_size(&n->window, c, "sliding_window", 4096);
}

static int get_scalars(struct model_numbers *n, const struct config *c)
{
    int rc = get_positive(&n->query_pre_attn_scalar, c, "query_pre_attn_scalar", 256);
    if (rc == ERR_OK)
        rc = get_softcap(&n->attn_softcap, c, "attn_logit_softcapping", 50);
    if (rc == ERR_OK)
        rc = get_softcap(&n->final_softcap, c, "final_logit_softcapping", 30);
    if (rc == ERR_OK)
        rc = get_positive(&n->rms_eps, c, "rms_norm_eps", 1e-6);
    if (rc == ERR_OK)
        rc = get_positive(&n->rope_theta, c, "rope_theta", 10000);
    if (rc == ERR_OK)
        rc = get_bool(&n->tied_embeddings, c, "tie_word_embeddings", true);
    if (rc == ERR_OK)
        rc = get_bool(&n->attention_bias, c, "attention_bias", false);
    return rc;
}

/* A token id: absent takes the default, null or a negative one means none. */
static int get_id(int *out, const struct config *c, const char *key, int fallback)
{
    const struct json *v = json_get(c->root, key);
    *out = v ? -1 : fallback;
    if (!v || json_is_null(v))
        return ERR_OK;
    long id;
    int rc = json_get_int(&id, c->doc, c->root, key, -1, INT_MAX, c->err);
    if (rc == ERR_OK)
        *out = (int)id;
    return rc;
}

static int add_stop_id(struct model_numbers *n, const struct json_doc *doc, const struct json *v,
                       struct err *err)
{
    double d = json_number(v);
    if (!json_is_number(v) || d != floor(d) || d < -1 || d > INT_MAX)
        return err_set(err, ERR_FORMAT, "%s: eos_token_id holds something that is no token id",
                       json_name(doc));
    for (int i = 0; i < n->n_stop_ids; i++)
        if (n->stop_ids[i] == (int)d)
            return ERR_OK;
    if (d < 0)
        return ERR_OK;
    if (n->n_stop_ids == MODEL_MAX_STOP_IDS)
        return err_set(err, ERR_LIMIT, "%s: eos_token_id: more than %d different stop tokens",
                       json_name(doc), MODEL_MAX_STOP_IDS);
    n->stop_ids[n->n_stop_ids++] = (int)d;
    return ERR_OK;
}

static int add_stops(struct model_numbers *n, const struct json_doc *doc, struct err *err)
{
    const struct json *eos = json_get(json_root(doc), "eos_token_id");
    if (!eos || json_is_null(eos))
        return ERR_OK;
    if (!json_is_array(eos))
        return add_stop_id(n, doc, eos, err);
    for (const struct json *v = json_first(eos); v; v = json_next(v)) {
        int rc = add_stop_id(n, doc, v, err);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

int model_numbers_add_stops(struct model_numbers *n, const struct json_doc *doc, struct err *err)
{
    return err_hint_missing(err, add_stops(n, doc, err),
                            "It should be one token id or a list of them.");
}

static int get_ids(struct model_numbers *n, const struct config *c)
{
    int rc = get_id(&n->bos_id, c, "bos_token_id", 2);
    if (rc == ERR_OK)
        rc = get_id(&n->pad_id, c, "pad_token_id", 0);
    if (rc != ERR_OK)
        return rc;
    if (n->bos_id >= n->n_vocab)
        return err_set(c->err, ERR_FORMAT, "%s: bos_token_id is %d, outside the vocabulary of %d",
                       json_name(c->doc), n->bos_id, n->n_vocab);
    if (!json_get(c->root, "eos_token_id"))
        n->stop_ids[n->n_stop_ids++] = 1;
    return model_numbers_add_stops(n, c->doc, c->err);
}

/* Gemma 2's pattern: even layers see a window, odd ones everything. */
static int check_layer_types(const struct config *c)
{
    int layer = 0;
    const struct json *types = json_get(c->root, "layer_types");
    for (const struct json *v = json_first(types); v; v = json_next(v), layer++) {
        const char *wanted = layer % 2 ? "full_attention" : "sliding_attention";
        const char *type = json_string(v);
        if (!type || strcmp(type, wanted) != 0)
            return err_set(c->err, ERR_UNSUPPORTED,
                           "%s: layer_types: layer %d is '%.40s'; Gemma 2 "
                           "has '%s' there",
                           json_name(c->doc), layer, type ? type : "?", wanted);
    }
    return ERR_OK;
}

/* What newer libraries can do with the same weights. */
static int check_direction(const struct config *c)
{
    bool sees_ahead;
    int rc = get_bool(&sees_ahead, c, "use_bidirectional_attention", false);
    if (rc != ERR_OK || !sees_ahead)
        return rc;
    err_set(c->err, ERR_UNSUPPORTED,
            "%s: use_bidirectional_attention is true, which is not computed here",
            json_name(c->doc));
    err_hint(c->err, "Use a model whose tokens see those before them alone, as Gemma 2's do.");
    return ERR_UNSUPPORTED;
}

static int check_storage(const struct config *c)
{
    if (absent(c, "quantization_config"))
        return ERR_OK;
    err_set(c->err, ERR_UNSUPPORTED,
            "%s: quantization_config: these weights are quantized in a way "
            "that is not read here",
            json_name(c->doc));
    err_hint(c->err, "Use the original weights, stored as BF16, F16 or F32.");
    return ERR_UNSUPPORTED;
}

/* Newer files keep the base inside rope_parameters; any kind of scaling is refused. */
static int check_rope(struct model_numbers *n, const struct config *c)
{
    int rc = ERR_OK;
    static const char *const keys[] = {"rope_parameters", "rope_scaling"};
    for (size_t i = 0; i < 2 && rc == ERR_OK; i++) {
        const struct config rope = {c->doc, json_get(c->root, keys[i]), c->err};
        char type[64];
        get_name(type, &rope, "type", "default");
        get_name(type, &rope, "rope_type", type);
        if (strcmp(type, "default") != 0) {
            err_set(c->err, ERR_UNSUPPORTED, "%s: %s is of type '%s', which is not computed here",
                    json_name(c->doc), keys[i], type);
            err_hint(c->err, "Use a model with plain rotary embeddings, as Gemma 2 has.");
            return ERR_UNSUPPORTED;
        }
        rc = get_positive(&n->rope_theta, &rope, "rope_theta", n->rope_theta);
    }
    return rc;
}

/* What would make the numbers mean something else. */
static int check_gemma2(struct model_numbers *n, const struct config *c)
{
    if (strcmp(n->architecture, "gemma2") != 0)
        return ERR_OK;
    int rc = check_storage(c);
    if (rc == ERR_OK)
        rc = check_layer_types(c);
    if (rc == ERR_OK)
        rc = check_direction(c);
    if (rc == ERR_OK)
        rc = check_rope(n, c);
    return rc;
}

int model_numbers_from(struct model_numbers *out, const struct json_doc *doc, struct err *err)
{
    const struct config c = {doc, json_root(doc), err};
    *out = (struct model_numbers){0};
    if (!json_is_object(c.root)) {
        err_set(err, ERR_FORMAT, "%s: is not a JSON object", json_name(doc));
        err_hint(err, "Check that this is a model's config.json.");
        return ERR_FORMAT;
    }
    get_architecture(out, &c);
    if (*out->architecture && strcmp(out->architecture, "gemma2") != 0)
        return ERR_OK;
    get_activation(out, &c);
    int rc = get_sizes(out, &c);
    if (rc == ERR_OK)
        rc = get_scalars(out, &c);
    if (rc == ERR_OK)
        rc = get_ids(out, &c);
    if (rc == ERR_OK)
        rc = check_gemma2(out, &c);
    return err_hint_missing(err, rc, "Use the config.json that came with the weights.");
}

int model_numbers_parse(struct model_numbers *out, const char *text, size_t len, const char *name,
                        struct err *err)
{
    struct json_doc *doc;
    int rc = json_parse(&doc, text, len, name, err);
    if (rc != ERR_OK)
        return rc;
    rc = model_numbers_from(out, doc, err);
    json_close(doc);
    return rc;
}
