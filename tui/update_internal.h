/* The parts of update: one file per screen, the mouse, the worker, and what holds in between. */
#ifndef TUI_UPDATE_INTERNAL_H
#define TUI_UPDATE_INTERNAL_H

#include "tui/actions.h"
#include "tui/update.h"

/* update.c */
void cmd_add(struct cmds *out, struct cmd command);
void update_run(struct app *app, struct cmds *out, bool answers);
bool update_has_weights(struct app *app); /* says so if there are none */
void update_cancel(struct app *app, struct cmds *out);
void update_go(struct app *app, enum screen_id screen);
void update_answers_scroll(struct app *app, int by); /* rows; at the end it follows what comes */
void update_notice(struct app *app, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* update_settle.c: makes lists, cursor and scroll positions agree with the rest of the state. */
void update_settle(struct app *app);

/* update_worker.c */
void update_opened(struct app *app, struct event *e, struct cmds *out);
void update_model(struct app *app, struct event *e, struct cmds *out);
void update_detail(struct app *app, struct event *e);
bool update_is_of_a_run(enum event_kind kind);
void update_run_event(struct app *app, struct event *e, struct cmds *out); /* of older runs: none */

/* update_concepts.c */
void update_select(struct app *app, size_t row); /* the concept all screens share */
void update_choose(struct app *app, size_t row); /* the same, by the user: it stays */
void update_order(struct app *app);              /* rows of the list after filter and sorting */
void update_pin(struct app *app);                /* toggles the selected concept */
/* What does the same wherever a concept is selected; false: no such action. */
bool update_selected_action(struct app *app, enum action action, struct cmds *out);
bool update_concepts_action(struct app *app, enum action action, struct cmds *out);
void update_filter_key(struct app *app, int key, struct cmds *out);
void update_filter_changed(struct app *app, struct cmds *out);
void update_matches(struct app *app, struct event *event);

/* update_read.c */
void update_example(struct app *app, long step, struct cmds *out);
void update_rank(struct app *app);   /* the list on Read */
bool update_listed(struct app *app); /* is the selected concept in it? then its row is selected */
bool update_can_choose(struct app *app); /* is a concept selected, in sight? says so if not */
void update_page_open(struct app *app);  /* the selected concept's page, if there is one */
/* The page, if it is open, by n_rows for the actions that page; false: not for it. */
bool update_page_scroll(struct app *app, enum action action, long n_rows);
void update_unit(struct app *app);
/* What is done to the text and its answers, on Read and Steer; false: no such action. */
bool update_text_action(struct app *app, enum action action, struct cmds *out);
void update_list_move(struct app *app, long by);
bool update_read_action(struct app *app, enum action action, struct cmds *out);
void update_edit_begin(struct app *app);
void update_edit_replace(struct app *app); /* drops an example that what comes replaces */
void update_edit_key(struct app *app, int key, struct cmds *out);
void update_prompt_changed(struct app *app);
void update_reading(struct app *app, struct event *event, struct cmds *out);

/* update_steer.c */
void update_rack_add(struct app *app, size_t row, struct cmds *out);
void update_factor(struct app *app, float factor, struct cmds *out);
bool update_steer_action(struct app *app, enum action action, struct cmds *out);
void update_value_key(struct app *app, int key, struct cmds *out);

/* update_mouse.c */
void update_mouse(struct app *app, const struct event *event, struct cmds *out);

#endif
