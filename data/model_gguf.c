#include "data/model_gguf.h"

#include "data/mem.h"
#include "data/model_gguf_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARCHITECTURE "gemma2"
#define MAX_TEMPLATE ((size_t)1 << 20)
#define REQUIRED (-1)

struct model_gguf {
    struct gguf *file;
    struct model_numbers numbers;
    char *chat_template; /* or NULL */
};

/* --- single values --- */

int model_gguf_bad_value(const struct gguf *g, const char *key, const char *should, struct err *err)
{
    err_set(err, ERR_FORMAT, "%s: %s %s", gguf_name(g), key, should);
    err_hint(err, "Convert the model again with llama.cpp, or download another file.");
    return ERR_FORMAT;
}

/* A whole number from min to MODEL_MAX_SIZE; fallback >= 0 where the key may be absent. */
static int get_size(int *out, const struct gguf *g, const char *key, long min, long fallback,
                    struct err *err)
{
    const struct gguf_value *v = gguf_find_value(g, key);
    int64_t n = fallback;
    if (!v && fallback == REQUIRED)
        return model_gguf_bad_value(g, key, "is missing", err);
    if (v && (!gguf_int(&n, v) || n < min || n > MODEL_MAX_SIZE))
        return model_gguf_bad_value(g, key, "is no whole number in its range", err);
    *out = (int)n;
    return ERR_OK;
}

static int get_positive(double *out, const struct gguf *g, const char *key, double fallback,
                        struct err *err)
{
    const struct gguf_value *v = gguf_find_value(g, key);
    *out = fallback;
    if (v && !(gguf_real(out, v) && *out > 0 && isfinite(*out)))
        return model_gguf_bad_value(g, key, "is no number above 0", err);
    return ERR_OK;
}

/* --- the numbers --- */

static int get_sizes(struct model_numbers *n, const struct gguf *g, struct err *err)
{
    const struct {
        int *out;
        const char *key;
    } sizes[] = {
        {&n->n_layers, ARCHITECTURE ".block_count"},
        {&n->d_model, ARCHITECTURE ".embedding_length"},
        {&n->d_ff, ARCHITECTURE ".feed_forward_length"},
        {&n->n_ctx, ARCHITECTURE ".context_length"},
        {&n->n_heads, ARCHITECTURE ".attention.head_count"},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int rc = get_size(sizes[i].out, g, sizes[i].key, 1, REQUIRED, err);
        if (rc != ERR_OK)
            return rc;
    }
    int rc =
        get_size(&n->n_kv_heads, g, ARCHITECTURE ".attention.head_count_kv", 1, n->n_heads, err);
    if (rc == ERR_OK)
        rc = get_size(&n->window, g, ARCHITECTURE ".attention.sliding_window", 0, 4096, err);
    return rc;
}

/* llama.cpp falls back to d_model / n_heads, which Gemma 2 never is. */
static int get_head(struct model_numbers *n, const struct gguf *g, struct err *err)
{
    int d_value, d_rope, d_default = n->d_model / n->n_heads;
    int rc = get_size(&n->d_head, g, ARCHITECTURE ".attention.key_length", 1, d_default, err);
    if (rc == ERR_OK)
        rc = get_size(&d_value, g, ARCHITECTURE ".attention.value_length", 1, d_default, err);
    if (rc == ERR_OK)
        rc = get_size(&d_rope, g, ARCHITECTURE ".rope.dimension_count", 1, n->d_head, err);
    if (rc == ERR_OK && (d_value != n->d_head || d_rope != n->d_head || n->d_head == 0))
        return model_gguf_bad_value(g, ARCHITECTURE ".attention.key_length",
                                    "is not the length of values and of rotated parts", err);
    n->query_pre_attn_scalar = n->n_layers == 46 ? (double)n->d_model / n->n_heads : n->d_head;
    return rc;
}

static int get_scalars(struct model_numbers *n, const struct gguf *g, struct err *err)
{
    int rc = get_positive(&n->rms_eps, g, ARCHITECTURE ".attention.layer_norm_rms_epsilon", 0, err);
    if (rc == ERR_OK && n->rms_eps == 0)
        rc = model_gguf_bad_value(g, ARCHITECTURE ".attention.layer_norm_rms_epsilon", "is missing",
                                  err);
    if (rc == ERR_OK)
        rc = get_positive(&n->attn_softcap, g, ARCHITECTURE ".attn_logit_softcapping", 50, err);
    if (rc == ERR_OK)
        rc = get_positive(&n->final_softcap, g, ARCHITECTURE ".final_logit_softcapping", 30, err);
    if (rc == ERR_OK)
        rc = get_positive(&n->rope_theta, g, ARCHITECTURE ".rope.freq_base", 10000, err);
    const struct gguf_value *scaling = gguf_find_value(g, ARCHITECTURE ".rope.scaling.type");
    if (rc == ERR_OK && scaling && !gguf_string_is(scaling, "none")) {
        err_set(err, ERR_UNSUPPORTED, "%s: " ARCHITECTURE ".rope.scaling.type is not none",
                gguf_name(g));
        err_hint(err, "Use a model with plain rotary embeddings, as Gemma 2 has.");
        return ERR_UNSUPPORTED;
    }
    return rc;
}

/* The vocabulary is as large as the embedding has rows: the file says it nowhere else for sure. */
static int get_vocab_size(struct model_numbers *n, const struct gguf *g, struct err *err)
{
    char name[WEIGHT_NAME_SIZE];
    model_gguf_tensor_name(name, WEIGHT_EMBED, 0);
    const struct tensor *embed = gguf_find_tensor(g, name);
    if (!embed || embed->n_dims != 2 || embed->shape[0] < 1 || embed->shape[0] > MODEL_MAX_SIZE)
        return model_gguf_bad_value(g, name, "is missing or no matrix", err);
    n->n_vocab = (int)embed->shape[0];
    n->tied_embeddings = gguf_find_tensor(g, "output.weight") == NULL;
    return ERR_OK;
}

int model_gguf_id(int *out, const struct gguf *g, const char *key, struct err *err)
{
    const struct gguf_value *v = gguf_find_value(g, key);
    int64_t id = -1;
    if (v && (!gguf_int(&id, v) || id < -1 || id > MODEL_MAX_SIZE))
        return model_gguf_bad_value(g, key, "is no token id", err);
    *out = (int)id;
    return ERR_OK;
}

static int get_ids(struct model_numbers *n, const struct gguf *g, struct err *err)
{
    static const char *const stops[] = {"tokenizer.ggml.eos_token_id",
                                        "tokenizer.ggml.eot_token_id"};
    int rc = model_gguf_id(&n->bos_id, g, "tokenizer.ggml.bos_token_id", err);
    if (rc == ERR_OK)
        rc = model_gguf_id(&n->pad_id, g, "tokenizer.ggml.padding_token_id", err);
    for (size_t i = 0; i < 2 && rc == ERR_OK; i++) {
        int id;
        rc = model_gguf_id(&id, g, stops[i], err);
        if (rc == ERR_OK && id >= 0 && (n->n_stop_ids == 0 || n->stop_ids[0] != id))
            n->stop_ids[n->n_stop_ids++] = id;
    }
    if (rc == ERR_OK && n->bos_id >= n->n_vocab)
        return model_gguf_bad_value(g, "tokenizer.ggml.bos_token_id", "is outside the vocabulary",
                                    err);
    return rc;
}

/* One file of several holds only some of the tensors. */
static int check_whole(const struct gguf *g, struct err *err)
{
    int n_parts;
    int rc = get_size(&n_parts, g, "split.count", 0, 1, err);
    if (rc != ERR_OK || n_parts <= 1)
        return rc;
    err_set(err, ERR_UNSUPPORTED, "%s: is one of %d parts of a model", gguf_name(g), n_parts);
    err_hint(err, "Join them with llama.cpp: llama-gguf-split --merge FIRST-PART OUT.gguf");
    return ERR_UNSUPPORTED;
}

static int get_architecture(struct model_numbers *n, const struct gguf *g, struct err *err)
{
    size_t len;
    const char *name = gguf_string(&len, gguf_find_value(g, "general.architecture"));
    if (!name)
        return model_gguf_bad_value(g, "general.architecture", "is missing", err);
    snprintf(n->architecture, sizeof n->architecture, "%.*s", (int)(len < 63 ? len : 63), name);
    return ERR_OK;
}

static int get_numbers(struct model_numbers *n, const struct gguf *g, struct err *err)
{
    int rc = get_architecture(n, g, err);
    if (rc != ERR_OK || strcmp(n->architecture, ARCHITECTURE) != 0)
        return rc;
    strcpy(n->activation, "gelu_pytorch_tanh"); /* the only one that the architecture has */
    rc = check_whole(g, err);
    if (rc == ERR_OK)
        rc = gguf_check_types(g, err);
    if (rc == ERR_OK)
        rc = get_sizes(n, g, err);
    if (rc == ERR_OK)
        rc = get_head(n, g, err);
    if (rc == ERR_OK)
        rc = get_scalars(n, g, err);
    if (rc == ERR_OK)
        rc = get_vocab_size(n, g, err);
    return rc == ERR_OK ? get_ids(n, g, err) : rc;
}

static int get_chat_template(struct model_gguf *m, struct err *err)
{
    static const char key[] = "tokenizer.chat_template";
    size_t len;
    const struct gguf_value *v = gguf_find_value(m->file, key);
    const char *text = gguf_string(&len, v);
    if (v && (!text || len > MAX_TEMPLATE))
        return model_gguf_bad_value(m->file, key, "is no text, or too long a one", err);
    m->chat_template = text ? mem_strndup(text, len) : NULL;
    return ERR_OK;
}

/* --- tensors --- */

void model_gguf_tensor_name(char *name, enum weight_role role, int layer)
{
    static const char *const names[N_WEIGHT_ROLES] = {
        [WEIGHT_EMBED] = "token_embd",
        [WEIGHT_NORM_FINAL] = "output_norm",
        [WEIGHT_QUERY] = "attn_q",
        [WEIGHT_KEY] = "attn_k",
        [WEIGHT_VALUE] = "attn_v",
        [WEIGHT_ATTN_OUT] = "attn_output",
        [WEIGHT_GATE] = "ffn_gate",
        [WEIGHT_UP] = "ffn_up",
        [WEIGHT_DOWN] = "ffn_down",
        [WEIGHT_NORM_ATTN_IN] = "attn_norm",
        [WEIGHT_NORM_ATTN_OUT] = "post_attention_norm",
        [WEIGHT_NORM_FFW_IN] = "ffn_norm",
        [WEIGHT_NORM_FFW_OUT] = "post_ffw_norm",
    };
    if (role == WEIGHT_EMBED || role == WEIGHT_NORM_FINAL)
        snprintf(name, WEIGHT_NAME_SIZE, "%s.weight", names[role]);
    else
        snprintf(name, WEIGHT_NAME_SIZE, "blk.%d.%s.weight", layer, names[role]);
}

const struct tensor *model_gguf_tensor(const struct model_gguf *m, const char *name)
{
    return gguf_find_tensor(m->file, name);
}

size_t model_gguf_bytes(const struct model_gguf *m)
{
    size_t total = 0; /* no overflow: the tensors lie in a mapped file */
    for (size_t i = 0; i < gguf_n_tensors(m->file); i++)
        total += gguf_tensor_at(m->file, i)->n_bytes;
    return total;
}

/* --- the file --- */

int model_gguf_open(struct model_gguf **out, const char *path, struct err *err)
{
    struct model_gguf *m = mem_zalloc(1, sizeof *m);
    int rc = gguf_open(&m->file, path, err);
    if (rc == ERR_OK)
        rc = get_numbers(&m->numbers, m->file, err);
    if (rc == ERR_OK)
        rc = get_chat_template(m, err);
    if (rc != ERR_OK) {
        model_gguf_close(m);
        m = NULL;
    }
    *out = m;
    return rc;
}

void model_gguf_close(struct model_gguf *m)
{
    if (!m)
        return;
    gguf_close(m->file);
    free(m->chat_template);
    free(m);
}

const struct model_numbers *model_gguf_numbers(const struct model_gguf *m)
{
    return &m->numbers;
}

const char *model_gguf_path(const struct model_gguf *m)
{
    return gguf_name(m->file);
}

const char *model_gguf_chat_template(const struct model_gguf *m)
{
    return m->chat_template;
}
