/* The way back from the screens: the terminal as it was found, whatever ends the program, and the
 * signals that the screens want to hear of. Works without ncurses, in a signal handler too. There
 * is one per process; UI thread. */
#ifndef TUI_WAY_BACK_H
#define TUI_WAY_BACK_H

#include <stdbool.h>

/* Keeps the modes of the terminal on standard input, and forgets what was added; false if there is
 * none. */
bool way_back_keep(void);
/* What is to be written on the way back, after what was added before: a terminfo string, whose
 * padding marks such as $<5> are left out; nothing for NULL and (char *)-1. */
void way_back_add(const char *s);
void way_back_arm(void); /* from now on there is something to put back */
bool way_back_is_armed(void);
void way_back_take(void); /* puts it back; nothing if that was done */

/* A fatal signal takes the way back; others are noted. Before ncurses starts: it leaves signals
 * alone that have a handler. */
void way_back_catch_signals(void);

/* Takes the way back and stops the process; returns when it goes on, to be armed again. */
void way_back_suspend(void);

int way_back_signal_fd(void); /* readable when a signal was noted; way_back_signals says which */
struct screen_signals {
    bool resized, suspend, resumed;
};
struct screen_signals way_back_signals(void);

/* Straight to standard output, past ncurses. */
void way_back_write(const char *s);

#endif
