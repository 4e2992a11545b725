#include "tui/paint.h"

#include "tests/support/runner.h"

#include <stdlib.h>
#include <string.h>

static char printed[4096];

static struct paint paint_to(FILE *stream)
{
    return (struct paint){.stream = stream, .is_utf8 = true, .width = 20};
}

static const char *all_of(FILE *stream)
{
    rewind(stream);
    size_t n = fread(printed, 1, sizeof printed - 1, stream);
    printed[n] = '\0';
    fclose(stream);
    return printed;
}

START_TEST(text_cannot_drive_the_terminal)
{
    FILE *f = tmpfile();
    struct paint p = paint_to(f);
    int columns = paint_text(&p, "a\033[2J\nb\xff", 8);
    const char *out = all_of(f);
    ck_assert_ptr_null(strchr(out, '\033'));
    ck_assert_ptr_null(strchr(out, '\n'));
    ck_assert_str_eq(out, "a<0x1B>[2J\u21b5b<0xFF>");
    ck_assert_int_eq(columns, 18);
}
END_TEST

START_TEST(padding_counts_columns_not_bytes)
{
    FILE *f = tmpfile();
    struct paint p = paint_to(f);
    paint_padded(&p, "caf\u00e9", 5, 6);
    paint_padded(&p, "\u732b", 3, 4);
    paint_padded(&p, "longer", 6, 2);
    ck_assert_str_eq(all_of(f), "caf\u00e9  \u732b  longer");
}
END_TEST

START_TEST(a_row_of_a_table_does_not_go_beyond_the_terminal)
{
    FILE *f = tmpfile();
    struct paint p = paint_to(f);
    p.is_terminal = true;
    paint_last(&p, "just eleven", 11, 9);
    fputc('\n', f);
    paint_last(&p, "one too many", 12, 9);
    fputc('\n', f);
    paint_last(&p, "\u732b\u732b\u732b", 9, 15);
    fputc('\n', f);
    p.is_terminal = false;
    paint_last(&p, "one too many", 12, 9);
    ck_assert_str_eq(all_of(f), "just eleven\none too ma\u2026\n\u732b\u732b\u2026\none too many");
}
END_TEST

static const struct paint_cell cells[] = {
    {"<bos>", 5, 0, true, true},  {"She", 3, 0.01f, false, true},   {" sat", 4, 0.5f, false, true},
    {" on", 3, 1, false, true},   {" \u732b", 4, 2, false, true},   {"!", 1, -1, false, true},
    {" long", 5, 0, false, true}, {" lines", 6, 0.99f, false, true}};

START_TEST(heat_has_a_row_of_bars_below_every_line)
{
    FILE *f = tmpfile();
    struct paint p = paint_to(f);
    paint_heat(&p, cells, 8);
    ck_assert_str_eq(all_of(f),
                     "  <bos>She sat on \u732b\n"
                     "       \u2581\u2581\u2581\u2585\u2585\u2585\u2585\u2588\u2588\u2588"
                     "\u2588\u2588\u2588\n"
                     "  ! long lines\n"
                     "        \u2588\u2588\u2588\u2588\u2588\u2588\n");
}
END_TEST

START_TEST(heat_without_utf8_uses_signs)
{
    FILE *f = tmpfile();
    struct paint p = paint_to(f);
    p.is_utf8 = false;
    paint_heat(&p, cells, 4);
    ck_assert_str_eq(all_of(f), "  <bos>She sat on\n       ...++++###\n");
}
END_TEST

START_TEST(what_is_not_counted_has_no_heat)
{
    static const struct paint_cell template[] = {{"user", 4, 9, false, false},
                                                 {"She", 3, 1, false, true}};
    FILE *f = tmpfile();
    struct paint p = paint_to(f);
    p.has_colour = true;
    p.is_utf8 = false;
    paint_heat(&p, template, 2);
    ck_assert_str_eq(all_of(f),
                     "  \033[2muser\033[0m\033[48;5;226;38;5;16mShe\033[0m\n      ###\n");
}
END_TEST

START_TEST(colour_ends_where_the_cell_ends)
{
    FILE *f = tmpfile();
    struct paint p = paint_to(f);
    p.has_colour = true;
    paint_heat(&p, cells, 4);
    const char *out = all_of(f);
    ck_assert_ptr_nonnull(strstr(out, "\033[2m<bos>\033[0m"));
    ck_assert_ptr_nonnull(strstr(out, "\033[48;5;226;38;5;16m on\033[0m\n"));
    ck_assert_ptr_nonnull(strstr(out, "\033[48;5;53;38;5;231mShe\033[0m"));
}
END_TEST

START_TEST(a_file_is_no_terminal)
{
    FILE *f = tmpfile();
    struct paint p;
    setenv("COLUMNS", "55", 1);
    setenv("COLORTERM", "truecolor", 1);
    paint_init(&p, f);
    fclose(f);
    ck_assert(!p.has_colour);
    ck_assert_int_eq(p.width, 55);
}
END_TEST

Suite *suite_paint(void)
{
    Suite *s = suite_create("paint");
    TCase *t = tcase_create("paint");
    tcase_add_test(t, text_cannot_drive_the_terminal);
    tcase_add_test(t, padding_counts_columns_not_bytes);
    tcase_add_test(t, a_row_of_a_table_does_not_go_beyond_the_terminal);
    tcase_add_test(t, heat_has_a_row_of_bars_below_every_line);
    tcase_add_test(t, heat_without_utf8_uses_signs);
    tcase_add_test(t, what_is_not_counted_has_no_heat);
    tcase_add_test(t, colour_ends_where_the_cell_ends);
    tcase_add_test(t, a_file_is_no_terminal);
    suite_add_tcase(s, t);
    return s;
}
