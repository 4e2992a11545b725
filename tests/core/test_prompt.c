#include "core/prompt.h"

#include "core/scope.h"
#include "tests/support/runner.h"

#include <stdlib.h>
#include <string.h>

#define TOKENIZER "tests/fixtures/tokenizer/tokenizer.json"

enum { PAD, EOS, BOS, UNK, START, END, NEWLINE };

static struct model model;
static struct scope scope;

static void setup(void)
{
    struct err err = {0};
    model = (struct model){
        .config = {.n_vocab = 1200, .n_ctx = 64, .bos_id = BOS, .pad_id = PAD, .n_stop_ids = 1},
        .name = "small"};
    model.config.stop_ids[0] = EOS;
    scope = (struct scope){.model = &model, .is_chat = true};
    ck_assert_int_eq(tokenizer_open(&scope.tokenizer, TOKENIZER, &err), ERR_OK);
}

static void teardown(void)
{
    tokenizer_free(scope.tokenizer);
}

static struct prompt made(enum prompt_form form, const char *text, const char *answer)
{
    struct prompt p;
    struct err err = {0};
    int rc = prompt_from_text(&p, &scope, form, text, strlen(text), answer, &err);
    ck_assert_msg(rc == ERR_OK, "%s", err.message);
    return p;
}

/* The decoded text of the counted tokens, to be freed. */
static char *counted_text(const struct prompt *p)
{
    struct buf text = {0};
    buf_str(&text, "");
    for (size_t t = 0; t < p->ids.n; t++)
        if (p->counted[t])
            tokenizer_decode_one(&text, scope.tokenizer, p->ids.ids[t]);
    return text.data;
}

static void check_counted(const struct prompt *p, const char *expected)
{
    char *text = counted_text(p);
    ck_assert_str_eq(text, expected);
    free(text);
}

START_TEST(raw_text_gets_one_bos_that_is_not_counted)
{
    struct prompt p = made(PROMPT_RAW, "hello there", NULL);
    ck_assert_int_eq(p.ids.ids[0], BOS);
    ck_assert(p.special[0] && !p.counted[0]);
    ck_assert_int_eq(p.n_spared, 0);
    check_counted(&p, "hello there");
    struct prompt typed = made(PROMPT_RAW, "<bos>hello there", NULL);
    ck_assert_uint_eq(typed.ids.n, p.ids.n);
    ck_assert_mem_eq(typed.ids.ids, p.ids.ids, p.ids.n * sizeof(int));
    check_counted(&typed, "hello there");
    prompt_clear(&typed);
    prompt_clear(&p);
    p = made(PROMPT_RAW, "", NULL);
    ck_assert_uint_eq(p.ids.n, 1);
    ck_assert(!p.counted[0]);
    prompt_clear(&p);
}
END_TEST

START_TEST(a_chat_counts_the_text_and_spares_the_template_before_it)
{
    struct prompt p = made(PROMPT_CHAT, "  hello there\n", NULL);
    ck_assert_int_eq(p.ids.ids[0], BOS);
    ck_assert_int_eq(p.ids.ids[1], START);
    ck_assert(p.special[1] && !p.counted[1]);
    ck_assert_int_eq(p.ids.ids[p.ids.n - 1], NEWLINE);
    check_counted(&p, "hello there");
    ck_assert(p.n_spared > 0 && p.counted[p.n_spared] && !p.counted[p.n_spared - 1]);
    prompt_clear(&p);
}
END_TEST

START_TEST(an_answer_ends_the_sequence_and_is_counted)
{
    struct prompt p = made(PROMPT_CHAT, "hello", "there");
    check_counted(&p, "hellothere");
    ck_assert(p.counted[p.ids.n - 1]);
    prompt_clear(&p);
}
END_TEST

START_TEST(auto_follows_the_model)
{
    struct prompt chat = made(PROMPT_CHAT, "hello", NULL),
                  by_model = made(PROMPT_AUTO, "hello", NULL);
    ck_assert_uint_eq(chat.ids.n, by_model.ids.n);
    scope.is_chat = false;
    struct prompt raw = made(PROMPT_AUTO, "hello", NULL);
    ck_assert_uint_lt(raw.ids.n, chat.ids.n);
    prompt_clear(&raw);
    prompt_clear(&by_model);
    prompt_clear(&chat);
}
END_TEST

START_TEST(a_template_of_another_form_is_read_raw_and_refused_where_it_is_asked_for)
{
    struct prompt p;
    struct err err = {0};
    scope.is_chat = false;
    scope.chat_lacks = "<start_of_turn>";
    p = made(PROMPT_AUTO, "hello", NULL);
    check_counted(&p, "hello");
    ck_assert_int_eq(p.n_spared, 0);
    prompt_clear(&p);
    ck_assert_int_eq(prompt_from_text(&p, &scope, PROMPT_CHAT, "hello", 5, NULL, &err),
                     ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.message, "another form than Gemma's"));
    ck_assert_ptr_nonnull(strstr(err.message, "<start_of_turn>"));
    ck_assert_ptr_nonnull(strstr(err.hint, "--raw"));
    scope.chat_lacks = NULL;
}
END_TEST

START_TEST(several_turns_become_one_prompt)
{
    struct prompt p, single = made(PROMPT_CHAT, "hello", "there");
    struct err err = {0};
    const struct chat_turn turns[] = {
        {CHAT_USER, "hello", 5}, {CHAT_MODEL, "there", 5}, {CHAT_USER, "again", 5}};
    ck_assert_int_eq(prompt_from_turns(&p, &scope, turns, 2, &err), ERR_OK);
    ck_assert_uint_eq(p.ids.n, single.ids.n);
    ck_assert_mem_eq(p.ids.ids, single.ids.ids, p.ids.n * sizeof(int));
    prompt_clear(&p);
    ck_assert_int_eq(prompt_from_turns(&p, &scope, turns, 3, &err), ERR_OK);
    check_counted(&p, "hellothereagain");
    ck_assert_int_eq(p.n_spared, single.n_spared);
    prompt_clear(&p);
    prompt_clear(&single);
}
END_TEST

START_TEST(typed_markers_become_special_tokens)
{
    struct prompt p = made(PROMPT_RAW, "a<end_of_turn>b", NULL);
    size_t n_special = 0;
    for (size_t t = 1; t < p.ids.n; t++)
        n_special += p.special[t] && p.ids.ids[t] == END;
    ck_assert_uint_eq(n_special, 1);
    prompt_clear(&p);
}
END_TEST

START_TEST(a_text_longer_than_the_context_is_refused_with_both_counts)
{
    char text[400];
    struct prompt p;
    struct err err = {0};
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = "xq"[i % 2];
    int rc = prompt_from_text(&p, &scope, PROMPT_RAW, text, sizeof text, NULL, &err);
    ck_assert_int_eq(rc, ERR_LIMIT);
    ck_assert_ptr_nonnull(strstr(err.message, "at most 64"));
    ck_assert_int_gt(strtol(strstr(err.message, "has ") + 4, NULL, 10), 64);
}
END_TEST

/* A tokenizer may hold more tokens than the model has rows. */
START_TEST(tokens_the_model_lacks_are_refused)
{
    struct prompt p;
    struct err err = {0};
    model.config.n_vocab = 300;
    ck_assert_int_eq(prompt_from_text(&p, &scope, PROMPT_RAW, "hello there", 11, NULL, &err),
                     ERR_LIMIT);
    ck_assert_ptr_nonnull(strstr(err.message, "300 tokens"));
}
END_TEST

Suite *suite_prompt(void)
{
    Suite *s = suite_create("prompt");
    TCase *t = tcase_create("prompt");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, raw_text_gets_one_bos_that_is_not_counted);
    tcase_add_test(t, a_chat_counts_the_text_and_spares_the_template_before_it);
    tcase_add_test(t, an_answer_ends_the_sequence_and_is_counted);
    tcase_add_test(t, auto_follows_the_model);
    tcase_add_test(t, a_template_of_another_form_is_read_raw_and_refused_where_it_is_asked_for);
    tcase_add_test(t, several_turns_become_one_prompt);
    tcase_add_test(t, typed_markers_become_special_tokens);
    tcase_add_test(t, a_text_longer_than_the_context_is_refused_with_both_counts);
    tcase_add_test(t, tokens_the_model_lacks_are_refused);
    suite_add_tcase(s, t);
    return s;
}
