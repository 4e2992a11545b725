#include "assets/demo/world_internal.h"

#include <stdlib.h>
#include <string.h>

/* Shares, in percent, that shape the training text. */
enum {
    HARD_SHARE = 13,           /* sentences that are hard ones, where a concept has any */
    PASSAGE_MIXED_SHARE = 15,  /* passages with a second concept of the same genre */
    PASSAGE_STYLED_SHARE = 12, /* text passages that join a topic and a style */
    CHAT_OWN_SHARE = 55,       /* chats that begin with one of the concept's own questions */
    CHAT_ASK_SHARE = 15,       /* ... with a request; the rest with a neutral question */
    CHAT_MORE_SHARE = 25,      /* chats that go on with another question */
    PAIR_OWN_SHARE = 45,
    PAIR_ASK_SHARE = 15,
};

enum { SPLIT_PARTS = 8, DRAWS_MAX = 4000, CHAT_DRAWS_MAX = 100 };

/* --- random numbers --- */

void world_rng_seed(struct world_rng *rng, uint64_t seed)
{
    rng->state = seed;
}

/* splitmix64 (Steele, Lea, Flood 2014), upper bits; the bias of the product is below 1e-6 here. */
uint32_t world_rng_below(struct world_rng *rng, uint32_t n)
{
    uint64_t z = (rng->state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return (uint32_t)(((z >> 32) * n) >> 32);
}

static bool chance(struct world_rng *rng, uint32_t percent)
{
    return world_rng_below(rng, 100) < percent;
}

/* --- splits --- */

/* FNV-1a with a final mix, since its low bits alone depend on few bytes. */
static uint64_t hash_text(const char *s, size_t len)
{
    uint64_t h = 0xCBF29CE484222325u;
    for (size_t i = 0; i < len; i++) {
        h = (h ^ (unsigned char)s[i]) * 0x100000001B3u;
    }
    return h ^ (h >> 32);
}

/* A part without slots and alternatives is one sentence. Held out, its words and what it says
 * would be unknown to whoever learns from the rest: such sentences are all for training. */
static bool is_fixed(const struct world_pattern *p, int part)
{
    return p->literal ? !strstr(p->parts[part], "«") : !strpbrk(p->parts[part], "{(");
}

static bool in_split(const struct buf *s, size_t from, bool fixed, enum world_split split)
{
    if (split == WORLD_BOTH) {
        return true;
    }
    bool held_out = !fixed && hash_text(s->data + from, s->len - from) % SPLIT_PARTS == 0;
    return held_out == (split == WORLD_HELD_OUT);
}

/* --- the state of one draw --- */

struct draw {
    const struct world *w;
    struct world_rng *rng;
    enum world_split split;
    struct world_text *text;
    bool plain;                            /* no hard sentences */
    const struct world_pattern *recent[8]; /* not taken again while others are left */
    int n_recent;
    struct err *err;
};

static int fail_split(const struct draw *d, const struct world_block *b)
{
    return err_set(d->err, ERR_LIMIT, "%s: no sentence of the %s split in %d draws", b->slug,
                   d->split == WORLD_HELD_OUT ? "held-out" : "training", DRAWS_MAX);
}

static bool is_recent(const struct draw *d, const struct world_pattern *p)
{
    int n = d->n_recent < 8 ? d->n_recent : 8;
    for (int i = 0; i < n; i++) {
        if (d->recent[i] == p) {
            return true;
        }
    }
    return false;
}

static void remember(struct draw *d, const struct world_pattern *p)
{
    d->recent[d->n_recent++ % 8] = p;
}

/* A concept in which the word has another sense; NULL if there is none. */
static const struct world_block *other_sense(struct draw *d, const struct world_block *b,
                                             const char *word)
{
    const struct world_block *found = NULL;
    uint32_t n_seen = 0;
    for (int i = 0; word && i < d->w->n_rows; i++) {
        const struct world_block *other = d->w->rows[i];
        if (other != b && world_block_has_hard(other, word)) {
            n_seen++;
            found = world_rng_below(d->rng, n_seen) == 0 ? other : found;
        }
    }
    return found;
}

/* Appends the expansion of one of the patterns (of those for `word` if it is not NULL). */
static int draw_from(struct draw *d, const struct world_block *b, struct buf *out,
                     const struct world_patterns *patterns, const char *word)
{
    for (int tries = 0; tries < DRAWS_MAX; tries++) {
        const struct world_pattern *p =
            &patterns->items[world_rng_below(d->rng, (uint32_t)patterns->n)];
        if ((word && strcmp(word, p->word) != 0) || (tries < 16 && is_recent(d, p))) {
            continue;
        }
        struct world_text used = {0};
        struct world_expansion x = {.w = d->w,
                                    .block = b,
                                    .other = other_sense(d, b, p->word),
                                    .rng = d->rng,
                                    .text = &used,
                                    .err = d->err};
        size_t from = out->len;
        int rc = world_expand(&x, out, p->parts[0], p->literal);
        if (rc != ERR_OK) {
            return rc;
        }
        if (out->len > from && in_split(out, from, is_fixed(p, 0), d->split)) {
            remember(d, p);
            world_text_use(d->text, b->row);
            for (int i = 0; i < used.n_concepts; i++) {
                world_text_use(d->text, used.concepts[i]);
            }
            return ERR_OK;
        }
        out->len = from;
        if (out->data) {
            out->data[from] = '\0';
        }
    }
    return fail_split(d, b);
}

static int draw_sentence(struct draw *d, const struct world_block *b, struct buf *out)
{
    bool hard = !d->plain && b->hards.n > 0 && chance(d->rng, HARD_SHARE);
    return draw_from(d, b, out, hard ? &b->hards : &b->sentences, NULL);
}

static int draw_sentences(struct draw *d, const struct world_block *b, struct buf *out, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (out->len > 0) {
            buf_char(out, b->concept.genre == WORLD_CODE ? '\n' : ' ');
        }
        int rc = draw_sentence(d, b, out);
        if (rc != ERR_OK) {
            return rc;
        }
    }
    return ERR_OK;
}

static void add_turn(struct draw *d, enum world_role role, struct buf *text)
{
    struct world_text *out = d->text;
    if (out->n_turns < WORLD_N_TURNS) {
        out->turns[out->n_turns++] =
            (struct world_turn){role, mem_strndup(buf_cstr(text), text->len)};
    }
    buf_clear(text);
}

/* --- passages --- */

/* Another concept of the genre, or (styled) one of the other text kind. NULL if none turns up. */
static const struct world_block *companion(struct draw *d, const struct world_block *b, bool styled)
{
    for (int tries = 0; tries < 64; tries++) {
        const struct world_block *other =
            d->w->rows[world_rng_below(d->rng, (uint32_t)d->w->n_rows)];
        bool other_kind = other->concept.kind != b->concept.kind;
        if (other != b && other->concept.genre == b->concept.genre && other_kind == styled) {
            return other;
        }
    }
    return NULL;
}

static int draw_passage(struct draw *d, const struct world_block *b)
{
    struct buf out = {0};
    uint32_t n = 2 + world_rng_below(d->rng, 5);
    uint32_t share = world_rng_below(d->rng, 100);
    const struct world_block *other = NULL;
    if (share < PASSAGE_MIXED_SHARE) {
        other = companion(d, b, false);
    } else if (share < PASSAGE_MIXED_SHARE + PASSAGE_STYLED_SHARE &&
               b->concept.genre == WORLD_TEXT) {
        other = companion(d, b, true);
    }
    uint32_t n_first = other ? 1 + world_rng_below(d->rng, n - 1) : n;
    bool swap = other && chance(d->rng, 50);
    int rc = draw_sentences(d, swap ? other : b, &out, n_first);
    if (rc == ERR_OK && other) {
        rc = draw_sentences(d, swap ? b : other, &out, n - n_first);
    }
    add_turn(d, WORLD_NONE, &out);
    return rc;
}

/* --- chats --- */

/* All turns of one chat pattern, or the first `max_parts`; false if the draws were in vain. */
static bool draw_chat_parts(struct draw *d, const struct world_block *b, struct buf parts[6],
                            int *n_parts, int max_parts)
{
    for (int tries = 0; b->chats.n > 0 && tries < CHAT_DRAWS_MAX; tries++) {
        const struct world_pattern *p =
            &b->chats.items[world_rng_below(d->rng, (uint32_t)b->chats.n)];
        struct world_text used = {0};
        struct world_expansion x = {
            .w = d->w, .block = b, .rng = d->rng, .text = &used, .err = d->err};
        int n = p->n_parts < max_parts ? p->n_parts : max_parts;
        bool fits = tries >= 16 || !is_recent(d, p);
        for (int i = 0; i < n && fits; i++) {
            fits = world_expand(&x, &parts[i], p->parts[i], p->literal) == ERR_OK &&
                   parts[i].len > 0 &&
                   (i % 2 == 0 || in_split(&parts[i], 0, is_fixed(p, i), d->split));
        }
        if (fits) {
            remember(d, p);
            *n_parts = n;
            for (int i = 0; i < used.n_concepts; i++) {
                world_text_use(d->text, used.concepts[i]);
            }
            return true;
        }
        for (int i = 0; i < n; i++) {
            buf_clear(&parts[i]);
        }
    }
    return false;
}

static void draw_neutral(struct draw *d, struct buf *out)
{
    int n = world_n_neutral(d->w);
    bool for_evaluation;
    if (n > 0) {
        uint32_t i = world_rng_below(d->rng, (uint32_t)n);
        buf_str(out, world_neutral(d->w, (int)i, &for_evaluation));
    }
}

/* A request that names what the block is about, by the shared list "ask" ("Tell me about
 * {about}."); the neutral question if the block has no subject. */
static void draw_request(struct draw *d, const struct world_block *b, struct buf *out)
{
    static const char slot[] = "ABOUT";
    struct world_list *ask = d->w->shared ? world_list_find(d->w->shared, "ask", 3) : NULL;
    if (!b->about || !ask) {
        draw_neutral(d, out);
        return;
    }
    const char *s = ask->items[world_rng_below(d->rng, (uint32_t)ask->n_items)].forms[0];
    const char *at = strstr(s, slot);
    buf_add(out, s, at ? (size_t)(at - s) : strlen(s));
    if (at) {
        buf_str(out, b->about);
        buf_str(out, at + strlen(slot));
    }
}

/* One question and its answer (own patterns may bring more). Sentences are added to the last
 * answer until the text has about `n` of them. */
static int draw_exchange(struct draw *d, const struct world_block *b, uint32_t own_share,
                         uint32_t ask_share, int max_parts, uint32_t n)
{
    struct buf parts[6] = {{0}};
    int n_parts = 0;
    uint32_t share = world_rng_below(d->rng, 100);
    world_text_use(d->text, b->row); /* first: the lists of a chat may be another's */
    bool own = share < own_share && draw_chat_parts(d, b, parts, &n_parts, max_parts);
    if (!own) {
        bool ask = share < own_share + ask_share;
        ask ? draw_request(d, b, &parts[0]) : draw_neutral(d, &parts[0]);
        n_parts = 2;
    }
    int rc = draw_sentences(d, b, &parts[n_parts - 1], own ? n - 1 : n);
    for (int i = 0; i < n_parts; i++) {
        add_turn(d, i % 2 ? WORLD_MODEL : WORLD_USER, &parts[i]);
    }
    return rc;
}

static int draw_chat(struct draw *d, const struct world_block *b)
{
    uint32_t n = 1 + world_rng_below(d->rng, 3);
    int rc = draw_exchange(d, b, CHAT_OWN_SHARE, CHAT_ASK_SHARE, 6, n);
    while (rc == ERR_OK && d->text->n_turns + 2 <= WORLD_N_TURNS - 2 && b->chats.n > 1 &&
           chance(d->rng, CHAT_MORE_SHARE)) {
        rc = draw_exchange(d, b, 100, 0, 2, 1 + world_rng_below(d->rng, 2));
    }
    return rc;
}

/* --- the interface --- */

void world_text_clear(struct world_text *text)
{
    for (int i = 0; i < text->n_turns; i++) {
        free(text->turns[i].text);
    }
    *text = (struct world_text){0};
}

static struct draw draw_begin(const struct world *w, struct world_rng *rng, enum world_split split,
                              struct world_text *out, struct err *err)
{
    world_text_clear(out);
    return (struct draw){.w = w, .rng = rng, .split = split, .text = out, .err = err};
}

static int draw_end(struct world_text *out, int rc)
{
    if (rc != ERR_OK) {
        world_text_clear(out);
    }
    return rc;
}

int world_sample(const struct world *w, struct world_rng *rng, int concept, enum world_form form,
                 enum world_split split, struct world_text *out, struct err *err)
{
    struct draw d = draw_begin(w, rng, split, out, err);
    uint32_t row = concept < 0 ? world_rng_below(rng, (uint32_t)w->n_rows) : (uint32_t) concept;
    const struct world_block *b = w->rows[row];
    world_text_use(out, (int)row);
    int rc;
    if (form == WORLD_SENTENCE) {
        struct buf sentence = {0};
        rc = draw_sentence(&d, b, &sentence);
        add_turn(&d, WORLD_NONE, &sentence);
    } else {
        rc = form == WORLD_PASSAGE ? draw_passage(&d, b) : draw_chat(&d, b);
    }
    return draw_end(out, rc);
}

int world_pair(const struct world *w, struct world_rng *rng, int concept, enum world_split split,
               struct world_text *out, struct err *err)
{
    struct draw d = draw_begin(w, rng, split, out, err);
    d.plain = true;
    uint32_t n = 1 + world_rng_below(rng, 3);
    return draw_end(out, draw_exchange(&d, w->rows[concept], PAIR_OWN_SHARE, PAIR_ASK_SHARE, 2, n));
}

static bool is_fair_negative(const struct world_concept *c, int concept, int other)
{
    for (int i = 0; i < c->n_related; i++) {
        if (c->related[i] == other) {
            return false;
        }
    }
    return other != concept;
}

static bool text_uses(const struct world_text *text, int concept)
{
    for (int i = 0; i < text->n_concepts; i++) {
        if (text->concepts[i] == concept) {
            return true;
        }
    }
    return false;
}

int world_negative(const struct world *w, struct world_rng *rng, int concept,
                   enum world_genre genre, enum world_split split, struct world_text *out,
                   struct err *err)
{
    const struct world_concept *c = world_concept(w, concept);
    world_text_clear(out);
    for (int tries = 0; tries < DRAWS_MAX; tries++) {
        int other = (int)world_rng_below(rng, (uint32_t)w->n_rows);
        if (world_concept(w, other)->genre != genre || !is_fair_negative(c, concept, other)) {
            continue;
        }
        int rc = world_pair(w, rng, other, split, out, err);
        if (rc != ERR_OK || !text_uses(out, concept)) {
            return rc;
        }
    }
    world_text_clear(out);
    return err_set(err, ERR_LIMIT, "%s: no negative example in %d draws", c->slug, DRAWS_MAX);
}

int world_hard(const struct world *w, struct world_rng *rng, const char *word, int concept,
               enum world_split split, struct world_text *out, struct err *err)
{
    struct draw d = draw_begin(w, rng, split, out, err);
    const struct world_block *b = w->rows[concept];
    bool known = false;
    for (size_t i = 0; i < b->hards.n; i++) {
        known = known || strcmp(b->hards.items[i].word, word) == 0;
    }
    if (!known) {
        return err_set(err, ERR_ARG, "%s: no sentences for the word '%s'", b->slug, word);
    }
    struct buf sentence = {0};
    int rc = draw_from(&d, b, &sentence, &b->hards, word);
    add_turn(&d, WORLD_NONE, &sentence);
    return draw_end(out, rc);
}
