/* Invented state for screens: a dictionary of 24 concepts, a prompt that was read, two answers.
 * No model, no files. */
#ifndef TESTS_TUI_FAKE_APP_H
#define TESTS_TUI_FAKE_APP_H

#include "tui/app.h"
#include "tui/update.h"

enum fake_state {
    FAKE_EMPTY,   /* nothing is open yet */
    FAKE_LOADING, /* labels are there, the model is not */
    FAKE_READY,   /* a prompt was read, nothing was answered */
    FAKE_RUNNING, /* answers are being written */
    FAKE_STEERED, /* both answers are finished */
    FAKE_ERROR,   /* a run failed */
    N_FAKE_STATES
};
const char *fake_state_name(enum fake_state state);

enum { FAKE_CONCEPTS = 24 };

/* Shared and read-only. Without maxima or thresholds the unit is raw. */
const struct dictionary *fake_dictionary(void);
const struct dictionary *fake_dictionary_raw(void);

/* Brings an app to a state through events alone, as the worker would send them. */
void fake_app(struct app *app, enum fake_state state, int height, int width);

/* Sends one event and drops the commands, or keeps them in *out. */
void fake_send(struct app *app, struct event e, struct cmds *out);
void fake_key(struct app *app, int key, struct cmds *out);
void fake_keys(struct app *app, const char *keys); /* one key per character */

struct event fake_opened(const struct dictionary *dict);
struct event fake_reading(unsigned job);
struct event fake_piece(unsigned job, int branch, int id, const char *text);

#endif
