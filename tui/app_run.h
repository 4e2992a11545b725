/* The screens from start to end. */
#ifndef TUI_APP_RUN_H
#define TUI_APP_RUN_H

#include "data/err.h"
#include "tui/args.h"

/* Opens what the arguments name, runs the screens until the user leaves, and puts the terminal
 * back. A failure is the caller's to report, on the normal screen. */
int app_run(const struct args *args, struct err *err) ERR_CHECK;

#endif
