/* The program's heartbeat: keys, worker and timer to update; state to the terminal. */
#ifndef TUI_LOOP_H
#define TUI_LOOP_H

#include "tui/app.h"
#include "tui/worker.h"

/* Runs until the user leaves. On a failure to open anything at all: that error. */
int loop_run(struct app *app, struct worker *worker, struct err *err) ERR_CHECK;

#endif
