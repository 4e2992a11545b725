/* The single list of actions. From it come the enum, the default keys, the help view and the hint
 * line.
 *
 * ACTION(NAME, screens, "keys", "hint", "help line")
 * screens: where it works (R read, C concepts, S steer). keys: separated by spaces, the first is
 * the one that is shown. hint: a short text for the hint line, "" for none. */
#ifndef TUI_ACTIONS_H
#define TUI_ACTIONS_H

enum { ON_READ = 1, ON_CONCEPTS = 2, ON_STEER = 4, ON_ALL = 7 };

#define ACTION_LIST(ACTION)                                                                     \
    ACTION(EDIT, ON_READ, "i", "edit", "type a prompt; Enter runs it, Ctrl-J: new line")        \
    ACTION(TOKEN_LEFT, ON_READ, "h Left", "l token", "previous token")                          \
    ACTION(TOKEN_RIGHT, ON_READ, "l Right", "", "next token")                                   \
    ACTION(POOL, ON_READ, "p", "token/prompt",                                                  \
           "list concepts at the cursor token, or over the whole prompt")                       \
    ACTION(NUMBERS, ON_READ, "#", "", "numbers under the tokens")                               \
    ACTION(UNIT, ON_READ | ON_CONCEPTS, "U", "", "next unit: margin, z, share, raw")            \
    ACTION(FILTER, ON_CONCEPTS, "/", "filter", "filter the labels by a regular expression")     \
    ACTION(FIND, ON_READ | ON_STEER, "/", "", "screen Concepts, its filter open")               \
    ACTION(OPEN, ON_READ | ON_CONCEPTS, "Enter", "page", "the selected concept's page")         \
    ACTION(SORT, ON_CONCEPTS, "s", "sort", "sort by row, prompt, act_max, relevance or label")  \
    ACTION(GENRE, ON_CONCEPTS, "f", "genre", "list all concepts, or those of one genre")        \
    ACTION(FUZZY, ON_CONCEPTS, "Ctrl-R", "", "the filter: a regular expression, or fuzzy")      \
    ACTION(PIN, ON_READ | ON_CONCEPTS, "Space", "pin", "pin the concept: a bar row of its own") \
    ACTION(STEER, ON_READ | ON_CONCEPTS, "S", "steer", "put the concept into the rack")         \
    ACTION(WEAKER, ON_STEER, "h Left", "l slide", "slider down by 0.05")                        \
    ACTION(STRONGER, ON_STEER, "l Right", "", "slider up by 0.05")                              \
    ACTION(MINUS, ON_STEER, "-", "", "slider down by 0.1")                                      \
    ACTION(PLUS, ON_STEER, "+", "", "slider up by 0.1")                                         \
    ACTION(MUCH_WEAKER, ON_STEER, "[", "", "slider down by 0.5")                                \
    ACTION(MUCH_STRONGER, ON_STEER, "]", "", "slider up by 0.5")                                \
    ACTION(ZERO, ON_STEER, "0", "", "slider to zero")                                           \
    ACTION(FLIP, ON_STEER, "~", "flip", "the other sign")                                       \
    ACTION(VALUE, ON_STEER, "Enter", "value", "type the factor")                                \
    ACTION(KIND, ON_STEER, "t", "kind", "add, clamp, threshold or project out")                 \
    ACTION(TOGGLE, ON_STEER, "Space", "on/off", "slot on or off")                               \
    ACTION(REMOVE, ON_STEER, "X", "remove", "remove the slot")                                  \
    ACTION(KEEP, ON_STEER, "S", "", "keep the automatic slot when the text changes")            \
    ACTION(ADD, ON_STEER, "a", "add", "choose a concept to add")                                \
    ACTION(EDIT_STEER, ON_STEER, "i", "edit", "type a prompt")                                  \
    ACTION(RESEED, ON_STEER, "R", "", "run again with another seed")                            \
    ACTION(TEMPERATURE, ON_STEER, "T", "", "greedy, or temperature 0.7 or 1.0")                 \
    ACTION(RERUN, ON_READ | ON_STEER, "r", "", "run again")                                     \
    ACTION(EXAMPLE, ON_READ | ON_STEER, "o", "example", "next example")                         \
    ACTION(EXAMPLE_BACK, ON_READ | ON_STEER, "O", "", "previous example")                       \
    ACTION(UP, ON_ALL, "k Up", "", "up")                                                        \
    ACTION(DOWN, ON_ALL, "j Down", "", "down")                                                  \
    ACTION(FIRST, ON_ALL, "g Home", "", "first")                                                \
    ACTION(LAST, ON_ALL, "G End", "", "last")                                                   \
    ACTION(PAGE_UP, ON_ALL, "Ctrl-U PgUp", "", "half a page up")                                \
    ACTION(PAGE_DOWN, ON_ALL, "Ctrl-D PgDn", "", "half a page down")                            \
    ACTION(NEXT_PANE, ON_ALL, "Tab", "", "next pane")                                           \
    ACTION(PREVIOUS_PANE, ON_ALL, "Shift-Tab", "", "previous pane")                             \
    ACTION(GO_READ, ON_ALL, "1", "", "screen Read")                                             \
    ACTION(GO_CONCEPTS, ON_ALL, "2", "", "screen Concepts")                                     \
    ACTION(GO_STEER, ON_ALL, "3", "", "screen Steer")                                           \
    ACTION(BACK, ON_ALL, "'", "", "the screen before")                                          \
    ACTION(PALETTE, ON_ALL, "c", "", "next palette: viridis, magma, cividis, grey")             \
    ACTION(GAIN_DOWN, ON_ALL, "<", "", "paler tints")                                           \
    ACTION(GAIN_UP, ON_ALL, ">", "", "stronger tints")                                          \
    ACTION(GAIN_AUTO, ON_ALL, "=", "", "tints as at the start")                                 \
    ACTION(MOUSE, ON_ALL, "M", "", "mouse on or off (Shift-drag selects text)")                 \
    ACTION(CANCEL, ON_ALL, "Esc", "", "stop what runs, else back")                              \
    ACTION(INTERRUPT, ON_ALL, "Ctrl-C", "", "stop what runs; twice: quit")                      \
    ACTION(REDRAW, ON_ALL, "Ctrl-L", "", "draw the screen again")                               \
    ACTION(SUSPEND, ON_ALL, "Ctrl-Z", "", "to the shell; fg comes back")                        \
    ACTION(HELP, ON_ALL, "?", "", "this help")                                                  \
    ACTION(QUIT, ON_ALL, "q", "", "quit")

enum action {
    ACTION_NONE,
#define ACTION(name, screens, keys, hint, help) ACTION_##name,
    ACTION_LIST(ACTION)
#undef ACTION
        N_ACTIONS
};

#endif
