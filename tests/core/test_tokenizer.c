#include "core/tokenizer.h"
#include "data/file.h"
#include "data/json.h"
#include "data/text.h"
#include "tests/support/piece_list.h"
#include "tests/support/plain_merge.h"
#include "tests/support/runner.h"
#include "tests/support/shared.h"
#include "tests/support/tmp_dir.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FIXTURE "tests/fixtures/tokenizer/tokenizer.json"
#define EXPECTED "tests/fixtures/tokenizer/expected_ids.jsonl"
#define MODEL "tests/fixtures/tokenizer/tokenizer.model"
#define TORTURE "tests/fixtures/tokenizer/torture.jsonl"
#define N_TORTURE 231
#define DEMO "assets/demo/tokenizer.json"

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

/* The ids give the text again; a typed U+2581 comes back as a space. */
static void check_decodes(const struct tokenizer *tok, const struct token_ids *ids, const char *s,
                          size_t len)
{
    struct buf want = {0}, got = {0};
    for (size_t i = 0; i < len; i++) {
        bool space = len - i >= 3 && memcmp(s + i, "\xe2\x96\x81", 3) == 0;
        buf_char(&want, space ? ' ' : s[i]);
        i += space ? 2 : 0;
    }
    tokenizer_decode(&got, tok, ids->ids, ids->n, false);
    ck_assert_uint_eq(got.len, want.len);
    ck_assert_int_eq(memcmp(buf_cstr(&got), buf_cstr(&want), want.len), 0);
    buf_clear(&want);
    buf_clear(&got);
}

/* One line {"text": ..., KEY: [...]}. */
static void check_line(const struct tokenizer *tok, const char *line, size_t len, const char *key)
{
    struct err err;
    struct json_doc *doc;
    struct buf text = {0};
    struct token_ids ids = {0};
    struct token_spans spans = {0};
    ck_assert_int_eq(json_parse(&doc, line, len, "expected", &err), ERR_OK);
    ck_assert(json_string_bytes(&text, json_get(json_root(doc), "text")));
    const struct json *want = json_get(json_root(doc), key);
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

/* The ids of every line's text; the number of lines. */
static size_t check_file(const struct tokenizer *tok, const char *path, const char *key)
{
    struct err err;
    struct buf lines = {0};
    ck_assert_int_eq(file_read(&lines, path, 1 << 24, &err), ERR_OK);
    size_t n = 0;
    for (char *s = lines.data, *end; (end = strchr(s, '\n')); s = end + 1, n++)
        check_line(tok, s, (size_t)(end - s), key);
    buf_clear(&lines);
    return n;
}

START_TEST(ids_equal_those_of_the_reference_implementation)
{
    struct tokenizer *tok = open_tokenizer(FIXTURE);
    ck_assert_uint_eq(check_file(tok, EXPECTED, "ids"), 200);
    ck_assert_uint_eq(check_file(tok, TORTURE, "ids"), N_TORTURE);
    tokenizer_free(tok);
}
END_TEST

START_TEST(tokenizer_model_gives_the_ids_of_tokenizer_json)
{
    struct tokenizer *tok = open_tokenizer(MODEL);
    ck_assert_uint_eq(check_file(tok, EXPECTED, "ids"), 200);
    ck_assert_uint_eq(check_file(tok, TORTURE, "ids"), N_TORTURE);
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
        ck_assert_uint_eq(check_file(tok, expected, "ids"), 264);
        ck_assert_uint_eq(check_file(tok, TORTURE, "gemma"), N_TORTURE);
        tokenizer_free(tok);
    }
    free(path);
    free(expected);
}
END_TEST

/* Writes the vocabulary of a tokenizer.json as DIR/tokenizer.model and opens that. */
static struct tokenizer *open_as_model(const char *json, const char *dir)
{
    struct err err;
    struct vocab *v = NULL;
    struct piece_list list;
    struct buf bytes = {0};
    ck_assert_int_eq(vocab_open(&v, json, &err), ERR_OK);
    piece_list_from(&list, v);
    piece_list_write(&bytes, &list, &(struct piece_model){.kind = 2});
    char *path = tmp_dir_write(dir, "tokenizer.model", bytes.data, bytes.len);
    piece_list_clear(&list);
    vocab_close(v);
    buf_clear(&bytes);
    struct tokenizer *tok = open_tokenizer(path);
    free(path);
    return tok;
}

START_TEST(gemma_2_gives_the_same_ids_as_a_tokenizer_model)
{
    char *json = shared_file("gemma2-tokenizer/tokenizer.json");
    char *expected = shared_file("gemma2-tokenizer/expected_ids.jsonl");
    if (json && expected) {
        char *dir = tmp_dir_new();
        struct tokenizer *tok = open_as_model(json, dir);
        ck_assert_uint_eq(check_file(tok, expected, "ids"), 264);
        ck_assert_uint_eq(check_file(tok, TORTURE, "gemma"), N_TORTURE);
        tokenizer_free(tok);
        tmp_dir_free(dir);
    }
    free(json);
    free(expected);
}
END_TEST

/* --- byte-pair encoding by its definition: look at all pairs, join the best, start again --- */

/* Normalised text without added tokens to ids; returns how many. Gemma's rules only. */
static size_t encode_slowly(int *ids, const struct vocab *v, const char *s, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        size_t size = s[i] == ' ' ? 1 : (size_t)utf8_decode(&cp, s + i, len - i);
        int id = s[i] == ' ' ? vocab_id(v, "\xe2\x96\x81", 3) : vocab_id(v, s + i, size);
        for (size_t byte = 0; byte < size && id < 0; byte++) {
            char piece[8];
            snprintf(piece, sizeof piece, "<0x%02X>", (unsigned char)s[i + byte]);
            ids[n++] = vocab_id(v, piece, 6);
        }
        if (id >= 0)
            ids[n++] = id;
        i += size;
    }
    return merge_plainly(ids, n, v);
}

/* The added token at the start of s that is the longest, or NULL. */
static const struct vocab_added *added_at(const struct vocab *v, const char *s, size_t len)
{
    size_t n;
    const struct vocab_added *best = NULL, *added = vocab_added(v, &n);
    for (size_t i = 0; i < n; i++)
        if (added[i].len <= len && memcmp(s, added[i].text, added[i].len) == 0 &&
            (!best || added[i].len > best->len))
            best = &added[i];
    return best;
}

static void check_against_definition(const struct tokenizer *tok, const char *s, size_t len)
{
    const struct vocab *v = tokenizer_vocab(tok);
    int *want = mem_alloc(len + 1, sizeof *want);
    size_t n = 0, done = 0;
    for (size_t i = 0; i <= len; i++) {
        const struct vocab_added *added = i < len ? added_at(v, s + i, len - i) : NULL;
        if (i < len && !added)
            continue;
        n += encode_slowly(want + n, v, s + done, i - done);
        done = i;
        if (added) {
            want[n++] = added->id;
            done += added->len;
            i = done - 1;
        }
    }
    struct token_ids got = {0};
    encode(&got, NULL, tok, s, len);
    ck_assert_uint_eq(got.n, n);
    if (n > 0) /* of an empty text there is no array */
        ck_assert_mem_eq(got.ids, want, n * sizeof *want);
    token_ids_clear(&got);
    free(want);
}

START_TEST(the_demo_encodes_by_the_definition_of_bpe)
{
    struct err err;
    struct buf lines = {0};
    struct tokenizer *tok = open_tokenizer(DEMO);
    ck_assert_int_eq(file_read(&lines, TORTURE, 1 << 20, &err), ERR_OK);
    for (char *s = lines.data, *end; (end = strchr(s, '\n')); s = end + 1) {
        struct json_doc *doc;
        struct buf text = {0};
        struct token_ids ids = {0};
        ck_assert_int_eq(json_parse(&doc, s, (size_t)(end - s), "torture", &err), ERR_OK);
        ck_assert(json_string_bytes(&text, json_get(json_root(doc), "text")));
        check_against_definition(tok, buf_cstr(&text), text.len);
        encode(&ids, NULL, tok, buf_cstr(&text), text.len);
        check_decodes(tok, &ids, buf_cstr(&text), text.len);
        token_ids_clear(&ids);
        buf_clear(&text);
        json_close(doc);
    }
    buf_clear(&lines);
    tokenizer_free(tok);
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

/* Of the processor. */
static double seconds_for(const struct tokenizer *tok, const char *text, size_t len)
{
    struct token_ids ids = {0};
    double start = seconds();
    encode(&ids, NULL, tok, text, len);
    double end = seconds();
    token_ids_clear(&ids);
    return end - start;
}

/* What is quadratic takes 256 times as long for 16 times the text, on any machine. */
static void check_linear(const struct tokenizer *tok, const struct buf *text, const char *what)
{
    double part = seconds_for(tok, text->data, text->len / 16), whole = INFINITY;
    for (int attempt = 0; attempt < 3 && whole > 100 * part; attempt++)
        whole = seconds_for(tok, text->data, text->len);
    ck_assert_msg(whole <= 100 * part, "%.2g s, then %.2g s for %s", part, whole, what);
}

START_TEST(long_runs_cost_no_more_than_long_texts)
{
    static const char *const units[] = {"a", "ab", " ", "\n", "the cat ", "\xe6\x97\xa5", "\xff"};
    struct tokenizer *tok = open_tokenizer(FIXTURE);
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        struct buf text = {0};
        while (text.len < 1 << 18)
            buf_str(&text, units[u]);
        check_linear(tok, &text, units[u]);
        buf_clear(&text);
    }
    tokenizer_free(tok);
}
END_TEST

/* Running text, code and everything that is hard to encode. */
static void make_long_text(struct buf *out, size_t len)
{
    struct buf lines = {0};
    struct err err;
    ck_assert_int_eq(file_read(&lines, TORTURE, 1 << 20, &err), ERR_OK);
    while (out->len < len) {
        buf_str(out, "It was late, and the rain had not stopped since noon. ");
        for (char *s = lines.data, *end; (end = strchr(s, '\n')) && out->len < len; s = end + 1) {
            struct json_doc *doc;
            ck_assert_int_eq(json_parse(&doc, s, (size_t)(end - s), "torture", &err), ERR_OK);
            json_string_bytes(out, json_get(json_root(doc), "text"));
            json_close(doc);
        }
    }
    buf_clear(&lines);
}

START_TEST(a_megabyte_takes_time_in_proportion)
{
    char *shared = shared_file("gemma2-tokenizer/tokenizer.json");
    const char *const paths[] = {FIXTURE, DEMO, shared};
    struct buf text = {0};
    make_long_text(&text, 1 << 20);
    for (size_t i = 0; i < 3 && paths[i]; i++) {
        struct tokenizer *tok = open_tokenizer(paths[i]);
        struct token_ids ids = {0};
        double start = seconds();
        encode(&ids, NULL, tok, text.data, text.len);
        double taken = seconds() - start;
        printf("1 MB to %zu ids of %d: %.2f s\n", ids.n, vocab_size(tokenizer_vocab(tok)), taken);
        check_linear(tok, &text, paths[i]);
        check_decodes(tok, &ids, text.data, text.len);
        token_ids_clear(&ids);
        tokenizer_free(tok);
    }
    buf_clear(&text);
    free(shared);
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
    tcase_add_test(t, ids_equal_those_of_the_reference_implementation);
    tcase_add_test(t, tokenizer_model_gives_the_ids_of_tokenizer_json);
    tcase_add_test(t, gemma_2_gives_its_264_reference_encodings);
    tcase_add_test(t, gemma_2_gives_the_same_ids_as_a_tokenizer_model);
    tcase_add_test(t, the_demo_encodes_by_the_definition_of_bpe);
    tcase_add_test(t, any_bytes_are_encoded_and_traced_back);
    tcase_add_test(t, long_runs_cost_no_more_than_long_texts);
    tcase_add_test(t, a_megabyte_takes_time_in_proportion);
    tcase_add_test(t, unknown_characters_are_fused_kept_apart_or_dropped_as_declared);
    tcase_add_test(t, normaliser_and_splits_are_applied_as_declared);
    tcase_add_test(t, a_whole_word_is_taken_before_merging_where_declared);
    tcase_add_test(t, added_tokens_are_split_off_before_and_after_normalising);
    tcase_add_test(t, rules_that_cut_characters_do_no_harm);
    tcase_add_test(t, a_normaliser_that_multiplies_is_stopped);
    tcase_add_test(t, a_text_over_the_limit_is_refused);
    suite_add_tcase(s, t);
    return s;
}
