/* The tokenizer inside a GGUF file. */
#include "data/mem.h"
#include "data/model_gguf.h"
#include "data/model_gguf_internal.h"
#include "data/vocab_pieces.h"

#include <stdlib.h>

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
        return model_gguf_bad_value(g, "tokenizer.ggml.tokens", "is missing or no list of texts",
                                    err);
    if (!a->scores || !is_numbers(a->scores, a->tokens->n))
        return model_gguf_bad_value(g, "tokenizer.ggml.scores", "is not one number for every token",
                                    err);
    if (a->types && !is_numbers(a->types, a->tokens->n))
        return model_gguf_bad_value(g, "tokenizer.ggml.token_type",
                                    "is not one number for every token", err);
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
            return model_gguf_bad_value(g, "tokenizer.ggml.token_type", "holds a type that is none",
                                        err);
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
    return model_gguf_id(&out->unk_id, g, "tokenizer.ggml.unknown_token_id", err);
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
    if (!v || gguf_string_is(v, "none") || gguf_string_is(v, "no_vocab"))
        return ERR_OK;
    if (gguf_string_is(v, "llama"))
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
