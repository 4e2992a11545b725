/* The model as a folder in Hugging Face layout: JSON files and bf16 weights. */
#include "assets/demo/demo.h"
#include "core/model_memory.h"
#include "data/file.h"
#include "data/json.h"
#include "data/mem.h"
#include "data/safetensors.h"

#include <stdio.h>
#include <stdlib.h>

enum { EOS = 1, END_OF_TURN = 5 };

static const char CHAT_TEMPLATE[] =
    "{{ bos_token }}{% for turn in messages %}{{ '<start_of_turn>' }}"
    "{{ 'model' if turn['role'] == 'assistant' else turn['role'] }}"
    "{{ '\\n' + (turn['content'] | trim) + '<end_of_turn>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}";

static int write_json(const struct demo *demo, const char *name, struct buf *json, struct err *err)
{
    char *path = demo_path(demo, name);
    buf_char(json, '\n');
    int rc = file_write(path, json->data, json->len, err);
    free(path);
    buf_clear(json);
    return rc;
}

static void write_string(struct json_writer *w, const char *key, const char *value)
{
    jw_key(w, key);
    jw_string(w, value);
}

static void write_int(struct json_writer *w, const char *key, long long value)
{
    jw_key(w, key);
    jw_int(w, value);
}

static void write_number(struct json_writer *w, const char *key, double value)
{
    jw_key(w, key);
    jw_double(w, value);
}

static void write_ids(struct json_writer *w, const struct model_config *c)
{
    write_int(w, "bos_token_id", c->bos_id);
    jw_key(w, "eos_token_id");
    jw_array(w);
    jw_int(w, EOS);
    jw_int(w, END_OF_TURN);
    jw_array_end(w);
    write_int(w, "pad_token_id", c->pad_id);
}

static int write_config(const struct demo *demo, const struct model *m, struct err *err)
{
    const struct model_config *c = &m->config;
    struct buf json = {0};
    struct json_writer w;
    json_writer_init(&w, NULL, &json);
    jw_object(&w);
    write_string(&w, "model_type", "gemma2");
    jw_key(&w, "architectures");
    jw_array(&w);
    jw_string(&w, "Gemma2ForCausalLM");
    jw_array_end(&w);
    write_int(&w, "hidden_size", c->d_model);
    write_int(&w, "num_hidden_layers", c->n_layers);
    write_int(&w, "num_attention_heads", c->n_heads);
    write_int(&w, "num_key_value_heads", c->n_kv_heads);
    write_int(&w, "head_dim", c->d_head);
    write_int(&w, "intermediate_size", c->d_ff);
    write_int(&w, "vocab_size", c->n_vocab);
    write_int(&w, "max_position_embeddings", c->n_ctx);
    write_int(&w, "sliding_window", m->layers[0].config.window);
    write_int(&w, "query_pre_attn_scalar", c->d_head);
    write_number(&w, "attn_logit_softcapping", c->attn_softcap);
    write_number(&w, "final_logit_softcapping", c->final_softcap);
    write_number(&w, "rope_theta", m->layers[0].config.rope_theta);
    write_number(&w, "rms_norm_eps", 1e-6);
    write_string(&w, "hidden_activation", "gelu_pytorch_tanh");
    write_string(&w, "hidden_act", "gelu_pytorch_tanh");
    jw_key(&w, "tie_word_embeddings");
    jw_bool(&w, true);
    jw_key(&w, "attention_bias");
    jw_bool(&w, false);
    write_ids(&w, c);
    write_string(&w, "torch_dtype", "bfloat16");
    jw_object_end(&w);
    int rc = write_json(demo, "config.json", &json, err);
    if (rc)
        return rc;
    json_writer_init(&w, NULL, &json);
    jw_object(&w);
    write_ids(&w, c);
    jw_object_end(&w);
    return write_json(demo, "generation_config.json", &json, err);
}

int demo_write_tokenizer_config(const struct demo *demo, struct err *err)
{
    struct buf json = {0};
    struct json_writer w;
    json_writer_init(&w, NULL, &json);
    jw_object(&w);
    write_string(&w, "tokenizer_class", "GemmaTokenizerFast");
    write_string(&w, "bos_token", "<bos>");
    write_string(&w, "eos_token", "<eos>");
    write_string(&w, "pad_token", "<pad>");
    write_string(&w, "unk_token", "<unk>");
    jw_key(&w, "add_bos_token");
    jw_bool(&w, true);
    write_string(&w, "chat_template", CHAT_TEMPLATE);
    jw_object_end(&w);
    return write_json(demo, "tokenizer_config.json", &json, err);
}

/* --- weights --- */

struct weights {
    struct tensor *tensors; /* names and data owned */
    size_t n, cap;
};

/* Copies as bf16. Norms are stored as what is added to 1. */
static void add_tensor(struct weights *out, char *name, const float *from, size_t rows, size_t cols)
{
    size_t n = cols ? rows * cols : rows;
    uint16_t *bits = mem_alloc(n, sizeof *bits);
    for (size_t i = 0; i < n; i++)
        bits[i] = f32_to_bf16(cols ? from[i] : from[i] - 1);
    out->tensors = mem_grow(out->tensors, &out->cap, out->n + 1, sizeof *out->tensors);
    out->tensors[out->n++] = (struct tensor){.name = name,
                                             .dtype = DTYPE_BF16,
                                             .n_dims = cols ? 2 : 1,
                                             .shape = {rows, cols},
                                             .data = bits,
                                             .n_bytes = n * sizeof *bits};
}

static char *layer_name(int l, const char *rest)
{
    struct buf name = {0};
    buf_printf(&name, "model.layers.%d.%s.weight", l, rest);
    return name.data;
}

static void add_layer(struct weights *out, const struct layer *layer, int l, size_t d)
{
    const struct {
        const char *name;
        const struct matrix *m;
    } matrices[] = {
        {"self_attn.q_proj", &layer->wq},  {"self_attn.k_proj", &layer->wk},
        {"self_attn.v_proj", &layer->wv},  {"self_attn.o_proj", &layer->wo},
        {"mlp.gate_proj", &layer->w_gate}, {"mlp.up_proj", &layer->w_up},
        {"mlp.down_proj", &layer->w_down},
    };
    const struct {
        const char *name;
        const float *w;
    } norms[] = {
        {"input_layernorm", layer->norm_attn_in},
        {"post_attention_layernorm", layer->norm_attn_out},
        {"pre_feedforward_layernorm", layer->norm_ffw_in},
        {"post_feedforward_layernorm", layer->norm_ffw_out},
    };
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++)
        add_tensor(out, layer_name(l, matrices[i].name), matrices[i].m->data, matrices[i].m->n_rows,
                   matrices[i].m->n_cols);
    for (size_t i = 0; i < sizeof norms / sizeof *norms; i++)
        add_tensor(out, layer_name(l, norms[i].name), norms[i].w, d, 0);
}

int demo_write_model(const struct demo *demo, const struct model_memory *model, struct err *err)
{
    const struct model *m = &model->model;
    const char *const metadata[][2] = {{"format", "pt"}};
    struct weights out = {0};
    size_t d = (size_t)m->config.d_model;
    add_tensor(&out, mem_strdup("model.embed_tokens.weight"), m->embed.data, m->embed.n_rows, d);
    for (int l = 0; l < m->config.n_layers; l++)
        add_layer(&out, &m->layers[l], l, d);
    add_tensor(&out, mem_strdup("model.norm.weight"), m->norm_final, d, 0);
    int rc = write_config(demo, m, err);
    if (!rc) {
        char *path = demo_path(demo, "model.safetensors");
        rc = safetensors_write(path, out.tensors, out.n, metadata, 1, err);
        free(path);
    }
    for (size_t i = 0; i < out.n; i++) {
        void *owned[2];
        owned[0] = (void *)(uintptr_t)out.tensors[i].name;
        owned[1] = (void *)(uintptr_t)out.tensors[i].data;
        free(owned[0]);
        free(owned[1]);
    }
    free(out.tensors);
    return rc;
}
