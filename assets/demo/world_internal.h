/* What the world's source files share: the parsed blocks and the expander. Not for users. */
#ifndef ASSETS_DEMO_WORLD_INTERNAL_H
#define ASSETS_DEMO_WORLD_INTERNAL_H

#include "assets/demo/world.h"
#include "data/mem.h"

#include <stddef.h>

enum { WORLD_N_FORMS = 5, WORLD_N_BINDINGS = 10, WORLD_DEPTH = 8 };
enum { FORM_BASE, FORM_S, FORM_ED, FORM_ING, FORM_EN };

/* One alternative of a list: base form, then the forms the file gives ("bake/bakes/baked"). */
struct world_item {
    const char *forms[WORLD_N_FORMS]; /* NULL: made by rule */
};

struct world_list {
    const char *name;
    bool literal; /* declared after `slots`: items hold «slots», not {slots} */
    struct world_item *items;
    size_t n_items, items_cap;
    unsigned char *walked; /* [1] owned; bit f: world_check has walked the items in form f */
};

/* A pattern as written. Sentences have one part, chat patterns 2, 4 or 6 (user, model, ...). */
struct world_pattern {
    const char *parts[6];
    int n_parts;
    bool literal;
    const char *word; /* hard patterns: the ambiguous word; else NULL */
    const char *file; /* for messages */
    int line;
};

struct world_patterns {
    struct world_pattern *items;
    size_t n, cap;
};

struct world_strings {
    const char **items;
    size_t n, cap;
};

struct world_block {
    struct world_concept concept; /* what users see; pointers into the fields below */
    const char *slug;             /* "*shared" and the like for blocks that are no concept */
    int row;                      /* dictionary row, -1 if no concept */
    const char *about;            /* what "Tell me about ..." asks for; NULL: no such request */
    bool literal;                 /* `slots` seen while parsing */
    struct world_strings words;
    struct world_strings related_slugs;
    int *related;
    struct world_list *lists;
    size_t n_lists, lists_cap;
    struct world_patterns sentences, chats, hards;
    const char *file;
    int line;
};

struct world {
    struct world_block *blocks;
    size_t n_blocks, blocks_cap;
    struct world_block **rows; /* [n_rows] the concepts among the blocks */
    int n_rows;
    struct world_block *shared, *neutral, *examples; /* NULL if absent */
    struct world_ambiguous *ambiguous;
    size_t n_ambiguous, ambiguous_cap;
    struct world_strings known; /* sorted, distinct */
    struct world_strings kept;  /* every string of the world, to free */
};

/* Copies a string into the world; valid until world_close. */
const char *world_keep(struct world *w, const char *s, size_t len);
void world_strings_add(struct world_strings *v, const char *s);
struct world_list *world_list_find(const struct world_block *block, const char *name, size_t len);

bool world_block_has_hard(const struct world_block *block, const char *word);

/* Appends the blocks of one file's text. */
int world_parse(struct world *w, const char *file, const char *text, struct err *err) ERR_CHECK;

/* Walks every alternative of every pattern: each slot must name a list. Collects known words. */
int world_check(struct world *w, struct err *err) ERR_CHECK;

/* --- expansion --- */

struct world_binding {
    const struct world_list *list; /* NULL: free */
    size_t item;
};

/* The state of one text's expansion; bindings hold over the parts of one pattern. */
struct world_expansion {
    const struct world *w;
    const struct world_block *block;
    const struct world_block
        *other;              /* hard patterns: a concept of the word's other sense, or NULL */
    struct world_rng *rng;   /* NULL: check mode, every alternative is walked in turn */
    struct world_text *text; /* concepts used are recorded here; NULL: not recorded */
    struct world_binding bindings[WORLD_N_BINDINGS];
    int depth;
    struct err *err;
};

/* Appends the expansion of a pattern's part. Fails with ERR_FORMAT (without file and line). */
int world_expand(struct world_expansion *x, struct buf *out, const char *pattern, bool literal);

void world_text_use(struct world_text *text, int concept);

/* Appends `base` in a form, by the rules of English spelling. */
void inflect(struct buf *out, const char *base, int form);
const char *inflect_article(const char *phrase); /* "a" or "an" */
void inflect_capital(char *phrase);              /* first letter to upper case, in place */

#endif
