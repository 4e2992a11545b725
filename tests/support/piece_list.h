/* The scored pieces that SentencePiece would list for a vocabulary that a tokenizer.json gave:
 * what one merge earlier makes has the higher score. */
#ifndef TESTS_SUPPORT_PIECE_LIST_H
#define TESTS_SUPPORT_PIECE_LIST_H

#include "data/vocab_pieces.h"

struct piece_list {
    struct scored_piece *items; /* [n] owned; texts live as long as the vocabulary */
    size_t n;
};

/* Special tokens become control pieces, but turn markers user-defined ones, and a tab without
 * <0x09> beside it becomes that byte piece: so it is in Gemma's own tokenizer.model. */
void piece_list_from(struct piece_list *list, const struct vocab *vocab);
void piece_list_clear(struct piece_list *list);

#endif
