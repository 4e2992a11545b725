#include "tui/theme.h"

#include <assert.h>
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

const char *color_mode_name(enum color_mode mode)
{
    static const char *const names[] = {"mono", "8", "16", "256"};
    return names[mode];
}

static struct ink heat_256(const struct theme *theme, int level)
{
    const struct heat_list *list = &HEAT[theme->palette];
    int i = theme->is_light ? STYLE_HEAT_LEVELS - level : level - 1;
    return (struct ink){i >= list->first_black ? BLACK : WHITE, list->bg[i], 0};
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

static struct ink ink_heat(const struct theme *theme, int level)
{
    switch (theme->mode) {
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
    int fg[4]; /* by color_mode; -1: default */
    unsigned attrs[4];
};

/* No dark blue on black, no yellow on white: middle tones that read on both. */
static const struct role_ink ROLES[] = {
    [STYLE_TEXT] = {{-1, -1, -1, -1}, {0, 0, 0, 0}},
    [STYLE_DIM] = {{-1, -1, 8, 244}, {INK_DIM, INK_DIM, 0, 0}},
    [STYLE_TITLE] = {{-1, -1, -1, -1}, {INK_BOLD, INK_BOLD, INK_BOLD, INK_BOLD}},
    [STYLE_TAB] = {{-1, -1, -1, -1}, {0, 0, 0, 0}},
    [STYLE_TAB_ACTIVE] = {{-1, 6, 6, 37}, {INK_BOLD, INK_BOLD, INK_BOLD, INK_BOLD}},
    [STYLE_RULE] = {{-1, -1, 8, 242}, {INK_DIM, INK_DIM, 0, 0}},
    [STYLE_ACCENT] = {{-1, 6, 6, 37}, {INK_BOLD, 0, 0, 0}},
    [STYLE_MATCH] = {{-1, 5, 5, 170}, {INK_UNDERLINE, INK_UNDERLINE, INK_UNDERLINE, INK_UNDERLINE}},
    [STYLE_SELECTED] = {{-1, -1, -1, -1}, {INK_REVERSE, INK_REVERSE, INK_REVERSE, INK_REVERSE}},
    [STYLE_ERROR] = {{-1, 1, 9, 167}, {INK_BOLD, INK_BOLD, INK_BOLD, INK_BOLD}},
    [STYLE_WARNING] = {{-1, 5, 13, 172}, {INK_BOLD, 0, 0, 0}},
    [STYLE_GOOD] = {{-1, 6, 6, 37}, {0, 0, 0, 0}},
    [STYLE_STEERED] = {{-1, 6, 6, 37}, {INK_BOLD, INK_BOLD, INK_BOLD, INK_BOLD}},
    [STYLE_DIFFERS] = {{-1, 5, 13, 208},
                       {INK_BOLD | INK_UNDERLINE, INK_BOLD | INK_UNDERLINE,
                        INK_BOLD | INK_UNDERLINE, INK_BOLD | INK_UNDERLINE}},
    [STYLE_PLUS] = {{-1, 5, 5, 172}, {0, 0, 0, 0}},
    [STYLE_MINUS] = {{-1, 6, 6, 32}, {0, INK_UNDERLINE, 0, 0}},
    [STYLE_BAR] = {{-1, -1, -1, 37}, {0, 0, 0, 0}},
};

struct ink theme_ink(const struct theme *theme, enum style style, unsigned mods)
{
    assert(style < N_STYLES);
    struct ink p;
    if (style >= STYLE_HEAT_1)
        p = ink_heat(theme, (int)style - (int)STYLE_HEAT_1 + 1);
    else
        p = (struct ink){ROLES[style].fg[theme->mode], -1, ROLES[style].attrs[theme->mode]};
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
    return n_colors >= 256  ? COLOR_256
           : n_colors >= 16 ? COLOR_16
           : n_colors >= 8  ? COLOR_8
                            : COLOR_MONO;
}

enum color_mode theme_mode(const char *choice, const char *no_color, int n_colors)
{
    enum color_mode best = mode_of_colors(n_colors);
    if (choice && strcmp(choice, "auto") != 0) {
        enum color_mode wanted = strcmp(choice, "mono") == 0 || strcmp(choice, "ascii") == 0
                                     ? COLOR_MONO
                                 : strcmp(choice, "8") == 0  ? COLOR_8
                                 : strcmp(choice, "16") == 0 ? COLOR_16
                                                             : COLOR_256;
        return wanted < best ? wanted : best;
    }
    return no_color && *no_color ? COLOR_MONO : best;
}

bool theme_is_light(const char *colorfgbg)
{
    const char *last = colorfgbg ? strrchr(colorfgbg, ';') : NULL;
    if (!last)
        return false;
    int bg = atoi(last + 1);
    return bg == 7 || (bg >= 9 && bg <= 15);
}
