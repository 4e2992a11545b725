#define NCURSES_NOMACROS
#define NCURSES_WIDECHAR 1
#include <ncurses.h>
#include <term.h>

#include "tui/screen.h"

#include "data/mem.h"
#include "data/text.h"
#include "tui/way_back.h"

#include <langinfo.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

enum {
    CODE_PASTE_BEGIN = 0x400, /* ours, above ncurses' own key codes */
    CODE_PASTE_END = 0x401,
    CODE_WORD_LEFT = 0x402,
    CODE_WORD_RIGHT = 0x403,
    MAX_PAIRS = 256,
    MAX_PASTE = 1 << 20, /* bytes */
};

static const char SYNC_BEGIN[] = "\033[?2026h", SYNC_END[] = "\033[?2026l";
static const char PASTE_ON[] = "\033[?2004h", PASTE_OFF[] = "\033[?2004l";
static const char DRAG_ON[] = "\033[?1002h";
static const char MOUSE_OFF[] = "\033[?1002l\033[?1000l\033[?1006l";

static void prepare_way_back(void)
{
    way_back_add(SYNC_END);
    way_back_add(PASTE_OFF);
    way_back_add(MOUSE_OFF);
    way_back_add(tigetstr("sgr0"));
    way_back_add(tigetstr("rmkx"));
    way_back_add(tigetstr("cnorm"));
    const char *rmcup = tigetstr("rmcup");
    /* without a second screen to leave, what was drawn would stay around the shell's prompt */
    way_back_add(rmcup && rmcup != (const char *)-1 ? rmcup : tigetstr("clear"));
}

/* --- start and stop --- */

static int refuse(struct err *err, const char *what)
{
    const char *term = getenv("TERM");
    err_set(err, ERR_UNSUPPORTED, "the screens cannot be shown: %s (TERM=%s)", what,
            term ? term : "");
    err_hint(err, "Run it in a terminal, or use a subcommand: axscope read, search, show, steer.");
    return ERR_UNSUPPORTED;
}

/* Also where the terminal's description knows the sequence under a code of its own. */
static void bind(const char *sequence, int code)
{
    define_key(sequence, 0);
    define_key(sequence, code);
}

static void setup_input(void)
{
    raw();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(25);
    define_key("\033[200~", CODE_PASTE_BEGIN);
    define_key("\033[201~", CODE_PASTE_END);
    bind("\033[1;5D", CODE_WORD_LEFT); /* Ctrl and an arrow, Alt and an arrow */
    bind("\033[1;5C", CODE_WORD_RIGHT);
    bind("\033[1;3D", CODE_WORD_LEFT);
    bind("\033[1;3C", CODE_WORD_RIGHT);
}

/* Is there a description of a terminal with 24-bit colours under this name? */
static bool has_direct_colour(const char *name)
{
    int status;
    if (setupterm(name, STDOUT_FILENO, &status) != OK)
        return false;
    bool direct = tigetflag("RGB") > 0 && tigetnum("colors") >= N_DIRECT_COLORS;
    del_curterm(cur_term);
    return direct;
}

/* A terminal that says it has 24-bit colours mostly calls itself xterm-256color or the like, whose
 * description has none; its sibling xterm-direct has, where it is installed. init_color would
 * change the user's palette and is no way. */
static bool direct_terminal(char *out, size_t size)
{
    const char *term = getenv("TERM"), *colorterm = getenv("COLORTERM");
    if (!term || !colorterm ||
        (strcmp(colorterm, "truecolor") != 0 && strcmp(colorterm, "24bit") != 0))
        return false;
    const char *suffix = strstr(term, "-256color");
    int stem = suffix ? (int)(suffix - term) : (int)strlen(term);
    int len = snprintf(out, size, "%.*s-direct", stem, term);
    return len > 0 && (size_t)len < size && has_direct_colour(out);
}

int screen_start(struct err *err)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return refuse(err, "standard input or output is no terminal");
    if (!way_back_keep())
        return refuse(err, "standard input is no terminal");
    way_back_catch_signals();
    mem_set_abort_hook(way_back_take);
    char direct[64];
    if (!newterm(direct_terminal(direct, sizeof direct) ? direct : NULL, stdout, stdin))
        return refuse(err, "its description is not known");
    const char *cup = tigetstr("cup");
    if (!cup || cup == (char *)-1) {
        endwin();
        return refuse(err, "it cannot place its cursor");
    }
    prepare_way_back();
    way_back_arm();
    atexit(screen_stop);
    if (has_colors() && start_color() == OK)
        use_default_colors();
    setup_input();
    way_back_write(PASTE_ON);
    return ERR_OK;
}

void screen_stop(void)
{
    if (!way_back_is_armed())
        return;
    endwin();
    way_back_take();
}

int screen_colors(void)
{
    return has_colors() ? COLORS : 0;
}

bool screen_is_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

void screen_size(int *height, int *width)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
        if (size.ws_row != LINES || size.ws_col != COLS)
            resizeterm(size.ws_row, size.ws_col);
    }
    *height = LINES;
    *width = COLS;
}

void screen_mouse(bool on)
{
    mouseinterval(0);
    mousemask(on ? BUTTON1_PRESSED | BUTTON1_RELEASED | BUTTON4_PRESSED | BUTTON5_PRESSED |
                       REPORT_MOUSE_POSITION
                 : 0,
              NULL);
    way_back_write(on ? DRAG_ON : MOUSE_OFF);
}

void screen_redraw(void)
{
    clearok(curscr, TRUE);
}

void screen_suspend(void)
{
    def_prog_mode();
    endwin();
    way_back_suspend();
    reset_prog_mode();
    way_back_arm();
    way_back_write(PASTE_ON);
    screen_redraw();
}

/* --- frames --- */

struct pair {
    int fg, bg;
};
static struct pair pairs[MAX_PAIRS];
static int n_pairs = 1; /* 0 is the terminal's own */

/* Ink as the terminal counts colours. With direct colour the first eight numbers stay those of its
 * palette, so that the darkest blues give way by a shade that nobody sees. */
static int color_of(int ink)
{
    if (ink < 0 || COLORS < N_DIRECT_COLORS)
        return ink;
    if (ink < 8)
        return ink;
    int rgb = ink >= INK_RGB ? ink - INK_RGB : theme_rgb(ink);
    return rgb < 8 ? 8 : rgb;
}

static int pair_of(int fg, int bg)
{
    if (fg < 0 && bg < 0)
        return 0;
    for (int i = 1; i < n_pairs; i++)
        if (pairs[i].fg == fg && pairs[i].bg == bg)
            return i;
    if (n_pairs >= MAX_PAIRS || n_pairs >= COLOR_PAIRS)
        return 0;
    pairs[n_pairs] = (struct pair){fg, bg};
    init_extended_pair(n_pairs, color_of(fg), color_of(bg));
    return n_pairs++;
}

static attr_t attrs_of(struct ink p)
{
    return (p.attrs & INK_BOLD ? A_BOLD : A_NORMAL) | (p.attrs & INK_DIM ? A_DIM : A_NORMAL) |
           (p.attrs & INK_REVERSE ? A_REVERSE : A_NORMAL) |
           (p.attrs & INK_UNDERLINE ? A_UNDERLINE : A_NORMAL);
}

/* The cell as wide characters; what the C library would give another width becomes '?'. */
static void cell_text(wchar_t out[CCHARW_MAX + 1], const struct cell *c)
{
    int n = 0;
    for (size_t i = 0; i < c->len && n < CCHARW_MAX;) {
        uint32_t cp;
        int used = utf8_decode(&cp, c->bytes + i, c->len - i);
        if (used == 0)
            break;
        i += (size_t)used;
        int width = wcwidth((wchar_t)cp);
        if (n == 0 && width != c->width)
            cp = '?';
        else if (n > 0 && width != 0)
            break;
        out[n++] = (wchar_t)cp;
    }
    if (n == 0)
        out[n++] = L' ';
    out[n] = L'\0';
}

static void blit_row(const struct grid *g, int y, const struct theme *theme)
{
    for (int x = 0; x < g->width; x++) {
        const struct cell *c = &g->cells[(size_t)y * (size_t)g->width + (size_t)x];
        if (c->width == 0)
            continue;
        wchar_t text[CCHARW_MAX + 1];
        cchar_t cc;
        struct ink p = theme_ink(theme, (enum style)c->style, c->mods);
        cell_text(text, c);
        setcchar(&cc, text, attrs_of(p), (short)pair_of(p.fg, p.bg), NULL);
        mvadd_wch(y, x, &cc);
        if (c->width == 2 && text[0] == L'?')
            mvaddch(y, x + 1, ' ');
    }
}

void screen_blit(const struct grid *g, const struct theme *theme)
{
    for (int y = 0; y < g->height && y < LINES; y++)
        blit_row(g, y, theme);
    curs_set(g->shows_cursor ? 1 : 0);
    if (g->cursor_y >= 0)
        move(g->cursor_y, g->cursor_x);
    wnoutrefresh(stdscr);
    way_back_write(SYNC_BEGIN);
    doupdate();
    way_back_write(SYNC_END);
}

/* --- keys --- */

static const struct {
    int code, key;
} KEY_CODES[] = {
    {KEY_UP, KEY_ARROW_UP},          {KEY_DOWN, KEY_ARROW_DOWN},       {KEY_LEFT, KEY_ARROW_LEFT},
    {KEY_RIGHT, KEY_ARROW_RIGHT},    {KEY_HOME, KEY_TO_HOME},          {KEY_END, KEY_TO_END},
    {KEY_PPAGE, KEY_PAGE_UP},        {KEY_NPAGE, KEY_PAGE_DOWN},       {KEY_DC, KEY_DELETE},
    {KEY_BTAB, KEY_BACK_TAB},        {KEY_BACKSPACE, KEY_RUBOUT},      {KEY_ENTER, KEY_RETURN},
    {CODE_WORD_LEFT, KEY_ALT + 'b'}, {CODE_WORD_RIGHT, KEY_ALT + 'f'},
};

static int key_of_code(int code)
{
    for (size_t i = 0; i < sizeof KEY_CODES / sizeof *KEY_CODES; i++)
        if (KEY_CODES[i].code == code)
            return KEY_CODES[i].key;
    return KEY_NONE;
}

static bool button_down;

static bool read_mouse(struct event *out)
{
    MEVENT m;
    if (getmouse(&m) != OK)
        return false;
    out->kind = EVENT_MOUSE;
    out->y = m.y;
    out->x = m.x;
    if (m.bstate & BUTTON4_PRESSED)
        out->mouse = MOUSE_WHEEL_UP;
    else if (m.bstate & BUTTON5_PRESSED)
        out->mouse = MOUSE_WHEEL_DOWN;
    else if (m.bstate & BUTTON1_RELEASED) {
        button_down = false;
        return false;
    } else if (m.bstate & BUTTON1_PRESSED) {
        out->mouse = button_down ? MOUSE_DRAG : MOUSE_CLICK;
        button_down = true;
    } else if (m.bstate & REPORT_MOUSE_POSITION && button_down)
        out->mouse = MOUSE_DRAG;
    else
        return false;
    return true;
}

static void add_wide(struct buf *b, wint_t c)
{
    char bytes[4];
    buf_add(b, bytes, (size_t)utf8_encode(bytes, (uint32_t)c));
}

/* Everything up to the end mark is text, whatever keys it looks like. */
static bool read_paste(struct event *out)
{
    struct buf text = {0};
    for (;;) {
        wint_t c;
        int rc = get_wch(&c);
        if (rc == KEY_CODE_YES && c == CODE_PASTE_END)
            break;
        if (rc == ERR) { /* more may be on its way */
            struct pollfd p = {STDIN_FILENO, POLLIN, 0};
            if (poll(&p, 1, 500) <= 0)
                break;
        } else if (rc == OK && text.len < MAX_PASTE)
            add_wide(&text, c == '\r' ? '\n' : c);
    }
    out->kind = EVENT_PASTE;
    out->text_len = text.len;
    out->text = text.data ? text.data : mem_strdup("");
    return true;
}

static bool read_alt(struct event *out)
{
    wint_t c;
    int rc = get_wch(&c);
    if (rc == OK)
        out->key = KEY_ALT + (int)c;
    else
        out->key = KEY_ESCAPE; /* alone: the delay has passed */
    return true;
}

bool screen_read(struct event *out)
{
    for (;;) {
        wint_t c;
        int rc = get_wch(&c);
        *out = (struct event){.kind = EVENT_KEY};
        if (rc == ERR)
            return false;
        if (rc == OK) {
            out->key = (int)c;
            return c == 27 ? read_alt(out) : true;
        }
        if (c == CODE_PASTE_BEGIN)
            return read_paste(out);
        if (c == KEY_MOUSE) {
            if (read_mouse(out))
                return true;
            continue;
        }
        out->key = key_of_code((int)c);
        if (out->key != KEY_NONE)
            return true;
    }
}
