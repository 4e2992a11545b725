#include "data/vocab.h"

#include "data/hash_map.h"
#include "data/json.h"
#include "data/mem.h"
#include "data/vocab_internal.h"
#include "data/vocab_rules.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A file that is being read. */
struct reader {
    struct vocab *vocab;
    const struct json_doc *doc;
    const struct json *model, *vocab_object, *merges, *added; /* values of their keys */
    struct err *err;
};

static int bad(const struct reader *r, const char *what)
{
    return err_set(r->err, ERR_FORMAT, "%s: %s", json_name(r->doc), what);
}

/* The JSON reader hands NUL out as the two bytes C0 80, which no other character has. */
static const char *store_text(struct vocab *v, const char *text, size_t *len)
{
    char *copy = v->arena + v->arena_len;
    size_t n = 0;
    for (size_t i = 0; i < *len; i++) {
        bool nul = (unsigned char)text[i] == 0xc0 && (unsigned char)text[i + 1] == 0x80;
        copy[n++] = text[i];
        if (nul) {
            copy[n - 1] = '\0';
            i++;
        }
    }
    copy[n] = '\0';
    v->arena_len += n + 1;
    *len = n;
    return copy;
}

static bool json_id(int *id, const struct json *v)
{
    double number = json_number(v);
    if (!json_is_number(v) || number < 0 || number >= VOCAB_MAX_IDS || number != (int)number)
        return false;
    *id = (int)number;
    return true;
}

/* --- finding the parts, and how large they are --- */

static int find_parts(struct reader *r)
{
    const struct json *root = json_root(r->doc);
    r->model = json_get(root, "model");
    if (!json_is_object(root) || !json_is_object(r->model))
        return bad(r, "is not a tokenizer: it has no \"model\"");
    const char *type = json_string(json_get(r->model, "type"));
    if (type && strcmp(type, "BPE") != 0)
        return err_set(r->err, ERR_UNSUPPORTED,
                       "%s: its model \"%.60s\" is not supported, only BPE", json_name(r->doc),
                       type);
    r->vocab_object = json_get(r->model, "vocab");
    r->merges = json_get(r->model, "merges");
    r->added = json_get(root, "added_tokens");
    if (!json_is_object(r->vocab_object) || !json_is_array(r->merges))
        return bad(r, "model.vocab is not an object or model.merges is not a list");
    if (r->added && !json_is_null(r->added) && !json_is_array(r->added))
        return bad(r, "added_tokens is not a list");
    return ERR_OK;
}

/* One pass over vocabulary and added tokens: the greatest id and the bytes of all texts. */
static int measure(struct reader *r)
{
    struct vocab *v = r->vocab;
    size_t bytes = 0;
    int id;
    for (const struct json *m = json_first(r->vocab_object); m; m = json_next(m)) {
        if (!json_id(&id, m))
            return bad(r, "model.vocab has an id that is no number in range");
        v->n_pieces = (size_t)id + 1 > v->n_pieces ? (size_t)id + 1 : v->n_pieces;
        bytes += strlen(json_key(m)) + 1;
    }
    for (const struct json *t = json_first(r->added); t; t = json_next(t), v->n_added++) {
        const char *content = json_string(json_get(t, "content"));
        if (!content || !json_id(&id, json_get(t, "id")))
            return bad(r, "an added token has no content or no id in range");
        v->n_pieces = (size_t)id + 1 > v->n_pieces ? (size_t)id + 1 : v->n_pieces;
        bytes += strlen(content) + 1;
    }
    if (v->n_pieces == 0)
        return bad(r, "has an empty vocabulary");
    v->n_merges = json_size(r->merges);
    v->arena = mem_try_alloc(bytes, 1);
    v->pieces = mem_try_zalloc(v->n_pieces, sizeof *v->pieces);
    v->merges = mem_try_alloc(v->n_merges, sizeof *v->merges);
    v->added = mem_try_alloc(v->n_added, sizeof *v->added);
    if (!v->arena || !v->pieces || !v->merges || !v->added)
        return err_set(r->err, ERR_NOMEM, "%s: no memory for its vocabulary", json_name(r->doc));
    return ERR_OK;
}

/* --- reading them --- */

static int read_pieces(struct reader *r)
{
    struct vocab *v = r->vocab;
    string_map_reserve(&v->ids, v->n_pieces);
    for (const struct json *m = json_first(r->vocab_object); m; m = json_next(m)) {
        int id = (int)json_number(m);
        size_t len = strlen(json_key(m));
        const char *text = store_text(v, json_key(m), &len);
        int *known = string_map_at(&v->ids, text, len);
        if (*known >= 0 || v->pieces[id].text)
            return err_set(r->err, ERR_FORMAT, "%s: model.vocab gives id %d or its piece twice",
                           json_name(r->doc), id);
        *known = id;
        v->pieces[id] = (struct vocab_entry){.text = text, .len = (uint32_t)len};
    }
    return ERR_OK;
}

static int read_added_token(struct reader *r, const struct json *token, struct vocab_added *out)
{
    static const char *const flags[] = {"single_word", "lstrip", "rstrip"};
    struct vocab *v = r->vocab;
    const char *content = json_string(json_get(token, "content"));
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (json_bool(json_get(token, flags[i])))
            return err_set(r->err, ERR_UNSUPPORTED,
                           "%s: added token \"%.60s\" has %s, which is not supported",
                           json_name(r->doc), content, flags[i]);
    int id = (int)json_number(json_get(token, "id"));
    size_t len = strlen(content);
    const char *text = store_text(v, content, &len);
    int *known = string_map_at(&v->ids, text, len);
    if (*known >= 0 && *known != id)
        return err_set(r->err, ERR_FORMAT,
                       "%s: added token \"%.60s\" has id %d, but the vocabulary gives it %d",
                       json_name(r->doc), content, id, *known);
    *known = id;
    bool special = json_bool(json_get(token, "special"));
    /* an added token may take over the id of an unused piece, and then is what the id prints as */
    v->pieces[id] = (struct vocab_entry){.text = text, .len = (uint32_t)len, .special = special};
    *out = (struct vocab_added){.text = text,
                                .len = len,
                                .id = id,
                                .special = special,
                                .normalized = json_bool(json_get(token, "normalized"))};
    return ERR_OK;
}

static int read_added(struct reader *r)
{
    size_t i = 0;
    int code = ERR_OK;
    for (const struct json *t = json_first(r->added); t && code == ERR_OK; t = json_next(t))
        code = read_added_token(r, t, &r->vocab->added[i++]);
    return code;
}

/* The two sides of a merge, one after the other: of "a b", or of ["a", "b"] where a piece may
 * hold a space. */
static bool merge_sides(struct buf *both, size_t *left_len, const struct json *merge)
{
    both->len = 0;
    if (json_string_bytes(both, merge)) {
        char *space = memchr(buf_cstr(both), ' ', both->len);
        if (!space)
            return false;
        *left_len = (size_t)(space - both->data);
        both->len--;
        memmove(space, space + 1, both->len - *left_len);
        return !memchr(space, ' ', both->len - *left_len);
    }
    const struct json *first = json_is_array(merge) ? json_first(merge) : NULL;
    const struct json *second = json_next(first);
    if (!json_string_bytes(both, first))
        return false;
    *left_len = both->len;
    return json_string_bytes(both, second) && !json_next(second);
}

static int read_merge(struct reader *r, size_t rank, const struct json *merge, struct buf *both)
{
    struct vocab *v = r->vocab;
    size_t left_len;
    if (!merge_sides(both, &left_len, merge))
        return err_set(r->err, ERR_FORMAT, "%s: merge %zu is not a pair of pieces",
                       json_name(r->doc), rank);
    const char *text = buf_cstr(both);
    struct vocab_merge *m = &v->merges[rank];
    m->left = string_map_get(&v->ids, text, left_len);
    m->right = string_map_get(&v->ids, text + left_len, both->len - left_len);
    m->merged = string_map_get(&v->ids, text, both->len);
    if (m->left < 0 || m->right < 0 || m->merged < 0)
        return err_set(r->err, ERR_FORMAT,
                       "%s: merge %zu (\"%.40s\") has a piece that is not in the vocabulary",
                       json_name(r->doc), rank, text);
    merge_ranks_put(&v->ranks, v->merges, rank);
    return ERR_OK;
}

static int read_merges(struct reader *r)
{
    if (r->vocab->n_merges > INT_MAX)
        return bad(r, "has too many merges");
    merge_ranks_init(&r->vocab->ranks, r->vocab->n_merges);
    struct buf both = {0};
    size_t rank = 0;
    int code = ERR_OK;
    for (const struct json *m = json_first(r->merges); m && code == ERR_OK; m = json_next(m))
        code = read_merge(r, rank++, m, &both);
    buf_clear(&both);
    return code;
}

static int read_model_flags(struct reader *r)
{
    static const char *const affixes[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    struct vocab_rules *rules = &r->vocab->rules;
    for (size_t i = 0; i < sizeof affixes / sizeof affixes[0]; i++) {
        const char *affix = json_string(json_get(r->model, affixes[i]));
        if (affix && *affix)
            return err_set(r->err, ERR_UNSUPPORTED, "%s: model.%s is not supported",
                           json_name(r->doc), affixes[i]);
    }
    if (json_number(json_get(r->model, "dropout")) != 0)
        return err_set(r->err, ERR_UNSUPPORTED, "%s: model.dropout is not supported",
                       json_name(r->doc));
    rules->fuse_unk = json_bool(json_get(r->model, "fuse_unk"));
    rules->byte_fallback = json_bool(json_get(r->model, "byte_fallback"));
    rules->ignore_merges = json_bool(json_get(r->model, "ignore_merges"));
    const char *unk = json_string(json_get(r->model, "unk_token"));
    rules->unk_id = unk ? vocab_id(r->vocab, unk, strlen(unk)) : -1;
    if (unk && rules->unk_id < 0)
        return bad(r, "model.unk_token is not in the vocabulary");
    return ERR_OK;
}

static int vocab_build(struct vocab **out, const struct json_doc *doc, struct err *err)
{
    struct vocab *v = mem_zalloc(1, sizeof *v);
    struct reader r = {.vocab = v, .doc = doc, .err = err};
    int code = find_parts(&r);
    if (code == ERR_OK)
        code = vocab_rules_parse(&v->rules, doc, err);
    if (code == ERR_OK)
        code = measure(&r);
    if (code == ERR_OK)
        code = read_pieces(&r);
    if (code == ERR_OK)
        code = read_merges(&r); /* before the added tokens: merges know only the model's pieces */
    if (code == ERR_OK)
        code = read_added(&r);
    if (code == ERR_OK)
        code = read_model_flags(&r);
    if (code == ERR_OK)
        *out = v;
    else
        vocab_close(v);
    return code;
}

int vocab_parse(struct vocab **out, const char *text, size_t len, const char *name, struct err *err)
{
    struct json_doc *doc;
    *out = NULL;
    int code = json_parse(&doc, text, len, name, err);
    if (code != ERR_OK)
        return code;
    code = vocab_build(out, doc, err);
    json_close(doc);
    return code;
}

int vocab_open(struct vocab **out, const char *path, struct err *err)
{
    struct json_doc *doc;
    *out = NULL;
    int code = json_open(&doc, path, err);
    if (code != ERR_OK)
        return code;
    code = vocab_build(out, doc, err);
    json_close(doc);
    return code;
}

void vocab_close(struct vocab *v)
{
    if (!v)
        return;
    vocab_rules_clear(&v->rules);
    string_map_clear(&v->ids);
    merge_ranks_clear(&v->ranks);
    free(v->pieces);
    free(v->merges);
    free(v->added);
    free(v->arena);
    free(v);
}

/* --- looking up --- */

int vocab_size(const struct vocab *v)
{
    return (int)v->n_pieces;
}

static const struct vocab_entry *piece_at(const struct vocab *v, int id)
{
    static const struct vocab_entry gap = {.text = ""};
    bool known = id >= 0 && (size_t)id < v->n_pieces && v->pieces[id].text;
    return known ? &v->pieces[id] : &gap;
}

const char *vocab_piece(const struct vocab *v, int id, size_t *len)
{
    const struct vocab_entry *piece = piece_at(v, id);
    if (len)
        *len = piece->len;
    return piece->text;
}

int vocab_id(const struct vocab *v, const char *piece, size_t len)
{
    return string_map_get(&v->ids, piece, len);
}

bool vocab_is_special(const struct vocab *v, int id)
{
    return piece_at(v, id)->special;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int vocab_byte_value(const struct vocab *v, int id)
{
    const struct vocab_entry *piece = piece_at(v, id);
    if (piece->len != 6 || memcmp(piece->text, "<0x", 3) != 0 || piece->text[5] != '>')
        return -1;
    int high = hex_digit(piece->text[3]), low = hex_digit(piece->text[4]);
    return high < 0 || low < 0 ? -1 : 16 * high + low;
}

const struct vocab_added *vocab_added(const struct vocab *v, size_t *n)
{
    *n = v->n_added;
    return v->added;
}

const struct vocab_merge *vocab_merges(const struct vocab *v, size_t *n)
{
    *n = v->n_merges;
    return v->merges;
}

const struct vocab_merge *vocab_find_merge(const struct vocab *v, int left, int right)
{
    int rank = merge_ranks_get(&v->ranks, v->merges, left, right);
    return rank < 0 ? NULL : &v->merges[rank];
}

const struct vocab_rules *vocab_rules(const struct vocab *v)
{
    return &v->rules;
}
