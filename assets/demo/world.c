#include "assets/demo/world.h"

#include "assets/demo/world_internal.h"
#include "data/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 4 << 20 };

const char *world_keep(struct world *w, const char *s, size_t len)
{
    char *copy = mem_strndup(s, len);
    world_strings_add(&w->kept, copy);
    return copy;
}

void world_strings_add(struct world_strings *v, const char *s)
{
    v->items = mem_grow(v->items, &v->cap, v->n + 1, sizeof *v->items);
    v->items[v->n++] = s;
}

struct world_list *world_list_find(const struct world_block *block, const char *name, size_t len)
{
    for (size_t i = 0; i < block->n_lists; i++) {
        const char *s = block->lists[i].name;
        if (strncmp(s, name, len) == 0 && s[len] == '\0') {
            return &block->lists[i];
        }
    }
    return NULL;
}

/* --- opening --- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The *.txt files of a folder in the order of their names; the caller frees each and the array. */
static int list_files(char ***out, size_t *n_out, const char *dir, struct err *err)
{
    DIR *d = opendir(dir);
    if (!d) {
        return err_set(err, ERR_IO, "%s: %s", dir, strerror(errno));
    }
    char **names = NULL;
    size_t n = 0, cap = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        size_t len = strlen(e->d_name);
        if (len > 4 && strcmp(e->d_name + len - 4, ".txt") == 0) {
            names = mem_grow(names, &cap, n + 1, sizeof *names);
            names[n++] = mem_strdup(e->d_name);
        }
    }
    closedir(d);
    if (n > 0) {
        qsort(names, n, sizeof *names, compare_names);
    }
    *out = names;
    *n_out = n;
    return n > 0 ? ERR_OK : err_set(err, ERR_IO, "%s: no .txt files in it", dir);
}

static int read_files(struct world *w, const char *dir, struct err *err)
{
    char **names = NULL;
    size_t n = 0;
    int rc = list_files(&names, &n, dir, err);
    for (size_t i = 0; i < n; i++) {
        if (rc == ERR_OK) {
            struct buf text = {0};
            char *path = path_join(dir, names[i]);
            rc = file_read(&text, path, FILE_MAX, err);
            rc = rc != ERR_OK ? rc : world_parse(w, names[i], buf_cstr(&text), err);
            free(path);
            buf_clear(&text);
        }
        free(names[i]);
    }
    free(names);
    return rc;
}

/* "references to baking bread" -> "baking bread": what a request about a topic names. */
static const char *about_from_label(const char *label)
{
    static const char *const heads[] = {"references to ", "terms related to ", "words indicating ",
                                        "mentions of ", "discussions of "};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        if (strncmp(label, heads[i], strlen(heads[i])) == 0) {
            return label + strlen(heads[i]);
        }
    }
    return label;
}

static int finish_concept(struct world *w, struct world_block *b, struct err *err)
{
    if (!b->concept.label || b->sentences.n == 0) {
        return err_set(err, ERR_FORMAT, "%s:%d: %s has no %s", b->file, b->line, b->slug,
                       b->concept.label ? "sentence patterns" : "label");
    }
    if (!b->about && b->concept.kind == WORLD_KIND_TOPIC) {
        b->about = about_from_label(b->concept.label);
    }
    b->related = mem_alloc(b->related_slugs.n + 1, sizeof *b->related);
    for (size_t i = 0; i < b->related_slugs.n; i++) {
        b->related[i] = world_find(w, b->related_slugs.items[i]);
        if (b->related[i] < 0) {
            return err_set(err, ERR_FORMAT, "%s:%d: related concept '%s' is unknown", b->file,
                           b->line, b->related_slugs.items[i]);
        }
    }
    b->concept.slug = b->slug;
    b->concept.words = b->words.items;
    b->concept.n_words = (int)b->words.n;
    b->concept.related = b->related;
    b->concept.n_related = (int)b->related_slugs.n;
    b->concept.n_patterns = (int)b->sentences.n;
    b->concept.n_chats = (int)b->chats.n;
    return ERR_OK;
}

static int number_concepts(struct world *w, struct err *err)
{
    w->rows = mem_zalloc(w->n_blocks + 1, sizeof *w->rows);
    for (size_t i = 0; i < w->n_blocks; i++) {
        struct world_block *b = &w->blocks[i];
        if (strcmp(b->slug, "*shared") == 0) {
            w->shared = b;
        } else if (strcmp(b->slug, "*neutral") == 0) {
            w->neutral = b;
        } else if (strcmp(b->slug, "*examples") == 0) {
            w->examples = b;
        } else {
            b->row = w->n_rows;
            w->rows[w->n_rows++] = b;
        }
    }
    for (int i = 0; i < w->n_rows; i++) {
        int rc = finish_concept(w, w->rows[i], err);
        if (rc != ERR_OK) {
            return rc;
        }
    }
    return ERR_OK;
}

/* --- ambiguous words --- */

bool world_block_has_hard(const struct world_block *b, const char *word)
{
    for (size_t i = 0; i < b->hards.n; i++) {
        if (strcmp(b->hards.items[i].word, word) == 0) {
            return true;
        }
    }
    return false;
}

/* Lists a word of a hard pattern when it is new and has a second sense. */
static void add_ambiguous(struct world *w, const char *word)
{
    for (size_t i = 0; i < w->n_ambiguous; i++) {
        if (strcmp(w->ambiguous[i].word, word) == 0) {
            return;
        }
    }
    int *concepts = mem_alloc((size_t)w->n_rows, sizeof *concepts);
    int n = 0;
    for (int c = 0; c < w->n_rows; c++) {
        if (world_block_has_hard(w->rows[c], word)) {
            concepts[n++] = c;
        }
    }
    if (n < 2) {
        free(concepts);
        return;
    }
    w->ambiguous =
        mem_grow(w->ambiguous, &w->ambiguous_cap, w->n_ambiguous + 1, sizeof *w->ambiguous);
    w->ambiguous[w->n_ambiguous++] = (struct world_ambiguous){word, concepts, n};
}

static void find_ambiguous(struct world *w)
{
    for (int c = 0; c < w->n_rows; c++) {
        const struct world_patterns *hards = &w->rows[c]->hards;
        for (size_t i = 0; i < hards->n; i++) {
            add_ambiguous(w, hards->items[i].word);
        }
    }
}

int world_open(struct world **out, const char *dir, struct err *err)
{
    struct world *w = mem_zalloc(1, sizeof *w);
    int rc = read_files(w, dir, err);
    rc = rc != ERR_OK ? rc : number_concepts(w, err);
    rc = rc != ERR_OK ? rc : world_check(w, err);
    if (rc == ERR_OK && w->n_rows == 0) {
        rc = err_set(err, ERR_FORMAT, "%s: no concepts", dir);
    }
    if (rc != ERR_OK) {
        world_close(w);
        *out = NULL;
        return rc;
    }
    find_ambiguous(w);
    *out = w;
    return ERR_OK;
}

void world_close(struct world *w)
{
    if (!w) {
        return;
    }
    for (size_t i = 0; i < w->n_blocks; i++) {
        struct world_block *b = &w->blocks[i];
        for (size_t k = 0; k < b->n_lists; k++) {
            free(b->lists[k].items);
            free(b->lists[k].walked);
        }
        free(b->lists);
        free(b->words.items);
        free(b->related_slugs.items);
        free(b->related);
        free(b->sentences.items);
        free(b->chats.items);
        free(b->hards.items);
    }
    for (size_t i = 0; i < w->n_ambiguous; i++) {
        free((void *)(uintptr_t)w->ambiguous[i].concepts);
    }
    for (size_t i = 0; i < w->kept.n; i++) {
        free((void *)(uintptr_t)w->kept.items[i]);
    }
    free(w->ambiguous);
    free(w->blocks);
    free(w->rows);
    free(w->known.items);
    free(w->kept.items);
    free(w);
}

/* --- looking --- */

int world_n_concepts(const struct world *w)
{
    return w->n_rows;
}

const struct world_concept *world_concept(const struct world *w, int concept)
{
    return &w->rows[concept]->concept;
}

int world_find(const struct world *w, const char *slug)
{
    for (int i = 0; i < w->n_rows; i++) {
        if (strcmp(w->rows[i]->slug, slug) == 0) {
            return i;
        }
    }
    return -1;
}

int world_n_ambiguous(const struct world *w)
{
    return (int)w->n_ambiguous;
}

const struct world_ambiguous *world_ambiguous(const struct world *w, int i)
{
    return &w->ambiguous[i];
}

int world_n_neutral(const struct world *w)
{
    return w->neutral ? (int)w->neutral->chats.n : 0;
}

const char *world_neutral(const struct world *w, int i, bool *for_evaluation)
{
    const char *s = w->neutral->chats.items[i].parts[0];
    *for_evaluation = s[0] == '!';
    s += *for_evaluation;
    return s + strspn(s, " ");
}

int world_n_examples(const struct world *w)
{
    return w->examples ? (int)w->examples->sentences.n : 0;
}

const char *world_example(const struct world *w, int i)
{
    return w->examples->sentences.items[i].parts[0];
}
