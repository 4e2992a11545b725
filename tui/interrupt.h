/* Ctrl-C and requests to end that are to be noticed instead of ending the program: for long work
 * that has something to put away first. */
#ifndef TUI_INTERRUPT_H
#define TUI_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

struct interrupt {
    struct sigaction old[3];
};

/* Between the two, SIGINT, SIGTERM and SIGHUP are only noticed; one that is ignored stays so. They
 * do not nest. */
void interrupt_catch(struct interrupt *i);
void interrupt_release(const struct interrupt *i);

/* Did one come since interrupt_catch? */
bool interrupt_came(void);

#endif
