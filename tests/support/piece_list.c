#include "tests/support/piece_list.h"

#include "data/mem.h"

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

void piece_list_clear(struct piece_list *list)
{
    free(list->items);
    *list = (struct piece_list){0};
}
