#include "core/tokenizer.h"

#include "core/bpe.h"
#include "core/token_joins.h"
#include "core/token_trie.h"
#include "core/traced_text.h"
#include "data/sentencepiece.h"
#include "data/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_SUFFIX ".model"

struct tokenizer {
    struct vocab *vocab;          /* owned */
    struct token_trie raw;        /* added tokens sought in the text as typed */
    struct token_trie normalized; /* added tokens sought in the normalised text */
    int byte_ids[256];            /* id of <0xNN>, or -1 */
    struct token_joins joins;     /* of the vocabulary's merges */
};

/* One call of encode. */
struct encoder {
    const struct tokenizer *tok;
    struct token_ids *out;
    struct token_spans *spans; /* may be NULL */
    struct bpe bpe;
    const struct traced_text *text; /* the normalised stretch at work */
    size_t unk_start, unk_end;      /* unknown characters not yet added; empty: none */
};

/* --- creation --- */

static void find_byte_ids(struct tokenizer *tok)
{
    for (int byte = 0; byte < 256; byte++) {
        char piece[8];
        int len = snprintf(piece, sizeof piece, "<0x%02X>", byte);
        tok->byte_ids[byte] = vocab_id(tok->vocab, piece, (size_t)len);
    }
}

/* Is no character ever dropped? One that is brings its neighbours together. */
static bool keeps_all(const struct tokenizer *tok)
{
    const struct vocab_rules *rules = vocab_rules(tok->vocab);
    bool all_bytes = rules->byte_fallback;
    for (int byte = 0; byte < 256; byte++)
        all_bytes = all_bytes && tok->byte_ids[byte] >= 0;
    return all_bytes || rules->unk_id >= 0;
}

/* Rules of a hostile file can double a text again and again: it may grow eightfold at most. */
static int normalize(struct traced_text *text, const struct vocab_rules *rules, struct err *err)
{
    size_t limit = 8 * text->bytes.len + 1024;
    for (size_t i = 0; i < rules->n_normalizer; i++) {
        const struct vocab_replace *r = &rules->normalizer[i];
        if (r->from_len == 0)
            traced_prepend(text, r->to, r->to_len);
        else
            traced_replace(text, r->from, r->from_len, r->to, r->to_len);
        if (text->bytes.len > limit)
            return err_set(err, ERR_LIMIT,
                           "the tokenizer's normalizer makes a text more than 8 times as long");
    }
    return ERR_OK;
}

/* An added token that is sought in the normalised text is normalised itself. */
static int add_normalized(struct tokenizer *tok, const struct vocab_added *added, struct err *err)
{
    struct traced_text text = {0};
    traced_add(&text, added->text, added->len, 0);
    traced_end(&text, 0);
    int code = normalize(&text, vocab_rules(tok->vocab), err);
    if (code == ERR_OK)
        token_trie_add(&tok->normalized, buf_cstr(&text.bytes), text.bytes.len, added->id);
    traced_clear(&text);
    return code;
}

static int add_added_tokens(struct tokenizer *tok, struct err *err)
{
    size_t n;
    const struct vocab_added *added = vocab_added(tok->vocab, &n);
    int code = ERR_OK;
    for (size_t i = 0; i < n && code == ERR_OK; i++) {
        if (added[i].normalized)
            code = add_normalized(tok, &added[i], err);
        else
            token_trie_add(&tok->raw, added[i].text, added[i].len, added[i].id);
    }
    return code;
}

int tokenizer_new(struct tokenizer **out, struct vocab *take, struct err *err)
{
    struct tokenizer *tok = mem_try_zalloc(1, sizeof *tok);
    if (!tok) {
        vocab_close(take);
        return err_set(err, ERR_NOMEM, "no memory for the tokenizer (%zu bytes)", sizeof *tok);
    }
    tok->vocab = take;
    find_byte_ids(tok);
    token_joins_learn(&tok->joins, take);
    if (!keeps_all(tok))
        tok->joins.never_cuts = true;
    int code = add_added_tokens(tok, err);
    if (code != ERR_OK) {
        tokenizer_free(tok);
        return code;
    }
    *out = tok;
    return ERR_OK;
}

int tokenizer_open(struct tokenizer **out, const char *path, struct err *err)
{
    struct vocab *vocab;
    size_t len = strlen(path), n = strlen(MODEL_SUFFIX);
    bool is_model = len > n && strcmp(path + len - n, MODEL_SUFFIX) == 0;
    int code = is_model ? sentencepiece_open(&vocab, path, err) : vocab_open(&vocab, path, err);
    return code == ERR_OK ? tokenizer_new(out, vocab, err) : code;
}

void tokenizer_free(struct tokenizer *tok)
{
    if (!tok)
        return;
    token_trie_clear(&tok->raw);
    token_trie_clear(&tok->normalized);
    vocab_close(tok->vocab);
    free(tok);
}

const struct vocab *tokenizer_vocab(const struct tokenizer *tok)
{
    return tok->vocab;
}

void token_ids_add(struct token_ids *t, int id)
{
    t->ids = mem_grow(t->ids, &t->cap, t->n + 1, sizeof *t->ids);
    t->ids[t->n++] = id;
}

void token_ids_clear(struct token_ids *t)
{
    free(t->ids);
    *t = (struct token_ids){0};
}

void token_spans_clear(struct token_spans *spans)
{
    free(spans->items);
    *spans = (struct token_spans){0};
}

/* --- encoding --- */

/* Appends a token that covers bytes [start, end) of `text`. */
static void emit(struct encoder *e, const struct traced_text *text, int id, size_t start,
                 size_t end)
{
    token_ids_add(e->out, id);
    struct token_spans *spans = e->spans;
    if (!spans)
        return;
    spans->items = mem_grow(spans->items, &spans->cap, spans->n + 1, sizeof *spans->items);
    spans->items[spans->n++] = (struct token_span){text->origin[start], text->origin[end]};
}

static void add_unknown(struct encoder *e)
{
    if (e->unk_end > e->unk_start)
        bpe_add(&e->bpe, vocab_rules(e->tok->vocab)->unk_id, e->unk_start, e->unk_end);
    e->unk_start = e->unk_end = 0;
}

static bool has_bytes(const struct tokenizer *tok, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (tok->byte_ids[(unsigned char)s[i]] < 0)
            return false;
    return true;
}

/* Appends the character at [start, start + len): as its piece, else its bytes, else unknown. */
static void add_char(struct encoder *e, size_t start, size_t len)
{
    const struct vocab_rules *rules = vocab_rules(e->tok->vocab);
    const char *s = e->text->bytes.data + start;
    int id = vocab_id(e->tok->vocab, s, len);
    if (id >= 0) {
        add_unknown(e);
        bpe_add(&e->bpe, id, start, start + len);
    } else if (rules->byte_fallback && has_bytes(e->tok, s, len)) {
        add_unknown(e);
        for (size_t i = 0; i < len; i++)
            bpe_add(&e->bpe, e->tok->byte_ids[(unsigned char)s[i]], start + i, start + i + 1);
    } else if (rules->unk_id >= 0) {
        if (!rules->fuse_unk)
            add_unknown(e);
        if (e->unk_end == e->unk_start)
            e->unk_start = start;
        e->unk_end = start + len;
    }
}

/* Merges and appends the characters so far. */
static void flush(struct encoder *e)
{
    bpe_merge(&e->bpe, e->tok->vocab);
    for (size_t i = 0; i < e->bpe.n; i++) {
        const struct bpe_symbol *symbol = &e->bpe.symbols[i];
        emit(e, e->text, symbol->id, symbol->start, symbol->end);
    }
    e->bpe.n = 0;
}

static void encode_word(struct encoder *e, size_t start, size_t end)
{
    const struct tokenizer *tok = e->tok;
    const char *s = e->text->bytes.data;
    if (vocab_rules(tok->vocab)->ignore_merges) {
        int id = vocab_id(tok->vocab, s + start, end - start);
        if (id >= 0) {
            emit(e, e->text, id, start, end);
            return;
        }
    }
    uint32_t prev = 0, cp = 0;
    for (size_t i = start, len; i < end; i += len, prev = cp) {
        /* the text was valid, but a declared rule may have cut a character */
        int n = utf8_decode(&cp, s + i, end - i);
        len = n ? (size_t)n : 1;
        cp = n ? cp : 0xfffd;
        if (i > start && token_joins_cut(&tok->joins, prev, cp))
            flush(e);
        add_char(e, i, len);
    }
    add_unknown(e);
    flush(e);
}

static void split_words(struct encoder *e, size_t rule, size_t start, size_t end);

/* A part of a text that a split rule cuts: a match of the pattern, or what lies between two. */
struct part {
    size_t start, end;
    bool match;
};

/* Goes on with `part`, joined with the one before where the rule says so. */
static void split_part(struct encoder *e, size_t rule, struct part *prev, struct part part)
{
    enum vocab_split_behavior how = vocab_rules(e->tok->vocab)->splits[rule].behavior;
    if (part.start == part.end)
        return;
    bool joins = (how == VOCAB_SPLIT_CONTIGUOUS && part.match && prev->match) ||
                 (how == VOCAB_SPLIT_MERGED_WITH_PREVIOUS && part.match && !prev->match) ||
                 (how == VOCAB_SPLIT_MERGED_WITH_NEXT && !part.match && prev->match);
    if (prev->start < prev->end && joins) {
        part.start = prev->start;
    } else if (prev->start < prev->end && !(how == VOCAB_SPLIT_REMOVED && prev->match)) {
        split_words(e, rule + 1, prev->start, prev->end);
    }
    *prev = part;
}

static void split_words(struct encoder *e, size_t rule, size_t start, size_t end)
{
    const struct vocab_rules *rules = vocab_rules(e->tok->vocab);
    if (rule == rules->n_splits) {
        encode_word(e, start, end);
        return;
    }
    const struct vocab_split *split = &rules->splits[rule];
    const char *s = e->text->bytes.data;
    struct part prev = {start, start, false};
    size_t done = start;
    for (size_t i = start; i + split->len <= end;) {
        const char *hit = memchr(s + i, split->pattern[0], end - i);
        if (!hit)
            break;
        i = (size_t)(hit - s);
        if (i + split->len > end || memcmp(hit, split->pattern, split->len) != 0) {
            i++;
            continue;
        }
        split_part(e, rule, &prev, (struct part){done, i, false});
        split_part(e, rule, &prev, (struct part){i, i + split->len, true});
        done = i += split->len;
    }
    split_part(e, rule, &prev, (struct part){done, end, false});
    if (prev.start < prev.end && !(split->behavior == VOCAB_SPLIT_REMOVED && prev.match))
        split_words(e, rule + 1, prev.start, prev.end);
}

/* Encodes bytes [start, end) of the text as typed, in which no added token is left. */
static int encode_stretch(struct encoder *e, const struct traced_text *typed, size_t start,
                          size_t end, struct err *err)
{
    const struct tokenizer *tok = e->tok;
    struct traced_text text = {0};
    traced_add_part(&text, typed, start, end);
    traced_end(&text, typed->origin[end]);
    int code = normalize(&text, vocab_rules(tok->vocab), err);
    size_t len = text.bytes.len, done = 0, at, n;
    e->text = &text;
    for (int id = 0; id >= 0 && done < len && code == ERR_OK; done = at + n) {
        id = token_trie_find(&at, &n, &tok->normalized, text.bytes.data, len, done);
        if (at > done)
            split_words(e, 0, done, at);
        if (id >= 0)
            emit(e, &text, id, at, at + n);
        else
            n = 0;
    }
    traced_clear(&text);
    return code;
}

int tokenizer_encode_spans(struct token_ids *out, struct token_spans *spans,
                           const struct tokenizer *tok, const char *text, size_t len,
                           struct err *err)
{
    if (len > TOKENIZER_MAX_BYTES)
        return err_set(err, ERR_LIMIT, "a text of %zu bytes is longer than the %zu encoded at once",
                       len, TOKENIZER_MAX_BYTES);
    struct encoder e = {.tok = tok, .out = out, .spans = spans};
    struct traced_text typed = {0};
    traced_add_valid(&typed, text, len, 0);
    traced_end(&typed, len);
    int code = ERR_OK;
    size_t typed_len = typed.bytes.len, done = 0, at, n;
    for (int id = 0; id >= 0 && done < typed_len && code == ERR_OK; done = at + n) {
        id = token_trie_find(&at, &n, &tok->raw, typed.bytes.data, typed_len, done);
        if (at > done)
            code = encode_stretch(&e, &typed, done, at, err);
        if (id >= 0 && code == ERR_OK)
            emit(&e, &typed, id, at, at + n);
        else
            n = 0;
    }
    traced_clear(&typed);
    bpe_clear(&e.bpe);
    return code;
}

int tokenizer_encode(struct token_ids *out, const struct tokenizer *tok, const char *text,
                     size_t len, struct err *err)
{
    return tokenizer_encode_spans(out, NULL, tok, text, len, err);
}

/* --- decoding --- */

void tokenizer_decode_one(struct buf *out, const struct tokenizer *tok, int id)
{
    const struct vocab_rules *rules = vocab_rules(tok->vocab);
    size_t len;
    const char *piece = vocab_piece(tok->vocab, id, &len);
    int byte = rules->decode_bytes ? vocab_byte_value(tok->vocab, id) : -1;
    if (id < 0 || id >= vocab_size(tok->vocab)) {
        buf_printf(out, "<%d>", id);
    } else if (vocab_is_special(tok->vocab, id)) {
        buf_add(out, piece, len);
    } else if (byte >= 0) {
        buf_char(out, (char)byte);
    } else {
        struct traced_text text = {0};
        traced_add(&text, piece, len, 0);
        traced_end(&text, 0);
        for (size_t i = 0; i < rules->n_decoder; i++)
            traced_replace(&text, rules->decoder[i].from, rules->decoder[i].from_len,
                           rules->decoder[i].to, rules->decoder[i].to_len);
        buf_add(out, buf_cstr(&text.bytes), text.bytes.len);
        traced_clear(&text);
    }
}

void tokenizer_decode(struct buf *out, const struct tokenizer *tok, const int *ids, size_t n,
                      bool skip_special)
{
    for (size_t i = 0; i < n; i++)
        if (!skip_special || !vocab_is_special(tok->vocab, ids[i]))
            tokenizer_decode_one(out, tok, ids[i]);
}
