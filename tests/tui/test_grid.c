#include "tui/grid.h"

#include <check.h>
#include <string.h>

static void expect_dump(const struct grid *g, const char *want)
{
    struct buf got = {0};
    grid_dump(&got, g);
    ck_assert_str_eq(buf_cstr(&got), want);
    buf_clear(&got);
}

START_TEST(text_is_clipped_to_its_rectangle)
{
    struct grid g;
    grid_init(&g, 2, 8);
    int columns = grid_str(&g, (struct rect){0, 2, 1, 3}, 0, -1, STYLE_TITLE, "abcdef");
    grid_str(&g, grid_rect(&g), 5, 0, STYLE_TITLE, "outside");
    ck_assert_int_eq(columns, 6);
    expect_dump(&g, "  bcd   |..TTT...\n        |........\n");
    grid_clear(&g);
}
END_TEST

START_TEST(wide_glyphs_take_two_cells_and_are_never_halved)
{
    struct grid g;
    grid_init(&g, 1, 5);
    grid_str(&g, grid_rect(&g), 0, 0, STYLE_TEXT, "日本語"); /* the third does not fit */
    expect_dump(&g, "日本 |.....\n");
    grid_str(&g, grid_rect(&g), 0, 1, STYLE_TEXT, "x");
    expect_dump(&g, " x本 |.....\n");
    grid_clear(&g);
}
END_TEST

START_TEST(zero_width_marks_join_their_cell)
{
    struct grid g;
    grid_init(&g, 1, 3);
    int columns = grid_str(&g, grid_rect(&g), 0, 0, STYLE_TEXT, "e\xcc\x81x");
    ck_assert_int_eq(columns, 2);
    expect_dump(&g, "e\xcc\x81x |...\n");
    grid_clear(&g);
}
END_TEST

START_TEST(control_characters_and_bad_bytes_become_visible)
{
    struct grid g;
    grid_init(&g, 1, 20);
    grid_text(&g, grid_rect(&g), 0, 0, STYLE_TEXT, 0, "a\x1b[\xff", 4);
    expect_dump(&g, "a<0x1B>[<0xFF>      |....................\n");
    grid_clear(&g);
}
END_TEST

START_TEST(long_text_ends_in_an_ellipsis)
{
    struct grid g;
    grid_init(&g, 2, 8);
    grid_fit(&g, grid_rect(&g), 0, 1, 5, STYLE_TEXT, 0, "abcdef", 6);
    grid_fit(&g, grid_rect(&g), 1, 1, 6, STYLE_TEXT, 0, "abcdef", 6);
    expect_dump(&g, " abcd…  |........\n abcdef |........\n");
    grid_clear(&g);
}
END_TEST

START_TEST(bars_rise_with_the_level_and_have_a_form_without_utf8)
{
    struct grid g;
    grid_init(&g, 2, 9);
    for (int level = 0; level <= 8; level++)
        grid_bar(&g, grid_rect(&g), 0, level, 1, STYLE_BAR, level);
    g.ascii = true;
    for (int level = 0; level <= 8; level++)
        grid_bar(&g, grid_rect(&g), 1, level, 1, STYLE_BAR, level);
    expect_dump(&g, " ▁▂▃▄▅▆▇█|bbbbbbbbb\n 12345678|bbbbbbbbb\n");
    grid_clear(&g);
}
END_TEST

START_TEST(the_dump_names_roles_and_modifiers)
{
    struct grid g;
    grid_init(&g, 2, 4);
    grid_text(&g, grid_rect(&g), 0, 0, STYLE_HEAT_8, MOD_CURSOR, "ab", 2);
    grid_restyle(&g, grid_rect(&g), 1, 1, 9, STYLE_MATCH);
    grid_add_mods(&g, grid_rect(&g), 0, 1, 2, MOD_UNDERLINE);
    grid_cursor(&g, (struct rect){0, 1, 1, 1}, 0, 0, true);
    grid_cursor(&g, (struct rect){0, 1, 1, 1}, 0, 1, true); /* outside: ignored */
    expect_dump(&g, "ab  |88..|ccu.\n    |.mmm\ncursor 0,1\n");
    grid_clear(&g);
}
END_TEST

START_TEST(every_role_has_a_letter_of_its_own)
{
    for (int i = 0; i < N_STYLES; i++)
        for (int j = 0; j < i; j++)
            ck_assert_int_ne(style_letter((enum style)i), style_letter((enum style)j));
}
END_TEST

Suite *suite_grid(void)
{
    Suite *s = suite_create("grid");
    TCase *t = tcase_create("grid");
    tcase_add_test(t, text_is_clipped_to_its_rectangle);
    tcase_add_test(t, wide_glyphs_take_two_cells_and_are_never_halved);
    tcase_add_test(t, zero_width_marks_join_their_cell);
    tcase_add_test(t, control_characters_and_bad_bytes_become_visible);
    tcase_add_test(t, long_text_ends_in_an_ellipsis);
    tcase_add_test(t, bars_rise_with_the_level_and_have_a_form_without_utf8);
    tcase_add_test(t, the_dump_names_roles_and_modifiers);
    tcase_add_test(t, every_role_has_a_letter_of_its_own);
    suite_add_tcase(s, t);
    return s;
}
