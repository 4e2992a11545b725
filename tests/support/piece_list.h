/* The scored pieces that SentencePiece would list for a vocabulary that a tokenizer.json gave:
 * what one merge earlier makes has the higher score. */
#ifndef TESTS_SUPPORT_PIECE_LIST_H
#define TESTS_SUPPORT_PIECE_LIST_H

#include "data/mem.h"
#include "data/vocab_pieces.h"

struct piece_list {
    struct scored_piece *items; /* [n] owned; texts live as long as the vocabulary */
    size_t n;
};

/* Special tokens become control pieces, but turn markers user-defined ones, and a tab without
 * <0x09> beside it becomes that byte piece: so it is in Gemma's own tokenizer.model. */
void piece_list_from(struct piece_list *list, const struct vocab *vocab);

/* What a tokenizer.model says beside its pieces. The zero value is Gemma's, but for the kind. */
struct piece_model {
    unsigned kind;        /* 1 Unigram, 2 BPE, 3 Word, 4 Char; 0: not said */
    const char *charsmap; /* normalizer_spec.precompiled_charsmap, or NULL */
    bool add_dummy_prefix, remove_extra_whitespaces;
};

/* Appends the list as a tokenizer.model (SentencePiece's ModelProto). */
void piece_list_write(struct buf *out, const struct piece_list *list,
                      const struct piece_model *model);
void piece_list_clear(struct piece_list *list);

#endif
