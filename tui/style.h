/* What a cell means. Views name a role, never a colour; the theme turns roles into paint. */
#ifndef TUI_STYLE_H
#define TUI_STYLE_H

enum { STYLE_HEAT_LEVELS = 8 };

/* X(NAME, letter in golden screens) */
#define STYLE_LIST(X)                                                   \
    X(TEXT, '.')       /* plain */                                      \
    X(DIM, 'd')        /* secondary: special tokens, units, captions */ \
    X(TITLE, 'T')      /* headings */                                   \
    X(TAB, 't')        /* a screen that is not shown */                 \
    X(TAB_ACTIVE, 'A') /* the screen that is shown */                   \
    X(RULE, '-')       /* lines between panes */                        \
    X(ACCENT, 'a')     /* keys, marks, the prompt sign */               \
    X(MATCH, 'm')      /* span found by the search */                   \
    X(SELECTED, 'S')   /* the row under the cursor */                   \
    X(ERROR, 'E')      /* what failed */                                \
    X(WARNING, 'W')    /* a caution that is no failure */               \
    X(GOOD, 'G')       /* ready, done */                                \
    X(STEERED, 's')    /* what steering changed */                      \
    X(DIFFERS, 'D')    /* first token that differs */                   \
    X(PLUS, '+')       /* a positive factor */                          \
    X(MINUS, '_')      /* a negative factor */                          \
    X(BAR, 'b')        /* bars of the second channel */                 \
    X(HEAT_1, '1')                                                      \
    X(HEAT_2, '2')                                                      \
    X(HEAT_3, '3')                                                      \
    X(HEAT_4, '4')                                                      \
    X(HEAT_5, '5')                                                      \
    X(HEAT_6, '6')                                                      \
    X(HEAT_7, '7')                                                      \
    X(HEAT_8, '8')

enum style {
#define X(name, letter) STYLE_##name,
    STYLE_LIST(X)
#undef X
        N_STYLES
};

/* Added to any role. */
enum style_mods {
    MOD_CURSOR = 1,    /* the selected token or letter: reversed */
    MOD_UNDERLINE = 2, /* strongest value, first difference */
    MOD_BOLD = 4,
    MOD_STALE = 8, /* belongs to an older state: dimmed */
    MOD_PALER =
        16, /* times 0..3: quarters of a level below the heat role, where colours are many */
    MOD_PALER_MASK = 48,
};

enum { STYLE_HEAT_STEPS = 4 * STYLE_HEAT_LEVELS };

char style_letter(enum style style);
/* Role and modifier of a step, 0..STYLE_HEAT_STEPS. */
enum style style_heat_step(int step, unsigned *mods);
enum style style_heat(int level); /* 0: STYLE_TEXT; 1..STYLE_HEAT_LEVELS */

#endif
