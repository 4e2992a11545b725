#include "tui/flow.h"

#include <check.h>
#include <string.h>

static void add(struct tokens *t, const char *text)
{
    tokens_add(t, 0, text, strlen(text), false, true);
}

/* The rows of text that the layout makes, joined by '|'. */
static void rows_of(struct buf *out, const struct tokens *t, int width)
{
    struct flow flow;
    flow_layout(&flow, t, width);
    int row = 0;
    for (size_t i = 0; i < flow.n; i++) {
        for (; row < flow.spans[i].row; row++)
            buf_char(out, '|');
        ck_assert_int_le(flow.spans[i].col + flow.spans[i].width, width + 1);
        buf_add(out, t->text.data + flow.spans[i].start, flow.spans[i].end - flow.spans[i].start);
    }
    flow_clear(&flow);
}

static void expect(const struct tokens *t, int width, const char *want)
{
    struct buf got = {0};
    rows_of(&got, t, width);
    ck_assert_str_eq(buf_cstr(&got), want);
    buf_clear(&got);
}

START_TEST(rows_break_at_spaces_even_where_a_word_is_several_tokens)
{
    struct tokens t;
    tokens_init(&t, 0);
    add(&t, "The");
    add(&t, " riv");
    add(&t, "er");
    add(&t, "bank");
    add(&t, " is");
    expect(&t, 13, "The riverbank |is");
    expect(&t, 12, "The |riverbank is");
    expect(&t, 9, "The |riverbank |is"); /* the space hangs */
    expect(&t, 40, "The riverbank is");
    tokens_clear(&t);
}
END_TEST

START_TEST(a_word_longer_than_the_row_is_cut)
{
    struct tokens t;
    tokens_init(&t, 0);
    add(&t, "abcdefgh");
    expect(&t, 3, "abc|def|gh");
    expect(&t, 1, "a|b|c|d|e|f|g|h");
    tokens_clear(&t);
}
END_TEST

START_TEST(newlines_break_rows_only_in_the_users_text)
{
    struct tokens t;
    tokens_init(&t, 0);
    add(&t, "a\nb");
    expect(&t, 10, "a\n|b");
    tokens_add(&t, 0, "\n", 1, false, false);
    add(&t, "c");
    expect(&t, 10, "a\n|b\nc");
    tokens_clear(&t);
}
END_TEST

START_TEST(a_character_spelled_by_several_tokens_belongs_to_the_first)
{
    struct tokens t;
    size_t start, end;
    tokens_init(&t, 0);
    tokens_add(&t, 0, "\xe6\x97", 2, false, true);
    tokens_add(&t, 0, "\xa5", 1, false, true);
    tokens_range(&t, 0, &start, &end);
    ck_assert_uint_eq(end, 3);
    tokens_range(&t, 1, &start, &end);
    ck_assert_uint_eq(start, 3);
    ck_assert_uint_eq(end, 3);
    expect(&t, 10, "\xe6\x97\xa5");
    tokens_clear(&t);
}
END_TEST

START_TEST(cells_lead_back_to_their_token)
{
    struct tokens t;
    struct flow flow;
    tokens_init(&t, 0);
    add(&t, "one");
    add(&t, " two");
    flow_layout(&flow, &t, 4);
    ck_assert_int_eq(flow_token_at(&flow, 0, 2), 0);
    ck_assert_int_eq(flow_token_at(&flow, 0, 3), 1);
    ck_assert_int_eq(flow_token_at(&flow, 1, 0), 1);
    ck_assert_int_eq(flow_token_at(&flow, 1, 3), -1);
    ck_assert_int_eq(flow_row_of(&flow, 1), 0);
    flow_clear(&flow);
    tokens_clear(&t);
}
END_TEST

START_TEST(activations_are_kept_row_by_row)
{
    struct tokens t;
    tokens_init(&t, 2);
    for (int i = 0; i < 40; i++)
        add(&t, "x");
    for (int i = 0; i < 30; i++)
        tokens_add_acts(&t, (const float[]){(float)i, 1});
    ck_assert_float_eq(tokens_act(&t, 29, 0), 29);
    ck_assert_float_eq(tokens_act(&t, 30, 0), 0);
    ck_assert_float_eq(tokens_act(&t, 3, 2), 0);
    ck_assert_float_eq(tokens_act_max(&t, 0), 29);
    ck_assert_int_eq(tokens_peak(&t, 0), 29);
    tokens_clear(&t);
}
END_TEST

START_TEST(the_first_difference_ignores_mere_length)
{
    struct tokens a, b;
    tokens_init(&a, 0);
    tokens_init(&b, 0);
    tokens_add(&a, 1, "x", 1, false, true);
    ck_assert_int_eq(tokens_first_difference(&a, &b), -1);
    tokens_add(&b, 1, "x", 1, false, true);
    tokens_add(&a, 2, "y", 1, false, true);
    tokens_add(&b, 3, "y", 1, false, true);
    ck_assert_int_eq(tokens_first_difference(&a, &b), 1);
    tokens_clear(&a);
    tokens_clear(&b);
}
END_TEST

Suite *suite_flow(void)
{
    Suite *s = suite_create("flow");
    TCase *t = tcase_create("flow");
    tcase_add_test(t, rows_break_at_spaces_even_where_a_word_is_several_tokens);
    tcase_add_test(t, a_word_longer_than_the_row_is_cut);
    tcase_add_test(t, newlines_break_rows_only_in_the_users_text);
    tcase_add_test(t, a_character_spelled_by_several_tokens_belongs_to_the_first);
    tcase_add_test(t, cells_lead_back_to_their_token);
    tcase_add_test(t, activations_are_kept_row_by_row);
    tcase_add_test(t, the_first_difference_ignores_mere_length);
    suite_add_tcase(s, t);
    return s;
}
