#include "tui/line_edit.h"

#include "data/text.h"
#include "tui/keys.h"

#include <ctype.h>
#include <string.h>

void line_edit_clear(struct line_edit *e)
{
    buf_clear(&e->text);
    buf_clear(&e->kill);
    e->cursor = 0;
}

const char *line_edit_text(const struct line_edit *e)
{
    return buf_cstr(&e->text);
}

void line_edit_set(struct line_edit *e, const char *text)
{
    buf_clear(&e->text);
    e->cursor = 0;
    line_edit_insert(e, text, strlen(text));
}

static size_t char_len(const struct line_edit *e, size_t at)
{
    uint32_t cp;
    int n = utf8_decode(&cp, e->text.data + at, e->text.len - at);
    return n > 0 ? (size_t)n : 1;
}

/* Is the character at `at` drawn on the one before it? Editing treats both as one. */
static bool is_joined(const struct line_edit *e, size_t at)
{
    uint32_t cp;
    return at < e->text.len && utf8_decode(&cp, e->text.data + at, e->text.len - at) > 0 &&
           text_width_char(cp) == 0;
}

static size_t step_right(const struct line_edit *e, size_t at)
{
    if (at < e->text.len)
        at += char_len(e, at);
    while (is_joined(e, at))
        at += char_len(e, at);
    return at;
}

static size_t step_left(const struct line_edit *e, size_t at)
{
    while (at > 0) {
        do
            at--;
        while (at > 0 && ((unsigned char)e->text.data[at] & 0xc0) == 0x80);
        if (!is_joined(e, at))
            break;
    }
    return at;
}

static bool is_word(const struct line_edit *e, size_t at)
{
    unsigned char c = (unsigned char)e->text.data[at];
    return c >= 0x80 || isalnum(c) || c == '_';
}

static size_t word_left(const struct line_edit *e, size_t at)
{
    while (at > 0 && !is_word(e, at - 1))
        at--;
    while (at > 0 && is_word(e, at - 1))
        at--;
    return at;
}

static size_t word_right(const struct line_edit *e, size_t at)
{
    while (at < e->text.len && !is_word(e, at))
        at++;
    while (at < e->text.len && is_word(e, at))
        at++;
    return at;
}

/* Ctrl-W of the shell: back to the last space. */
static size_t blank_left(const struct line_edit *e, size_t at)
{
    while (at > 0 && isspace((unsigned char)e->text.data[at - 1]))
        at--;
    while (at > 0 && !isspace((unsigned char)e->text.data[at - 1]))
        at--;
    return at;
}

static size_t line_start(const struct line_edit *e, size_t at)
{
    while (at > 0 && e->text.data[at - 1] != '\n')
        at--;
    return at;
}

static size_t line_end(const struct line_edit *e, size_t at)
{
    while (at < e->text.len && e->text.data[at] != '\n')
        at++;
    return at;
}

static void insert_raw(struct line_edit *e, const char *s, size_t len)
{
    struct buf joined = {0};
    buf_add(&joined, buf_cstr(&e->text), e->cursor);
    buf_add(&joined, s, len);
    buf_add(&joined, buf_cstr(&e->text) + e->cursor, e->text.len - e->cursor);
    buf_clear(&e->text);
    e->text = joined;
    e->cursor += len;
}

void line_edit_insert(struct line_edit *e, const char *s, size_t len)
{
    struct buf clean = {0};
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        int n = utf8_decode(&cp, s + i, len - i);
        if (n == 0)
            buf_str(&clean, "\xef\xbf\xbd");
        else if (cp == '\r' || cp == '\n')
            buf_char(&clean, e->multi_line ? '\n' : ' ');
        else if (cp == '\t' || text_width_char(cp) >= 0)
            buf_add(&clean, s + i, (size_t)n);
        /* CR LF is one newline */
        i += cp == '\r' && i + 1 < len && s[i + 1] == '\n' ? 2 : n ? (size_t)n : 1;
    }
    insert_raw(e, buf_cstr(&clean), clean.len);
    buf_clear(&clean);
}

static enum line_edit_result cut(struct line_edit *e, size_t from, size_t to, bool keep)
{
    if (from == to)
        return LINE_EDIT_MOVED;
    if (keep) {
        buf_clear(&e->kill);
        buf_add(&e->kill, e->text.data + from, to - from);
    }
    memmove(e->text.data + from, e->text.data + to, e->text.len - to + 1);
    e->text.len -= to - from;
    e->cursor = from;
    return LINE_EDIT_CHANGED;
}

static enum line_edit_result move_to(struct line_edit *e, size_t at)
{
    e->cursor = at;
    return LINE_EDIT_MOVED;
}

static enum line_edit_result move_line(struct line_edit *e, int key)
{
    size_t start = line_start(e, e->cursor), column = e->cursor - start;
    size_t target;
    if (!e->multi_line)
        return LINE_EDIT_IGNORED;
    if (key == KEY_ARROW_UP) {
        if (start == 0)
            return LINE_EDIT_IGNORED;
        target = line_start(e, start - 1);
    } else {
        if (line_end(e, e->cursor) == e->text.len)
            return LINE_EDIT_IGNORED;
        target = line_end(e, e->cursor) + 1;
    }
    size_t end = line_end(e, target);
    target = target + column < end ? target + column : end;
    while (target > 0 && target < e->text.len &&
           ((unsigned char)e->text.data[target] & 0xc0) == 0x80)
        target--;
    return move_to(e, target);
}

static enum line_edit_result insert_text(struct line_edit *e, const char *s, size_t len)
{
    line_edit_insert(e, s, len);
    return LINE_EDIT_CHANGED;
}

static enum line_edit_result key_char(struct line_edit *e, int key)
{
    char bytes[4];
    if (key < 32 || key > 0x10ffff || text_width_char((uint32_t)key) < 0)
        return LINE_EDIT_IGNORED;
    return insert_text(e, bytes, (size_t)utf8_encode(bytes, (uint32_t)key));
}

static enum line_edit_result key_ctrl_or_char(struct line_edit *e, int key)
{
    size_t at = e->cursor;
    if (key == key_ctrl('A'))
        return move_to(e, line_start(e, at));
    if (key == key_ctrl('E'))
        return move_to(e, line_end(e, at));
    if (key == key_ctrl('B'))
        return move_to(e, step_left(e, at));
    if (key == key_ctrl('F'))
        return move_to(e, step_right(e, at));
    if (key == key_ctrl('D'))
        return cut(e, at, step_right(e, at), false);
    if (key == key_ctrl('W'))
        return cut(e, blank_left(e, at), at, true);
    if (key == key_ctrl('U')) /* line by line, a pasted text is hard to be rid of */
        return e->multi_line ? cut(e, 0, e->text.len, true) : cut(e, 0, at, true);
    if (key == key_ctrl('K'))
        return cut(e, at, line_end(e, at), true);
    if (key == key_ctrl('Y'))
        return insert_text(e, buf_cstr(&e->kill), e->kill.len);
    return key_char(e, key);
}

enum line_edit_result line_edit_key(struct line_edit *e, int key)
{
    size_t at = e->cursor;
    switch (key) {
    case KEY_ARROW_LEFT:
        return move_to(e, step_left(e, at));
    case KEY_ARROW_RIGHT:
        return move_to(e, step_right(e, at));
    case KEY_ARROW_UP:
    case KEY_ARROW_DOWN:
        return move_line(e, key);
    case KEY_TO_HOME:
        return move_to(e, line_start(e, at));
    case KEY_TO_END:
        return move_to(e, line_end(e, at));
    case KEY_RUBOUT:
    case 8:
        return cut(e, step_left(e, at), at, false);
    case KEY_DELETE:
        return cut(e, at, step_right(e, at), false);
    case KEY_ALT + 'b':
        return move_to(e, word_left(e, at));
    case KEY_ALT + 'f':
        return move_to(e, word_right(e, at));
    case KEY_ALT + 'd':
        return cut(e, at, word_right(e, at), true);
    case KEY_ALT + KEY_RUBOUT:
        return cut(e, word_left(e, at), at, true);
    case KEY_CTRL_J:
    case KEY_ALT + KEY_RETURN:
        return e->multi_line ? insert_text(e, "\n", 1) : LINE_EDIT_IGNORED;
    default:
        return key_ctrl_or_char(e, key);
    }
}

bool line_edit_next(const struct line_edit *e, int width, struct line_edit_spot *spot)
{
    width = width > 0 ? width : 1;
    if (spot->begun) {
        if (spot->at >= e->text.len)
            return false;
        spot->col += spot->columns;
        if (e->text.data[spot->at] == '\n') {
            spot->row++;
            spot->col = 0;
        }
        spot->at += spot->len;
    }
    spot->begun = true;
    bool at_end = spot->at >= e->text.len;
    spot->len = at_end ? 0 : char_len(e, spot->at);
    spot->columns = at_end ? 1
                    : e->text.data[spot->at] == '\n'
                        ? 0
                        : text_width(e->text.data + spot->at, spot->len);
    if (spot->col + spot->columns > width) {
        spot->row++;
        spot->col = 0;
    }
    return true;
}

int line_edit_place(const struct line_edit *e, int width, int *row, int *col)
{
    struct line_edit_spot spot = {0};
    while (line_edit_next(e, width, &spot)) {
        if (spot.at != e->cursor)
            continue;
        if (row)
            *row = spot.row;
        if (col)
            *col = spot.col;
    }
    return spot.row + 1;
}
