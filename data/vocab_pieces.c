#include "data/vocab_pieces.h"

#include "data/mem.h"
#include "data/vocab_internal.h"
#include "data/vocab_rules.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PIECE_BYTES 1024      /* Gemma's longest has 93; bounds the splits of a hostile one */
#define MAX_MERGES (1 << 24)      /* Gemma has 0.6 million */
#define SPACE_MARK "\xe2\x96\x81" /* U+2581, in place of a space */

/* A merge with what decides its place in the list. */
struct ranked_merge {
    struct vocab_merge merge;
    float score;              /* of the merged piece */
    uint16_t n_left, n_right; /* characters of the two parts */
};

/* A list of pieces that becomes a vocabulary. */
struct builder {
    struct vocab *vocab;
    const struct scored_piece *pieces; /* [n] */
    size_t n;
    struct ranked_merge *merges; /* [n_merges] owned */
    size_t n_merges, cap_merges;
    const char *name;
    struct err *err;
};

static bool can_merge(const struct scored_piece *p)
{
    return p->type == PIECE_NORMAL || p->type == PIECE_USER_DEFINED || p->type == PIECE_UNUSED;
}

/* Gemma's tokenizer.model lists the turn markers as user-defined; its tokenizer.json and every
 * program treat them as special. */
static bool is_special(const struct scored_piece *p)
{
    static const char *const markers[] = {"<start_of_turn>", "<end_of_turn>"};
    if (p->type == PIECE_CONTROL || p->type == PIECE_UNKNOWN)
        return true;
    for (size_t i = 0; i < 2; i++)
        if (p->len == strlen(markers[i]) && memcmp(p->text, markers[i], p->len) == 0)
            return true;
    return false;
}

/* --- pieces --- */

static int check_piece(const struct builder *b, size_t id)
{
    const struct scored_piece *p = &b->pieces[id];
    if (p->type < PIECE_NORMAL || p->type > PIECE_BYTE)
        return err_set(b->err, ERR_FORMAT, "%s: piece %zu has the unknown type %d", b->name, id,
                       (int)p->type);
    if (isnan(p->score))
        return err_set(b->err, ERR_FORMAT, "%s: the score of piece %zu is not a number", b->name,
                       id);
    if (p->len > MAX_PIECE_BYTES)
        return err_set(b->err, ERR_LIMIT, "%s: piece %zu has %zu bytes, more than %d", b->name, id,
                       p->len, MAX_PIECE_BYTES);
    if (p->len == 0 || memchr(p->text, '\0', p->len))
        return err_set(b->err, ERR_FORMAT, "%s: piece %zu is empty or holds a NUL", b->name, id);
    return ERR_OK;
}

/* Checks all pieces and makes room for them. */
static int measure(struct builder *b, const struct piece_options *options)
{
    struct vocab *v = b->vocab;
    size_t bytes = 0;
    if (b->n == 0 || b->n > VOCAB_MAX_IDS)
        return err_set(b->err, b->n ? ERR_LIMIT : ERR_FORMAT, "%s: a vocabulary of %zu pieces",
                       b->name, b->n);
    if (options->unk_id < -1 || options->unk_id >= (int)b->n)
        return err_set(b->err, ERR_FORMAT, "%s: the unknown token's id %d is not below %zu",
                       b->name, options->unk_id, b->n);
    for (size_t id = 0; id < b->n; id++) {
        int code = check_piece(b, id);
        if (code != ERR_OK)
            return code;
        bytes += b->pieces[id].len + 1;
        v->n_added += b->pieces[id].type == PIECE_USER_DEFINED || is_special(&b->pieces[id]);
    }
    v->n_pieces = b->n;
    v->arena = mem_try_alloc(bytes, 1);
    v->pieces = mem_try_zalloc(b->n, sizeof *v->pieces);
    v->added = mem_try_alloc(v->n_added, sizeof *v->added);
    if (!v->arena || !v->pieces || !v->added)
        return err_set(b->err, ERR_NOMEM, "%s: no memory for its vocabulary", b->name);
    return ERR_OK;
}

static int add_piece(struct builder *b, size_t id, size_t *n_added)
{
    const struct scored_piece *p = &b->pieces[id];
    struct vocab *v = b->vocab;
    char *text = v->arena + v->arena_len;
    memcpy(text, p->text, p->len);
    text[p->len] = '\0';
    v->arena_len += p->len + 1;
    int *known = string_map_at(&v->ids, text, p->len);
    if (*known >= 0)
        return err_set(b->err, ERR_FORMAT, "%s: piece %zu (\"%.40s\") is piece %d again", b->name,
                       id, text, *known);
    *known = (int)id;
    bool special = is_special(p);
    v->pieces[id] = (struct vocab_entry){.text = text, .len = (uint32_t)p->len, .special = special};
    if (p->type == PIECE_BYTE && vocab_byte_value(v, (int)id) < 0)
        return err_set(b->err, ERR_FORMAT, "%s: byte piece %zu is \"%.40s\" instead of <0xNN>",
                       b->name, id, text);
    if (p->type == PIECE_USER_DEFINED || special)
        v->added[(*n_added)++] =
            (struct vocab_added){.text = text, .len = p->len, .id = (int)id, .special = special};
    return ERR_OK;
}

static int add_pieces(struct builder *b)
{
    string_map_reserve(&b->vocab->ids, b->n);
    size_t n_added = 0;
    int code = ERR_OK;
    for (size_t id = 0; id < b->n && code == ERR_OK; id++)
        code = add_piece(b, id, &n_added);
    return code;
}

/* --- merges --- */

static bool starts_char(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

static int mergeable_id(const struct builder *b, const char *text, size_t len)
{
    int id = string_map_get(&b->vocab->ids, text, len);
    return id >= 0 && can_merge(&b->pieces[id]) ? id : -1;
}

/* Adds every way to make piece `id` out of two others. */
static int add_splits(struct builder *b, size_t id)
{
    const struct vocab_entry *piece = &b->vocab->pieces[id];
    size_t n_chars = 0, n_left = 0;
    for (size_t i = 0; i < piece->len; i++)
        n_chars += starts_char(piece->text[i]);
    for (size_t i = 0; i < piece->len; i++) {
        if (!starts_char(piece->text[i]) || n_left++ == 0)
            continue;
        int left = mergeable_id(b, piece->text, i);
        int right = left < 0 ? -1 : mergeable_id(b, piece->text + i, piece->len - i);
        if (right < 0)
            continue;
        if (b->n_merges == MAX_MERGES)
            return err_set(b->err, ERR_LIMIT, "%s: its pieces have more than %d merges", b->name,
                           MAX_MERGES);
        b->merges = mem_grow(b->merges, &b->cap_merges, b->n_merges + 1, sizeof *b->merges);
        b->merges[b->n_merges++] =
            (struct ranked_merge){.merge = {.left = left, .right = right, .merged = (int)id},
                                  .score = b->pieces[id].score,
                                  .n_left = (uint16_t)(n_left - 1),
                                  .n_right = (uint16_t)(n_chars - n_left + 1)};
    }
    return ERR_OK;
}

static int compare_merges(const void *left, const void *right)
{
    const struct ranked_merge *a = left, *b = right;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    if (a->n_left != b->n_left)
        return a->n_left > b->n_left ? -1 : 1;
    if (a->n_right != b->n_right)
        return a->n_right > b->n_right ? -1 : 1;
    return (a->merge.merged > b->merge.merged) - (a->merge.merged < b->merge.merged);
}

static int add_merges(struct builder *b)
{
    struct vocab *v = b->vocab;
    int code = ERR_OK;
    for (size_t id = 0; id < b->n && code == ERR_OK; id++)
        if (can_merge(&b->pieces[id]))
            code = add_splits(b, id);
    if (code != ERR_OK)
        return code;
    v->merges = mem_try_alloc(b->n_merges, sizeof *v->merges);
    if (!v->merges)
        return err_set(b->err, ERR_NOMEM, "%s: no memory for %zu merges", b->name, b->n_merges);
    if (b->n_merges > 0)
        qsort(b->merges, b->n_merges, sizeof *b->merges, compare_merges);
    merge_ranks_init(&v->ranks, b->n_merges);
    for (size_t rank = 0; rank < b->n_merges; rank++) {
        v->merges[rank] = b->merges[rank].merge;
        merge_ranks_put(&v->ranks, v->merges, rank);
    }
    v->n_merges = b->n_merges;
    return ERR_OK;
}

/* --- rules --- */

static void add_rules(struct vocab_rules *rules, const struct piece_options *options)
{
    const char *space = options->escape_whitespaces ? SPACE_MARK : " ";
    if (options->add_dummy_prefix)
        vocab_replace_add(&rules->normalizer, &rules->n_normalizer, "", space);
    if (options->escape_whitespaces) {
        vocab_replace_add(&rules->normalizer, &rules->n_normalizer, " ", SPACE_MARK);
        vocab_replace_add(&rules->decoder, &rules->n_decoder, SPACE_MARK, " ");
    }
    rules->decode_bytes = options->byte_fallback;
    rules->byte_fallback = options->byte_fallback;
    rules->fuse_unk = true;
    rules->unk_id = options->unk_id;
}

int vocab_from_pieces(struct vocab **out, const struct scored_piece *pieces, size_t n,
                      const struct piece_options *options, const char *name, struct err *err)
{
    struct builder b = {.vocab = mem_zalloc(1, sizeof *b.vocab),
                        .pieces = pieces,
                        .n = n,
                        .name = name,
                        .err = err};
    *out = NULL;
    int code = measure(&b, options);
    if (code == ERR_OK)
        code = add_pieces(&b);
    if (code == ERR_OK)
        code = add_merges(&b);
    if (code == ERR_OK) {
        add_rules(&b.vocab->rules, options);
        *out = b.vocab;
    } else {
        vocab_close(b.vocab);
    }
    free(b.merges);
    return code;
}
