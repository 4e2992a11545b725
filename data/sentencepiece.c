#include "data/sentencepiece.h"

#include "data/bytes.h"
#include "data/file.h"
#include "data/mem.h"
#include "data/vocab_internal.h"
#include "data/vocab_pieces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Field numbers of sentencepiece_model.proto. */
enum { MODEL_PIECE = 1, MODEL_TRAINER = 2, MODEL_NORMALIZER = 3, MODEL_DENORMALIZER = 5 };
enum { PIECE_TEXT = 1, PIECE_SCORE = 2, PIECE_TYPE = 3 };
enum { TRAINER_KIND = 3, TRAINER_SUFFIX = 24, TRAINER_BYTE_FALLBACK = 35 };
enum {
    NORMALIZER_NAME = 1,
    NORMALIZER_CHARSMAP = 2,
    NORMALIZER_PREFIX = 3,
    NORMALIZER_SQUEEZE = 4,
    NORMALIZER_ESCAPE = 5,
};

#define KIND_UNIGRAM 1 /* the default where the file does not say */
#define KIND_BPE 2

/* --- protocol buffers: a message is a run of (number, wire type, value) --- */

enum wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* A message, or what of it is still to be read. */
struct message {
    const uint8_t *file; /* start of the file, for the offsets in errors */
    const uint8_t *at, *end;
    const char *name;
    struct err *err;
};

struct field {
    unsigned number;
    enum wire wire;
    uint64_t value;       /* varint or fixed */
    const uint8_t *bytes; /* [len] of WIRE_BYTES */
    size_t len;
};

static int bad_byte(const struct message *m, const char *what)
{
    err_set(m->err, ERR_FORMAT, "%s: byte %zu: %s", m->name, (size_t)(m->at - m->file), what);
    err_hint(m->err, "It is damaged or no SentencePiece model (large files of a git clone may be "
                     "mere pointers); download it again, or use the tokenizer.json instead.");
    return ERR_FORMAT;
}

static int read_varint(uint64_t *out, struct message *m)
{
    *out = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (m->at == m->end)
            return bad_byte(m, "the file ends within a number");
        uint8_t byte = *m->at++;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return ERR_OK;
    }
    return bad_byte(m, "a number has more than ten bytes");
}

static int read_value(struct field *f, struct message *m)
{
    if (f->wire == WIRE_VARINT)
        return read_varint(&f->value, m);
    int code = f->wire == WIRE_BYTES ? read_varint(&f->value, m) : ERR_OK;
    if (code != ERR_OK)
        return code;
    uint64_t len = f->wire == WIRE_BYTES ? f->value : f->wire == WIRE_FIXED64 ? 8 : 4;
    if (len > (size_t)(m->end - m->at))
        return bad_byte(m, "a field is longer than what holds it");
    f->bytes = m->at;
    f->len = (size_t)len;
    if (f->wire == WIRE_FIXED32)
        f->value = load_u32(m->at);
    if (f->wire == WIRE_FIXED64)
        f->value = load_u64(m->at);
    m->at += f->len;
    return ERR_OK;
}

/* The next field; the caller has checked that the message has one. */
static int read_field(struct field *f, struct message *m)
{
    uint64_t key;
    int code = read_varint(&key, m);
    if (code != ERR_OK)
        return code;
    unsigned wire = key & 7;
    if (key >> 3 == 0 || key >> 32 != 0)
        return bad_byte(m, "a field has no valid number");
    if (wire != WIRE_VARINT && wire != WIRE_FIXED64 && wire != WIRE_BYTES && wire != WIRE_FIXED32)
        return bad_byte(m, "a field has no valid type");
    *f = (struct field){.number = (unsigned)(key >> 3), .wire = (enum wire)wire};
    return read_value(f, m);
}

/* A known field of another type than the format gives it would be misread. */
static int expect(const struct message *m, const struct field *f, enum wire wire)
{
    return f->wire == wire ? ERR_OK : bad_byte(m, "a field has the wrong type");
}

static struct message inside(const struct message *m, const struct field *f)
{
    return (struct message){m->file, f->bytes, f->bytes + f->len, m->name, m->err};
}

/* --- the model --- */

struct model_proto {
    struct scored_piece *pieces; /* [n] owned; texts lie in the file */
    size_t n, cap;
    struct piece_options options;
    uint64_t kind;
};

static int read_piece(struct model_proto *model, const struct message *parent,
                      const struct field *whole)
{
    struct message m = inside(parent, whole);
    struct scored_piece piece = {.text = "", .type = PIECE_NORMAL};
    while (m.at < m.end) {
        struct field f;
        int code = read_field(&f, &m);
        if (code != ERR_OK)
            return code;
        if (f.number == PIECE_TEXT) {
            code = expect(&m, &f, WIRE_BYTES);
            piece.text = (const char *)f.bytes;
            piece.len = f.len;
        } else if (f.number == PIECE_SCORE) {
            code = expect(&m, &f, WIRE_FIXED32);
            uint32_t bits = (uint32_t)f.value;
            memcpy(&piece.score, &bits, sizeof piece.score);
        } else if (f.number == PIECE_TYPE) {
            code = expect(&m, &f, WIRE_VARINT);
            piece.type = f.value <= PIECE_BYTE ? (enum piece_type)f.value : (enum piece_type)0;
        }
        if (code != ERR_OK)
            return code;
    }
    if (model->n == VOCAB_MAX_IDS)
        return err_set(m.err, ERR_LIMIT, "%s: more than %d pieces", m.name, VOCAB_MAX_IDS);
    if (piece.type == PIECE_UNKNOWN)
        model->options.unk_id = (int)model->n;
    model->pieces = mem_grow(model->pieces, &model->cap, model->n + 1, sizeof *model->pieces);
    model->pieces[model->n++] = piece;
    return ERR_OK;
}

static int refuse(const struct message *m, const char *what, const char *which)
{
    err_set(m->err, ERR_UNSUPPORTED, "%s: its %s%.60s is not supported", m->name, what, which);
    err_hint(m->err, "axscope reads tokenizers of the Gemma family; use the tokenizer.json that "
                     "came with the model.");
    return ERR_UNSUPPORTED;
}

static int read_trainer(struct model_proto *model, const struct message *parent,
                        const struct field *whole)
{
    struct message m = inside(parent, whole);
    while (m.at < m.end) {
        struct field f;
        int code = read_field(&f, &m);
        bool known = f.number == TRAINER_KIND || f.number == TRAINER_SUFFIX ||
                     f.number == TRAINER_BYTE_FALLBACK;
        if (code == ERR_OK && known)
            code = expect(&m, &f, WIRE_VARINT);
        if (code != ERR_OK)
            return code;
        if (f.number == TRAINER_KIND)
            model->kind = f.value;
        else if (f.number == TRAINER_BYTE_FALLBACK)
            model->options.byte_fallback = f.value != 0;
        else if (f.number == TRAINER_SUFFIX && f.value != 0)
            return refuse(&m, "trainer_spec.treat_whitespace_as_suffix", "");
    }
    return ERR_OK;
}

/* A table of characters is refused under the name that the file gives it ("nmt_nfkc"). */
static int read_normalizer(struct piece_options *options, const struct message *parent,
                           const struct field *whole)
{
    struct message m = inside(parent, whole);
    char name[64] = "of its own";
    bool has_charsmap = false, squeezes = true;
    while (m.at < m.end) {
        struct field f;
        int code = read_field(&f, &m);
        if (code == ERR_OK && f.number <= NORMALIZER_ESCAPE)
            code = expect(&m, &f, f.number <= NORMALIZER_CHARSMAP ? WIRE_BYTES : WIRE_VARINT);
        if (code != ERR_OK)
            return code;
        if (f.number == NORMALIZER_NAME && f.len > 0)
            snprintf(name, sizeof name, "%.*s", f.len < 60 ? (int)f.len : 60,
                     (const char *)f.bytes);
        else if (f.number == NORMALIZER_CHARSMAP)
            has_charsmap = f.len > 0;
        else if (f.number == NORMALIZER_PREFIX)
            options->add_dummy_prefix = f.value != 0;
        else if (f.number == NORMALIZER_SQUEEZE)
            squeezes = f.value != 0;
        else if (f.number == NORMALIZER_ESCAPE)
            options->escape_whitespaces = f.value != 0;
    }
    if (has_charsmap)
        return refuse(&m, "normalizer ", name);
    return squeezes ? refuse(&m, "normalizer_spec.remove_extra_whitespaces", "") : ERR_OK;
}

/* What a decoder would undo beside the mark for spaces. */
static int read_denormalizer(const struct message *parent, const struct field *whole)
{
    struct message m = inside(parent, whole);
    while (m.at < m.end) {
        struct field f;
        int code = read_field(&f, &m);
        if (code == ERR_OK && f.number == NORMALIZER_CHARSMAP && f.len > 0)
            code = refuse(&m, "denormalizer", "");
        if (code != ERR_OK)
            return code;
    }
    return ERR_OK;
}

static int read_part(struct model_proto *model, const struct message *m, const struct field *f,
                     bool *has_normalizer)
{
    bool known = (f->number >= MODEL_PIECE && f->number <= MODEL_NORMALIZER) ||
                 f->number == MODEL_DENORMALIZER;
    int code = known ? expect(m, f, WIRE_BYTES) : ERR_OK;
    if (code != ERR_OK || !known)
        return code;
    if (f->number == MODEL_PIECE)
        return read_piece(model, m, f);
    if (f->number == MODEL_TRAINER)
        return read_trainer(model, m, f);
    if (f->number == MODEL_DENORMALIZER)
        return read_denormalizer(m, f);
    *has_normalizer = true;
    return read_normalizer(&model->options, m, f);
}

static int check_model(const struct model_proto *model, const struct message *m,
                       bool has_normalizer)
{
    static const char *const kinds[] = {"of no known kind", "Unigram", "BPE", "Word", "Char"};
    if (model->n == 0)
        return bad_byte(m, "the file ends without a piece");
    if (model->kind != KIND_BPE)
        return refuse(m, "model kind ", kinds[model->kind < 5 ? model->kind : 0]);
    if (!has_normalizer) /* its defaults would remove extra white space */
        return refuse(m, "lack of a normalizer_spec", "");
    if (model->options.unk_id < 0) {
        err_set(m->err, ERR_FORMAT, "%s: none of its pieces is the unknown one", m->name);
        err_hint(m->err, "Download it again, or use the tokenizer.json instead.");
        return ERR_FORMAT;
    }
    return ERR_OK;
}

int sentencepiece_parse(struct vocab **out, const void *bytes, size_t len, const char *name,
                        struct err *err)
{
    const uint8_t *file = len ? bytes : (const void *)"";
    struct message m = {file, file, file + len, name, err};
    struct model_proto model = {
        .options = {.add_dummy_prefix = true, .escape_whitespaces = true, .unk_id = -1},
        .kind = KIND_UNIGRAM};
    bool has_normalizer = false;
    int code = ERR_OK;
    *out = NULL;
    while (m.at < m.end && code == ERR_OK) {
        struct field f;
        code = read_field(&f, &m);
        if (code == ERR_OK)
            code = read_part(&model, &m, &f, &has_normalizer);
    }
    if (code == ERR_OK)
        code = check_model(&model, &m, has_normalizer);
    if (code == ERR_OK)
        code = vocab_from_pieces(out, model.pieces, model.n, &model.options, name, err);
    free(model.pieces);
    return code;
}

int sentencepiece_open(struct vocab **out, const char *path, struct err *err)
{
    struct file_map map;
    *out = NULL;
    int code = file_map(&map, path, err);
    if (code != ERR_OK)
        return code;
    code = sentencepiece_parse(out, map.data, map.size, path, err);
    file_unmap(&map);
    return code;
}
