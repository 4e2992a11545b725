#include "tui/keymap.h"

#include "tui/keys.h"

#include <assert.h>
#include <string.h>

static const struct action_info ACTIONS[] = {
#define ACTION(name, screens, keys, hint, help) {#name, screens, keys, hint, help},
    ACTION_LIST(ACTION)
#undef ACTION
};

const struct action_info *action_info(enum action action)
{
    assert(action > ACTION_NONE && action < N_ACTIONS);
    return &ACTIONS[action - 1];
}

struct key_name {
    const char *name;
    int key;
};

static const struct key_name NAMES[] = {
    {"Enter", KEY_RETURN},    {"Esc", KEY_ESCAPE},         {"Tab", KEY_TAB},
    {"Space", KEY_SPACE},     {"Shift-Tab", KEY_BACK_TAB}, {"Up", KEY_ARROW_UP},
    {"Down", KEY_ARROW_DOWN}, {"Left", KEY_ARROW_LEFT},    {"Right", KEY_ARROW_RIGHT},
    {"Home", KEY_TO_HOME},    {"End", KEY_TO_END},         {"PgUp", KEY_PAGE_UP},
    {"PgDn", KEY_PAGE_DOWN},
};

int key_from_name(const char *name, size_t len)
{
    if (len == 1)
        return (unsigned char)name[0];
    if (len == 6 && memcmp(name, "Ctrl-", 5) == 0)
        return key_ctrl(name[5]);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (strlen(NAMES[i].name) == len && memcmp(NAMES[i].name, name, len) == 0)
            return NAMES[i].key;
    return KEY_NONE;
}

static int has_key(const char *keys, int key)
{
    while (*keys) {
        size_t len = strcspn(keys, " ");
        if (key_from_name(keys, len) == key)
            return 1;
        keys += len;
        keys += strspn(keys, " ");
    }
    return 0;
}

enum action keymap_find(unsigned screen, int key)
{
    for (int a = ACTION_NONE + 1; a < N_ACTIONS; a++)
        if (ACTIONS[a - 1].screens & screen && has_key(ACTIONS[a - 1].keys, key))
            return (enum action)a;
    return ACTION_NONE;
}
