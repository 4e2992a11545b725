#include "assets/demo/world_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Where the parser is: continuation lines go to `open_list` or to the concept's words. */
struct parser {
    struct world *w;
    const char *file;
    int line;
    struct world_block *block; /* NULL before the first "== slug ==" */
    struct world_list *open_list;
    bool open_words;
    struct err *err;
};

static int fail(const struct parser *p, const char *what, const char *text)
{
    return err_set(p->err, ERR_FORMAT, "%s:%d: %s '%.60s'", p->file, p->line, what, text);
}

static const char *skip_blanks(const char *s)
{
    while (*s == ' ' || *s == '\t') {
        s++;
    }
    return s;
}

/* A trimmed copy of s[0..len). */
static const char *keep_trimmed(struct world *w, const char *s, size_t len)
{
    while (len > 0 && isspace((unsigned char)*s)) {
        s++;
        len--;
    }
    while (len > 0 && isspace((unsigned char)s[len - 1])) {
        len--;
    }
    return world_keep(w, s, len);
}

/* --- lists --- */

/* The next `separator` outside brackets and not behind a backslash; NULL if there is none. */
static const char *next_separator(const char *s, char separator)
{
    int depth = 0;
    for (; *s; s++) {
        if (*s == '\\' && s[1]) {
            s++;
        } else if (strchr("([{", *s)) {
            depth++;
        } else if (strchr(")]}", *s)) {
            depth--;
        } else if (*s == separator && depth <= 0) {
            return s;
        }
    }
    return NULL;
}

static void list_add(struct world *w, struct world_list *list, const char *s, size_t len)
{
    const char *text = keep_trimmed(w, s, len);
    struct world_item item = {{0}};
    int n = 0;
    for (const char *slash;
         !list->literal && n + 1 < WORLD_N_FORMS && (slash = next_separator(text, '/')) != NULL;
         text = slash + 1) {
        item.forms[n++] = keep_trimmed(w, text, (size_t)(slash - text));
    }
    item.forms[n] = n > 0 ? keep_trimmed(w, text, strlen(text)) : text;
    list->items = mem_grow(list->items, &list->items_cap, list->n_items + 1, sizeof item);
    list->items[list->n_items++] = item;
}

static void list_add_all(struct world *w, struct world_list *list, const char *s)
{
    s = skip_blanks(s);
    s += *s == '|';
    while (*skip_blanks(s)) {
        const char *bar = list->literal ? strstr(s, " | ") : next_separator(s, '|');
        size_t len = bar ? (size_t)(bar - s) : strlen(s);
        list_add(w, list, s, len);
        s += bar ? len + (list->literal ? 3 : 1) : len;
    }
}

static int parse_list(struct parser *p, const char *s)
{
    size_t len = strcspn(s, " \t");
    struct world_block *block = p->block;
    struct world_list *list = world_list_find(block, s, len);
    if (len == 0) {
        return fail(p, "a list needs a name:", s);
    }
    if (!list) {
        block->lists = mem_grow(block->lists, &block->lists_cap, block->n_lists + 1, sizeof *list);
        list = &block->lists[block->n_lists++];
        *list = (struct world_list){.name = world_keep(p->w, s, len),
                                    .literal = block->literal,
                                    .walked = mem_zalloc(1, 1)};
    }
    list_add_all(p->w, list, s + len);
    p->open_list = list;
    return ERR_OK;
}

static void add_words(struct world *w, struct world_strings *words, const char *s)
{
    for (s = skip_blanks(s); *s; s = skip_blanks(s)) {
        size_t len = strcspn(s, " \t");
        world_strings_add(words, world_keep(w, s, len));
        s += len;
    }
}

/* --- patterns --- */

static struct world_pattern *add_pattern(struct parser *p, struct world_patterns *to)
{
    to->items = mem_grow(to->items, &to->cap, to->n + 1, sizeof *to->items);
    struct world_pattern *pattern = &to->items[to->n++];
    *pattern =
        (struct world_pattern){.literal = p->block->literal, .file = p->file, .line = p->line};
    return pattern;
}

static int parse_sentence(struct parser *p, const char *s)
{
    struct world_pattern *pattern = add_pattern(p, &p->block->sentences);
    pattern->parts[pattern->n_parts++] = keep_trimmed(p->w, s, strlen(s));
    return ERR_OK;
}

static int parse_chat(struct parser *p, const char *s)
{
    struct world_pattern *pattern = add_pattern(p, &p->block->chats);
    const char *arrow = p->block->literal && strstr(s, " ==> ") ? " ==> " : "=>";
    for (;;) {
        const char *next = strstr(s, arrow);
        if (pattern->n_parts >= 6) {
            return fail(p, "more than six turns:", s);
        }
        size_t len = next ? (size_t)(next - s) : strlen(s);
        pattern->parts[pattern->n_parts++] = keep_trimmed(p->w, s, len);
        if (!next) {
            break;
        }
        s = next + strlen(arrow);
    }
    bool concept = p->block->slug[0] != '*';
    return concept && pattern->n_parts % 2 ? fail(p, "a question without '=> answer':", s) : ERR_OK;
}

static int parse_hard(struct parser *p, const char *s)
{
    const char *colon = strchr(s, ':');
    if (!colon) {
        return fail(p, "expected '? word : sentence', not", s);
    }
    struct world_pattern *pattern = add_pattern(p, &p->block->hards);
    pattern->word = keep_trimmed(p->w, s, (size_t)(colon - s));
    pattern->parts[pattern->n_parts++] = keep_trimmed(p->w, colon + 1, strlen(colon + 1));
    return ERR_OK;
}

/* --- keys --- */

static int parse_name(struct parser *p, int *out, const char *s, const char *const *names)
{
    for (int i = 0; names[i]; i++) {
        if (strcmp(s, names[i]) == 0) {
            *out = i;
            return ERR_OK;
        }
    }
    return fail(p, "unknown value", s);
}

static int parse_key(struct parser *p, const char *key, size_t len, const char *value)
{
    static const char *const genres[] = {"text", "code", "math", NULL};
    static const char *const kinds[] = {"topic", "style", "code", "math", NULL};
    struct world_block *b = p->block;
    char name[16] = "";
    memcpy(name, key, len < sizeof name ? len : 0);
    value = keep_trimmed(p->w, value, strlen(value));
    int n = 0;
    int rc = ERR_OK;
    if (strcmp(name, "label") == 0) {
        b->concept.label = value;
    } else if (strcmp(name, "genre") == 0) {
        rc = parse_name(p, &n, value, genres);
        b->concept.genre = (enum world_genre)n;
    } else if (strcmp(name, "kind") == 0) {
        rc = parse_name(p, &n, value, kinds);
        b->concept.kind = (enum world_kind)n;
    } else if (strcmp(name, "words") == 0) {
        add_words(p->w, &b->words, value);
        p->open_words = true;
    } else if (strcmp(name, "about") == 0) {
        b->about = value;
    } else if (strcmp(name, "related") == 0) {
        add_words(p->w, &b->related_slugs, value);
    } else if (strcmp(name, "slots") == 0) {
        b->literal = true;
    } else {
        rc = fail(p, "unknown key", key);
    }
    return rc;
}

static int parse_header(struct parser *p, const char *s)
{
    const char *end = strstr(s, "==");
    if (!end) {
        return fail(p, "expected '== slug ==', not", s);
    }
    struct world *w = p->w;
    const char *slug = keep_trimmed(w, s, (size_t)(end - s));
    for (size_t i = 0; i < w->n_blocks; i++) {
        if (strcmp(w->blocks[i].slug, slug) == 0) {
            p->block = &w->blocks[i]; /* lists for all may come from several files */
            return slug[0] == '*' ? ERR_OK : fail(p, "a second block", slug);
        }
    }
    w->blocks = mem_grow(w->blocks, &w->blocks_cap, w->n_blocks + 1, sizeof *w->blocks);
    p->block = &w->blocks[w->n_blocks++];
    *p->block = (struct world_block){.slug = slug, .row = -1, .file = p->file, .line = p->line};
    return ERR_OK;
}

static int parse_line(struct parser *p, const char *s)
{
    if (*s == '#' || *skip_blanks(s) == '\0') {
        return ERR_OK;
    }
    if (strncmp(s, "==", 2) == 0) {
        p->open_list = NULL;
        p->open_words = false;
        return parse_header(p, s + 2);
    }
    if (!p->block) {
        return fail(p, "before the first '== slug ==':", s);
    }
    if (*s == '|' || *s == ' ' || *s == '\t') {
        if (p->open_list) {
            list_add_all(p->w, p->open_list, s);
        } else if (p->open_words) {
            add_words(p->w, &p->block->words, s);
        } else {
            return fail(p, "nothing to continue:", s);
        }
        return ERR_OK;
    }
    p->open_list = NULL;
    p->open_words = false;
    switch (*s) {
    case '@':
        return parse_list(p, s + 1);
    case '-':
        return parse_sentence(p, s + 1);
    case '>':
        return parse_chat(p, s + 1);
    case '?':
        return parse_hard(p, s + 1);
    default:
        return parse_key(p, s, strcspn(s, " \t"), s + strcspn(s, " \t"));
    }
}

int world_parse(struct world *w, const char *file, const char *text, struct err *err)
{
    struct parser p = {.w = w, .file = world_keep(w, file, strlen(file)), .err = err};
    while (*text) {
        size_t len = strcspn(text, "\n");
        char *line = mem_strndup(text, len);
        p.line++;
        int rc = parse_line(&p, line);
        free(line);
        if (rc != ERR_OK) {
            return rc;
        }
        text += len + (text[len] == '\n');
    }
    return ERR_OK;
}
