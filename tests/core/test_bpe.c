#include "core/bpe.h"
#include "data/mem.h"
#include "tests/support/plain_merge.h"
#include "tests/support/runner.h"

#include <stdlib.h>
#include <string.h>

/* Pieces over {a, b}: all strings up to 4 characters that the merges below make. */
static const char json[] =
    "{\"model\":{\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"ba\":3,\"aa\":4,\"aba\":5,\"abab\":6,"
    "\"baa\":7},\"merges\":[\"b a\",\"a b\",\"a ba\",\"ab a\",\"aba b\",\"ab ab\",\"a a\","
    "\"b aa\",\"ba a\"]}}";

static struct vocab *open_vocab(void)
{
    struct err err;
    struct vocab *v = NULL;
    if (vocab_parse(&v, json, strlen(json), "test", &err) != ERR_OK)
        ck_abort_msg("%s", err.message);
    return v;
}

START_TEST(merging_equals_the_plain_definition_on_all_short_texts)
{
    struct vocab *v = open_vocab();
    struct bpe bpe = {0};
    for (unsigned bits = 0; bits < 1u << 13; bits++) {
        for (size_t n = 0; n <= 13; n++) {
            int want[13];
            bpe.n = 0;
            for (size_t i = 0; i < n; i++) {
                want[i] = bits >> i & 1;
                bpe_add(&bpe, want[i], i, i + 1);
            }
            size_t n_want = merge_plainly(want, n, v);
            bpe_merge(&bpe, v);
            bool same = bpe.n == n_want;
            for (size_t i = 0; same && i < n_want; i++)
                same = bpe.symbols[i].id == want[i];
            if (!same)
                ck_abort_msg("text %x of %zu characters", bits, n);
        }
    }
    bpe_clear(&bpe);
    vocab_close(v);
}
END_TEST

START_TEST(symbols_cover_the_text_without_gaps)
{
    struct vocab *v = open_vocab();
    struct bpe bpe = {0};
    for (size_t i = 0; i < 1000; i++)
        bpe_add(&bpe, i * i % 7 < 3, 2 * i, 2 * i + 2);
    bpe_merge(&bpe, v);
    ck_assert_uint_lt(bpe.n, 800);
    size_t at = 0;
    for (size_t i = 0; i < bpe.n; i++) {
        ck_assert_uint_eq(bpe.symbols[i].start, at);
        at = bpe.symbols[i].end;
        ck_assert_uint_eq(at - bpe.symbols[i].start,
                          2 * strlen(vocab_piece(v, bpe.symbols[i].id, NULL)));
    }
    ck_assert_uint_eq(at, 2000);
    bpe_clear(&bpe);
    vocab_close(v);
}
END_TEST

Suite *suite_bpe(void)
{
    Suite *s = suite_create("bpe");
    TCase *t = tcase_create("bpe");
    tcase_add_test(t, merging_equals_the_plain_definition_on_all_short_texts);
    tcase_add_test(t, symbols_cover_the_text_without_gaps);
    suite_add_tcase(s, t);
    return s;
}
