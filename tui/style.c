#include "tui/style.h"

#include <assert.h>

char style_letter(enum style style)
{
    static const char letters[] = {
#define X(name, letter) letter,
        STYLE_LIST(X)
#undef X
    };
    assert(style < N_STYLES);
    return letters[style];
}

enum style style_heat(int level)
{
    if (level <= 0)
        return STYLE_TEXT;
    if (level > STYLE_HEAT_LEVELS)
        level = STYLE_HEAT_LEVELS;
    return (enum style)((int)STYLE_HEAT_1 + level - 1);
}

enum style style_heat_step(int step, unsigned *mods)
{
    if (step <= 0)
        return STYLE_TEXT;
    if (step > STYLE_HEAT_STEPS)
        step = STYLE_HEAT_STEPS;
    int level = (step + 3) / 4;
    *mods |= (unsigned)(4 * level - step) * MOD_PALER;
    return style_heat(level);
}
