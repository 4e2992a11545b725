#include "data/vocab_pieces.h"
#include "tests/support/piece_list.h"
#include "tests/support/runner.h"
#include "tests/support/shared.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define N(array) (sizeof(array) / sizeof *(array))
#define PIECE(text, score, type)            \
    {                                       \
        text, sizeof(text) - 1, score, type \
    }

static const struct piece_options gemma = {
    .escape_whitespaces = true, .byte_fallback = true, .unk_id = 0};

static struct vocab *build(const struct scored_piece *pieces, size_t n,
                           const struct piece_options *options)
{
    struct err err;
    struct vocab *v = NULL;
    if (vocab_from_pieces(&v, pieces, n, options, "test.model", &err) != ERR_OK)
        ck_abort_msg("%s", err.message);
    return v;
}

static void check_merge(const struct vocab *v, size_t rank, const char *left, const char *right)
{
    size_t n;
    const struct vocab_merge *merges = vocab_merges(v, &n);
    ck_assert_uint_lt(rank, n);
    ck_assert_str_eq(vocab_piece(v, merges[rank].left, NULL), left);
    ck_assert_str_eq(vocab_piece(v, merges[rank].right, NULL), right);
    ck_assert_ptr_eq(vocab_find_merge(v, merges[rank].left, merges[rank].right), &merges[rank]);
}

START_TEST(every_split_of_a_piece_is_a_merge_and_the_highest_score_comes_first)
{
    static const struct scored_piece pieces[] = {
        PIECE("<unk>", 0, PIECE_UNKNOWN),     PIECE("a", -7, PIECE_NORMAL),
        PIECE("b", -8, PIECE_NORMAL),         PIECE("\xc3\xa9", -9, PIECE_NORMAL),
        PIECE("ab", -2, PIECE_NORMAL),        PIECE("b\xc3\xa9", -1, PIECE_NORMAL),
        PIECE("ab\xc3\xa9", -3, PIECE_NORMAL)};
    struct vocab *v = build(pieces, N(pieces), &gemma);
    size_t n;
    vocab_merges(v, &n);
    ck_assert_uint_eq(n, 4);
    check_merge(v, 0, "b", "\xc3\xa9");
    check_merge(v, 1, "a", "b");
    check_merge(v, 2, "ab", "\xc3\xa9"); /* the longer left part before the shorter one */
    check_merge(v, 3, "a", "b\xc3\xa9");
    ck_assert_int_eq(vocab_id(v, "ab", 2), 4);
    vocab_close(v);
}
END_TEST

START_TEST(types_decide_what_is_added_special_or_merged)
{
    static const struct scored_piece pieces[] = {
        PIECE("<unk>", 0, PIECE_UNKNOWN),
        PIECE("<bos>", 0, PIECE_CONTROL),
        PIECE("<start_of_turn>", 0, PIECE_USER_DEFINED),
        PIECE("\n", 0, PIECE_USER_DEFINED),
        PIECE("\n\n", 0, PIECE_USER_DEFINED),
        PIECE("<0x0A>", 0, PIECE_BYTE),
        PIECE("<0x0", -1, PIECE_NORMAL),
        PIECE("A>", -2, PIECE_NORMAL),
        PIECE("<b", -3, PIECE_NORMAL),
        PIECE("os>", -4, PIECE_NORMAL),
    };
    struct vocab *v = build(pieces, N(pieces), &gemma);
    size_t n;
    vocab_merges(v, &n);
    ck_assert_uint_eq(n, 1);
    check_merge(v, 0, "\n", "\n");
    const struct vocab_added *added = vocab_added(v, &n);
    ck_assert_uint_eq(n, 5);
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(added[i].id, (int)i);
        ck_assert_int_eq(added[i].special, i < 3);
        ck_assert_int_eq(vocab_is_special(v, (int)i), i < 3);
        ck_assert(!added[i].normalized);
    }
    ck_assert_int_eq(vocab_byte_value(v, 5), '\n');
    vocab_close(v);
}
END_TEST

START_TEST(options_become_declared_rules)
{
    static const struct scored_piece pieces[] = {PIECE("<unk>", 0, PIECE_UNKNOWN),
                                                 PIECE("a", 0, PIECE_NORMAL)};
    struct vocab *v = build(pieces, 2, &gemma);
    const struct vocab_rules *r = vocab_rules(v);
    ck_assert_uint_eq(r->n_normalizer, 1);
    ck_assert_str_eq(r->normalizer[0].from, " ");
    ck_assert_str_eq(r->normalizer[0].to, "\xe2\x96\x81");
    ck_assert_str_eq(r->decoder[0].to, " ");
    ck_assert(r->byte_fallback && r->decode_bytes && r->fuse_unk && !r->ignore_merges);
    ck_assert_int_eq(r->unk_id, 0);
    ck_assert_uint_eq(r->n_splits, 0);
    vocab_close(v);
    v = build(pieces, 2, &(struct piece_options){.add_dummy_prefix = true, .unk_id = -1});
    r = vocab_rules(v);
    ck_assert_uint_eq(r->n_normalizer, 1);
    ck_assert_uint_eq(r->normalizer[0].from_len, 0);
    ck_assert_str_eq(r->normalizer[0].to, " ");
    ck_assert_uint_eq(r->n_decoder, 0);
    ck_assert(!r->byte_fallback && !r->decode_bytes);
    ck_assert_int_eq(r->unk_id, -1);
    vocab_close(v);
}
END_TEST

static void check_refused(const struct scored_piece *pieces, size_t n, int code,
                          const char *message)
{
    struct err err;
    struct vocab *v = NULL;
    ck_assert_int_eq(vocab_from_pieces(&v, pieces, n, &gemma, "test.model", &err), code);
    ck_assert_msg(strstr(err.message, message) != NULL, "\"%s\" is not in \"%s\"", message,
                  err.message);
}

START_TEST(broken_lists_say_what_is_wrong)
{
    static char endless[1025];
    memset(endless, 'a', sizeof endless);
    const struct {
        struct scored_piece piece;
        int code;
        const char *message;
    } cases[] = {
        {PIECE("a", 0, PIECE_NORMAL), ERR_FORMAT, "piece 0 again"},
        {PIECE("", 0, PIECE_NORMAL), ERR_FORMAT, "empty"},
        {PIECE("b\0c", 0, PIECE_NORMAL), ERR_FORMAT, "NUL"},
        {PIECE("b", NAN, PIECE_NORMAL), ERR_FORMAT, "score"},
        {PIECE("b", 0, (enum piece_type)7), ERR_FORMAT, "type 7"},
        {PIECE("b", 0, (enum piece_type)0), ERR_FORMAT, "type 0"},
        {PIECE("<0xZZ>", 0, PIECE_BYTE), ERR_FORMAT, "<0xNN>"},
        {{endless, sizeof endless, 0, PIECE_NORMAL}, ERR_LIMIT, "1025 bytes"},
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct scored_piece pieces[] = {PIECE("a", 0, PIECE_NORMAL), cases[i].piece};
        check_refused(pieces, 2, cases[i].code, cases[i].message);
    }
    check_refused(NULL, 0, ERR_FORMAT, "0 pieces");
    struct err err;
    struct vocab *v = NULL;
    struct scored_piece one = PIECE("a", 0, PIECE_NORMAL);
    struct piece_options beyond = {.unk_id = 1};
    ck_assert_int_eq(vocab_from_pieces(&v, &one, 1, &beyond, "test.model", &err), ERR_FORMAT);
}
END_TEST

/* The tab is a byte piece in one file and a character in the other. */
static bool has_tab(const struct vocab *v, const struct vocab_merge *m)
{
    return vocab_piece(v, m->left, NULL)[0] == '\t' || vocab_piece(v, m->right, NULL)[0] == '\t';
}

static void check_same_merges(const struct vocab *got, const struct vocab *want)
{
    size_t n_got, n_want, n = 0;
    const struct vocab_merge *g = vocab_merges(got, &n_got), *w = vocab_merges(want, &n_want);
    const struct vocab_merge *g_end = g + n_got, *w_end = w + n_want;
    for (;; g++, w++, n++) {
        while (g < g_end && has_tab(want, g))
            g++;
        while (w < w_end && has_tab(want, w))
            w++;
        if (g == g_end || w == w_end)
            break;
        /* an assertion that holds costs a write to Check's log: 580,000 of them would be slow */
        if (g->left != w->left || g->right != w->right || g->merged != w->merged)
            ck_abort_msg("merge %zu: \"%s\" + \"%s\"", n, vocab_piece(want, w->left, NULL),
                         vocab_piece(want, w->right, NULL));
    }
    ck_assert(g == g_end && w == w_end);
    ck_assert_uint_gt(n, 580000);
}

START_TEST(gemma_2_has_the_merges_of_its_tokenizer_json)
{
    char *path = shared_file("gemma2-tokenizer/tokenizer.json");
    if (!path)
        return;
    struct err err;
    struct vocab *want = NULL;
    ck_assert_int_eq(vocab_open(&want, path, &err), ERR_OK);
    struct piece_list list;
    piece_list_from(&list, want);
    struct piece_options options = {
        .escape_whitespaces = true, .byte_fallback = true, .unk_id = vocab_rules(want)->unk_id};
    clock_t start = clock();
    vocab_close(build(list.items, list.n / 16, &options));
    clock_t middle = clock();
    struct vocab *got = build(list.items, list.n, &options);
    double few = (double)(middle - start), all = (double)(clock() - middle);
    check_same_merges(got, want);
    /* 16 times the pieces: what is quadratic takes 256 times as long */
    ck_assert_msg(all < 128 * few, "%.2g s, then %.2g s", few / CLOCKS_PER_SEC,
                  all / CLOCKS_PER_SEC);
    printf("%zu pieces to a vocabulary: %.2f s\n", list.n, all / CLOCKS_PER_SEC);
    piece_list_clear(&list);
    vocab_close(got);
    vocab_close(want);
    free(path);
}
END_TEST

Suite *suite_vocab_pieces(void)
{
    Suite *s = suite_create("vocab_pieces");
    TCase *t = tcase_create("vocab_pieces");
    tcase_add_test(t, every_split_of_a_piece_is_a_merge_and_the_highest_score_comes_first);
    tcase_add_test(t, types_decide_what_is_added_special_or_merged);
    tcase_add_test(t, options_become_declared_rules);
    tcase_add_test(t, broken_lists_say_what_is_wrong);
    tcase_add_test(t, gemma_2_has_the_merges_of_its_tokenizer_json);
    suite_add_tcase(s, t);
    return s;
}
