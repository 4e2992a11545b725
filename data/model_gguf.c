#include "data/model_gguf.h"

#include "data/gguf.h"
#include "data/mem.h"
#include "data/vocab_pieces.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARCHITECTURE "gemma2"
#define MAX_SIZE (1L << 24) /* of any one dimension, as for config.json */
#define MAX_TEMPLATE ((size_t)1 << 20)
#define REQUIRED (-1)

struct model_gguf {
    struct gguf *file;
    struct model_numbers numbers;
    char *chat_template; /* or NULL */
};

/* --- single values --- */

static int bad_value(const struct gguf *g, const char *key, const char *should, struct err *err)
{
    err_set(err, ERR_FORMAT, "%s: %s %s", gguf_name(g), key, should);
    err_hint(err, "Convert the model again with llama.cpp, or download another file.");
    return ERR_FORMAT;
}

/* A whole number from min to MAX_SIZE; fallback >= 0 where the key may be absent. */
static int get_size(int *out, const struct gguf *g, const char *key, long min, long fallback,
                    struct err *err)
{
    const struct gguf_value *v = gguf_find_value(g, key);
    int64_t n = fallback;
    if (!v && fallback == REQUIRED)
        return bad_value(g, key, "is missing", err);
    if (v && (!gguf_int(&n, v) || n < min || n > MAX_SIZE))
        return bad_value(g, key, "is no whole number in its range", err);
    *out = (int)n;
    return ERR_OK;
}

static int get_positive(double *out, const struct gguf *g, const char *key, double fallback,
                        struct err *err)
{
    const struct gguf_value *v = gguf_find_value(g, key);
    *out = fallback;
    if (v && !(gguf_real(out, v) && *out > 0 && isfinite(*out)))
        return bad_value(g, key, "is no number above 0", err);
    return ERR_OK;
}

static bool string_is(const struct gguf_value *v, const char *wanted)
{
    size_t len;
    const char *text = gguf_string(&len, v);
    return text && len == strlen(wanted) && memcmp(text, wanted, len) == 0;
}

/* --- the numbers --- */

static int get_sizes(struct model_numbers *n, const struct gguf *g, struct err *err)
{
    const struct {
        int *out;
        const char *key;
        long fallback;
    } sizes[] = {
        {&n->n_layers, ARCHITECTURE ".block_count", REQUIRED},
        {&n->d_model, ARCHITECTURE ".embedding_length", REQUIRED},
        {&n->d_ff, ARCHITECTURE ".feed_forward_length", REQUIRED},
        {&n->n_ctx, ARCHITECTURE ".context_length", REQUIRED},
        {&n->n_heads, ARCHITECTURE ".attention.head_count", REQUIRED},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int rc = get_size(sizes[i].out, g, sizes[i].key, 1, sizes[i].fallback, err);
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
        return bad_value(g, ARCHITECTURE ".attention.key_length",
                         "is not the length of values and of rotated parts", err);
    n->query_pre_attn_scalar = n->n_layers == 46 ? (double)n->d_model / n->n_heads : n->d_head;
    return rc;
}

static int get_scalars(struct model_numbers *n, const struct gguf *g, struct err *err)
{
    int rc = get_positive(&n->rms_eps, g, ARCHITECTURE ".attention.layer_norm_rms_epsilon", 0, err);
    if (rc == ERR_OK && n->rms_eps == 0)
        rc = bad_value(g, ARCHITECTURE ".attention.layer_norm_rms_epsilon", "is missing", err);
    if (rc == ERR_OK)
        rc = get_positive(&n->attn_softcap, g, ARCHITECTURE ".attn_logit_softcapping", 50, err);
    if (rc == ERR_OK)
        rc = get_positive(&n->final_softcap, g, ARCHITECTURE ".final_logit_softcapping", 30, err);
    if (rc == ERR_OK)
        rc = get_positive(&n->rope_theta, g, ARCHITECTURE ".rope.freq_base", 10000, err);
    const struct gguf_value *scaling = gguf_find_value(g, ARCHITECTURE ".rope.scaling.type");
    if (rc == ERR_OK && scaling && !string_is(scaling, "none")) {
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
    if (!embed || embed->n_dims != 2 || embed->shape[0] < 1 || embed->shape[0] > MAX_SIZE)
        return bad_value(g, name, "is missing or no matrix", err);
    n->n_vocab = (int)embed->shape[0];
    n->tied_embeddings = gguf_find_tensor(g, "output.weight") == NULL;
    return ERR_OK;
}

/* A token id, or -1 where the key is absent. */
static int get_id(int *out, const struct gguf *g, const char *key, struct err *err)
{
    const struct gguf_value *v = gguf_find_value(g, key);
    int64_t id = -1;
    if (v && (!gguf_int(&id, v) || id < -1 || id > MAX_SIZE))
        return bad_value(g, key, "is no token id", err);
    *out = (int)id;
    return ERR_OK;
}

static int get_ids(struct model_numbers *n, const struct gguf *g, struct err *err)
{
    static const char *const stops[] = {"tokenizer.ggml.eos_token_id",
                                        "tokenizer.ggml.eot_token_id"};
    int rc = get_id(&n->bos_id, g, "tokenizer.ggml.bos_token_id", err);
    if (rc == ERR_OK)
        rc = get_id(&n->pad_id, g, "tokenizer.ggml.padding_token_id", err);
    for (size_t i = 0; i < 2 && rc == ERR_OK; i++) {
        int id;
        rc = get_id(&id, g, stops[i], err);
        if (rc == ERR_OK && id >= 0 && (n->n_stop_ids == 0 || n->stop_ids[0] != id))
            n->stop_ids[n->n_stop_ids++] = id;
    }
    if (rc == ERR_OK && n->bos_id >= n->n_vocab)
        return bad_value(g, "tokenizer.ggml.bos_token_id", "is outside the vocabulary", err);
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
        return bad_value(g, "general.architecture", "is missing", err);
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
        return bad_value(m->file, key, "is no text, or too long a one", err);
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

/* --- the tokenizer --- */

/* The three arrays that describe the pieces; scores and types may be absent. */
struct piece_arrays {
    const struct gguf_value *tokens, *scores, *types;
};

static bool is_numbers(const struct gguf_value *v, size_t n)
{
    return v->type == GGUF_ARRAY && v->n == n && v->item_type != GGUF_STRING &&
           v->item_type != GGUF_ARRAY;
}

static int find_arrays(struct piece_arrays *a, const struct gguf *g, struct err *err)
{
    a->tokens = gguf_find_value(g, "tokenizer.ggml.tokens");
    a->scores = gguf_find_value(g, "tokenizer.ggml.scores");
    a->types = gguf_find_value(g, "tokenizer.ggml.token_type");
    if (!a->tokens || a->tokens->type != GGUF_ARRAY || a->tokens->item_type != GGUF_STRING)
        return bad_value(g, "tokenizer.ggml.tokens", "is missing or no list of texts", err);
    if (!a->scores || !is_numbers(a->scores, a->tokens->n))
        return bad_value(g, "tokenizer.ggml.scores", "is not one number for every token", err);
    if (a->types && !is_numbers(a->types, a->tokens->n))
        return bad_value(g, "tokenizer.ggml.token_type", "is not one number for every token", err);
    return ERR_OK;
}

/* The converter writes the spaces of a user-defined piece as spaces, those of all others as
 * U+2581: one form serves both. Appends to texts. */
static void add_text(struct buf *texts, const char *text, size_t len, enum piece_type type)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == ' ' && type == PIECE_USER_DEFINED)
            buf_str(texts, "\xe2\x96\x81");
        else
            buf_char(texts, text[i]);
    }
}

/* pieces: [n]; their texts lie in `texts` once all are there. */
static int read_pieces(struct scored_piece *pieces, struct buf *texts, const struct piece_arrays *a,
                       const struct gguf *g, struct err *err)
{
    const uint8_t *at = a->tokens->bytes;
    for (size_t i = 0; i < a->tokens->n; i++) {
        size_t len, start = texts->len;
        const char *text = gguf_next_string(&len, &at);
        double type = a->types ? gguf_item_real(a->types, i) : PIECE_NORMAL;
        if (!(type >= PIECE_NORMAL && type <= PIECE_BYTE))
            return bad_value(g, "tokenizer.ggml.token_type", "holds a type that is none", err);
        pieces[i].score = (float)gguf_item_real(a->scores, i);
        pieces[i].type = (enum piece_type)type;
        add_text(texts, text, len, pieces[i].type);
        pieces[i].len = texts->len - start;
    }
    const char *p = buf_cstr(texts);
    for (size_t i = 0; i < a->tokens->n; p += pieces[i++].len)
        pieces[i].text = p;
    return ERR_OK;
}

static bool get_bool(const struct gguf *g, const char *key, bool fallback)
{
    int64_t v;
    return gguf_int(&v, gguf_find_value(g, key)) ? v != 0 : fallback;
}

static int get_options(struct piece_options *out, const struct gguf *g, struct err *err)
{
    *out = (struct piece_options){
        .add_dummy_prefix = get_bool(g, "tokenizer.ggml.add_space_prefix", true),
        .escape_whitespaces = true,
        .byte_fallback = true,
    };
    if (get_bool(g, "tokenizer.ggml.remove_extra_whitespaces", false))
        return err_set(err, ERR_UNSUPPORTED,
                       "%s: tokenizer.ggml.remove_extra_whitespaces is true; Gemma keeps all",
                       gguf_name(g));
    return get_id(&out->unk_id, g, "tokenizer.ggml.unknown_token_id", err);
}

static int make_vocab(struct vocab **out, const struct gguf *g, struct err *err)
{
    struct piece_arrays arrays;
    struct piece_options options;
    struct buf texts = {0};
    int rc = find_arrays(&arrays, g, err);
    if (rc == ERR_OK)
        rc = get_options(&options, g, err);
    if (rc != ERR_OK)
        return rc;
    struct scored_piece *pieces = mem_zalloc(arrays.tokens->n, sizeof *pieces);
    rc = read_pieces(pieces, &texts, &arrays, g, err);
    if (rc == ERR_OK)
        rc = vocab_from_pieces(out, pieces, arrays.tokens->n, &options, gguf_name(g), err);
    free(pieces);
    buf_clear(&texts);
    return rc;
}

static int read_vocab(struct vocab **out, const struct gguf *g, struct err *err)
{
    size_t len;
    const struct gguf_value *v = gguf_find_value(g, "tokenizer.ggml.model");
    if (!v || string_is(v, "none") || string_is(v, "no_vocab"))
        return ERR_OK;
    if (string_is(v, "llama"))
        return make_vocab(out, g, err);
    const char *kind = gguf_string(&len, v);
    err_set(err, ERR_UNSUPPORTED, "%s: tokenizer.ggml.model is '%.*s', not Gemma's 'llama'",
            gguf_name(g), kind ? (int)(len < 40 ? len : 40) : 1, kind ? kind : "?");
    err_hint(err, "Use a file converted from Gemma 2.");
    return ERR_UNSUPPORTED;
}

int model_gguf_vocab(struct vocab **out, const char *path, struct err *err)
{
    *out = NULL;
    struct gguf *g;
    int rc = gguf_open(&g, path, err);
    if (rc != ERR_OK)
        return rc;
    rc = read_vocab(out, g, err);
    gguf_close(g);
    return err_hint_missing(err, rc, "Use a file that llama.cpp converted from Gemma 2.");
}
