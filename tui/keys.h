/* Keys as the program knows them: a code point, a control code, or one of these. */
#ifndef TUI_KEYS_H
#define TUI_KEYS_H

enum key {
    KEY_NONE = 0,
    KEY_CTRL_J = 10,
    KEY_TAB = 9,
    KEY_RETURN = 13,
    KEY_ESCAPE = 27,
    KEY_SPACE = 32,
    KEY_RUBOUT = 127,
    KEY_SPECIAL = 0x110000, /* above all code points */
    KEY_ARROW_UP,
    KEY_ARROW_DOWN,
    KEY_ARROW_LEFT,
    KEY_ARROW_RIGHT,
    KEY_TO_HOME,
    KEY_TO_END,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_DELETE,
    KEY_BACK_TAB,
    KEY_ALT = 0x1000000, /* added to any of the above */
};

/* Ctrl and a letter. */
static inline int key_ctrl(char letter)
{
    return letter & 0x1f;
}

#endif
