/* A vocabulary from scored pieces, as SentencePiece's BPE models and GGUF files list them.
 *
 * Such a file has no merges: two pieces may be joined whenever the two together are a piece, and
 * the piece with the highest score is made first. The merges that follow from this are listed in
 * the order of Hugging Face's conversion to tokenizer.json (score, then longer left part, then
 * longer right part, then id), so that both roads give the same ids. */
#ifndef DATA_VOCAB_PIECES_H
#define DATA_VOCAB_PIECES_H

#include "data/vocab.h"

/* Numbers as in ModelProto.SentencePiece.Type and in GGUF's tokenizer.ggml.token_type. */
enum piece_type {
    PIECE_NORMAL = 1,
    PIECE_UNKNOWN = 2,      /* becomes a special added token */
    PIECE_CONTROL = 3,      /* likewise */
    PIECE_USER_DEFINED = 4, /* an added token; special if it is one of Gemma's turn markers */
    PIECE_UNUSED = 5,       /* treated as normal, as Hugging Face does */
    PIECE_BYTE = 6,         /* <0xNN>; never part of a merge */
};

struct scored_piece {
    const char *text; /* [len] any bytes without NUL; copied */
    size_t len;
    float score;
    enum piece_type type;
};

struct piece_options {
    bool add_dummy_prefix;   /* U+2581 before every text; decoding leaves it as a space */
    bool escape_whitespaces; /* a space in the text is U+2581 in the pieces */
    bool byte_fallback;
    int unk_id; /* -1: none */
};

/* In:    pieces  [n] the position is the id
 *        name    the file, for messages
 * Fails: ERR_FORMAT  no pieces; a piece twice; a byte piece that is not <0xNN>; a score or type
 *                    that is none; unk_id out of range
 *        ERR_LIMIT   more than 2 million pieces, or one longer than 1024 bytes
 * Cost:  about 0.3 s and 60 MB for Gemma's 256,000 pieces */
int vocab_from_pieces(struct vocab **out, const struct scored_piece *pieces, size_t n,
                      const struct piece_options *options, const char *name,
                      struct err *err) ERR_CHECK;

#endif
