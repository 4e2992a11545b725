#include "tests/support/piece_list.h"

#include "data/bytes.h"

#include <stdlib.h>
#include <string.h>

static bool is(const struct scored_piece *p, const char *text)
{
    return p->len == strlen(text) && memcmp(p->text, text, p->len) == 0;
}

/* Pieces that no merge makes come after all others; numbers stay below 2^24, where floats are
 * exact. */
static void score_pieces(struct piece_list *list, const struct vocab *vocab)
{
    size_t n_merges;
    const struct vocab_merge *merges = vocab_merges(vocab, &n_merges);
    for (size_t id = 0; id < list->n; id++)
        list->items[id].score = -(float)(n_merges + 1 + id);
    for (size_t rank = n_merges; rank-- > 0;)
        list->items[merges[rank].merged].score = -(float)(rank + 1);
}

static void type_added(struct piece_list *list, const struct vocab *vocab)
{
    size_t n_added;
    const struct vocab_added *added = vocab_added(vocab, &n_added);
    for (size_t i = 0; i < n_added; i++) {
        struct scored_piece *p = &list->items[added[i].id];
        bool is_turn = is(p, "<start_of_turn>") || is(p, "<end_of_turn>");
        p->type = added[i].special && !is_turn ? PIECE_CONTROL : PIECE_USER_DEFINED;
        p->score = 0;
    }
}

void piece_list_from(struct piece_list *list, const struct vocab *vocab)
{
    *list = (struct piece_list){.n = (size_t)vocab_size(vocab)};
    list->items = mem_zalloc(list->n, sizeof *list->items);
    bool has_tab_byte = vocab_id(vocab, "<0x09>", 6) >= 0;
    score_pieces(list, vocab);
    for (size_t id = 0; id < list->n; id++) {
        struct scored_piece *p = &list->items[id];
        p->text = vocab_piece(vocab, (int)id, &p->len);
        p->type = vocab_byte_value(vocab, (int)id) >= 0 ? PIECE_BYTE : PIECE_NORMAL;
        if (!has_tab_byte && is(p, "\t"))
            *p = (struct scored_piece){.text = "<0x09>", .len = 6, .type = PIECE_BYTE};
    }
    type_added(list, vocab);
    int unk_id = vocab_rules(vocab)->unk_id;
    if (unk_id >= 0)
        list->items[unk_id].type = PIECE_UNKNOWN;
}

/* --- protocol buffers --- */

static void put_varint(struct buf *out, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        buf_char(out, (char)(v | 0x80));
    buf_char(out, (char)v);
}

static void put_number(struct buf *out, unsigned field, uint64_t v)
{
    put_varint(out, field << 3);
    put_varint(out, v);
}

static void put_bytes(struct buf *out, unsigned field, const void *bytes, size_t len)
{
    put_varint(out, field << 3 | 2);
    put_varint(out, len);
    buf_add(out, bytes, len);
}

static void put_piece(struct buf *out, const struct scored_piece *p)
{
    struct buf piece = {0};
    uint32_t bits;
    uint8_t score[4];
    memcpy(&bits, &p->score, sizeof bits);
    store_u32(score, bits);
    put_bytes(&piece, 1, p->text, p->len);
    put_varint(&piece, 2 << 3 | 5);
    buf_add(&piece, score, sizeof score);
    if (p->type != PIECE_NORMAL) /* the default, which real files leave out */
        put_number(&piece, 3, p->type);
    put_bytes(out, 1, piece.data, piece.len);
    buf_clear(&piece);
}

void piece_list_write(struct buf *out, const struct piece_list *list,
                      const struct piece_model *model)
{
    struct buf part = {0};
    for (size_t id = 0; id < list->n; id++)
        put_piece(out, &list->items[id]);
    if (model->kind)
        put_number(&part, 3, model->kind);
    put_number(&part, 4, list->n);
    put_number(&part, 35, 1);
    put_number(&part, 43, (uint64_t)-1); /* pad_id: a negative number takes ten bytes */
    put_bytes(out, 2, part.data, part.len);
    part.len = 0;
    const char *charsmap = model->charsmap ? model->charsmap : "";
    put_bytes(&part, 1, *charsmap ? "nmt_nfkc" : "identity", 8);
    put_bytes(&part, 2, charsmap, strlen(charsmap));
    put_number(&part, 3, model->add_dummy_prefix);
    put_number(&part, 4, model->remove_extra_whitespaces);
    put_number(&part, 5, 1);
    put_bytes(out, 3, part.data, part.len);
    buf_clear(&part);
}

void piece_list_clear(struct piece_list *list)
{
    free(list->items);
    *list = (struct piece_list){0};
}
