#include "core/tokenizer.h"
#include "data/file.h"
#include "data/json.h"
#include "data/text.h"
#include "tests/support/runner.h"
#include "tests/support/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FIXTURE "tests/fixtures/tokenizer/tokenizer.json"
#define EXPECTED "tests/fixtures/tokenizer/expected_ids.jsonl"

static struct tokenizer *open_tokenizer(const char *path)
{
    struct err err;
    struct tokenizer *tok = NULL;
    if (tokenizer_open(&tok, path, &err) != ERR_OK)
        ck_abort_msg("%s", err.message);
    return tok;
}

static struct tokenizer *parse_tokenizer(const char *json)
{
    struct err err;
    struct vocab *vocab = NULL;
    struct tokenizer *tok = NULL;
    if (vocab_parse(&vocab, json, strlen(json), "test", &err) != ERR_OK ||
        tokenizer_new(&tok, vocab, &err) != ERR_OK)
        ck_abort_msg("%s", err.message);
    return tok;
}

static void encode(struct token_ids *ids, struct token_spans *spans, const struct tokenizer *tok,
                   const char *s, size_t len)
{
    struct err err;
    if (tokenizer_encode_spans(ids, spans, tok, s, len, &err) != ERR_OK)
        ck_abort_msg("%s", err.message);
}

/* The ids as text: "3 17 5". */
static void check_ids(const struct tokenizer *tok, const char *s, size_t len, const char *want)
{
    struct token_ids ids = {0};
    struct buf got = {0};
    encode(&ids, NULL, tok, s, len);
    for (size_t i = 0; i < ids.n; i++)
        buf_printf(&got, i ? " %d" : "%d", ids.ids[i]);
    ck_assert_str_eq(buf_cstr(&got), want);
    buf_clear(&got);
    token_ids_clear(&ids);
}

/* Every byte of the text belongs to exactly one token, and the tokens stand in order. */
static void check_spans(const struct token_spans *spans, const struct token_ids *ids, size_t len)
{
    size_t at = 0;
    ck_assert_uint_eq(spans->n, ids->n);
    for (size_t i = 0; i < spans->n; i++) {
        ck_assert_uint_eq(spans->items[i].start, at);
        at = spans->items[i].end;
    }
    ck_assert_uint_eq(at, len);
}

/* Streamed and at once the ids give the text again; a typed U+2581 comes back as a space. */
static void check_decodes(const struct tokenizer *tok, const struct token_ids *ids, const char *s,
                          size_t len)
{
    struct buf want = {0}, whole = {0}, streamed = {0};
    struct token_stream stream = {0};
    for (size_t i = 0; i < len; i++) {
        bool space = len - i >= 3 && memcmp(s + i, "\xe2\x96\x81", 3) == 0;
        buf_char(&want, space ? ' ' : s[i]);
        i += space ? 2 : 0;
    }
    tokenizer_decode(&whole, tok, ids->ids, ids->n, false);
    for (size_t i = 0; i < ids->n; i++)
        token_stream_put(&streamed, &stream, tok, ids->ids[i]);
    token_stream_end(&streamed, &stream);
    ck_assert_uint_eq(whole.len, want.len);
    ck_assert_uint_eq(streamed.len, want.len);
    ck_assert_int_eq(memcmp(buf_cstr(&whole), buf_cstr(&want), want.len), 0);
    ck_assert_int_eq(memcmp(buf_cstr(&streamed), buf_cstr(&want), want.len), 0);
    buf_clear(&want);
    buf_clear(&whole);
    buf_clear(&streamed);
}

/* One line {"text": ..., "ids": [...]}. */
static void check_line(const struct tokenizer *tok, const char *line, size_t len)
{
    struct err err;
    struct json_doc *doc;
    struct buf text = {0};
    struct token_ids ids = {0};
    struct token_spans spans = {0};
    ck_assert_int_eq(json_parse(&doc, line, len, "expected", &err), ERR_OK);
    ck_assert(json_string_bytes(&text, json_get(json_root(doc), "text")));
    const struct json *want = json_get(json_root(doc), "ids");
    encode(&ids, &spans, tok, buf_cstr(&text), text.len);
    bool same = ids.n == json_size(want);
    size_t i = 0;
    for (const struct json *id = json_first(want); id && same; id = json_next(id), i++)
        same = ids.ids[i] == (int)json_number(id);
    ck_assert_msg(same, "token %zu of %.*s", i, (int)len, line);
    check_spans(&spans, &ids, text.len);
    check_decodes(tok, &ids, buf_cstr(&text), text.len);
    json_close(doc);
    buf_clear(&text);
    token_ids_clear(&ids);
    token_spans_clear(&spans);
}

static size_t check_file(const struct tokenizer *tok, const char *path)
{
    struct err err;
    struct buf lines = {0};
    ck_assert_int_eq(file_read(&lines, path, 1 << 24, &err), ERR_OK);
    size_t n = 0;
    for (char *s = lines.data, *end; (end = strchr(s, '\n')); s = end + 1, n++)
        check_line(tok, s, (size_t)(end - s));
    buf_clear(&lines);
    return n;
}

START_TEST(ids_equal_those_of_the_reference_implementation)
{
    struct tokenizer *tok = open_tokenizer(FIXTURE);
    ck_assert_uint_eq(check_file(tok, EXPECTED), 200);
    tokenizer_free(tok);
}
END_TEST

START_TEST(gemma_2_gives_its_264_reference_encodings)
{
    char *path = shared_file("gemma2-tokenizer/tokenizer.json");
    char *expected = shared_file("gemma2-tokenizer/expected_ids.jsonl");
    if (path && expected) {
        struct tokenizer *tok = open_tokenizer(path);
        ck_assert_int_eq(vocab_size(tokenizer_vocab(tok)), 256000);
        ck_assert_uint_eq(check_file(tok, expected), 264);
        tokenizer_free(tok);
    }
    free(path);
    free(expected);
}
END_TEST

START_TEST(any_bytes_are_encoded_and_traced_back)
{
    struct tokenizer *tok = open_tokenizer(FIXTURE);
    unsigned seed = 7;
    for (int round = 0; round < 300; round++) {
        char s[64];
        size_t len = (size_t)round % sizeof s;
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1103515245u + 12345u;
            s[i] = (char)(seed >> (round % 2 ? 16 : 26));
        }
        struct token_ids ids = {0};
        struct token_spans spans = {0};
        struct buf valid = {0};
        encode(&ids, &spans, tok, s, len);
        check_spans(&spans, &ids, len);
        for (size_t i = 0; i < len;) {
            uint32_t cp;
            int n = utf8_decode(&cp, s + i, len - i);
            buf_add(&valid, n ? s + i : "\xef\xbf\xbd", n ? (size_t)n : 3);
            i += n ? (size_t)n : 1;
        }
        check_decodes(tok, &ids, buf_cstr(&valid), valid.len);
        buf_clear(&valid);
        token_ids_clear(&ids);
        token_spans_clear(&spans);
    }
    tokenizer_free(tok);
}
END_TEST

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

START_TEST(long_runs_cost_no_more_than_long_texts)
{
    static const char *const units[] = {"a", "ab", " ", "\n", "the cat ", "\xe6\x97\xa5", "\xff"};
    struct tokenizer *tok = open_tokenizer(FIXTURE);
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        struct buf text = {0};
        while (text.len < 1 << 18)
            buf_str(&text, units[u]);
        struct token_ids ids = {0};
        double start = seconds();
        encode(&ids, NULL, tok, text.data, text.len);
        /* quadratic behaviour would take minutes; the margin is for sanitizers */
        ck_assert_msg(seconds() - start < 5, "%.1f s for \"%s\"", seconds() - start, units[u]);
        token_ids_clear(&ids);
        buf_clear(&text);
    }
    tokenizer_free(tok);
}
END_TEST

#define PIECES "\"u\":0,\"a\":1,\"b\":2,\"_\":3,\"_a\":4,\"ab\":5,\"aa\":6"
#define MERGES "\"merges\":[\"_ a\",\"a b\",\"a a\"]"

START_TEST(unknown_characters_are_fused_kept_apart_or_dropped_as_declared)
{
    struct tokenizer *tok = parse_tokenizer("{\"model\":{\"unk_token\":\"u\",\"fuse_unk\":true,"
                                            "\"vocab\":{" PIECES "}," MERGES "}}");
    check_ids(tok, "axyb z", 6, "1 0 2 0");
    tokenizer_free(tok);
    tok = parse_tokenizer("{\"model\":{\"unk_token\":\"u\",\"vocab\":{" PIECES "}," MERGES "}}");
    check_ids(tok, "axyb", 4, "1 0 0 2");
    tokenizer_free(tok);
    tok = parse_tokenizer("{\"model\":{\"vocab\":{" PIECES "}," MERGES "}}");
    check_ids(tok, "axyb", 4, "5");
    tokenizer_free(tok);
}
END_TEST

START_TEST(normaliser_and_splits_are_applied_as_declared)
{
    static const char *const behaviors[] = {"Removed", "Isolated", "MergedWithPrevious",
                                            "MergedWithNext", "Contiguous"};
    /* "a  b" becomes "_a__b"; after the split only neighbours inside a part may merge */
    static const char *const want[] = {"1 2", "3 1 3 3 2", "3 1 3 3 2", "4 3 3 2", "3 1 3 3 2"};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        char json[640];
        snprintf(json, sizeof json,
                 "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\","
                 "\"prepend\":\"_\"},{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},"
                 "\"content\":\"_\"}]},\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{"
                 "\"String\":\"_\"},\"behavior\":\"%s\",\"invert\":false},"
                 "\"model\":{\"vocab\":{" PIECES "}," MERGES "}}",
                 behaviors[i]);
        struct tokenizer *tok = parse_tokenizer(json);
        check_ids(tok, "a  b", 4, want[i]);
        tokenizer_free(tok);
    }
}
END_TEST

START_TEST(a_whole_word_is_taken_before_merging_where_declared)
{
    struct tokenizer *tok = parse_tokenizer(
        "{\"model\":{\"ignore_merges\":true,\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"bab\":3},"
        "\"merges\":[\"a b\"]}}");
    check_ids(tok, "bab", 3, "3");
    check_ids(tok, "babb", 4, "1 2 1");
    tokenizer_free(tok);
}
END_TEST

START_TEST(added_tokens_are_split_off_before_and_after_normalising)
{
    struct tokenizer *tok = parse_tokenizer(
        "{\"added_tokens\":[{\"id\":7,\"content\":\"a b\",\"normalized\":true},"
        "{\"id\":8,\"content\":\"<x>\",\"special\":true},{\"id\":9,\"content\":\"<x><\"}],"
        "\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"_\"},"
        "\"model\":{\"unk_token\":\"u\",\"vocab\":{" PIECES "}," MERGES "}}");
    check_ids(tok, "a a ba_b<x>a<x><", 16, "1 3 7 7 8 1 9");
    struct buf out = {0};
    int ids[] = {8, 1, 8, 7};
    tokenizer_decode(&out, tok, ids, 4, true);
    ck_assert_str_eq(out.data, "aa b");
    buf_clear(&out);
    tokenizer_decode(&out, tok, (int[]){8, 99}, 2, false);
    ck_assert_str_eq(out.data, "<x><99>");
    buf_clear(&out);
    tokenizer_free(tok);
}
END_TEST

START_TEST(rules_that_cut_characters_do_no_harm)
{
    /* takes the first byte of e with an accent away, and splits after it */
    struct tokenizer *tok =
        parse_tokenizer("{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"\xc3\"},"
                        "\"content\":\"a\"},\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{"
                        "\"String\":\"\xa9\"},\"behavior\":\"Isolated\"},"
                        "\"model\":{\"unk_token\":\"u\",\"vocab\":{" PIECES "}," MERGES "}}");
    check_ids(tok,
              "b\xc3\xa9"
              "ab\xc3\xa8",
              7, "2 1 0 5 1 0");
    tokenizer_free(tok);
}
END_TEST

START_TEST(a_normaliser_that_multiplies_is_stopped)
{
    struct buf json = {0};
    buf_str(&json, "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[");
    for (int i = 0; i < 40; i++)
        buf_printf(&json,
                   "%s{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},"
                   "\"content\":\"aa\"}",
                   i ? "," : "");
    buf_str(&json, "]},\"model\":{\"vocab\":{" PIECES "}," MERGES "}}");
    struct tokenizer *tok = parse_tokenizer(json.data);
    struct token_ids ids = {0};
    struct err err;
    ck_assert_int_eq(tokenizer_encode(&ids, tok, "xa", 2, &err), ERR_LIMIT);
    token_ids_clear(&ids);
    tokenizer_free(tok);
    buf_clear(&json);
}
END_TEST

START_TEST(a_stream_gives_out_whole_characters_only)
{
    struct tokenizer *tok = open_tokenizer(FIXTURE);
    const struct vocab *v = tokenizer_vocab(tok);
    struct token_stream stream = {0};
    struct buf out = {0};
    static const char *const bytes[] = {"<0xE6>", "<0x97>", "<0xA5>", "<0xE6>"};
    static const size_t len_after[] = {0, 0, 3, 3};
    for (size_t i = 0; i < 4; i++) {
        token_stream_put(&out, &stream, tok, vocab_id(v, bytes[i], 6));
        ck_assert_uint_eq(out.len, len_after[i]);
    }
    token_stream_end(&out, &stream);
    ck_assert_str_eq(out.data, "\xe6\x97\xa5\xe6");
    buf_clear(&out);
    tokenizer_free(tok);
}
END_TEST

START_TEST(a_text_over_the_limit_is_refused)
{
    struct tokenizer *tok = open_tokenizer(FIXTURE);
    struct token_ids ids = {0};
    struct err err;
    ck_assert_int_eq(tokenizer_encode(&ids, tok, "", TOKENIZER_MAX_BYTES + 1, &err), ERR_LIMIT);
    tokenizer_free(tok);
}
END_TEST

Suite *suite_tokenizer(void)
{
    Suite *s = suite_create("tokenizer");
    TCase *t = tcase_create("tokenizer");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, ids_equal_those_of_the_reference_implementation);
    tcase_add_test(t, gemma_2_gives_its_264_reference_encodings);
    tcase_add_test(t, any_bytes_are_encoded_and_traced_back);
    tcase_add_test(t, long_runs_cost_no_more_than_long_texts);
    tcase_add_test(t, unknown_characters_are_fused_kept_apart_or_dropped_as_declared);
    tcase_add_test(t, normaliser_and_splits_are_applied_as_declared);
    tcase_add_test(t, a_whole_word_is_taken_before_merging_where_declared);
    tcase_add_test(t, added_tokens_are_split_off_before_and_after_normalising);
    tcase_add_test(t, rules_that_cut_characters_do_no_harm);
    tcase_add_test(t, a_normaliser_that_multiplies_is_stopped);
    tcase_add_test(t, a_stream_gives_out_whole_characters_only);
    tcase_add_test(t, a_text_over_the_limit_is_refused);
    suite_add_tcase(s, t);
    return s;
}
