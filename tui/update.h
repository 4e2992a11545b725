/* State and event to new state and commands. Pure: no I/O, no clock, no terminal, no model. */
#ifndef TUI_UPDATE_H
#define TUI_UPDATE_H

#include "tui/app.h"

enum cmd_kind {
    CMD_RUN,     /* read the prompt and, with `answers`, answer it under the rack */
    CMD_CANCEL,  /* stop all runs up to `job` */
    CMD_DETAIL,  /* look into concept `row` */
    CMD_SEARCH,  /* match the filter against the labels */
    CMD_REDRAW,  /* paint the whole terminal again */
    CMD_MOUSE,   /* mouse reports as app->mouse_on says */
    CMD_SUSPEND, /* to the shell */
    CMD_QUIT,
};

struct cmd {
    enum cmd_kind kind;
    unsigned job;
    size_t row;
    bool answers;
};

enum { MAX_CMDS = 16 };
struct cmds {
    struct cmd items[MAX_CMDS];
    int n;
};

/* Takes what it keeps out of the event (see event.h). Appends to *out. */
void app_update(struct app *app, struct event *event, struct cmds *out);

/* Puts a text into the prompt, as if it had been typed before the start. */
void app_set_prompt(struct app *app, const char *text);

#endif
