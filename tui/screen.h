/* The terminal: start and stop, frames out, keys and mouse in. Sole user of ncurses. UI thread.
 *
 * The terminal is put back as it was on every way out: screen_stop, exit, a fatal signal, lack of
 * memory. There is one screen per process. */
#ifndef TUI_SCREEN_H
#define TUI_SCREEN_H

#include "data/err.h"
#include "tui/event.h"
#include "tui/grid.h"
#include "tui/theme.h"

#include <stdbool.h>

/* Takes over the terminal. Fails (ERR_UNSUPPORTED) where standard input or output is none, or it
 * cannot place its cursor. */
int screen_start(struct err *err) ERR_CHECK;
void screen_stop(void); /* may be called twice */

int screen_colors(void);   /* how many the terminal has; 0 or less: none */
bool screen_is_utf8(void); /* can it show more than ASCII? main has set the locale */
void screen_size(int *height, int *width);

void screen_blit(const struct grid *g, const struct theme *theme);
void screen_redraw(void); /* the next blit paints everything again */
void screen_mouse(bool on);
void screen_suspend(void); /* to the shell; returns when the program goes on */

/* Next key, mouse event or paste that has arrived; false when there is none. */
bool screen_read(struct event *out);

#endif
