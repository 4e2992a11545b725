/* Writes a model folder of a real size with random weights, and a dictionary for it: what load,
 * memory and speed are measured on, since the shape decides them and not the values.
 *
 *     make random-model SIZE=2b OUT=DIR
 *
 * gives DIR (config.json, model.safetensors in bf16, 5.2 GB) and DIR/l20 (15,581 rows). There is
 * no tokenizer: use --ids, or put a tokenizer.json beside it. */
#include "data/file.h"
#include "data/json.h"
#include "data/mem.h"
#include "data/safetensors.h"
#include "data/torch_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct shape {
    const char *name;
    int n_layers, d_model, n_heads, n_kv_heads, d_head, d_ff, n_vocab, query_scalar;
    int hook, n_concepts; /* of the dictionary */
} shapes[] = {
    {"tiny", 3, 64, 2, 1, 32, 128, 512, 32, 1, 50},
    {"2b", 26, 2304, 8, 4, 256, 9216, 256000, 256, 20, 15581},
    {"9b", 42, 3584, 16, 8, 256, 14336, 256000, 256, 20, 16000},
};

enum { MAX_TENSORS = 2 + 11 * 42 };

struct writer {
    const struct shape *s;
    uint16_t *noise; /* as long as the largest tensor; all of them are views of its start */
    struct tensor tensors[MAX_TENSORS];
    size_t n;
};

/* Uniform in +-0.03: near the spread of the real weights, so that sums stay finite. */
static uint16_t *make_noise(size_t n)
{
    uint16_t *noise = mem_alloc(n, sizeof *noise);
    unsigned long long state = 1;
    for (size_t i = 0; i < n; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        noise[i] = f32_to_bf16(((float)(state >> 40) / 8388608.0f - 1) * 0.03f);
    }
    return noise;
}

static void add(struct writer *w, int layer, const char *name, size_t n_rows, size_t n_cols)
{
    char full[96];
    if (layer >= 0)
        snprintf(full, sizeof full, "model.layers.%d.%s.weight", layer, name);
    else
        snprintf(full, sizeof full, "model.%s.weight", name);
    size_t n = n_rows * (n_cols ? n_cols : 1);
    w->tensors[w->n++] = (struct tensor){.name = mem_strdup(full),
                                         .dtype = DTYPE_BF16,
                                         .n_dims = n_cols ? 2 : 1,
                                         .shape = {n_rows, n_cols},
                                         .data = w->noise,
                                         .n_bytes = n * sizeof *w->noise};
}

static void add_tensors(struct writer *w)
{
    const struct shape *s = w->s;
    size_t d = (size_t)s->d_model, d_ff = (size_t)s->d_ff;
    size_t d_q = (size_t)(s->n_heads * s->d_head), d_kv = (size_t)(s->n_kv_heads * s->d_head);
    add(w, -1, "embed_tokens", (size_t)s->n_vocab, d);
    add(w, -1, "norm", d, 0);
    for (int l = 0; l < s->n_layers; l++) {
        add(w, l, "self_attn.q_proj", d_q, d);
        add(w, l, "self_attn.k_proj", d_kv, d);
        add(w, l, "self_attn.v_proj", d_kv, d);
        add(w, l, "self_attn.o_proj", d, d_q);
        add(w, l, "mlp.gate_proj", d_ff, d);
        add(w, l, "mlp.up_proj", d_ff, d);
        add(w, l, "mlp.down_proj", d, d_ff);
        add(w, l, "input_layernorm", d, 0);
        add(w, l, "post_attention_layernorm", d, 0);
        add(w, l, "pre_feedforward_layernorm", d, 0);
        add(w, l, "post_feedforward_layernorm", d, 0);
    }
}

static void put(struct json_writer *w, const char *key, int value)
{
    jw_key(w, key);
    jw_int(w, value);
}

static int write_config(const char *path, const struct shape *s, struct err *err)
{
    struct buf out = {0};
    struct json_writer w;
    json_writer_init(&w, NULL, &out);
    jw_object(&w);
    jw_key(&w, "model_type");
    jw_string(&w, "gemma2");
    put(&w, "hidden_size", s->d_model);
    put(&w, "num_hidden_layers", s->n_layers);
    put(&w, "num_attention_heads", s->n_heads);
    put(&w, "num_key_value_heads", s->n_kv_heads);
    put(&w, "head_dim", s->d_head);
    put(&w, "intermediate_size", s->d_ff);
    put(&w, "vocab_size", s->n_vocab);
    put(&w, "max_position_embeddings", 8192);
    put(&w, "sliding_window", 4096);
    put(&w, "query_pre_attn_scalar", s->query_scalar);
    put(&w, "attn_logit_softcapping", 50);
    put(&w, "final_logit_softcapping", 30);
    put(&w, "bos_token_id", 2);
    put(&w, "eos_token_id", 1);
    jw_key(&w, "hidden_activation");
    jw_string(&w, "gelu_pytorch_tanh");
    jw_object_end(&w);
    int rc = file_write(path, out.data, out.len, err);
    buf_clear(&out);
    return rc;
}

static int write_labels(const char *path, int n, struct err *err)
{
    struct buf out = {0};
    for (int i = 0; i < n; i++)
        buf_printf(&out,
                   "{\"concept_id\": %d, \"concept\": \"random direction %d\", \"ref\": \"\", "
                   "\"concept_genres_map\": {\"random direction %d\": [\"text\"]}}\n",
                   i, i, i);
    int rc = file_write(path, out.data, out.len, err);
    buf_clear(&out);
    return rc;
}

static int write_dictionary(const char *dir, const struct writer *w, struct err *err)
{
    size_t n = (size_t)w->s->n_concepts, d = (size_t)w->s->d_model;
    struct tensor directions = {.name = "",
                                .dtype = DTYPE_BF16,
                                .n_dims = 2,
                                .shape = {n, d},
                                .data = w->noise,
                                .n_bytes = n * d * sizeof *w->noise};
    char name[16];
    snprintf(name, sizeof name, "l%d", w->s->hook);
    char *folder = path_join(dir, name);
    char *weight = path_join(folder, "weight.pt"), *labels = path_join(folder, "metadata.jsonl");
    mkdir(folder, 0777); /* one that exists is fine: what fails is writing into it */
    int rc = torch_write(weight, &directions, err);
    if (!rc)
        rc = write_labels(labels, w->s->n_concepts, err);
    free(folder);
    free(weight);
    free(labels);
    return rc;
}

static int write_all(const char *dir, struct writer *w, struct err *err)
{
    char *config = path_join(dir, "config.json"), *model = path_join(dir, "model.safetensors");
    mkdir(dir, 0777);
    int rc = write_config(config, w->s, err);
    if (!rc)
        rc = safetensors_write(model, w->tensors, w->n, NULL, 0, err);
    if (!rc)
        rc = write_dictionary(dir, w, err);
    free(config);
    free(model);
    return rc;
}

int main(int argc, char **argv)
{
    static struct writer w;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (argc == 3 && strcmp(argv[1], shapes[i].name) == 0)
            w.s = &shapes[i];
    if (!w.s) {
        fputs("usage: random_model tiny|2b|9b DIR\n", stderr);
        return 2;
    }
    struct err err = {0};
    w.noise = make_noise((size_t)w.s->n_vocab * (size_t)w.s->d_model);
    add_tensors(&w);
    int rc = write_all(argv[2], &w, &err);
    if (rc)
        fprintf(stderr, "random_model: %s\n", err.message);
    for (size_t i = 0; i < w.n; i++) {
        void *name = (void *)(uintptr_t)w.tensors[i].name;
        free(name);
    }
    free(w.noise);
    return rc ? 1 : 0;
}
