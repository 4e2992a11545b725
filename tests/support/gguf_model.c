#include "tests/support/gguf_model.h"

#include "data/model_gguf.h"
#include "data/quant.h"
#include "tests/support/tmp_dir.h"

#include <stdlib.h>
#include <string.h>

void gguf_make_config(struct gguf_maker *m, const struct model *model)
{
    const struct model_config *c = &model->config;
    const struct {
        const char *key;
        int value;
    } sizes[] = {
        {"gemma2.context_length", c->n_ctx},
        {"gemma2.embedding_length", c->d_model},
        {"gemma2.block_count", c->n_layers},
        {"gemma2.feed_forward_length", c->d_ff},
        {"gemma2.attention.head_count", c->n_heads},
        {"gemma2.attention.head_count_kv", c->n_kv_heads},
        {"gemma2.attention.key_length", c->d_head},
        {"gemma2.attention.value_length", c->d_head},
        {"gemma2.attention.sliding_window", model->layers[0].config.window},
    };
    gguf_make_string(m, "general.architecture", "gemma2");
    gguf_make_string(m, "general.name", "made by a test");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        gguf_make_u32(m, sizes[i].key, (uint32_t)sizes[i].value);
    gguf_make_f32(m, "gemma2.attention.layer_norm_rms_epsilon", c->rms_eps);
    gguf_make_f32(m, "gemma2.attn_logit_softcapping", c->attn_softcap);
    gguf_make_f32(m, "gemma2.final_logit_softcapping", c->final_softcap);
}

static void make_matrix(struct gguf_maker *m, enum weight_role role, int layer,
                        const struct matrix *w, bool to_q8)
{
    char name[WEIGHT_NAME_SIZE];
    const size_t n = w->n_rows * w->n_cols;
    struct tensor t = {.dtype = w->dtype, .n_dims = 2, .shape = {w->n_rows, w->n_cols}};
    void *blocks = NULL;
    t.data = w->data;
    if (to_q8 && w->dtype == DTYPE_F32) {
        t.dtype = DTYPE_Q8_0;
        t.data = blocks = mem_alloc(dtype_bytes(DTYPE_Q8_0, n), 1);
        quant_q8_0(blocks, w->data, n);
    }
    t.n_bytes = dtype_bytes(t.dtype, n);
    model_gguf_tensor_name(name, role, layer);
    gguf_make_tensor(m, name, &t);
    free(blocks);
}

static void make_norm(struct gguf_maker *m, enum weight_role role, int layer, const float *w,
                      int d_model)
{
    char name[WEIGHT_NAME_SIZE];
    const size_t n = (size_t)d_model;
    model_gguf_tensor_name(name, role, layer);
    gguf_make_tensor(m, name, &(struct tensor){NULL, DTYPE_F32, 1, {n}, w, n * sizeof *w});
}

static void make_layer(struct gguf_maker *m, const struct layer *layer, int l, int d, bool to_q8)
{
    make_norm(m, WEIGHT_NORM_ATTN_IN, l, layer->norm_attn_in, d);
    make_norm(m, WEIGHT_NORM_ATTN_OUT, l, layer->norm_attn_out, d);
    make_norm(m, WEIGHT_NORM_FFW_IN, l, layer->norm_ffw_in, d);
    make_norm(m, WEIGHT_NORM_FFW_OUT, l, layer->norm_ffw_out, d);
    make_matrix(m, WEIGHT_QUERY, l, &layer->wq, to_q8);
    make_matrix(m, WEIGHT_KEY, l, &layer->wk, to_q8);
    make_matrix(m, WEIGHT_VALUE, l, &layer->wv, to_q8);
    make_matrix(m, WEIGHT_ATTN_OUT, l, &layer->wo, to_q8);
    make_matrix(m, WEIGHT_GATE, l, &layer->w_gate, to_q8);
    make_matrix(m, WEIGHT_UP, l, &layer->w_up, to_q8);
    make_matrix(m, WEIGHT_DOWN, l, &layer->w_down, to_q8);
}

void gguf_make_model(struct gguf_maker *m, const struct model *model, bool to_q8)
{
    const struct model_config *c = &model->config;
    gguf_make_config(m, model);
    make_matrix(m, WEIGHT_EMBED, 0, &model->embed, to_q8);
    make_norm(m, WEIGHT_NORM_FINAL, 0, model->norm_final, c->d_model);
    for (int l = 0; l < c->n_layers; l++)
        make_layer(m, &model->layers[l], l, c->d_model, to_q8);
}

static void add_piece_text(struct buf *out, const struct scored_piece *p)
{
    static const char space[] = "\xe2\x96\x81";
    struct buf text = {0};
    for (size_t i = 0; i < p->len; i++) {
        bool is_space =
            p->type == PIECE_USER_DEFINED && p->len - i >= 3 && memcmp(p->text + i, space, 3) == 0;
        buf_char(&text, is_space ? ' ' : p->text[i]);
        i += is_space ? 2 : 0;
    }
    gguf_add_string(out, buf_cstr(&text), text.len);
    buf_clear(&text);
}

void gguf_make_pieces(struct gguf_maker *m, const struct scored_piece *pieces, size_t n)
{
    gguf_make_string(m, "tokenizer.ggml.model", "llama");
    gguf_make_string(m, "tokenizer.ggml.pre", "default");
    gguf_make_array(m, "tokenizer.ggml.tokens", GGUF_STRING, n);
    for (size_t i = 0; i < n; i++)
        add_piece_text(&m->values, &pieces[i]);
    gguf_make_array(m, "tokenizer.ggml.scores", GGUF_F32, n);
    for (size_t i = 0; i < n; i++)
        buf_add(&m->values, &pieces[i].score, sizeof pieces[i].score);
    gguf_make_array(m, "tokenizer.ggml.token_type", GGUF_I32, n);
    for (size_t i = 0; i < n; i++)
        buf_add(&m->values, &(int32_t){(int32_t)pieces[i].type}, sizeof(int32_t));
    gguf_make_bool(m, "tokenizer.ggml.add_space_prefix", false);
}

void gguf_make_token_ids(struct gguf_maker *m, int bos, int eos, int pad, int unk)
{
    static const char *const keys[] = {"tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id",
                                       "tokenizer.ggml.padding_token_id",
                                       "tokenizer.ggml.unknown_token_id"};
    const int ids[] = {bos, eos, pad, unk};
    for (size_t i = 0; i < 4; i++)
        if (ids[i] >= 0)
            gguf_make_u32(m, keys[i], (uint32_t)ids[i]);
}

char *gguf_make_file(struct gguf_maker *m, const char *dir, const char *name)
{
    struct buf file = {0};
    gguf_make_end(&file, m);
    char *path = tmp_dir_write(dir, name, file.data, file.len);
    buf_clear(&file);
    gguf_make_clear(m);
    return path;
}
