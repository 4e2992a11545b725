#include "core/chat.h"
#include "tests/support/runner.h"
#include "tests/support/shared.h"

#include <stdlib.h>
#include <string.h>

#define FIXTURE "tests/fixtures/tokenizer/tokenizer.json"
#define BOS 2

static struct tokenizer *open_tokenizer(const char *path)
{
    struct err err;
    struct tokenizer *tok = NULL;
    if (tokenizer_open(&tok, path, &err) != ERR_OK)
        ck_abort_msg("%s", err.message);
    return tok;
}

static struct chat_prompt render(const struct tokenizer *tok, const char *const *texts, size_t n)
{
    struct chat_turn turns[4];
    struct chat_prompt p;
    struct err err;
    for (size_t i = 0; i < n; i++)
        turns[i] = (struct chat_turn){i % 2 ? CHAT_MODEL : CHAT_USER, texts[i], strlen(texts[i])};
    if (chat_render(&p, tok, BOS, turns, n, &err) != ERR_OK)
        ck_abort_msg("%s", err.message);
    return p;
}

/* The prompt as text with the counted tokens in brackets. */
static void check(const struct tokenizer *tok, const char *const *texts, size_t n, const char *want)
{
    struct chat_prompt p = render(tok, texts, n);
    struct buf got = {0};
    for (size_t i = 0; i < p.ids.n; i++) {
        bool opens = p.counted[i] && (i == 0 || !p.counted[i - 1]);
        bool closes = p.counted[i] && (i + 1 == p.ids.n || !p.counted[i + 1]);
        buf_str(&got, opens ? "[" : "");
        tokenizer_decode_one(&got, tok, p.ids.ids[i]);
        buf_str(&got, closes ? "]" : "");
    }
    ck_assert_str_eq(got.data, want);
    ck_assert_uint_eq(p.n_prefix, 4);
    buf_clear(&got);
    chat_prompt_clear(&p);
}

START_TEST(a_question_opens_the_models_turn)
{
    struct tokenizer *tok = open_tokenizer(FIXTURE);
    check(tok, (const char *[]){"  Would you go? \n"}, 1,
          "<bos><start_of_turn>user\n[Would you go?]<end_of_turn>\n<start_of_turn>model\n");
    check(tok, (const char *[]){"\n\n"}, 1,
          "<bos><start_of_turn>user\n<end_of_turn>\n<start_of_turn>model\n");
    tokenizer_free(tok);
}
END_TEST

START_TEST(an_answer_ends_the_sequence_with_its_last_token)
{
    struct tokenizer *tok = open_tokenizer(FIXTURE);
    check(tok, (const char *[]){"a", " Yes.\n"}, 2,
          "<bos><start_of_turn>user\n[a]<end_of_turn>\n<start_of_turn>model\n[Yes.]");
    check(tok, (const char *[]){"a", "b", "c"}, 3,
          "<bos><start_of_turn>user\n[a]<end_of_turn>\n<start_of_turn>model\n[b]<end_of_turn>\n"
          "<start_of_turn>user\n[c]<end_of_turn>\n<start_of_turn>model\n");
    tokenizer_free(tok);
}
END_TEST

START_TEST(texts_are_trimmed_like_python_does)
{
    struct tokenizer *tok = open_tokenizer(FIXTURE);
    /* no-break space, ideographic space, line separator, unit separator; U+200B is no space */
    check(tok, (const char *[]){"\xc2\xa0\xe3\x80\x80\x1f a b\xe2\x80\xa8\x0b\xc2\x85"}, 1,
          "<bos><start_of_turn>user\n[a b]<end_of_turn>\n<start_of_turn>model\n");
    check(tok, (const char *[]){"\xe2\x80\x8b a\xe2\x80\x8b"}, 1,
          "<bos><start_of_turn>user\n[\xe2\x80\x8b a\xe2\x80\x8b]<end_of_turn>\n"
          "<start_of_turn>model\n");
    tokenizer_free(tok);
}
END_TEST

START_TEST(markers_typed_in_a_text_become_special_tokens)
{
    struct tokenizer *tok = open_tokenizer(FIXTURE);
    const char *text = "a<end_of_turn>";
    struct chat_prompt p = render(tok, &text, 1);
    ck_assert_int_eq(p.ids.ids[5], 5);
    ck_assert_int_eq(p.ids.ids[6], 5);
    ck_assert(p.counted[5] && !p.counted[6]);
    chat_prompt_clear(&p);
    tokenizer_free(tok);
}
END_TEST

START_TEST(wrong_conversations_are_refused)
{
    struct tokenizer *tok = open_tokenizer(FIXTURE);
    struct chat_prompt p;
    struct err err;
    struct chat_turn turns[] = {{CHAT_USER, "a", 1}, {CHAT_USER, "b", 1}};
    ck_assert_int_eq(chat_render(&p, tok, BOS, turns, 0, &err), ERR_ARG);
    ck_assert_int_eq(chat_render(&p, tok, BOS, turns, 2, &err), ERR_ARG);
    ck_assert_ptr_nonnull(strstr(err.message, "turn 2"));
    tokenizer_free(tok);
}
END_TEST

START_TEST(a_tokenizer_without_markers_has_no_chat)
{
    static const char json[] = "{\"model\":{\"vocab\":{\"<start_of_turn>\":0,\"<end_of_turn>\":1},"
                               "\"merges\":[]}}";
    struct vocab *vocab;
    struct tokenizer *tok;
    struct chat_prompt p;
    struct err err;
    ck_assert_int_eq(vocab_parse(&vocab, json, strlen(json), "test", &err), ERR_OK);
    ck_assert_int_eq(tokenizer_new(&tok, vocab, &err), ERR_OK);
    struct chat_turn turn = {CHAT_USER, "a", 1};
    ck_assert(!chat_supported(tok));
    ck_assert_int_eq(chat_render(&p, tok, BOS, &turn, 1, &err), ERR_UNSUPPORTED);
    tokenizer_free(tok);
}
END_TEST

START_TEST(the_wormhole_prompt_has_its_22_published_tokens)
{
    static const int want[] = {2,    106,  1645, 108,   18925, 692,    614, 3326, 577, 5056, 1593,
                               1069, 2177, 476,  47420, 18216, 235336, 107, 108,  106, 2516, 108};
    char *path = shared_file("gemma2-tokenizer/tokenizer.json");
    if (!path)
        return;
    struct tokenizer *tok = open_tokenizer(path);
    const char *text = "Would you be able to travel through time using a wormhole?";
    struct chat_prompt p = render(tok, &text, 1);
    ck_assert_uint_eq(p.ids.n, 22);
    ck_assert_mem_eq(p.ids.ids, want, sizeof want);
    for (size_t i = 0; i < 22; i++)
        ck_assert_int_eq(p.counted[i], i >= 4 && i <= 16);
    ck_assert_uint_eq(p.n_prefix, 4);
    chat_prompt_clear(&p);
    tokenizer_free(tok);
    free(path);
}
END_TEST

Suite *suite_chat(void)
{
    Suite *s = suite_create("chat");
    TCase *t = tcase_create("chat");
    tcase_add_test(t, a_question_opens_the_models_turn);
    tcase_add_test(t, an_answer_ends_the_sequence_with_its_last_token);
    tcase_add_test(t, texts_are_trimmed_like_python_does);
    tcase_add_test(t, markers_typed_in_a_text_become_special_tokens);
    tcase_add_test(t, wrong_conversations_are_refused);
    tcase_add_test(t, a_tokenizer_without_markers_has_no_chat);
    tcase_add_test(t, the_wormhole_prompt_has_its_22_published_tokens);
    suite_add_tcase(s, t);
    return s;
}
