#include "data/mem.h"
#include "data/vocab.h"
#include "tests/support/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A tokenizer.json around the given parts; NULL leaves the usual one. */
static char *make(const char *normalizer, const char *pre_tokenizer, const char *decoder,
                  const char *added, const char *model)
{
    struct buf b = {0};
    buf_printf(&b, "{\"added_tokens\":[%s],\"normalizer\":%s,\"pre_tokenizer\":%s,\"decoder\":%s,",
               added ? added : "", normalizer ? normalizer : "null",
               pre_tokenizer ? pre_tokenizer : "null", decoder ? decoder : "null");
    buf_printf(&b, "\"model\":{%s}}",
               model ? model
                     : "\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"<0x0A>\":3,"
                       "\"<0xzz>\":4},\"merges\":[\"a b\"]");
    return b.data;
}

static int parse(struct vocab **out, char *json, struct err *err)
{
    int code = vocab_parse(out, json, strlen(json), "tokenizer.json", err);
    free(json);
    return code;
}

static struct vocab *parse_ok(char *json)
{
    struct err err;
    struct vocab *v = NULL;
    if (parse(&v, json, &err) != ERR_OK)
        ck_abort_msg("%s", err.message);
    return v;
}

static void check_refused(char *json, int code, const char *message)
{
    struct err err;
    struct vocab *v = NULL;
    int got = parse(&v, json, &err);
    ck_assert_msg(got == code, "code %d instead of %d", got, code);
    ck_assert_msg(strstr(err.message, message) != NULL, "\"%s\" is not in \"%s\"", message,
                  err.message);
}

START_TEST(pieces_are_found_by_id_and_by_text)
{
    struct vocab *v = parse_ok(make(NULL, NULL, NULL, NULL, NULL));
    ck_assert_int_eq(vocab_size(v), 5);
    ck_assert_int_eq(vocab_id(v, "ab", 2), 2);
    ck_assert_int_eq(vocab_id(v, "abc", 3), -1);
    size_t len;
    ck_assert_str_eq(vocab_piece(v, 1, &len), "b");
    ck_assert_uint_eq(len, 1);
    ck_assert_str_eq(vocab_piece(v, 99, &len), "");
    ck_assert_str_eq(vocab_piece(v, -1, NULL), "");
    ck_assert_int_eq(vocab_byte_value(v, 3), 10);
    ck_assert_int_eq(vocab_byte_value(v, 4), -1);
    ck_assert_int_eq(vocab_byte_value(v, 0), -1);
    vocab_close(v);
}
END_TEST

START_TEST(merges_are_read_as_strings_and_as_pairs)
{
    static const char *const merges[] = {"\"a b\",\"ab a\"", "[\"a\",\"b\"],[\"ab\",\"a\"]"};
    for (int i = 0; i < 2; i++) {
        char model[256];
        snprintf(model, sizeof model,
                 "\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"aba\":7},\"merges\":[%s]", merges[i]);
        struct vocab *v = parse_ok(make(NULL, NULL, NULL, NULL, model));
        size_t n;
        const struct vocab_merge *list = vocab_merges(v, &n);
        ck_assert_uint_eq(n, 2);
        ck_assert_int_eq(list[1].merged, 7);
        ck_assert_ptr_eq(vocab_find_merge(v, 2, 0), &list[1]);
        ck_assert_ptr_null(vocab_find_merge(v, 0, 0));
        ck_assert_int_eq(vocab_size(v), 8);
        ck_assert_str_eq(vocab_piece(v, 5, NULL), "");
        vocab_close(v);
    }
}
END_TEST

START_TEST(a_piece_may_hold_a_space_or_nul_in_pair_form)
{
    struct vocab *v = parse_ok(make(NULL, NULL, NULL, NULL,
                                    "\"vocab\":{\"\\u0000\":0,\" \":1,\"\\u0000 \":2},"
                                    "\"merges\":[[\"\\u0000\",\" \"]]"));
    ck_assert_int_eq(vocab_id(v, "\0", 1), 0);
    ck_assert_int_eq(vocab_id(v, "\0 ", 2), 2);
    ck_assert_int_eq(vocab_find_merge(v, 0, 1)->merged, 2);
    vocab_close(v);
}
END_TEST

START_TEST(added_tokens_extend_the_vocabulary_or_take_over_a_piece)
{
    struct vocab *v =
        parse_ok(make(NULL, NULL, NULL,
                      "{\"id\":9,\"content\":\"<new>\",\"special\":true},"
                      "{\"id\":1,\"content\":\"<taken>\",\"special\":false,\"normalized\":true}",
                      NULL));
    size_t n;
    const struct vocab_added *added = vocab_added(v, &n);
    ck_assert_uint_eq(n, 2);
    ck_assert_str_eq(added[0].text, "<new>");
    ck_assert(added[1].normalized && !added[0].normalized);
    ck_assert(vocab_is_special(v, 9) && !vocab_is_special(v, 1) && !vocab_is_special(v, 8));
    ck_assert_str_eq(vocab_piece(v, 1, NULL), "<taken>");
    ck_assert_int_eq(vocab_find_merge(v, 0, 1)->merged, 2);
    vocab_close(v);
}
END_TEST

START_TEST(declared_rules_are_reported_in_order)
{
    struct vocab *v = parse_ok(make(
        "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"_\"},"
        "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"_\"}]}",
        "{\"type\":\"Split\",\"pattern\":{\"String\":\" \"},\"behavior\":\"MergedWithPrevious\","
        "\"invert\":false}",
        "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"_\"},"
        "\"content\":\" \"},{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}]}",
        NULL,
        "\"unk_token\":\"u\",\"fuse_unk\":true,\"byte_fallback\":true,\"ignore_merges\":true,"
        "\"vocab\":{\"a\":0,\"u\":1},\"merges\":[]"));
    const struct vocab_rules *r = vocab_rules(v);
    ck_assert_uint_eq(r->n_normalizer, 2);
    ck_assert_uint_eq(r->normalizer[0].from_len, 0);
    ck_assert_str_eq(r->normalizer[1].from, " ");
    ck_assert_str_eq(r->normalizer[1].to, "_");
    ck_assert_uint_eq(r->n_splits, 1);
    ck_assert_int_eq(r->splits[0].behavior, VOCAB_SPLIT_MERGED_WITH_PREVIOUS);
    ck_assert_uint_eq(r->n_decoder, 1);
    ck_assert(r->decode_bytes && r->fuse_unk && r->byte_fallback && r->ignore_merges);
    ck_assert_int_eq(r->unk_id, 1);
    vocab_close(v);
}
END_TEST

START_TEST(what_is_not_understood_is_refused_by_name)
{
    check_refused(make("{\"type\":\"NFKC\"}", NULL, NULL, NULL, NULL), ERR_UNSUPPORTED,
                  "normalizer \"NFKC\"");
    check_refused(make(NULL, "{\"type\":\"ByteLevel\"}", NULL, NULL, NULL), ERR_UNSUPPORTED,
                  "pre_tokenizer \"ByteLevel\"");
    check_refused(
        make(NULL, "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"x\"},\"behavior\":\"Removed\"}",
             NULL, NULL, NULL),
        ERR_UNSUPPORTED, "regular expression");
    check_refused(make(NULL, NULL, "{\"type\":\"WordPiece\"}", NULL, NULL), ERR_UNSUPPORTED,
                  "decoder \"WordPiece\"");
    check_refused(make(NULL, NULL, NULL, NULL, "\"type\":\"Unigram\",\"vocab\":[]"),
                  ERR_UNSUPPORTED, "model \"Unigram\"");
    check_refused(make(NULL, NULL, NULL, "{\"id\":0,\"content\":\"a\",\"lstrip\":true}", NULL),
                  ERR_UNSUPPORTED, "lstrip");
    check_refused(make(NULL, NULL, NULL, NULL,
                       "\"end_of_word_suffix\":\"</w>\",\"vocab\":{\"a\":0},\"merges\":[]"),
                  ERR_UNSUPPORTED, "end_of_word_suffix");
}
END_TEST

START_TEST(broken_files_say_what_is_wrong)
{
    static const struct {
        const char *model, *message;
    } cases[] = {
        {"\"vocab\":{\"a\":0},\"merges\":[\"a b\"]", "merge 0"},
        {"\"vocab\":{\"a\":0},\"merges\":[\"a\"]", "not a pair"},
        {"\"vocab\":{\"a\":0},\"merges\":[\"a a a\"]", "not a pair"},
        {"\"vocab\":{\"a\":0},\"merges\":[[\"a\"]]", "not a pair"},
        {"\"vocab\":{\"a\":0},\"merges\":[7]", "not a pair"},
        {"\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]", "twice"},
        {"\"vocab\":{\"a\":0,\"a\":1},\"merges\":[]", "twice"},
        {"\"vocab\":{\"a\":-1},\"merges\":[]", "id"},
        {"\"vocab\":{\"a\":1e300},\"merges\":[]", "id"},
        {"\"vocab\":{\"a\":2000000000},\"merges\":[]", "id"},
        {"\"vocab\":{\"a\":0.5},\"merges\":[]", "id"},
        {"\"vocab\":{},\"merges\":[]", "empty"},
        {"\"vocab\":{\"a\":0}", "merges"},
        {"\"unk_token\":\"u\",\"vocab\":{\"a\":0},\"merges\":[]", "unk_token"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_refused(make(NULL, NULL, NULL, NULL, cases[i].model), ERR_FORMAT, cases[i].message);
    check_refused(make(NULL, NULL, NULL, "{\"id\":5}", NULL), ERR_FORMAT, "added token");
    check_refused(make(NULL, NULL, NULL, "{\"id\":1,\"content\":\"a\"}", NULL), ERR_FORMAT,
                  "gives it 0");
    check_refused(make("{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"x\"}",
                       NULL, NULL, NULL, NULL),
                  ERR_FORMAT, "pattern");
    check_refused(make("{\"type\":\"Prepend\"}", NULL, NULL, NULL, NULL), ERR_FORMAT, "content");
    check_refused(make("7", NULL, NULL, NULL, NULL), ERR_FORMAT, "no type");
    check_refused(mem_strdup("[]"), ERR_FORMAT, "not a tokenizer");
    check_refused(mem_strdup("{\"model\":{"), ERR_FORMAT, "tokenizer.json");
}
END_TEST

START_TEST(a_missing_file_is_an_error)
{
    struct err err;
    struct vocab *v = NULL;
    ck_assert_int_eq(vocab_open(&v, "tests/no/such/tokenizer.json", &err), ERR_IO);
}
END_TEST

Suite *suite_vocab(void)
{
    Suite *s = suite_create("vocab");
    TCase *t = tcase_create("vocab");
    tcase_add_test(t, pieces_are_found_by_id_and_by_text);
    tcase_add_test(t, merges_are_read_as_strings_and_as_pairs);
    tcase_add_test(t, a_piece_may_hold_a_space_or_nul_in_pair_form);
    tcase_add_test(t, added_tokens_extend_the_vocabulary_or_take_over_a_piece);
    tcase_add_test(t, declared_rules_are_reported_in_order);
    tcase_add_test(t, what_is_not_understood_is_refused_by_name);
    tcase_add_test(t, broken_files_say_what_is_wrong);
    tcase_add_test(t, a_missing_file_is_an_error);
    suite_add_tcase(s, t);
    return s;
}
