#include "core/bpe_train.h"
#include "data/json.h"
#include "tests/support/runner.h"

#include <stdlib.h>
#include <string.h>

static const char text[] =
    "the user sees the other weather together with her brother and the others\n"
    "    return the_model + models;\n"
    "a banana and an ananas, a cabana\n\n"
    "12 and 2024 and 12; if (x == 12) { return x; }\n"
    "<start_of_turn>the other model's brother<end_of_turn> \xc3\xa9t\xc3\xa9 et "
    "\xc3\xa9t\xc3\xa9\n";

static struct json_doc *train(struct buf *json, int n_vocab, const char *s, size_t len)
{
    struct err err;
    struct json_doc *doc = NULL;
    if (bpe_train(json, n_vocab, &s, &len, 1, &err) != ERR_OK ||
        json_parse(&doc, json->data, json->len, "trained", &err) != ERR_OK)
        ck_abort_msg("%s", err.message);
    return doc;
}

static const struct json *model_part(const struct json_doc *doc, const char *key)
{
    return json_get(json_get(json_root(doc), "model"), key);
}

/* The same training in the plainest way: every pair of every word is counted anew for each merge.
 * Only lower-case words with single spaces, so that a word is what strtok gives. */
#define NAIVE_MAX 64
struct naive_word {
    char pieces[NAIVE_MAX][NAIVE_MAX];
    int n;
};
static struct naive_word naive_words[NAIVE_MAX];
static int n_naive;

static int naive_count(const char *left, const char *right)
{
    int count = 0;
    for (int w = 0; w < n_naive; w++)
        for (int i = 0; i + 1 < naive_words[w].n; i++)
            count += strcmp(naive_words[w].pieces[i], left) == 0 &&
                     strcmp(naive_words[w].pieces[i + 1], right) == 0;
    return count;
}

static void naive_split(const char *s)
{
    n_naive = 0;
    for (size_t i = 0; s[i]; n_naive++) {
        struct naive_word *w = &naive_words[n_naive];
        w->n = 0;
        if (s[i] == ' ') {
            strcpy(w->pieces[w->n++], "\xe2\x96\x81");
            i++;
        }
        for (; s[i] && s[i] != ' '; i++) {
            w->pieces[w->n][0] = s[i];
            w->pieces[w->n++][1] = '\0';
        }
    }
}

static void naive_merge(const char *left, const char *right)
{
    char a[NAIVE_MAX], b[NAIVE_MAX];
    strcpy(a, left);
    strcpy(b, right);
    for (int w = 0; w < n_naive; w++) {
        struct naive_word *word = &naive_words[w];
        for (int i = 0; i + 1 < word->n; i++) {
            if (strcmp(word->pieces[i], a) != 0 || strcmp(word->pieces[i + 1], b) != 0)
                continue;
            strcat(word->pieces[i], b);
            for (int k = i + 1; k + 1 < word->n; k++)
                strcpy(word->pieces[k], word->pieces[k + 1]);
            word->n--;
        }
    }
}

/* The most frequent pair; of equal ones that with the smaller ids. */
static int naive_best(char *left, char *right, const struct json *vocab)
{
    int best = 0, best_left = 0, best_right = 0;
    for (int w = 0; w < n_naive; w++) {
        for (int i = 0; i + 1 < naive_words[w].n; i++) {
            const char *a = naive_words[w].pieces[i], *b = naive_words[w].pieces[i + 1];
            int count = naive_count(a, b);
            int id_a = (int)json_number(json_get(vocab, a));
            int id_b = (int)json_number(json_get(vocab, b));
            bool smaller = id_a < best_left || (id_a == best_left && id_b < best_right);
            if (count > best || (count == best && smaller)) {
                best = count;
                best_left = id_a;
                best_right = id_b;
                strcpy(left, a);
                strcpy(right, b);
            }
        }
    }
    return best;
}

START_TEST(merges_are_those_of_counting_anew_each_time)
{
    static const char words[] = "the other weather together with her brother and the others a "
                                "banana and an ananas a cabana bananas the weather gather";
    struct buf json = {0};
    struct json_doc *doc = train(&json, 350, words, strlen(words));
    const struct json *vocab = model_part(doc, "vocab");
    naive_split(words);
    int n = 0;
    for (const struct json *m = json_first(model_part(doc, "merges")); m; m = json_next(m)) {
        char left[NAIVE_MAX], right[NAIVE_MAX], want[2 * NAIVE_MAX];
        if (naive_best(left, right, vocab) < 2)
            break;
        snprintf(want, sizeof want, "%s %s", left, right);
        ck_assert_str_eq(json_string(m), want);
        naive_merge(left, right);
        n++;
    }
    ck_assert_int_gt(n, 15);
    /* what is left belongs to the role words: at most 3 for user, 4 for model */
    ck_assert_uint_le(json_size(model_part(doc, "merges")), (size_t)n + 7);
    json_close(doc);
    buf_clear(&json);
}
END_TEST

START_TEST(fixed_pieces_stand_where_the_header_says)
{
    static const char *const first[] = {"<pad>",           "<eos>",         "<bos>", "<unk>",
                                        "<start_of_turn>", "<end_of_turn>", "\n",    "\n\n",
                                        "<0x00>",          "<0x01>"};
    struct buf json = {0};
    struct json_doc *doc = train(&json, 420, text, strlen(text));
    const struct json *v = json_first(model_part(doc, "vocab"));
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++, v = json_next(v)) {
        ck_assert_str_eq(json_key(v), first[i]);
        ck_assert_int_eq((int)json_number(v), (int)i);
    }
    ck_assert_uint_eq(json_size(model_part(doc, "vocab")), 420);
    const struct json *added = json_get(json_root(doc), "added_tokens");
    ck_assert_uint_eq(json_size(added), 8);
    int i_added = 0;
    for (const struct json *a = json_first(added); a; a = json_next(a), i_added++)
        ck_assert_int_eq(json_bool(json_get(a, "special")), i_added < 6); /* newlines are text */
    ck_assert(json_is_number(json_get(model_part(doc, "vocab"), "user")));
    ck_assert(json_is_number(json_get(model_part(doc, "vocab"), "model")));
    ck_assert(json_is_number(json_get(model_part(doc, "vocab"), "\xc3\xa9")));
    json_close(doc);
    buf_clear(&json);
}
END_TEST

/* 's' space, 'a' letter, '0' digit, '.' anything else in ASCII */
static char kind(const char *s)
{
    if (strncmp(s, "\xe2\x96\x81", 3) == 0)
        return 's';
    unsigned char c = (unsigned char)*s;
    if ((c | 32) >= 'a' && (c | 32) <= 'z')
        return 'a';
    if (c >= 0x80)
        return 'a';
    return c >= '0' && c <= '9' ? '0' : '.';
}

START_TEST(no_piece_crosses_words_or_mixes_kinds)
{
    struct buf json = {0};
    struct json_doc *doc = train(&json, 420, text, strlen(text));
    size_t n_long = 0;
    for (const struct json *m = json_first(model_part(doc, "merges")); m; m = json_next(m)) {
        const char *left = json_string(m), *right = strchr(left, ' ') + 1;
        char right_kind = kind(right);
        ck_assert_msg(right_kind != '0', "a digit in %s", left);
        ck_assert_msg(right_kind != 's', "a space inside %s", left);
        size_t spaces = kind(left) == 's' ? 3 : 0;
        if (left[spaces] != ' ')
            ck_assert_msg(kind(left + spaces) == right_kind, "two kinds in %s", left);
        n_long++;
    }
    ck_assert_uint_gt(n_long, 25);
    json_close(doc);
    buf_clear(&json);
}
END_TEST

START_TEST(frequent_runs_of_spaces_are_pieces)
{
    struct buf code = {0}, json = {0};
    for (int i = 0; i < 10; i++)
        buf_str(&code, "    if x:\n        y\n\n\n");
    struct json_doc *doc = train(&json, 320, code.data, code.len);
    const struct json *vocab = model_part(doc, "vocab");
    struct buf run = {0};
    for (int n = 1; n <= 9; n++) {
        buf_str(&run, "\xe2\x96\x81");
        ck_assert_int_eq(json_is_number(json_get(vocab, run.data)), n <= 8);
    }
    ck_assert(json_is_number(json_get(vocab, "\n\n\n")));
    ck_assert(!json_is_number(json_get(vocab, "\n\n\n\n")));
    json_close(doc);
    buf_clear(&run);
    buf_clear(&json);
    buf_clear(&code);
}
END_TEST

START_TEST(the_same_texts_give_the_same_bytes)
{
    struct buf one = {0}, two = {0};
    json_close(train(&one, 400, text, strlen(text)));
    json_close(train(&two, 400, text, strlen(text)));
    ck_assert_str_eq(one.data, two.data);
    buf_clear(&one);
    buf_clear(&two);
}
END_TEST

START_TEST(a_vocabulary_too_small_for_its_characters_is_refused)
{
    struct buf json = {0};
    struct err err;
    const char *texts[] = {"abc"};
    size_t lens[] = {3};
    ck_assert_int_eq(bpe_train(&json, 100, texts, lens, 1, &err), ERR_ARG);
    /* 6 special, 2 newlines, 256 bytes, space, a b c u s e r m o d l, and 7 for user and model */
    ck_assert_ptr_nonnull(strstr(err.message, "need 283"));
    ck_assert_uint_eq(json.len, 0);
    json_close(train(&json, 283, "abc", 3));
    ck_assert_ptr_nonnull(strstr(json.data, "\"user\":"));
    buf_clear(&json);
}
END_TEST

START_TEST(any_bytes_can_be_trained_on)
{
    static char bytes[3000];
    unsigned seed = 12345;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)((seed = seed * 1103515245u + 12345u) >> 16);
    struct buf json = {0};
    json_close(train(&json, 3000, bytes, sizeof bytes));
    buf_clear(&json);
    json_close(train(&json, 300, "", 0));
    buf_clear(&json);
}
END_TEST

Suite *suite_bpe_train(void)
{
    Suite *s = suite_create("bpe_train");
    TCase *t = tcase_create("bpe_train");
    tcase_add_test(t, merges_are_those_of_counting_anew_each_time);
    tcase_add_test(t, fixed_pieces_stand_where_the_header_says);
    tcase_add_test(t, no_piece_crosses_words_or_mixes_kinds);
    tcase_add_test(t, frequent_runs_of_spaces_are_pieces);
    tcase_add_test(t, the_same_texts_give_the_same_bytes);
    tcase_add_test(t, a_vocabulary_too_small_for_its_characters_is_refused);
    tcase_add_test(t, any_bytes_can_be_trained_on);
    suite_add_tcase(s, t);
    return s;
}
