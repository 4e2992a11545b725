/* Writes a model of a real size with random weights, and a dictionary for it: what load, memory
 * and speed are measured on.
 *
 *     make random-model SIZE=2b OUT=DIR
 *     make random-model SIZE=2b FORMAT=q8_0 OUT=FILE.gguf
 *
 * The first gives a folder in Hugging Face layout (config.json, model.safetensors in bf16, 5.2 GB)
 * without a tokenizer: use --ids, or put a tokenizer.json beside it. The second gives the same
 * weights as a GGUF file (tests/tools/random_gguf.c). A dictionary of 15,581 rows is written into
 * the folder, or beside the file, as l20. */
#include "tests/tools/random_model.h"

#include "data/file.h"
#include "data/json.h"
#include "data/mem.h"
#include "data/model_dir.h"
#include "data/safetensors.h"
#include "data/torch_file.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct shape shapes[] = {
    {"tiny", 3, 256, 2, 1, 128, 512, 1024, 128, 1, 50},
    {"2b", 26, 2304, 8, 4, 256, 9216, 256000, 256, 20, 15581},
    {"9b", 42, 3584, 16, 8, 256, 14336, 256000, 256, 20, 16000},
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

static void add(struct random_model *m, int layer, enum weight_role role, size_t n_rows,
                size_t n_cols)
{
    m->weights[m->n_weights++] = (struct weight){role, layer, n_rows, n_cols, NULL};
}

static void add_weights(struct random_model *m)
{
    const struct shape *s = m->shape;
    size_t d = (size_t)s->d_model, d_ff = (size_t)s->d_ff;
    size_t d_q = (size_t)(s->n_heads * s->d_head), d_kv = (size_t)(s->n_kv_heads * s->d_head);
    add(m, -1, WEIGHT_EMBED, (size_t)s->n_vocab, d);
    add(m, -1, WEIGHT_NORM_FINAL, 1, d);
    for (int l = 0; l < s->n_layers; l++) {
        add(m, l, WEIGHT_QUERY, d_q, d);
        add(m, l, WEIGHT_KEY, d_kv, d);
        add(m, l, WEIGHT_VALUE, d_kv, d);
        add(m, l, WEIGHT_ATTN_OUT, d, d_q);
        add(m, l, WEIGHT_GATE, d_ff, d);
        add(m, l, WEIGHT_UP, d_ff, d);
        add(m, l, WEIGHT_DOWN, d, d_ff);
        add(m, l, WEIGHT_NORM_ATTN_IN, 1, d);
        add(m, l, WEIGHT_NORM_ATTN_OUT, 1, d);
        add(m, l, WEIGHT_NORM_FFW_IN, 1, d);
        add(m, l, WEIGHT_NORM_FFW_OUT, 1, d);
    }
}

/* Weights lie an odd number of elements apart: no two matrices have rows in common, which would
 * line up in attention and repeat the same map in every layer. */
static void place_weights(struct random_model *m)
{
    const struct shape *s = m->shape;
    size_t largest = (size_t)s->d_ff * (size_t)s->d_model;
    m->n_noise = (size_t)s->n_vocab * (size_t)s->d_model;
    assert(m->n_noise > largest + m->n_weights);
    m->noise = make_noise(m->n_noise);
    size_t apart = ((m->n_noise - largest) / m->n_weights - 1) | 1; /* the last one fits */
    for (size_t i = 0; i < m->n_weights; i++)
        m->weights[i].bf16 = m->noise + i * apart;
}

/* --- the folder --- */

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
    put(&w, "max_position_embeddings", N_CTX);
    put(&w, "sliding_window", WINDOW);
    put(&w, "query_pre_attn_scalar", s->query_scalar);
    put(&w, "attn_logit_softcapping", 50);
    put(&w, "final_logit_softcapping", 30);
    put(&w, "bos_token_id", BOS);
    put(&w, "eos_token_id", EOS);
    jw_key(&w, "hidden_activation");
    jw_string(&w, "gelu_pytorch_tanh");
    jw_object_end(&w);
    int rc = file_write(path, out.data, out.len, err);
    buf_clear(&out);
    return rc;
}

static int write_weights(const char *path, const struct random_model *m, struct err *err)
{
    static struct tensor tensors[MAX_WEIGHTS];
    static char names[MAX_WEIGHTS][WEIGHT_NAME_SIZE];
    for (size_t i = 0; i < m->n_weights; i++) {
        const struct weight *w = &m->weights[i];
        model_dir_tensor_name(names[i], w->role, w->layer);
        tensors[i] =
            (struct tensor){names[i],
                            DTYPE_BF16,
                            w->n_rows > 1 ? 2 : 1,
                            {w->n_rows > 1 ? w->n_rows : w->n_cols, w->n_rows > 1 ? w->n_cols : 0},
                            w->bf16,
                            w->n_rows * w->n_cols * sizeof *w->bf16};
    }
    return safetensors_write(path, tensors, m->n_weights, NULL, 0, err);
}

static int write_folder(const char *dir, const struct random_model *m, struct err *err)
{
    char *config = path_join(dir, "config.json"), *model = path_join(dir, "model.safetensors");
    mkdir(dir, 0777); /* one that exists is fine: what fails is writing into it */
    int rc = write_config(config, m->shape, err);
    if (!rc)
        rc = write_weights(model, m, err);
    free(config);
    free(model);
    return rc;
}

/* --- the dictionary --- */

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

static int write_dictionary(const char *dir, const struct random_model *m, struct err *err)
{
    size_t n = (size_t)m->shape->n_concepts, d = (size_t)m->shape->d_model;
    struct tensor directions = {.name = "",
                                .dtype = DTYPE_BF16,
                                .n_dims = 2,
                                .shape = {n, d},
                                .data = m->noise + d / 2, /* no row of the embedding */
                                .n_bytes = n * d * sizeof *m->noise};
    char name[16];
    snprintf(name, sizeof name, "l%d", m->shape->hook);
    char *folder = path_join(dir, name);
    char *weight = path_join(folder, "weight.pt"), *labels = path_join(folder, "metadata.jsonl");
    mkdir(folder, 0777);
    int rc = torch_write(weight, &directions, err);
    if (!rc)
        rc = write_labels(labels, m->shape->n_concepts, err);
    free(folder);
    free(weight);
    free(labels);
    return rc;
}

static int write_all(const char *out, const char *format, const struct random_model *m,
                     struct err *err)
{
    const char *slash = strrchr(out, '/');
    char *beside = slash ? mem_strndup(out, (size_t)(slash - out)) : mem_strdup(".");
    int rc = format ? random_gguf_write(out, m, format, err) : write_folder(out, m, err);
    if (!rc)
        rc = write_dictionary(format ? beside : out, m, err);
    free(beside);
    return rc;
}

int main(int argc, char **argv)
{
    static struct random_model m;
    struct err err = {0};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if ((argc == 3 || argc == 4) && strcmp(argv[1], shapes[i].name) == 0)
            m.shape = &shapes[i];
    if (!m.shape) {
        fputs("usage: random_model tiny|2b|9b DIR\n"
              "       random_model tiny|2b|9b FILE.gguf bf16|q8_0|q4_0|q4_k_m\n",
              stderr);
        return 2;
    }
    add_weights(&m);
    place_weights(&m);
    int rc = write_all(argv[2], argv[3], &m, &err);
    if (rc)
        fprintf(stderr, "random_model: %s\n", err.message);
    free(m.noise);
    return rc ? 1 : 0;
}
