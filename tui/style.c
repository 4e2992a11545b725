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
