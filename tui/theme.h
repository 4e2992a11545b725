/* Roles to ink, for terminals with direct colour, 256, 16, 8 or no colours. Pure: knows no
 * terminal.
 *
 * Heat is an explicit background with a foreground chosen by contrast, from lists fitted for
 * rising lightness under normal and colour-blind vision; level 0 keeps the terminal's own colours.
 * Where colours are too few, the bar row carries the value and paint only underlines it. */
#ifndef TUI_THEME_H
#define TUI_THEME_H

#include "tui/style.h"

#include <stdbool.h>

enum color_mode { COLOR_MONO, COLOR_8, COLOR_16, COLOR_256, COLOR_TRUE };
enum palette { PALETTE_VIRIDIS, PALETTE_MAGMA, PALETTE_CIVIDIS, PALETTE_GREY, N_PALETTES };

struct theme {
    enum color_mode mode;
    enum palette palette;
    bool is_light; /* light background: the heat list is used from its light end */
};

enum { INK_RGB = 1 << 24, N_DIRECT_COLORS = 1 << 24 };

enum ink_attrs { INK_BOLD = 1, INK_DIM = 2, INK_REVERSE = 4, INK_UNDERLINE = 8 };
struct ink {
    int fg, bg;     /* palette index, INK_RGB + 0xRRGGBB, or -1: the terminal's default */
    unsigned attrs; /* union of ink_attrs */
};

struct ink theme_ink(const struct theme *theme, enum style style, unsigned mods);
const char *palette_name(enum palette palette);

/* The mode to use. choice: "auto", "true", "256", "16", "8", "mono", "ascii" or NULL for auto;
 * no_color: the environment's NO_COLOR or NULL; n_colors: what the terminal can do. A choice wins
 * over NO_COLOR, which wins over the terminal; nothing goes beyond n_colors but mono. */
enum color_mode theme_mode(const char *choice, const char *no_color, int n_colors);

/* What a terminal without a palette shows for an entry of the 256: 0xRRGGBB. */
int theme_rgb(int index);

/* Light background: as chosen ("light", "dark"; NULL: not), else from COLORFGBG ("15;0"; NULL:
 * unknown, dark). */
bool theme_is_light(const char *choice, const char *colorfgbg);

#endif
