#include "core/token_joins.h"
#include "data/mem.h"
#include "data/text.h"
#include "tests/support/runner.h"

#include <stdlib.h>
#include <string.h>

#define FIXTURE "tests/fixtures/tokenizer/tokenizer.json"

static struct token_joins *learn(const struct vocab *vocab)
{
    struct token_joins *joins = mem_zalloc(1, sizeof *joins);
    token_joins_learn(joins, vocab);
    return joins;
}

static struct vocab *parse(const char *merges)
{
    struct buf json = {0};
    struct vocab *vocab;
    struct err err;
    buf_printf(&json,
               "{\"model\":{\"type\":\"BPE\",\"unk_token\":\"u\",\"byte_fallback\":true,\"vocab\":"
               "{\"a\":0,\"b\":1,\"ab\":2,\"\xc3\xa9\":3,\"\xc3\xa9"
               "a\":4,\"ab\xc3\xa9"
               "a\":5,\"u\":6,\"ua\":7,\"<0x41>\":8,\"<0x41>a\":9},\"merges\":[%s]}}",
               merges);
    if (vocab_parse(&vocab, json.data, json.len, "test", &err) != ERR_OK)
        ck_abort_msg("%s", err.message);
    buf_clear(&json);
    return vocab;
}

START_TEST(a_text_is_cut_where_no_merge_reaches_across)
{
    struct vocab *vocab = parse("\"a b\",\"\xc3\xa9 a\",\"ab \xc3\xa9"
                                "a\"");
    struct token_joins *joins = learn(vocab);
    ck_assert(!token_joins_cut(joins, 'a', 'b'));
    ck_assert(!token_joins_cut(joins, 0xe9, 'a'));
    ck_assert(!token_joins_cut(joins, 'b', 0xe9));
    ck_assert(token_joins_cut(joins, 'b', 'a'));
    ck_assert(token_joins_cut(joins, 'a', 0xe9));
    ck_assert(token_joins_cut(joins, 'a', 'a'));
    free(joins);
    vocab_close(vocab);
}
END_TEST

START_TEST(merges_of_bytes_or_of_the_unknown_piece_forbid_all_cuts)
{
    static const char *const merges[] = {"\"u a\"", "\"<0x41> a\""};
    for (int i = 0; i < 2; i++) {
        struct vocab *vocab = parse(merges[i]);
        struct token_joins *joins = learn(vocab);
        ck_assert(joins->never_cuts);
        ck_assert(!token_joins_cut(joins, 'b', 'a'));
        free(joins);
        vocab_close(vocab);
    }
}
END_TEST

/* Inside a piece that merges made, no cut is allowed between any two characters. */
START_TEST(no_merged_piece_is_ever_cut)
{
    struct vocab *vocab;
    size_t n;
    ck_assert_int_eq(vocab_open(&vocab, FIXTURE, NULL), ERR_OK);
    const struct vocab_merge *merges = vocab_merges(vocab, &n);
    struct token_joins *joins = learn(vocab);
    ck_assert(n > 100 && !joins->never_cuts);
    for (size_t i = 0; i < n; i++) {
        const int parts[] = {merges[i].left, merges[i].right};
        uint32_t prev = 0, cp;
        for (int p = 0; p < 2; p++) {
            size_t len;
            const char *s = vocab_piece(vocab, parts[p], &len);
            for (size_t at = 0; at < len; at += (size_t)utf8_decode(&cp, s + at, len - at)) {
                ck_assert_int_gt(utf8_decode(&cp, s + at, len - at), 0);
                ck_assert(prev == 0 || !token_joins_cut(joins, prev, cp));
                prev = cp;
            }
        }
    }
    free(joins);
    vocab_close(vocab);
}
END_TEST

Suite *suite_token_joins(void)
{
    Suite *s = suite_create("token_joins");
    TCase *t = tcase_create("token_joins");
    tcase_add_test(t, a_text_is_cut_where_no_merge_reaches_across);
    tcase_add_test(t, merges_of_bytes_or_of_the_unknown_piece_forbid_all_cuts);
    tcase_add_test(t, no_merged_piece_is_ever_cut);
    suite_add_tcase(s, t);
    return s;
}
