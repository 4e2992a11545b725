#include "data/concept_search.h"

#include "data/fuzzy_match.h"
#include "data/mem.h"
#include "data/text.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Labels are short: a pattern that needs more than this on one of them is backtracking wildly. */
#define MATCH_LIMIT 100000
#define HEAP_LIMIT_KIB 4096
#define JIT_STACK_MIN ((size_t)32 << 10)
#define JIT_STACK_MAX ((size_t)1 << 20)
#define MAX_PATTERN_BYTES 4096
#define CLOCK_ROWS 64 /* the clock is read once in so many labels */
/* for patterns that are slow on every label, but below the limit on each */
#define MAX_SECONDS 1.0

struct concept_search {
    const struct labels *labels; /* borrowed */
    pcre2_compile_context *compile;
    pcre2_match_context *match;
    pcre2_match_data *data; /* one pair: groups are not asked for */
    pcre2_jit_stack *jit_stack;
    pcre2_code *upper_case; /* finds an upper-case letter */
    bool *is_ascii;         /* [labels->n] owned */
    uint32_t *letters;      /* [labels->n] owned: fuzzy_letters of each label */
    struct fuzzy_pattern *fuzzy;
    double max_seconds;
};

/* A compiled pattern; code is NULL where there is none. */
struct matcher {
    pcre2_code *code;
    bool has_jit;
};

/* One search. Nearly all labels are ASCII, and on these most patterns mean the same without
 * Unicode properties, which cost ten times as much. */
struct run {
    struct concept_search *search;
    struct matcher full;  /* UTF-8 and Unicode properties */
    struct matcher ascii; /* the same pattern over bytes */
    struct concept_matches *out;
    size_t cap_rows, cap_spans;
    struct err *err;
};

static bool is_ascii(const char *text, size_t len)
{
    unsigned char all = 0;
    for (size_t i = 0; i < len; i++)
        all |= (unsigned char)text[i];
    return all < 0x80;
}

int concept_search_new(struct concept_search **out, const struct labels *labels, struct err *err)
{
    struct concept_search *s = mem_zalloc(1, sizeof *s);
    int code;
    size_t offset;
    s->labels = labels;
    s->max_seconds = MAX_SECONDS;
    s->compile = pcre2_compile_context_create(NULL);
    s->match = pcre2_match_context_create(NULL);
    s->data = pcre2_match_data_create(1, NULL);
    s->jit_stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
    s->upper_case = pcre2_compile((PCRE2_SPTR) "\\p{Lu}", PCRE2_ZERO_TERMINATED,
                                  PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &code, &offset, NULL);
    if (!s->compile || !s->match || !s->data || !s->upper_case) {
        concept_search_free(s);
        return err_set(err, ERR_NOMEM, "no memory for the search of labels");
    }
    pcre2_set_max_pattern_length(s->compile, MAX_PATTERN_BYTES);
    pcre2_set_match_limit(s->match, MATCH_LIMIT);
    pcre2_set_heap_limit(s->match, HEAP_LIMIT_KIB);
    if (s->jit_stack) /* there is none where the processor has no JIT */
        pcre2_jit_stack_assign(s->match, NULL, s->jit_stack);
    s->is_ascii = mem_alloc(labels->n + 1, sizeof *s->is_ascii);
    s->letters = mem_alloc(labels->n + 1, sizeof *s->letters);
    s->fuzzy = mem_zalloc(1, sizeof *s->fuzzy);
    for (size_t row = 0; row < labels->n; row++) {
        const struct label *label = &labels->rows[row];
        s->is_ascii[row] = is_ascii(label->text, label->text_len);
        s->letters[row] = fuzzy_letters(label->text, label->text_len);
    }
    *out = s;
    return ERR_OK;
}

void concept_search_free(struct concept_search *s)
{
    if (!s)
        return;
    free(s->is_ascii);
    free(s->letters);
    free(s->fuzzy);
    pcre2_code_free(s->upper_case);
    pcre2_jit_stack_free(s->jit_stack);
    pcre2_match_data_free(s->data);
    pcre2_match_context_free(s->match);
    pcre2_compile_context_free(s->compile);
    free(s);
}

void concept_search_set_limit(struct concept_search *search, double limit)
{
    search->max_seconds = limit;
}

/* --- smart case --- */

/* Bytes of a name in brackets at s: {..}, <..> or '..'; 0 if there is none. */
static size_t bracket_len(const char *s)
{
    static const char pairs[] = "{}<>''";
    for (const char *p = pairs; *p; p += 2) {
        const char *end = *s == *p ? strchr(s + 1, p[1]) : NULL;
        if (end)
            return (size_t)(end - s) + 1;
    }
    return 0;
}

/* Bytes of the escape at s (a backslash) with what belongs to it: \P{Lu}, \xC4, \k<Name>, \cA. */
static size_t escape_len(const char *s)
{
    if (!s[1])
        return 1;
    size_t bracket = strchr("pPxoNkg", s[1]) ? bracket_len(s + 2) : 0;
    if (bracket)
        return 2 + bracket;
    if (strchr("pPc", s[1]))
        return s[2] ? 3 : 2;
    size_t digits = s[1] == 'x' ? strspn(s + 2, "0123456789abcdefABCDEF") : 0;
    return 2 + (digits < 2 ? digits : 2);
}

/* Copies what the pattern says outside escapes; \Q...\E quotes what is no escape at all. */
static void copy_plain(struct buf *out, const char *pattern)
{
    for (const char *s = pattern; *s;) {
        if (strncmp(s, "\\Q", 2) == 0) {
            const char *end = strstr(s, "\\E");
            size_t len = end ? (size_t)(end - s) : strlen(s);
            buf_add(out, s + 2, len - 2);
            s += end ? len + 2 : len;
        } else if (*s == '\\') {
            s += escape_len(s);
        } else {
            buf_char(out, *s++);
        }
    }
}

static bool has_upper_case(const struct concept_search *s, const char *pattern)
{
    struct buf plain = {0};
    copy_plain(&plain, pattern);
    int n =
        pcre2_match(s->upper_case, (PCRE2_SPTR)buf_cstr(&plain), plain.len, 0, 0, s->data, NULL);
    buf_clear(&plain);
    return n >= 0;
}

/* --- compiling --- */

static int pattern_error(struct err *err, int code, const char *pattern, size_t offset)
{
    PCRE2_UCHAR message[160];
    if (pcre2_get_error_message(code, message, sizeof message) < 0)
        message[0] = '\0';
    size_t column = 1, len = strlen(pattern);
    for (size_t i = 0; i < offset && i < len; column++) {
        uint32_t cp;
        int n = utf8_decode(&cp, pattern + i, len - i);
        i += n ? (size_t)n : 1;
    }
    err_set(err, ERR_ARG, "the regular expression has an error at column %zu: %s", column,
            (const char *)message);
    err_hint(err,
             "put a backslash before characters that are meant literally: . * + ? ( ) [ { | \\");
    return ERR_ARG;
}

/* Does the pattern mean the same on ASCII text whether it is compiled for UTF-8 with Unicode
 * properties or for bytes? Not if it names a character beyond ASCII, which caseless may match one
 * within (U+212A and k), or uses an escape that is not known to be the same. */
static bool means_the_same_in_ascii(const char *pattern)
{
    static const char same[] = "wWdDsSbBAzZGhHvVRKQEtnrfea";
    if (pattern[0] == '(' && pattern[1] == '*') /* a setting such as (*UCP) */
        return false;
    for (const char *s = pattern; *s; s++) {
        if ((unsigned char)*s >= 0x80)
            return false;
        if (*s != '\\')
            continue;
        s++;
        if (*s >= '1' && *s <= '9' && !(s[1] >= '0' && s[1] <= '9')) /* what a group matched */
            continue;
        bool is_letter_or_digit =
            (*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z');
        if (*s == '\0' || (is_letter_or_digit && !strchr(same, *s)))
            return false;
    }
    return true;
}

static void add_jit(struct matcher *m)
{
    /* where JIT is not available, pcre2_match interprets the pattern */
    m->has_jit = m->code && pcre2_jit_compile(m->code, PCRE2_JIT_COMPLETE) == 0;
}

static int compile(struct run *run, const char *pattern, bool case_sensitive)
{
    const struct concept_search *s = run->search;
    uint32_t options = PCRE2_NEVER_BACKSLASH_C;
    if (!case_sensitive && !has_upper_case(s, pattern))
        options |= PCRE2_CASELESS;
    int code;
    size_t offset = 0;
    run->full.code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                                   options | PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF, &code,
                                   &offset, s->compile);
    if (!run->full.code)
        return pattern_error(run->err, code, pattern, offset);
    add_jit(&run->full);
    if (means_the_same_in_ascii(pattern))
        run->ascii.code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &code,
                                        &offset, s->compile);
    add_jit(&run->ascii);
    return ERR_OK;
}

/* --- matching --- */

static int match_error(struct err *err, int code, size_t row)
{
    bool limit = code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_DEPTHLIMIT ||
                 code == PCRE2_ERROR_HEAPLIMIT || code == PCRE2_ERROR_JIT_STACKLIMIT ||
                 code == PCRE2_ERROR_RECURSELOOP;
    if (limit) {
        err_set(err, ERR_LIMIT, "the regular expression takes too many steps on row %zu", row);
        err_hint(err, "avoid repetitions inside repetitions, such as (a+)+ or (.*)*");
        return ERR_LIMIT;
    }
    PCRE2_UCHAR message[160];
    if (pcre2_get_error_message(code, message, sizeof message) < 0)
        message[0] = '\0';
    return err_set(err, ERR_FORMAT, "the search failed on row %zu: %s", row, (const char *)message);
}

static void add_span(struct run *run, size_t start, size_t end)
{
    struct concept_matches *out = run->out;
    out->spans = mem_grow(out->spans, &run->cap_spans, out->n_spans + 1, sizeof *out->spans);
    out->spans[out->n_spans++] = (struct span){start, end};
}

static void add_row(struct run *run, size_t row, size_t first_span, int score)
{
    struct concept_matches *out = run->out;
    out->rows = mem_grow(out->rows, &run->cap_rows, out->n + 1, sizeof *out->rows);
    out->rows[out->n++] = (struct concept_match){row, first_span, out->n_spans - first_span, score};
}

static size_t next_char(const struct label *label, size_t at)
{
    do
        at++;
    while (at < label->text_len && ((unsigned char)label->text[at] & 0xc0) == 0x80);
    return at;
}

/* ASCII needs no check for valid UTF-8, and so may take JIT's road without any checks. */
static int match_at(const struct run *run, const struct matcher *m, const struct label *label,
                    bool ascii, size_t at, uint32_t options)
{
    const struct concept_search *s = run->search;
    PCRE2_SPTR text = (PCRE2_SPTR)label->text;
    if (ascii && m->has_jit)
        return pcre2_jit_match(m->code, text, label->text_len, at, options, s->data, s->match);
    return pcre2_match(m->code, text, label->text_len, at, options, s->data, s->match);
}

/* Adds the row's non-empty matches. Returns the number of matches, empty ones too, or PCRE2's
 * negative error. */
static int match_row(struct run *run, size_t row)
{
    const struct label *label = &run->search->labels->rows[row];
    bool ascii = run->search->is_ascii[row];
    const struct matcher *m = ascii && run->ascii.code ? &run->ascii : &run->full;
    const size_t *ovector = pcre2_get_ovector_pointer(run->search->data);
    uint32_t options = 0;
    int n_matches = 0;
    for (size_t at = 0; at <= label->text_len;) {
        int code = match_at(run, m, label, ascii, at, options);
        if (code == PCRE2_ERROR_NOMATCH)
            break;
        if (code < 0)
            return code;
        n_matches++;
        size_t start = ovector[0], end = ovector[1];
        bool empty = start >= end;
        if (!empty && start >= at)
            add_span(run, start, end);
        /* \K can end a match where the search began: then only going on by force helps */
        if (end < at || (end == at && options))
            end = next_char(label, at);
        options = empty ? PCRE2_NOTEMPTY_ATSTART : 0;
        at = end;
    }
    return n_matches;
}

/* Thousandths of the label that its spans cover. */
static int score_of(const struct concept_matches *m, size_t first_span, size_t text_len)
{
    size_t covered = 0;
    for (size_t i = first_span; i < m->n_spans; i++)
        covered += m->spans[i].end - m->spans[i].start;
    return text_len > 0 ? (int)(1000.0 * (double)covered / (double)text_len) : 0;
}

/* Of this thread's work, so that a busy machine does not decide what can be searched for. */
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int match_labels(struct run *run)
{
    const struct labels *labels = run->search->labels;
    struct concept_matches *out = run->out;
    double start = seconds();
    for (size_t row = 0; row < labels->n; row++) {
        size_t first_span = out->n_spans;
        int n = match_row(run, row);
        if (n < 0)
            return match_error(run->err, n, row);
        if (n > 0)
            add_row(run, row, first_span, score_of(out, first_span, labels->rows[row].text_len));
        if (row % CLOCK_ROWS == 0 && seconds() - start > run->search->max_seconds)
            return match_error(run->err, PCRE2_ERROR_MATCHLIMIT, row);
    }
    return ERR_OK;
}

int concept_search_regex(struct concept_matches *out, struct concept_search *search,
                         const char *pattern, bool case_sensitive, struct err *err)
{
    *out = (struct concept_matches){0};
    struct run run = {.search = search, .out = out, .err = err};
    int code = compile(&run, pattern, case_sensitive);
    if (code == ERR_OK)
        code = match_labels(&run);
    if (code != ERR_OK)
        concept_matches_clear(out);
    pcre2_code_free(run.full.code);
    pcre2_code_free(run.ascii.code);
    return code;
}

void concept_search_fuzzy(struct concept_matches *out, struct concept_search *search,
                          const char *query)
{
    struct fuzzy_pattern *pattern = search->fuzzy;
    struct span spans[FUZZY_PATTERN_MAX];
    struct run run = {.search = search, .out = out};
    *out = (struct concept_matches){0};
    fuzzy_pattern_set(pattern, query);
    for (size_t row = 0; row < search->labels->n; row++) {
        const struct label *label = &search->labels->rows[row];
        int score, n = -1;
        if (!(pattern->letters & ~search->letters[row]))
            n = fuzzy_match(&score, spans, pattern, label->text, label->text_len);
        if (n < 0)
            continue;
        size_t first_span = out->n_spans;
        for (int i = 0; i < n; i++)
            add_span(&run, spans[i].start, spans[i].end);
        add_row(&run, row, first_span, score);
    }
}
