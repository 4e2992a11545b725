/* Stage 1: the vocabulary, from a sample of the training texts. */
#include "assets/demo/demo.h"
#include "core/bpe_train.h"
#include "data/file.h"
#include "data/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_VOCAB = 4096, N_TEXTS = 60000 };

struct corpus {
    char **texts; /* owned strings */
    size_t *lens;
    size_t n, cap, cap_lens;
};

static void corpus_take(struct corpus *c, struct world_text *text)
{
    for (int i = 0; i < text->n_turns; i++) {
        c->texts = mem_grow(c->texts, &c->cap, c->n + 1, sizeof *c->texts);
        c->lens = mem_grow(c->lens, &c->cap_lens, c->n + 1, sizeof *c->lens);
        c->lens[c->n] = strlen(text->turns[i].text);
        c->texts[c->n++] = mem_strdup(text->turns[i].text);
    }
}

static void corpus_clear(struct corpus *c)
{
    for (size_t i = 0; i < c->n; i++)
        free(c->texts[i]);
    free(c->texts);
    free(c->lens);
}

int demo_tokenizer(const struct demo *demo, struct err *err)
{
    struct corpus corpus = {0};
    struct world_text text = {0};
    struct world_rng rng = demo_rng(demo, STREAM_VOCAB, 0);
    struct buf json = {0};
    int rc = ERR_OK;
    for (int i = 0; i < N_TEXTS && !rc; i++) {
        rc = demo_sample(demo, &rng, &text, err);
        if (!rc)
            corpus_take(&corpus, &text);
    }
    if (!rc)
        rc = bpe_train(&json, N_VOCAB, (const char *const *)corpus.texts, corpus.lens, corpus.n,
                       err);
    if (!rc) {
        char *path = demo_path(demo, "tokenizer.json");
        rc = file_write(path, json.data, json.len, err);
        free(path);
    }
    if (!rc)
        rc = demo_write_tokenizer_config(demo, err);
    if (!rc)
        printf("tokenizer: %d pieces from %zu texts\n", N_VOCAB, corpus.n);
    world_text_clear(&text);
    corpus_clear(&corpus);
    buf_clear(&json);
    return rc;
}
