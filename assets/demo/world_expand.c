#include "assets/demo/world_internal.h"

#include <ctype.h>
#include <string.h>

static const char SLOT_OPEN[] = "\xc2\xab"; /* « */
static const char SLOT_CLOSE[] = "\xc2\xbb";

static int expand_range(struct world_expansion *x, struct buf *out, const char *p, const char *end);

void world_text_use(struct world_text *text, int concept)
{
    if (!text || concept < 0) {
        return;
    }
    for (int i = 0; i < text->n_concepts; i++) {
        if (text->concepts[i] == concept) {
            return;
        }
    }
    if (text->n_concepts < WORLD_N_USED) {
        text->concepts[text->n_concepts++] = concept;
    }
}

/* --- slots --- */

struct slot {
    const char *article; /* "a", "A" or NULL */
    const struct world_list *list;
    const struct world_block *owner; /* the block the list belongs to */
    bool capital;
    int form;
    int key; /* -1: not bound */
};

/* A block of kind topic that has the list, drawn uniformly; NULL if none has it. */
static const struct world_block *topic_with(const struct world_expansion *x, const char *name,
                                            size_t len)
{
    const struct world_block *found = NULL;
    uint32_t n_seen = 0;
    for (int i = 0; i < x->w->n_rows; i++) {
        const struct world_block *b = x->w->rows[i];
        if (b->concept.kind == WORLD_KIND_TOPIC && world_list_find(b, name, len)) {
            n_seen++;
            if (!x->rng || world_rng_below(x->rng, n_seen) == 0) {
                found = b;
            }
        }
    }
    return found;
}

static const struct world_block *block_named(const struct world *w, const char *slug, size_t len)
{
    for (size_t i = 0; i < w->n_blocks; i++) {
        const struct world_block *b = &w->blocks[i];
        if (strlen(b->slug) == len && memcmp(b->slug, slug, len) == 0) {
            return b;
        }
    }
    return NULL;
}

/* The block before the colon of "{bread:noun}", "{topic:noun}" or "{other:noun}". */
static const struct world_block *block_referred(const struct world_expansion *x, const char *slug,
                                                size_t len, const char *list, size_t list_len)
{
    if (len == 5 && memcmp(slug, "topic", 5) == 0) {
        return topic_with(x, list, list_len);
    }
    if (len == 5 && memcmp(slug, "other", 5) == 0) {
        bool usable = x->other && world_list_find(x->other, list, list_len);
        return usable ? x->other : topic_with(x, list, list_len);
    }
    return block_named(x->w, slug, len);
}

static bool slot_find_list(const struct world_expansion *x, struct slot *slot, const char *name,
                           size_t len)
{
    const char *colon = memchr(name, ':', len);
    if (colon) {
        size_t head = (size_t)(colon - name);
        const char *rest = colon + 1;
        size_t rest_len = len - head - 1;
        slot->owner = block_referred(x, name, head, rest, rest_len);
        slot->list = slot->owner ? world_list_find(slot->owner, rest, rest_len) : NULL;
        return slot->list != NULL;
    }
    slot->owner = x->block;
    slot->list = world_list_find(x->block, name, len);
    if (!slot->list && x->w->shared) {
        slot->list = world_list_find(x->w->shared, name, len);
    }
    return slot->list != NULL;
}

static int slot_form(const char *s, size_t len)
{
    static const char *const names[WORLD_N_FORMS] = {"", "s", "ed", "ing", "en"};
    for (int i = 1; i < WORLD_N_FORMS; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], s, len) == 0) {
            return i;
        }
    }
    return -1;
}

static const char *slot_strip_key(struct slot *slot, const char *p, const char *end)
{
    if (end - p > 2 && end[-2] == '=' && isdigit((unsigned char)end[-1])) {
        slot->key = end[-1] - '0';
        end -= 2;
    }
    return end;
}

/* "[a |an |A ]name[.form][=digit]", or the digit before the form */
static bool slot_parse(const struct world_expansion *x, struct slot *slot, const char *p,
                       const char *end)
{
    *slot = (struct slot){.key = -1};
    if (end - p > 2 && (p[0] == 'a' || p[0] == 'A')) {
        size_t skip = p[1] == ' ' ? 2 : p[1] == 'n' && p[2] == ' ' ? 3 : 0;
        slot->article = skip == 0 ? NULL : p[0] == 'A' ? "A" : "a";
        p += skip;
    }
    end = slot_strip_key(slot, p, end);
    const char *dot = memchr(p, '.', (size_t)(end - p));
    if (dot) {
        slot->form = slot_form(dot + 1, (size_t)(end - dot - 1));
        end = slot_strip_key(slot, p, dot);
    }
    char name[64];
    size_t len = (size_t)(end - p);
    if (slot->form < 0 || len == 0 || len >= sizeof name) {
        return false;
    }
    memcpy(name, p, len);
    if (slot_find_list(x, slot, name, len)) {
        return true;
    }
    slot->capital = isupper((unsigned char)name[0]) != 0;
    name[0] = (char)tolower((unsigned char)name[0]);
    return slot->capital && slot_find_list(x, slot, name, len);
}

static int expand_item(struct world_expansion *x, struct buf *out, const struct slot *slot,
                       const struct world_item *item)
{
    const struct world_block *outer = x->block;
    int form = slot->form;
    if (form == FORM_EN && !item->forms[form]) {
        form = FORM_ED;
    }
    x->block = slot->owner;
    const char *given = item->forms[form];
    int rc = ERR_OK;
    if (given) {
        rc = world_expand(x, out, given, slot->list->literal);
    } else {
        struct buf base = {0};
        rc = world_expand(x, &base, item->forms[FORM_BASE], slot->list->literal);
        inflect(out, buf_cstr(&base), form);
        buf_clear(&base);
    }
    x->block = outer;
    return rc;
}

static size_t slot_draw(struct world_expansion *x, const struct slot *slot)
{
    struct world_binding *binding = slot->key >= 0 ? &x->bindings[slot->key] : NULL;
    if (binding && binding->list == slot->list) {
        return binding->item;
    }
    size_t item = world_rng_below(x->rng, (uint32_t)slot->list->n_items);
    if (binding) {
        *binding = (struct world_binding){slot->list, item};
    }
    return item;
}

/* Check mode: every item once in every form that is asked for, for its slots and its words. */
static int walk_items(struct world_expansion *x, struct buf *out, const struct slot *slot)
{
    unsigned bit = 1u << slot->form;
    if (*slot->list->walked & bit) {
        return ERR_OK;
    }
    *slot->list->walked = (unsigned char)(*slot->list->walked | bit);
    for (size_t i = 0; i < slot->list->n_items; i++) {
        int rc = expand_item(x, out, slot, &slot->list->items[i]);
        if (rc != ERR_OK) {
            return rc;
        }
        buf_char(out, ' ');
    }
    return ERR_OK;
}

static int expand_slot(struct world_expansion *x, struct buf *out, const char *p, const char *end)
{
    struct slot slot;
    if (!slot_parse(x, &slot, p, end)) {
        return err_set(x->err, ERR_FORMAT, "no list for the slot '%.*s'", (int)(end - p), p);
    }
    if (!x->rng) {
        return walk_items(x, out, &slot);
    }
    if (slot.owner != x->block) {
        world_text_use(x->text, slot.owner->row);
    }
    struct buf phrase = {0};
    int rc = expand_item(x, &phrase, &slot, &slot.list->items[slot_draw(x, &slot)]);
    if (rc == ERR_OK && phrase.len > 0) {
        if (slot.capital) {
            inflect_capital(phrase.data);
        }
        if (slot.article) {
            const char *article = inflect_article(phrase.data);
            buf_char(out, slot.article[0]);
            buf_str(out, article + 1);
            buf_char(out, ' ');
        }
        buf_str(out, phrase.data);
    }
    buf_clear(&phrase);
    return rc;
}

/* --- (x|y|z), [optional], {slot} --- */

/* The bracket that closes the one at p; NULL if there is none. */
static const char *closing(const char *p, const char *end)
{
    int depth = 0;
    for (; p < end; p++) {
        if (*p == '\\') {
            p++;
        } else if (strchr("([{", *p)) {
            depth++;
        } else if (strchr(")]}", *p) && --depth == 0) {
            return p;
        }
    }
    return NULL;
}

/* The end of the alternative that begins at p: the next '|' outside brackets, or end. */
static const char *alternative_end(const char *p, const char *end)
{
    for (; p < end && *p != '|'; p++) {
        if (*p == '\\') {
            p++;
        } else if (strchr("([{", *p)) {
            const char *close = closing(p, end);
            p = close ? close : end - 1;
        }
    }
    return p < end ? p : end;
}

static int expand_choice(struct world_expansion *x, struct buf *out, const char *p, const char *end)
{
    uint32_t n = 0;
    for (const char *q = p;; q++) {
        q = alternative_end(q, end);
        n++;
        if (q >= end) {
            break;
        }
    }
    uint32_t chosen = x->rng ? world_rng_below(x->rng, n) : 0;
    for (uint32_t i = 0; i < n; i++) {
        const char *q = alternative_end(p, end);
        if (!x->rng || i == chosen) {
            int rc = expand_range(x, out, p, q);
            if (rc != ERR_OK) {
                return rc;
            }
        }
        if (!x->rng) {
            buf_char(out, ' ');
        }
        p = q + 1;
    }
    return ERR_OK;
}

static int expand_bracket(struct world_expansion *x, struct buf *out, const char *p,
                          const char *close)
{
    switch (*p) {
    case '{':
        return expand_slot(x, out, p + 1, close);
    case '[':
        if (x->rng && world_rng_below(x->rng, 2) == 0) {
            return ERR_OK;
        }
        return expand_choice(x, out, p + 1, close);
    default:
        return expand_choice(x, out, p + 1, close);
    }
}

static int expand_range(struct world_expansion *x, struct buf *out, const char *p, const char *end)
{
    while (p < end) {
        if (*p == '\\' && p + 1 < end) {
            buf_char(out, p[1]);
            p += 2;
        } else if (strchr("([{", *p)) {
            const char *close = closing(p, end);
            if (!close) {
                return err_set(x->err, ERR_FORMAT, "'%c' is not closed", *p);
            }
            int rc = expand_bracket(x, out, p, close);
            if (rc != ERR_OK) {
                return rc;
            }
            p = close + 1;
        } else if (strchr(")]}", *p)) {
            return err_set(x->err, ERR_FORMAT, "'%c' was not opened", *p);
        } else {
            buf_char(out, *p++);
        }
    }
    return ERR_OK;
}

/* --- slots mode: everything literal but «slots», \n, \t and \\ --- */

static int expand_literal(struct world_expansion *x, struct buf *out, const char *p)
{
    while (*p) {
        if (p[0] == '\\' && strchr("nt\\", p[1]) && p[1]) {
            buf_char(out, p[1] == 'n' ? '\n' : p[1] == 't' ? '\t' : '\\');
            p += 2;
            continue;
        }
        if (strncmp(p, SLOT_OPEN, 2) != 0) {
            buf_char(out, *p++);
            continue;
        }
        const char *close = strstr(p, SLOT_CLOSE);
        if (!close) {
            return err_set(x->err, ERR_FORMAT, "'«' is not closed");
        }
        bool choice = p[2] == '(' || p[2] == '[';
        int rc = choice ? expand_range(x, out, p + 2, close) : expand_slot(x, out, p + 2, close);
        if (rc != ERR_OK) {
            return rc;
        }
        p = close + 2;
    }
    return ERR_OK;
}

int world_expand(struct world_expansion *x, struct buf *out, const char *pattern, bool literal)
{
    if (x->depth >= WORLD_DEPTH) {
        return err_set(x->err, ERR_LIMIT, "lists refer to each other in a circle");
    }
    x->depth++;
    int rc = literal ? expand_literal(x, out, pattern)
                     : expand_range(x, out, pattern, pattern + strlen(pattern));
    x->depth--;
    return rc;
}
