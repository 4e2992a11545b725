#include "tui/keys.h"
#include "tui/line_edit.h"

#include <check.h>
#include <stdint.h>
#include <string.h>

#include "data/text.h"

static void keys(struct line_edit *e, const int *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        line_edit_key(e, list[i]);
}
#define KEYS(e, ...) keys(e, (const int[]){__VA_ARGS__}, sizeof((int[]){__VA_ARGS__}) / sizeof(int))

START_TEST(typed_characters_land_at_the_cursor)
{
    struct line_edit e = {0};
    KEYS(&e, 'a', 'c', KEY_ARROW_LEFT, 'b', 0xe9, KEY_ARROW_RIGHT, 'd');
    ck_assert_str_eq(line_edit_text(&e), "ab\xc3\xa9"
                                         "cd");
    ck_assert_uint_eq(e.cursor, 6);
    line_edit_clear(&e);
}
END_TEST

START_TEST(a_letter_with_its_accent_is_one_step)
{
    struct line_edit e = {0};
    line_edit_set(&e, "xe\xcc\x81y");
    KEYS(&e, KEY_ARROW_LEFT, KEY_RUBOUT);
    ck_assert_str_eq(line_edit_text(&e), "xy");
    ck_assert_uint_eq(e.cursor, 1);
    line_edit_clear(&e);
}
END_TEST

START_TEST(words_and_lines_are_cut_and_put_back)
{
    struct line_edit e = {.multi_line = true};
    line_edit_set(&e, "one two-three");
    KEYS(&e, key_ctrl('W'));
    ck_assert_str_eq(line_edit_text(&e), "one ");
    KEYS(&e, key_ctrl('A'), key_ctrl('Y'));
    ck_assert_str_eq(line_edit_text(&e), "two-threeone ");
    KEYS(&e, key_ctrl('K'));
    ck_assert_str_eq(line_edit_text(&e), "two-three");
    KEYS(&e, KEY_ALT + 'b', KEY_ALT + KEY_RUBOUT);
    ck_assert_str_eq(line_edit_text(&e), "three");
    KEYS(&e, KEY_TO_END, key_ctrl('U'));
    ck_assert_str_eq(line_edit_text(&e), "");
    KEYS(&e, key_ctrl('U'), key_ctrl('W'), KEY_RUBOUT, KEY_DELETE);
    ck_assert_str_eq(line_edit_text(&e), "");
    line_edit_clear(&e);
}
END_TEST

START_TEST(ctrl_u_empties_all_lines_and_of_one_line_what_is_left_of_the_cursor)
{
    struct line_edit e = {.multi_line = true};
    line_edit_set(&e, "one\ntwo\n");
    KEYS(&e, KEY_ARROW_UP, key_ctrl('U'));
    ck_assert_str_eq(line_edit_text(&e), "");
    KEYS(&e, key_ctrl('Y')); /* by mistake */
    ck_assert_str_eq(line_edit_text(&e), "one\ntwo\n");
    line_edit_clear(&e);
    e.multi_line = false;
    line_edit_set(&e, "one two");
    KEYS(&e, KEY_ALT + 'b', key_ctrl('U'));
    ck_assert_str_eq(line_edit_text(&e), "two");
    line_edit_clear(&e);
}
END_TEST

START_TEST(up_and_down_keep_the_column_inside_the_text)
{
    struct line_edit e = {.multi_line = true};
    line_edit_set(&e, "abcdef\nxy\nlonger");
    ck_assert_int_eq(line_edit_key(&e, KEY_ARROW_UP), LINE_EDIT_MOVED);
    ck_assert_uint_eq(e.cursor, 9);
    ck_assert_int_eq(line_edit_key(&e, KEY_ARROW_UP), LINE_EDIT_MOVED);
    ck_assert_uint_eq(e.cursor, 2);
    ck_assert_int_eq(line_edit_key(&e, KEY_ARROW_UP), LINE_EDIT_IGNORED); /* for the history */
    line_edit_clear(&e);
}
END_TEST

START_TEST(a_newline_needs_its_own_key)
{
    struct line_edit e = {.multi_line = true}, single = {0};
    ck_assert_int_eq(line_edit_key(&e, KEY_CTRL_J), LINE_EDIT_CHANGED);
    ck_assert_int_eq(line_edit_key(&e, KEY_ALT + KEY_RETURN), LINE_EDIT_CHANGED);
    ck_assert_int_eq(line_edit_key(&e, KEY_RETURN), LINE_EDIT_IGNORED);
    ck_assert_str_eq(line_edit_text(&e), "\n\n");
    ck_assert_int_eq(line_edit_key(&single, KEY_CTRL_J), LINE_EDIT_IGNORED);
    line_edit_clear(&e);
    line_edit_clear(&single);
}
END_TEST

START_TEST(pasted_text_is_made_safe)
{
    struct line_edit e = {.multi_line = true}, single = {0};
    line_edit_insert(&e, "a\r\nb\x1b[31m\xff", 10);
    ck_assert_str_eq(line_edit_text(&e), "a\nb[31m\xef\xbf\xbd");
    line_edit_insert(&single, "a\r\nb\rc", 6);
    ck_assert_str_eq(line_edit_text(&single), "a b c");
    line_edit_clear(&e);
    line_edit_clear(&single);
}
END_TEST

START_TEST(the_cursor_is_found_in_wrapped_rows)
{
    struct line_edit e = {.multi_line = true};
    int row, col;
    line_edit_set(&e, "abcdefg\nh");
    ck_assert_int_eq(line_edit_place(&e, 4, &row, &col), 3);
    ck_assert_int_eq(row, 2);
    ck_assert_int_eq(col, 1);
    e.cursor = 4;
    line_edit_place(&e, 4, &row, &col);
    ck_assert_int_eq(row, 1);
    ck_assert_int_eq(col, 0);
    line_edit_set(&e, "abcd"); /* the cursor after a full row begins the next */
    ck_assert_int_eq(line_edit_place(&e, 4, &row, &col), 2);
    ck_assert_int_eq(row, 1);
    line_edit_clear(&e);
}
END_TEST

/* Whatever is pressed: valid UTF-8, cursor on a character boundary. */
START_TEST(random_keys_keep_the_text_valid)
{
    static const int pool[] = {'a',
                               ' ',
                               0xe9,
                               0x301,
                               0x65e5,
                               0x1f600,
                               KEY_ARROW_LEFT,
                               KEY_ARROW_RIGHT,
                               KEY_ARROW_UP,
                               KEY_ARROW_DOWN,
                               KEY_RUBOUT,
                               KEY_DELETE,
                               KEY_CTRL_J,
                               KEY_ALT + 'b',
                               KEY_ALT + 'f',
                               KEY_ALT + 'd',
                               KEY_TO_HOME,
                               KEY_TO_END,
                               23,
                               25,
                               11};
    struct line_edit e = {.multi_line = true};
    uint32_t seed = 1;
    for (int i = 0; i < 4000; i++) {
        seed = seed * 1664525u + 1013904223u;
        line_edit_key(&e, pool[(seed >> 8) % (sizeof pool / sizeof *pool)]);
        ck_assert_uint_eq(utf8_complete_len(line_edit_text(&e), e.text.len), e.text.len);
        ck_assert_uint_le(e.cursor, e.text.len);
        uint32_t cp;
        if (e.cursor < e.text.len)
            ck_assert_int_gt(utf8_decode(&cp, e.text.data + e.cursor, e.text.len - e.cursor), 0);
        if (e.text.len > 200)
            line_edit_key(&e, key_ctrl('U'));
    }
    line_edit_clear(&e);
}
END_TEST

START_TEST(a_walk_visits_every_character_where_it_is_drawn)
{
    struct line_edit e = {.multi_line = true};
    line_edit_set(&e, "abc\nd\xe6\x97\xa5\xe6\x9c\xac"
                      "ef");
    struct line_edit_spot spot = {0};
    size_t end = 0;
    while (line_edit_next(&e, 4, &spot)) {
        int row, col;
        ck_assert_uint_eq(spot.at, end); /* none left out, none twice */
        end = spot.at + spot.len;
        e.cursor = spot.at;
        line_edit_place(&e, 4, &row, &col);
        ck_assert_int_eq(row, spot.row);
        ck_assert_int_eq(col, spot.col);
        ck_assert_int_le(spot.col + spot.columns, 4);
    }
    ck_assert_uint_eq(end, e.text.len);
    ck_assert_int_eq(spot.row, 3); /* abc | d日 | 本ef | the place behind the end */
    line_edit_clear(&e);
}
END_TEST

Suite *suite_line_edit(void)
{
    Suite *s = suite_create("line_edit");
    TCase *t = tcase_create("line_edit");
    tcase_add_test(t, typed_characters_land_at_the_cursor);
    tcase_add_test(t, a_letter_with_its_accent_is_one_step);
    tcase_add_test(t, words_and_lines_are_cut_and_put_back);
    tcase_add_test(t, ctrl_u_empties_all_lines_and_of_one_line_what_is_left_of_the_cursor);
    tcase_add_test(t, up_and_down_keep_the_column_inside_the_text);
    tcase_add_test(t, a_newline_needs_its_own_key);
    tcase_add_test(t, pasted_text_is_made_safe);
    tcase_add_test(t, the_cursor_is_found_in_wrapped_rows);
    tcase_add_test(t, random_keys_keep_the_text_valid);
    tcase_add_test(t, a_walk_visits_every_character_where_it_is_drawn);
    suite_add_tcase(s, t);
    return s;
}
