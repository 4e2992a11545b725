#include "tui/theme.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLACK = 16, WHITE = 231 }; /* of the 256: fixed by the standard, unlike 0..15 */

struct heat_list {
    const char *name;
    unsigned char bg[STYLE_HEAT_LEVELS];
    int first_black; /* levels from here on carry black text */
};

static const struct heat_list HEAT[N_PALETTES] = {
    {"viridis", {53, 55, 25, 30, 36, 42, 149, 226}, 3},
    {"magma", {17, 54, 91, 162, 167, 209, 223, 229}, 4},
    {"cividis", {17, 19, 60, 242, 101, 144, 185, 226}, 4},
    {"grey", {235, 238, 241, 244, 247, 250, 253, 255}, 3},
};

const char *palette_name(enum palette palette)
{
    assert(palette < N_PALETTES);
    return HEAT[palette].name;
}

static struct ink heat_256(const struct theme *theme, int level)
{
    const struct heat_list *list = &HEAT[theme->palette];
    int i = theme->is_light ? STYLE_HEAT_LEVELS - level : level - 1;
    return (struct ink){i >= list->first_black ? BLACK : WHITE, list->bg[i], 0};
}

/* The same maps where any colour can be shown, as points between which is drawn straight: lightness
 * rises all the way. */
enum { N_POINTS = 9 };
static const int POINTS[N_PALETTES][N_POINTS] = {
    {0x440154, 0x472d7b, 0x3b528b, 0x2c728e, 0x21918c, 0x28ae80, 0x5ec962, 0xaddc30, 0xfde725},
    {0x1c1044, 0x4f127b, 0x812581, 0xb5367a, 0xe55064, 0xfb8761, 0xfec287, 0xfcdda0, 0xfcfdbf},
    {0x00224e, 0x123570, 0x3b496c, 0x575d6d, 0x707173, 0x8a8678, 0xa59c74, 0xc3b369, 0xfee838},
    {0x262626, 0x3f3f3f, 0x595959, 0x747474, 0x8f8f8f, 0xaaaaaa, 0xc5c5c5, 0xdfdfdf, 0xf5f5f5},
};

static double luminance(int rgb)
{
    static const double weights[] = {0.2126, 0.7152, 0.0722};
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        double c = (rgb >> (16 - 8 * i) & 0xff) / 255.0;
        sum += weights[i] * (c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
    }
    return sum;
}

/* step 1..STYLE_HEAT_STEPS. Black text where it has more contrast than white. */
static struct ink heat_true(const struct theme *theme, int step)
{
    double t = (double)(step - 1) / (STYLE_HEAT_STEPS - 1) * (N_POINTS - 1);
    if (theme->is_light)
        t = N_POINTS - 1 - t;
    int from = t < N_POINTS - 2 ? (int)t : N_POINTS - 2, rgb = 0;
    for (int shift = 0; shift < 24; shift += 8) {
        int a = POINTS[theme->palette][from] >> shift & 0xff;
        int b = POINTS[theme->palette][from + 1] >> shift & 0xff;
        rgb |= (int)(a + (b - a) * (t - from) + 0.5) << shift;
    }
    double l = luminance(rgb) + 0.05;
    int fg = l / 0.05 > 1.05 / l ? 0x000000 : 0xffffff;
    return (struct ink){INK_RGB + fg, INK_RGB + rgb, 0};
}

int theme_rgb(int index)
{
    static const int ansi[16] = {0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd,
                                 0x00cdcd, 0xe5e5e5, 0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00,
                                 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff};
    static const int cube[] = {0, 95, 135, 175, 215, 255};
    assert(index >= 0 && index < 256);
    if (index < 16)
        return ansi[index];
    if (index >= 232)
        return (8 + 10 * (index - 232)) * 0x010101;
    index -= 16;
    return cube[index / 36] << 16 | cube[index / 6 % 6] << 8 | cube[index % 6];
}

/* Three backgrounds that every 16-colour palette keeps apart from both black and white text. */
static struct ink heat_16(int level)
{
    static const struct ink steps[] = {{15, 4, 0}, {0, 6, 0}, {0, 11, 0}};
    return level <= 2 ? (struct ink){-1, -1, 0} : steps[(level - 3) / 2];
}

static struct ink heat_mono(int level)
{
    return (struct ink){-1, -1,
                        level == STYLE_HEAT_LEVELS ? INK_REVERSE | INK_BOLD
                        : level >= 4               ? INK_BOLD
                                                   : 0};
}

static struct ink ink_heat(const struct theme *theme, int level, unsigned mods)
{
    switch (theme->mode) {
    case COLOR_TRUE:
        return heat_true(theme, 4 * level - (int)(mods & MOD_PALER_MASK) / MOD_PALER);
    case COLOR_256:
        return heat_256(theme, level);
    case COLOR_16:
        return heat_16(level);
    case COLOR_8:
        return heat_mono(level);
    case COLOR_MONO:
        break;
    }
    return (struct ink){-1, -1, level == STYLE_HEAT_LEVELS ? INK_UNDERLINE : 0};
}

struct role_ink {
    int fg[4]; /* by color_mode up to COLOR_256; -1: default */
    unsigned attrs[4];
    int fg_light; /* in place of fg[COLOR_256] on a light background */
};

/* No dark blue on black, no yellow on white: middle tones that read on both. */
static const struct role_ink ROLES[] = {
    [STYLE_TEXT] = {{-1, -1, -1, -1}, {0, 0, 0, 0}, -1},
    [STYLE_DIM] = {{-1, -1, 8, 244}, {INK_DIM, INK_DIM, 0, 0}, 241},
    [STYLE_TITLE] = {{-1, -1, -1, -1}, {INK_BOLD, INK_BOLD, INK_BOLD, INK_BOLD}, -1},
    [STYLE_TAB] = {{-1, -1, -1, -1}, {0, 0, 0, 0}, -1},
    [STYLE_TAB_ACTIVE] = {{-1, 6, 6, 37}, {INK_BOLD, INK_BOLD, INK_BOLD, INK_BOLD}, 24},
    [STYLE_RULE] = {{-1, -1, 8, 242}, {INK_DIM, INK_DIM, 0, 0}, 246},
    [STYLE_ACCENT] = {{-1, 6, 6, 37}, {INK_BOLD, 0, 0, 0}, 24},
    [STYLE_MATCH] = {{-1, 5, 5, 170},
                     {INK_UNDERLINE, INK_UNDERLINE, INK_UNDERLINE, INK_UNDERLINE},
                     127},
    [STYLE_SELECTED] = {{-1, -1, -1, -1}, {INK_REVERSE, INK_REVERSE, INK_REVERSE, INK_REVERSE}, -1},
    [STYLE_ERROR] = {{-1, 1, 9, 167}, {INK_BOLD, INK_BOLD, INK_BOLD, INK_BOLD}, 124},
    [STYLE_WARNING] = {{-1, 5, 13, 172}, {INK_BOLD, 0, 0, 0}, 130},
    [STYLE_GOOD] = {{-1, 6, 6, 37}, {0, 0, 0, 0}, 24},
    [STYLE_STEERED] = {{-1, 6, 6, 37}, {INK_BOLD, INK_BOLD, INK_BOLD, INK_BOLD}, 24},
    [STYLE_DIFFERS] = {{-1, 5, 13, 208},
                       {INK_BOLD | INK_UNDERLINE, INK_BOLD | INK_UNDERLINE,
                        INK_BOLD | INK_UNDERLINE, INK_BOLD | INK_UNDERLINE},
                       130},
    [STYLE_PLUS] = {{-1, 5, 5, 172}, {0, 0, 0, 0}, 130},
    [STYLE_MINUS] = {{-1, 6, 6, 32}, {0, INK_UNDERLINE, 0, 0}, 25},
    [STYLE_BAR] = {{-1, -1, -1, 37}, {0, 0, 0, 0}, 30},
};

struct ink theme_ink(const struct theme *theme, enum style style, unsigned mods)
{
    assert(style < N_STYLES);
    struct ink p;
    if (style >= STYLE_HEAT_1)
        p = ink_heat(theme, (int)style - (int)STYLE_HEAT_1 + 1, mods);
    else { /* the roles' few colours do not gain from more */
        enum color_mode mode = theme->mode == COLOR_TRUE ? COLOR_256 : theme->mode;
        bool light = theme->is_light && mode == COLOR_256;
        p = (struct ink){light ? ROLES[style].fg_light : ROLES[style].fg[mode], -1,
                         ROLES[style].attrs[mode]};
    }
    if (mods & MOD_CURSOR)
        p.attrs ^= INK_REVERSE; /* on what is reversed already, the plain cell stands out */
    if (mods & MOD_UNDERLINE)
        p.attrs |= INK_UNDERLINE;
    if (mods & MOD_BOLD)
        p.attrs |= INK_BOLD;
    if (mods & MOD_STALE && p.bg < 0)
        p.attrs |= INK_DIM;
    return p;
}

static enum color_mode mode_of_colors(int n_colors)
{
    return n_colors >= N_DIRECT_COLORS ? COLOR_TRUE
           : n_colors >= 256           ? COLOR_256
           : n_colors >= 16            ? COLOR_16
           : n_colors >= 8             ? COLOR_8
                                       : COLOR_MONO;
}

enum color_mode theme_mode(const char *choice, const char *no_color, int n_colors)
{
    enum color_mode best = mode_of_colors(n_colors);
    if (choice && strcmp(choice, "auto") != 0) {
        enum color_mode wanted = strcmp(choice, "mono") == 0 || strcmp(choice, "ascii") == 0
                                     ? COLOR_MONO
                                 : strcmp(choice, "8") == 0   ? COLOR_8
                                 : strcmp(choice, "16") == 0  ? COLOR_16
                                 : strcmp(choice, "256") == 0 ? COLOR_256
                                                              : COLOR_TRUE;
        return wanted < best ? wanted : best;
    }
    return no_color && *no_color ? COLOR_MONO : best;
}

bool theme_is_light(const char *choice, const char *colorfgbg)
{
    if (choice)
        return strcmp(choice, "light") == 0;
    const char *last = colorfgbg ? strrchr(colorfgbg, ';') : NULL;
    if (!last)
        return false;
    int bg = atoi(last + 1);
    return bg == 7 || (bg >= 9 && bg <= 15);
}
