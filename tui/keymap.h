/* Keys to actions, from the list in actions.h. */
#ifndef TUI_KEYMAP_H
#define TUI_KEYMAP_H

#include "tui/actions.h"

#include <stddef.h>

struct action_info {
    const char *name;
    unsigned screens; /* union of ON_* */
    const char *keys; /* separated by spaces */
    const char *hint; /* "" for none */
    const char *help;
};
const struct action_info *action_info(enum action action); /* not for ACTION_NONE */

/* The action a key means on a screen (one of ON_READ, ON_CONCEPTS, ON_STEER). */
enum action keymap_find(unsigned screen, int key);

/* Key of a name such as "j", "Ctrl-L", "PgUp", "Enter"; KEY_NONE for anything else. */
int key_from_name(const char *name, size_t len);

#endif
