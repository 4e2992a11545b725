#include "core/bpe_train.h"

#include "core/bpe_vocab.h"
#include "core/bpe_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIN_RUN_COUNT 8  /* how often a run of newlines or spaces must occur to be a piece */
#define MIN_PAIR_COUNT 2 /* a pair seen once is not worth a piece */

/* A word as pieces so far. */
struct seq {
    int *pieces; /* [n] owned */
    size_t n;
    long count;
};

struct pair {
    int left, right;
    long count; /* over all words */
    int *where; /* [n_where] owned: words that hold it, or held it */
    size_t n_where, cap_where;
    size_t touched_at; /* last step that added occurrences */
};

/* A pair with the count it had when it was queued; outdated ones are queued again on their turn. */
struct candidate {
    long count;
    int pair;
};

#define N_ROLES 2
static const char *const roles[N_ROLES] = {"user", "model"};

struct trainer {
    struct bpe_vocab vocab;
    struct bpe_words words;
    struct seq *seqs; /* [words.n] */
    int role_seqs[N_ROLES];
    struct pair *pairs;
    size_t n_pairs, cap_pairs;
    struct pair_map pair_index;
    struct candidate *heap; /* best first */
    size_t n_heap, cap_heap;
    int *touched; /* pairs that this step made or made more frequent */
    size_t n_touched, cap_touched;
    size_t step;
};

/* --- the queue of candidates --- */

static bool is_better(const struct trainer *t, struct candidate a, struct candidate b)
{
    if (a.count != b.count)
        return a.count > b.count;
    const struct pair *p = &t->pairs[a.pair], *q = &t->pairs[b.pair];
    return p->left != q->left ? p->left < q->left : p->right < q->right;
}

static void heap_push(struct trainer *t, struct candidate c)
{
    t->heap = mem_grow(t->heap, &t->cap_heap, t->n_heap + 1, sizeof *t->heap);
    size_t i = t->n_heap++;
    for (; i > 0 && is_better(t, c, t->heap[(i - 1) / 2]); i = (i - 1) / 2)
        t->heap[i] = t->heap[(i - 1) / 2];
    t->heap[i] = c;
}

static struct candidate heap_pop(struct trainer *t)
{
    struct candidate best = t->heap[0], last = t->heap[--t->n_heap];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < t->n_heap; i = child) {
        if (child + 1 < t->n_heap && is_better(t, t->heap[child + 1], t->heap[child]))
            child++;
        if (!is_better(t, t->heap[child], last))
            break;
        t->heap[i] = t->heap[child];
    }
    t->heap[i] = last;
    return best;
}

/* The most frequent pair, or -1 when none occurs often enough. */
static int best_pair(struct trainer *t)
{
    while (t->n_heap > 0) {
        struct candidate c = heap_pop(t);
        long count = t->pairs[c.pair].count;
        if (count == c.count)
            return c.pair;
        if (count >= MIN_PAIR_COUNT)
            heap_push(t, (struct candidate){count, c.pair});
    }
    return -1;
}

/* --- counting pairs --- */

static struct pair *pair_at(struct trainer *t, int left, int right)
{
    int *index = pair_map_at(&t->pair_index, left, right);
    if (*index < 0) {
        *index = (int)t->n_pairs;
        t->pairs = mem_grow(t->pairs, &t->cap_pairs, t->n_pairs + 1, sizeof *t->pairs);
        t->pairs[t->n_pairs++] = (struct pair){.left = left, .right = right};
    }
    return &t->pairs[*index];
}

/* Notes that word `seq` holds the pair, and that the pair is to be queued. */
static void pair_touch(struct trainer *t, struct pair *p, int seq)
{
    if (p->n_where == 0 || p->where[p->n_where - 1] != seq) {
        p->where = mem_grow(p->where, &p->cap_where, p->n_where + 1, sizeof *p->where);
        p->where[p->n_where++] = seq;
    }
    if (p->touched_at == t->step)
        return;
    p->touched_at = t->step;
    t->touched = mem_grow(t->touched, &t->cap_touched, t->n_touched + 1, sizeof *t->touched);
    t->touched[t->n_touched++] = (int)(p - t->pairs);
}

/* Adds the word's pairs; those with `piece` (all if -1) are new to it. */
static void count_pairs(struct trainer *t, int seq, int piece)
{
    const struct seq *s = &t->seqs[seq];
    for (size_t i = 0; i + 1 < s->n; i++) {
        struct pair *p = pair_at(t, s->pieces[i], s->pieces[i + 1]);
        p->count += s->count;
        if (piece < 0 || p->left == piece || p->right == piece)
            pair_touch(t, p, seq);
    }
}

static void uncount_pairs(struct trainer *t, int seq)
{
    const struct seq *s = &t->seqs[seq];
    for (size_t i = 0; i + 1 < s->n; i++)
        pair_at(t, s->pieces[i], s->pieces[i + 1])->count -= s->count;
}

static void queue_touched(struct trainer *t)
{
    for (size_t i = 0; i < t->n_touched; i++) {
        int pair = t->touched[i];
        if (t->pairs[pair].count >= MIN_PAIR_COUNT)
            heap_push(t, (struct candidate){t->pairs[pair].count, pair});
    }
    t->n_touched = 0;
    t->step++;
}

/* --- merging --- */

static void seq_merge(struct seq *s, int left, int right, int piece)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        bool joins = i + 1 < s->n && s->pieces[i] == left && s->pieces[i + 1] == right;
        s->pieces[n++] = joins ? piece : s->pieces[i];
        i += joins;
    }
    s->n = n;
}

static void merge_pair(struct trainer *t, int left, int right)
{
    int piece = bpe_vocab_merge(&t->vocab, left, right);
    struct pair *p = pair_at(t, left, right);
    int *where = p->where; /* taken over: counting may move the pairs */
    size_t n_where = p->n_where;
    p->where = NULL;
    p->n_where = p->cap_where = 0;
    for (size_t i = 0; i < n_where; i++) {
        uncount_pairs(t, where[i]);
        seq_merge(&t->seqs[where[i]], left, right, piece);
        count_pairs(t, where[i], piece);
    }
    free(where);
    queue_touched(t);
}

/* How many more pieces the role words may need. */
static size_t roles_missing(const struct trainer *t)
{
    size_t missing = 0;
    for (int i = 0; i < N_ROLES; i++)
        missing += t->seqs[t->role_seqs[i]].n - 1;
    return missing;
}

/* Merges that come last in rank cannot change what the earlier ones do to any word. */
static void merge_roles(struct trainer *t)
{
    for (int i = 0; i < N_ROLES; i++) {
        const struct seq *s = &t->seqs[t->role_seqs[i]];
        while (s->n > 1)
            merge_pair(t, s->pieces[0], s->pieces[1]);
    }
}

static void train_merges(struct trainer *t, size_t n_vocab)
{
    for (size_t i = 0; i < t->words.n; i++)
        count_pairs(t, (int)i, -1);
    queue_touched(t);
    while (t->vocab.n_pieces < n_vocab) {
        int best = best_pair(t);
        bool last_chance =
            roles_missing(t) > 0 && (best < 0 || t->vocab.n_pieces + roles_missing(t) >= n_vocab);
        if (last_chance) {
            merge_roles(t);
            if (best >= 0)
                heap_push(t, (struct candidate){t->pairs[best].count, best});
        } else if (best >= 0) {
            merge_pair(t, t->pairs[best].left, t->pairs[best].right);
        } else {
            break;
        }
    }
    for (int i = 0; t->vocab.n_pieces < n_vocab; i++) {
        char unused[32];
        snprintf(unused, sizeof unused, "<unused%d>", i);
        bpe_vocab_add(&t->vocab, unused);
    }
}

/* --- the pieces that are there before merging --- */

/* The longest run that occurs often, at least `least`. */
static int longest_run(const long *runs, int least)
{
    int n = BPE_MAX_RUN;
    while (n > least && runs[n] < MIN_RUN_COUNT)
        n--;
    return n;
}

static void add_fixed_pieces(struct trainer *t)
{
    for (int i = 0; i < BPE_N_SPECIAL; i++)
        bpe_vocab_add(&t->vocab, bpe_special[i]);
    struct buf run = {0};
    for (int n = 1; n <= longest_run(t->words.newline_runs, 2); n++) {
        buf_char(&run, '\n');
        bpe_vocab_add(&t->vocab, run.data);
    }
    buf_clear(&run);
    t->vocab.n_added = t->vocab.n_pieces;
    for (int byte = 0; byte < 256; byte++) {
        char piece[8];
        snprintf(piece, sizeof piece, "<0x%02X>", byte);
        bpe_vocab_add(&t->vocab, piece);
    }
}

/* Every run up to the longest, and every way to put it together: what BPE makes of a run then
 * does not depend on the order in which it meets its parts. */
static void add_space_runs(struct trainer *t)
{
    int longest = longest_run(t->words.space_runs, 1);
    int ids[BPE_MAX_RUN + 1] = {0};
    ids[1] = bpe_vocab_id(&t->vocab, BPE_SPACE);
    for (int n = 2; n <= longest; n++)
        for (int left = 1; left < n; left++)
            ids[n] = bpe_vocab_merge(&t->vocab, ids[left], ids[n - left]);
}

struct character {
    char text[5];
    long count;
};

static int compare_characters(const void *left, const void *right)
{
    const struct character *a = left, *b = right;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return strcmp(a->text, b->text);
}

static size_t char_len(const char *s)
{
    unsigned char lead = (unsigned char)s[0];
    return lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/* Adds all characters of the words as pieces, the most frequent first. NUL stays a byte: JSON
 * readers in C would cut a piece there. */
static void add_characters(struct trainer *t)
{
    struct string_map index = {0}; /* keys: in the words */
    struct character *chars = NULL;
    size_t n = 0, cap = 0;
    for (size_t w = 0; w < t->words.n; w++) {
        const struct bpe_word *word = &t->words.items[w];
        for (size_t i = 0, len; i < word->len; i += len) {
            len = char_len(word->text + i);
            int *at = string_map_at(&index, word->text + i, len);
            if (*at < 0) {
                *at = (int)n;
                chars = mem_grow(chars, &cap, n + 1, sizeof *chars);
                chars[n++] = (struct character){{0}, 0};
                memcpy(chars[*at].text, word->text + i, len);
            }
            chars[*at].count += word->count;
        }
    }
    qsort(chars, n, sizeof *chars, compare_characters);
    for (size_t i = 0; i < n; i++)
        if (chars[i].text[0])
            bpe_vocab_add(&t->vocab, chars[i].text);
    free(chars);
    string_map_clear(&index);
}

/* --- words as sequences --- */

static void split_words(struct trainer *t)
{
    t->seqs = mem_zalloc(t->words.n, sizeof *t->seqs);
    for (size_t w = 0; w < t->words.n; w++) {
        const struct bpe_word *word = &t->words.items[w];
        struct seq *s = &t->seqs[w];
        s->count = word->count;
        s->pieces = mem_alloc(word->len, sizeof *s->pieces);
        for (size_t i = 0, len; i < word->len; i += len) {
            len = char_len(word->text + i);
            int id = string_map_get(&t->vocab.ids, word->text + i, len);
            if (id >= 0)
                s->pieces[s->n++] = id;
        }
    }
}

static void trainer_clear(struct trainer *t)
{
    for (size_t i = 0; t->seqs && i < t->words.n; i++)
        free(t->seqs[i].pieces);
    free(t->seqs);
    for (size_t i = 0; i < t->n_pairs; i++)
        free(t->pairs[i].where);
    free(t->pairs);
    free(t->heap);
    free(t->touched);
    pair_map_clear(&t->pair_index);
    bpe_words_clear(&t->words);
    bpe_vocab_clear(&t->vocab);
}

int bpe_train(struct buf *tokenizer_json, int n_vocab, const char *const *texts, const size_t *lens,
              size_t n_texts, struct err *err)
{
    struct trainer t = {.step = 1};
    for (size_t i = 0; i < n_texts; i++)
        bpe_words_add(&t.words, texts[i], lens[i], bpe_special, BPE_N_SPECIAL);
    bpe_words_count(&t.words, BPE_SPACE, strlen(BPE_SPACE), 0);
    for (int i = 0; i < N_ROLES; i++) {
        bpe_words_count(&t.words, roles[i], strlen(roles[i]), 0);
        t.role_seqs[i] = string_map_get(&t.words.index, roles[i], strlen(roles[i]));
    }
    add_fixed_pieces(&t);
    add_characters(&t);
    add_space_runs(&t);
    split_words(&t);
    size_t least = t.vocab.n_pieces + roles_missing(&t);
    int code = ERR_OK;
    if (n_vocab < 0 || (size_t)n_vocab < least) {
        code = err_set(err, ERR_ARG,
                       "a vocabulary of %d pieces is too small: bytes and characters need %zu",
                       n_vocab, least);
    } else {
        train_merges(&t, (size_t)n_vocab);
        bpe_vocab_write(tokenizer_json, &t.vocab);
    }
    trainer_clear(&t);
    return code;
}
