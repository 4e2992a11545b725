/* State and event to new state and commands. Pure: no I/O, no clock, no terminal, no model. */
#ifndef TUI_UPDATE_H
#define TUI_UPDATE_H

#include "tui/app.h"

enum command_kind {
    COMMAND_RUN,     /* read the prompt and, with `answers`, answer it under the rack */
    COMMAND_CANCEL,  /* stop all runs up to `job` */
    COMMAND_DETAIL,  /* look into concept `row` */
    COMMAND_SEARCH,  /* match the filter against the labels */
    COMMAND_REDRAW,  /* paint the whole terminal again */
    COMMAND_MOUSE,   /* mouse reports as app->mouse_on says */
    COMMAND_SUSPEND, /* to the shell */
    COMMAND_QUIT,
};

struct command {
    enum command_kind kind;
    unsigned job;
    size_t row;
    bool answers;
};

enum { MAX_COMMANDS = 16 };
struct commands {
    struct command items[MAX_COMMANDS];
    int n;
};

/* Takes what it keeps out of the event (see event.h). Appends to *out. */
void app_update(struct app *app, struct event *event, struct commands *out);

/* Puts a text into the prompt, as if it had been typed before the start. */
void app_set_prompt(struct app *app, const char *text);

#endif
