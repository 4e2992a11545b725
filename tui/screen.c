/* The terminal; sole user of ncurses. */
#define NCURSES_NOMACROS
#include <ncurses.h>

int screen_columns(void);

int screen_columns(void)
{
    return COLS;
}
