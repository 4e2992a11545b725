#include "tui/theme.h"

#include <check.h>
#include <math.h>

/* Relative luminance of an xterm palette entry 16..255 or of a direct colour, as WCAG 2 defines
 * it. */
static double luminance(int ink)
{
    double rgb[3];
    for (int i = 0; i < 3; i++) {
        static const int cube[] = {0, 95, 135, 175, 215, 255};
        static const int divisor[] = {36, 6, 1};
        int v = ink >= INK_RGB ? (ink - INK_RGB) >> (16 - 8 * i) & 255
                : ink >= 232   ? 8 + 10 * (ink - 232)
                               : cube[(ink - 16) / divisor[i] % 6];
        double c = v / 255.0;
        rgb[i] = c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
    }
    return 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2];
}

START_TEST(heat_rises_in_lightness_and_text_stays_readable)
{
    for (int palette = 0; palette < N_PALETTES; palette++) {
        struct theme theme = {.mode = COLOR_256, .palette = (enum palette)palette};
        double last = -1;
        for (int level = 1; level <= STYLE_HEAT_LEVELS; level++) {
            struct ink p = theme_ink(&theme, style_heat(level), 0);
            double bg = luminance(p.bg), fg = luminance(p.fg);
            double contrast = (fmax(bg, fg) + 0.05) / (fmin(bg, fg) + 0.05);
            ck_assert_msg(bg > last, "%s level %d", palette_name(theme.palette), level);
            ck_assert_msg(contrast >= 4.5, "%s level %d: contrast %.2f",
                          palette_name(theme.palette), level, contrast);
            last = bg;
        }
    }
}
END_TEST

START_TEST(direct_colour_has_four_steps_to_a_level)
{
    for (int palette = 0; palette < N_PALETTES; palette++) {
        struct theme theme = {.mode = COLOR_TRUE, .palette = (enum palette)palette};
        double last = -1;
        for (int step = 1; step <= STYLE_HEAT_STEPS; step++) {
            unsigned mods = 0;
            enum style style = style_heat_step(step, &mods);
            ck_assert_int_eq(style, style_heat((step + 3) / 4));
            struct ink p = theme_ink(&theme, style, mods);
            double bg = luminance(p.bg), fg = luminance(p.fg);
            double contrast = (fmax(bg, fg) + 0.05) / (fmin(bg, fg) + 0.05);
            ck_assert_msg(bg > last, "%s step %d", palette_name(theme.palette), step);
            ck_assert_msg(contrast >= 4.5, "%s step %d: contrast %.2f", palette_name(theme.palette),
                          step, contrast);
            last = bg;
            theme.mode = COLOR_256; /* the quarters change nothing else */
            ck_assert_int_eq(theme_ink(&theme, style, mods).bg, theme_ink(&theme, style, 0).bg);
            theme.mode = COLOR_TRUE;
        }
    }
}
END_TEST

START_TEST(words_can_be_read_on_either_background)
{
    static const enum style words[] = {STYLE_DIM,   STYLE_TAB_ACTIVE, STYLE_ACCENT, STYLE_MATCH,
                                       STYLE_ERROR, STYLE_WARNING,    STYLE_GOOD,   STYLE_STEERED,
                                       STYLE_PLUS,  STYLE_MINUS};
    for (int light = 0; light < 2; light++)
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
            struct theme theme = {.mode = COLOR_256, .is_light = light};
            double l = luminance(theme_ink(&theme, words[i], 0).fg) + 0.05;
            double contrast = light ? 1.05 / l : l / 0.05;
            ck_assert_msg(contrast >= 4.5, "role %c, light %d: %.2f", style_letter(words[i]), light,
                          contrast);
        }
}
END_TEST

START_TEST(palette_entries_have_the_colours_of_xterm)
{
    for (int index = 16; index < 256; index++)
        ck_assert_double_eq_tol(luminance(index), luminance(INK_RGB + theme_rgb(index)), 1e-12);
}
END_TEST

START_TEST(on_a_light_background_more_is_darker)
{
    struct theme theme = {.mode = COLOR_256, .is_light = true};
    double first = luminance(theme_ink(&theme, STYLE_HEAT_1, 0).bg);
    ck_assert_double_gt(first, luminance(theme_ink(&theme, STYLE_HEAT_8, 0).bg));
}
END_TEST

START_TEST(no_mode_uses_colours_it_does_not_have)
{
    static const int n_colors[] = {0, 8, 16, 256, INK_RGB + N_DIRECT_COLORS};
    for (int mode = 0; mode <= COLOR_TRUE; mode++)
        for (int style = 0; style < N_STYLES; style++) {
            struct theme theme = {.mode = (enum color_mode)mode};
            struct ink p = theme_ink(&theme, (enum style)style, 0);
            ck_assert_int_lt(p.fg, n_colors[mode] ? n_colors[mode] : 0);
            ck_assert_int_lt(p.bg, n_colors[mode] ? n_colors[mode] : 0);
        }
}
END_TEST

START_TEST(the_cursor_shows_on_every_role_in_every_mode)
{
    for (int mode = 0; mode <= COLOR_TRUE; mode++)
        for (int style = 0; style < N_STYLES; style++) {
            struct theme theme = {.mode = (enum color_mode)mode};
            struct ink plain = theme_ink(&theme, (enum style)style, 0);
            struct ink marked = theme_ink(&theme, (enum style)style, MOD_CURSOR);
            ck_assert_uint_eq(plain.attrs ^ marked.attrs, INK_REVERSE);
        }
}
END_TEST

START_TEST(the_mode_is_the_flag_then_no_color_then_the_terminal)
{
    ck_assert_int_eq(theme_mode(NULL, NULL, 256), COLOR_256);
    ck_assert_int_eq(theme_mode(NULL, "", 16), COLOR_16);
    ck_assert_int_eq(theme_mode(NULL, "1", 256), COLOR_MONO);
    ck_assert_int_eq(theme_mode("auto", "1", 256), COLOR_MONO);
    ck_assert_int_eq(theme_mode("256", "1", 256), COLOR_256);
    ck_assert_int_eq(theme_mode("256", NULL, 8), COLOR_8);
    ck_assert_int_eq(theme_mode(NULL, NULL, 1 << 24), COLOR_TRUE);
    ck_assert_int_eq(theme_mode("true", NULL, 1 << 24), COLOR_TRUE);
    ck_assert_int_eq(theme_mode("true", NULL, 256), COLOR_256);
    ck_assert_int_eq(theme_mode("256", NULL, 1 << 24), COLOR_256);
    ck_assert_int_eq(theme_mode("8", NULL, 256), COLOR_8);
    ck_assert_int_eq(theme_mode("ascii", NULL, 256), COLOR_MONO);
    ck_assert_int_eq(theme_mode(NULL, NULL, -1), COLOR_MONO);
}
END_TEST

START_TEST(the_background_is_read_from_colorfgbg)
{
    ck_assert(theme_is_light(NULL, "0;15"));
    ck_assert(theme_is_light(NULL, "0;default;15"));
    ck_assert(!theme_is_light(NULL, "15;0"));
    ck_assert(!theme_is_light(NULL, "7;8"));
    ck_assert(!theme_is_light(NULL, NULL));
    ck_assert(!theme_is_light(NULL, "nonsense"));
    ck_assert(theme_is_light("light", "15;0"));
    ck_assert(!theme_is_light("dark", "0;15"));
}
END_TEST

Suite *suite_theme(void)
{
    Suite *s = suite_create("theme");
    TCase *t = tcase_create("theme");
    tcase_add_test(t, heat_rises_in_lightness_and_text_stays_readable);
    tcase_add_test(t, direct_colour_has_four_steps_to_a_level);
    tcase_add_test(t, words_can_be_read_on_either_background);
    tcase_add_test(t, palette_entries_have_the_colours_of_xterm);
    tcase_add_test(t, on_a_light_background_more_is_darker);
    tcase_add_test(t, no_mode_uses_colours_it_does_not_have);
    tcase_add_test(t, the_cursor_shows_on_every_role_in_every_mode);
    tcase_add_test(t, the_mode_is_the_flag_then_no_color_then_the_terminal);
    tcase_add_test(t, the_background_is_read_from_colorfgbg);
    suite_add_tcase(s, t);
    return s;
}
