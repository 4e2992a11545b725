#include "core/bpe_vocab.h"

#include "data/json.h"

#include <stdlib.h>
#include <string.h>

const char *const bpe_special[BPE_N_SPECIAL] = {"<pad>", "<eos>",           "<bos>",
                                                "<unk>", "<start_of_turn>", "<end_of_turn>"};

int bpe_vocab_id(const struct bpe_vocab *vocab, const char *piece)
{
    return string_map_get(&vocab->ids, piece, strlen(piece));
}

int bpe_vocab_add(struct bpe_vocab *vocab, const char *piece)
{
    int id = bpe_vocab_id(vocab, piece);
    if (id >= 0)
        return id;
    vocab->pieces =
        mem_grow(vocab->pieces, &vocab->cap_pieces, vocab->n_pieces + 1, sizeof *vocab->pieces);
    char *copy = mem_strdup(piece);
    vocab->pieces[vocab->n_pieces] = copy;
    *string_map_at(&vocab->ids, copy, strlen(copy)) = (int)vocab->n_pieces;
    return (int)vocab->n_pieces++;
}

int bpe_vocab_merge(struct bpe_vocab *vocab, int left, int right)
{
    vocab->merges =
        mem_grow(vocab->merges, &vocab->cap_merges, vocab->n_merges + 1, sizeof *vocab->merges);
    vocab->merges[vocab->n_merges++] = (struct bpe_merge){left, right};
    struct buf piece = {0};
    buf_printf(&piece, "%s%s", vocab->pieces[left], vocab->pieces[right]);
    int id = bpe_vocab_add(vocab, piece.data);
    buf_clear(&piece);
    return id;
}

void bpe_vocab_clear(struct bpe_vocab *vocab)
{
    for (size_t i = 0; i < vocab->n_pieces; i++)
        free(vocab->pieces[i]);
    free(vocab->pieces);
    free(vocab->merges);
    string_map_clear(&vocab->ids);
    *vocab = (struct bpe_vocab){0};
}

static void key_string(struct json_writer *w, const char *key, const char *value)
{
    jw_key(w, key);
    jw_string(w, value);
}

static void key_bool(struct json_writer *w, const char *key, bool value)
{
    jw_key(w, key);
    jw_bool(w, value);
}

static void key_null(struct json_writer *w, const char *key)
{
    jw_key(w, key);
    jw_null(w);
}

static void write_added_tokens(struct json_writer *w, const struct bpe_vocab *vocab)
{
    jw_key(w, "added_tokens");
    jw_array(w);
    for (size_t i = 0; i < vocab->n_added; i++) {
        jw_object(w);
        jw_key(w, "id");
        jw_int(w, (long long)i);
        key_string(w, "content", vocab->pieces[i]);
        key_bool(w, "single_word", false);
        key_bool(w, "lstrip", false);
        key_bool(w, "rstrip", false);
        key_bool(w, "normalized", false);
        key_bool(w, "special", i < BPE_N_SPECIAL);
        jw_object_end(w);
    }
    jw_array_end(w);
}

/* {"type": "Replace", "pattern": {"String": from}, "content": to}, in normaliser and decoder */
static void write_replace(struct json_writer *w, const char *from, const char *to)
{
    jw_object(w);
    key_string(w, "type", "Replace");
    jw_key(w, "pattern");
    jw_object(w);
    key_string(w, "String", from);
    jw_object_end(w);
    key_string(w, "content", to);
    jw_object_end(w);
}

static void write_pre_tokenizer(struct json_writer *w)
{
    jw_key(w, "pre_tokenizer");
    jw_object(w);
    key_string(w, "type", "Split");
    jw_key(w, "pattern");
    jw_object(w);
    key_string(w, "String", " ");
    jw_object_end(w);
    key_string(w, "behavior", "MergedWithPrevious");
    key_bool(w, "invert", false);
    jw_object_end(w);
}

static void write_template_part(struct json_writer *w, const char *kind, const char *id, int type)
{
    jw_object(w);
    jw_key(w, kind);
    jw_object(w);
    key_string(w, "id", id);
    jw_key(w, "type_id");
    jw_int(w, type);
    jw_object_end(w);
    jw_object_end(w);
}

static void write_post_processor(struct json_writer *w)
{
    jw_key(w, "post_processor");
    jw_object(w);
    key_string(w, "type", "TemplateProcessing");
    for (int pair = 0; pair < 2; pair++) {
        jw_key(w, pair ? "pair" : "single");
        jw_array(w);
        for (int part = 0; part <= pair; part++) {
            write_template_part(w, "SpecialToken", "<bos>", part);
            write_template_part(w, "Sequence", part ? "B" : "A", part);
        }
        jw_array_end(w);
    }
    jw_key(w, "special_tokens");
    jw_object(w);
    jw_key(w, "<bos>");
    jw_object(w);
    key_string(w, "id", "<bos>");
    jw_key(w, "ids");
    jw_array(w);
    jw_int(w, 2);
    jw_array_end(w);
    jw_key(w, "tokens");
    jw_array(w);
    jw_string(w, "<bos>");
    jw_array_end(w);
    jw_object_end(w);
    jw_object_end(w);
    jw_object_end(w);
}

static void write_decoder(struct json_writer *w)
{
    jw_key(w, "decoder");
    jw_object(w);
    key_string(w, "type", "Sequence");
    jw_key(w, "decoders");
    jw_array(w);
    write_replace(w, "\xe2\x96\x81", " ");
    jw_object(w);
    key_string(w, "type", "ByteFallback");
    jw_object_end(w);
    jw_object(w);
    key_string(w, "type", "Fuse");
    jw_object_end(w);
    jw_array_end(w);
    jw_object_end(w);
}

static void write_model(struct json_writer *w, const struct bpe_vocab *vocab)
{
    jw_key(w, "model");
    jw_object(w);
    key_string(w, "type", "BPE");
    key_null(w, "dropout");
    key_string(w, "unk_token", "<unk>");
    key_null(w, "continuing_subword_prefix");
    key_null(w, "end_of_word_suffix");
    key_bool(w, "fuse_unk", true);
    key_bool(w, "byte_fallback", true);
    key_bool(w, "ignore_merges", false);
    jw_key(w, "vocab");
    jw_object(w);
    for (size_t i = 0; i < vocab->n_pieces; i++) {
        jw_key(w, vocab->pieces[i]);
        jw_int(w, (long long)i);
    }
    jw_object_end(w);
    jw_key(w, "merges");
    jw_array(w);
    struct buf pair = {0};
    for (size_t i = 0; i < vocab->n_merges; i++) {
        pair.len = 0;
        buf_printf(&pair, "%s %s", vocab->pieces[vocab->merges[i].left],
                   vocab->pieces[vocab->merges[i].right]);
        jw_string(w, pair.data);
    }
    buf_clear(&pair);
    jw_array_end(w);
    jw_object_end(w);
}

void bpe_vocab_write(struct buf *out, const struct bpe_vocab *vocab)
{
    struct json_writer w;
    json_writer_init(&w, NULL, out);
    jw_object(&w);
    key_string(&w, "version", "1.0");
    key_null(&w, "truncation");
    key_null(&w, "padding");
    write_added_tokens(&w, vocab);
    jw_key(&w, "normalizer");
    write_replace(&w, " ", "\xe2\x96\x81");
    write_pre_tokenizer(&w);
    write_post_processor(&w);
    write_decoder(&w);
    write_model(&w, vocab);
    jw_object_end(&w);
    buf_char(out, '\n');
}
