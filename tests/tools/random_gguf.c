#include "data/file.h"
#include "data/model_gguf.h"
#include "tests/support/gguf_model.h"
#include "tests/support/quantise.h"
#include "tests/tools/random_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A format is the type of most matrices and that of the embedding, which is the output too. */
static const struct format {
    const char *name;
    enum dtype most, embed, sensitive;
    uint32_t file_type; /* llama.cpp's LLAMA_FTYPE_MOSTLY_* */
} formats[] = {
    {"bf16", DTYPE_BF16, DTYPE_BF16, DTYPE_BF16, 32},
    {"q8_0", DTYPE_Q8_0, DTYPE_Q8_0, DTYPE_Q8_0, 7},
    {"q4_0", DTYPE_Q4_0, DTYPE_Q6_K, DTYPE_Q4_0, 2},
    {"q4_k_m", DTYPE_Q4_K, DTYPE_Q6_K, DTYPE_Q6_K, 15},
};

/* llama.cpp's use_more_bits: the first and the last eighth of the layers, every third between. */
static bool gets_more_bits(int layer, int n_layers)
{
    int eighth = n_layers / 8;
    return layer < eighth || layer >= 7 * n_layers / 8 || (layer - eighth) % 3 == 2;
}

static enum dtype type_of(const struct weight *w, const struct format *f, int n_layers)
{
    if (w->n_rows == 1)
        return DTYPE_F32;
    if (w->role == WEIGHT_EMBED)
        return f->embed;
    bool is_sensitive = w->role == WEIGHT_VALUE || w->role == WEIGHT_DOWN;
    return is_sensitive && gets_more_bits(w->layer, n_layers) ? f->sensitive : f->most;
}

/* --- what precedes the weights --- */

static void make_config(struct gguf_maker *out, const struct shape *s, const struct format *f)
{
    struct layer layer = {.config = {.window = WINDOW}};
    struct model model = {.config = {.n_layers = s->n_layers,
                                     .d_model = s->d_model,
                                     .n_heads = s->n_heads,
                                     .n_kv_heads = s->n_kv_heads,
                                     .d_head = s->d_head,
                                     .d_ff = s->d_ff,
                                     .n_vocab = s->n_vocab,
                                     .n_ctx = N_CTX,
                                     .rms_eps = 1e-6f,
                                     .attn_softcap = 50,
                                     .final_softcap = 30},
                          .layers = &layer};
    gguf_make_config(out, &model);
    gguf_make_u32(out, "general.file_type", f->file_type);
    gguf_make_u32(out, "general.quantization_version", 2);
}

/* Gemma's special tokens and bytes where Gemma has them; the rest are letters, counted as
 * a, b, ..., z, aa, ab, ..., so that every longer piece is made of shorter ones. */
enum { START_OF_TURN = 106, END_OF_TURN = 107, NEWLINE = 108, SPACE = 109, FIRST_BYTE = 217 };

static void special_piece(struct scored_piece *p, int id)
{
    static const char *const names[] = {"<pad>", "<eos>", "<bos>", "<unk>"};
    enum { UNK = 3 };
    p->type = id == UNK ? PIECE_UNKNOWN : PIECE_CONTROL;
    p->text = id <= UNK ? names[id] : id == START_OF_TURN ? "<start_of_turn>" : "<end_of_turn>";
}

static bool is_special(int id)
{
    return id < 4 || id == START_OF_TURN || id == END_OF_TURN;
}

/* Into text, of size bytes: a byte's name, or the n-th word of letters. */
static const char *make_text(char *text, size_t size, int id, int n)
{
    if (id >= FIRST_BYTE && id < FIRST_BYTE + 256) {
        snprintf(text, size, "<0x%02X>", (unsigned)(id - FIRST_BYTE));
        return text;
    }
    char *at = text + size - 1;
    *at = '\0';
    for (n++; n > 0; n = (n - 1) / 26)
        *--at = (char)('a' + (n - 1) % 26);
    return at;
}

static void make_tokenizer(struct gguf_maker *out, int n_vocab)
{
    enum { TEXT_SIZE = 8 };
    struct scored_piece *pieces = mem_zalloc((size_t)n_vocab, sizeof *pieces);
    char *texts = mem_alloc((size_t)n_vocab, TEXT_SIZE);
    for (int id = 0, n = 0; id < n_vocab; id++) {
        struct scored_piece *p = &pieces[id];
        bool is_byte = id >= FIRST_BYTE && id < FIRST_BYTE + 256;
        p->type = is_byte ? PIECE_BYTE : PIECE_NORMAL;
        p->score = is_byte ? 0 : -(float)id;
        if (is_special(id))
            special_piece(p, id);
        else if (id == NEWLINE || id == SPACE)
            p->text = id == NEWLINE ? "\n" : "\xe2\x96\x81";
        else
            p->text = make_text(texts + (size_t)id * TEXT_SIZE, TEXT_SIZE, id, n);
        n += p->text[0] >= 'a' && p->text[0] <= 'z';
        p->len = strlen(p->text);
    }
    gguf_make_pieces(out, pieces, (size_t)n_vocab);
    gguf_make_token_ids(out, BOS, EOS, 0, 3);
    gguf_make_u32(out, "tokenizer.ggml.eot_token_id", END_OF_TURN);
    free(pieces);
    free(texts);
}

static void make_spaces(struct gguf_maker *out, const struct random_model *m,
                        const struct format *f)
{
    for (size_t i = 0; i < m->n_weights; i++) {
        const struct weight *w = &m->weights[i];
        char name[WEIGHT_NAME_SIZE];
        enum dtype type = type_of(w, f, m->shape->n_layers);
        const size_t shape[] = {w->n_rows, w->n_cols};
        const int is_norm = w->n_rows == 1;
        model_gguf_tensor_name(name, w->role, w->layer);
        gguf_make_space(out, name, gguf_storage_type(type), is_norm ? 1 : 2, shape + is_norm,
                        dtype_bytes(type, w->n_rows * w->n_cols));
    }
}

/* --- the weights --- */

static void write_rows(FILE *stream, const struct weight *w, enum dtype type)
{
    const size_t row_bytes = dtype_bytes(type, w->n_cols);
    float *row = mem_alloc(w->n_cols, sizeof *row);
    void *stored = mem_alloc(row_bytes, 1);
    for (size_t r = 0; r < w->n_rows; r++) {
        tensor_to_f32(row, w->bf16 + r * w->n_cols, DTYPE_BF16, w->n_cols);
        quantise(stored, row, type, w->n_cols);
        fwrite(stored, 1, row_bytes, stream);
    }
    free(row);
    free(stored);
}

/* GGUF has norms as they multiply. */
static void write_norm(FILE *stream, const struct weight *w)
{
    for (size_t i = 0; i < w->n_cols; i++) {
        float v = 1 + bf16_to_f32(w->bf16[i]);
        fwrite(&v, sizeof v, 1, stream);
    }
}

static void write_weights(FILE *stream, const struct random_model *m, const struct format *f)
{
    static const char zeros[32];
    for (size_t i = 0; i < m->n_weights; i++) {
        const struct weight *w = &m->weights[i];
        enum dtype type = type_of(w, f, m->shape->n_layers);
        if (type == DTYPE_F32)
            write_norm(stream, w);
        else if (type == DTYPE_BF16)
            fwrite(w->bf16, sizeof *w->bf16, w->n_rows * w->n_cols, stream);
        else
            write_rows(stream, w, type);
        fwrite(zeros, 1, -dtype_bytes(type, w->n_rows * w->n_cols) % sizeof zeros, stream);
    }
}

int random_gguf_write(const char *path, const struct random_model *m, const char *format,
                      struct err *err)
{
    const struct format *f = NULL;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(format, formats[i].name) == 0)
            f = &formats[i];
    if (!f)
        return err_set(err, ERR_ARG, "%s is no format: bf16, q8_0, q4_0 or q4_k_m", format);
    struct gguf_maker maker = {0};
    struct buf head = {0};
    make_config(&maker, m->shape, f);
    make_tokenizer(&maker, m->shape->n_vocab);
    make_spaces(&maker, m, f);
    gguf_make_head(&head, &maker);
    struct file_writer file;
    int rc = file_create(&file, path, err);
    if (rc == ERR_OK) {
        fwrite(head.data, 1, head.len, file.stream);
        write_weights(file.stream, m, f);
        rc = file_commit(&file, err);
    }
    buf_clear(&head);
    gguf_make_clear(&maker);
    return rc;
}
