/* A progress line on standard error, for work that takes longer than half a second; only on a
 * terminal, and gone when the work is done. */
#ifndef TUI_PROGRESS_H
#define TUI_PROGRESS_H

#include <stdbool.h>

struct progress {
    bool is_on; /* standard error is a terminal */
    bool is_shown;
    double start, last; /* clock_seconds: of the work, of the last line */
    const char *what;   /* borrowed: "reading" */
};

void progress_start(struct progress *p, const char *what);
/* A session_progress_fn; data is the struct progress. Never cancels. */
bool progress_step(void *data, long done, long total);
void progress_end(struct progress *p); /* wipes the line */

#endif
