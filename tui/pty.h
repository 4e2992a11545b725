/* A program under a pseudo terminal of its own: what it prints is waited for, keys are typed. */
#ifndef TUI_PTY_H
#define TUI_PTY_H

#include "data/err.h"
#include "data/mem.h"

#include <sys/types.h>

struct pty {
    int fd; /* the terminal's other end; -1: none */
    pid_t pid;
    struct buf output; /* all that was printed so far */
    size_t n_matched;  /* bytes of it up to the end of the last match */
};

/* Starts argv (argv[0] is only its name) with TERM=xterm-256color on rows x columns. A program that
 * cannot be started prints nothing. pty_stop is due if this succeeds. ERR_IO: no terminal to be
 * had. */
int pty_start(struct pty *p, const char *program, char *const *argv, int rows, int columns,
              struct err *err) ERR_CHECK;

/* Waits until `text` is printed after the last match. ERR_LIMIT: it was not within `seconds`, or
 * the program ended. */
int pty_expect(struct pty *p, const char *text, double seconds, struct err *err) ERR_CHECK;

int pty_type(struct pty *p, const char *keys, struct err *err) ERR_CHECK;

/* Ends the program, by force if it does not within a second. */
void pty_stop(struct pty *p);

#endif
