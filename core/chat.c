#include "core/chat.h"

#include "data/text.h"

#include <stdlib.h>
#include <string.h>

#define TURN_START "<start_of_turn>"
#define TURN_END "<end_of_turn>"

static bool has_added_token(const struct tokenizer *tok, const char *text)
{
    size_t n;
    const struct vocab_added *added = vocab_added(tokenizer_vocab(tok), &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(added[i].text, text) == 0)
            return true;
    return false;
}

bool chat_supported(const struct tokenizer *tok)
{
    return has_added_token(tok, TURN_START) && has_added_token(tok, TURN_END);
}

/* What Python's str.strip removes: the template trims with it. */
static bool is_blank(uint32_t cp)
{
    return (cp >= 0x09 && cp <= 0x0d) || (cp >= 0x1c && cp <= 0x20) || cp == 0x85 || cp == 0xa0 ||
           cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 ||
           cp == 0x202f || cp == 0x205f || cp == 0x3000;
}

static size_t blank_prefix(const char *s, size_t len)
{
    size_t i = 0;
    uint32_t cp;
    for (int n; i < len && (n = utf8_decode(&cp, s + i, len - i)) > 0 && is_blank(cp);)
        i += (size_t)n;
    return i;
}

/* Length of s without the white space at its end. */
static size_t trimmed_len(const char *s, size_t len)
{
    for (;;) {
        size_t n = 1;
        while (n < 4 && n < len && ((unsigned char)s[len - n] & 0xc0) == 0x80)
            n++;
        uint32_t cp;
        if (n > len || utf8_decode(&cp, s + len - n, n) != (int)n || !is_blank(cp))
            return len;
        len -= n;
    }
}

/* The rendered conversation, and where the turns' texts are in it. */
struct rendering {
    struct buf text;
    struct token_span *turns; /* [n_turns] */
};

static void render(struct rendering *r, const struct chat_turn *turns, size_t n_turns)
{
    static const char *const roles[] = {[CHAT_USER] = "user", [CHAT_MODEL] = "model"};
    for (size_t i = 0; i < n_turns; i++) {
        size_t skip = blank_prefix(turns[i].text, turns[i].len);
        size_t len = trimmed_len(turns[i].text + skip, turns[i].len - skip);
        buf_printf(&r->text, TURN_START "%s\n", roles[turns[i].role]);
        r->turns[i].start = r->text.len;
        buf_add(&r->text, turns[i].text + skip, len);
        r->turns[i].end = r->text.len;
        if (i + 1 < n_turns || turns[i].role == CHAT_USER)
            buf_str(&r->text, TURN_END "\n");
    }
    if (turns[n_turns - 1].role == CHAT_USER)
        buf_printf(&r->text, TURN_START "%s\n", roles[CHAT_MODEL]);
}

/* Marks the tokens that hold a byte of a turn's text. Tokens before the first one are the prefix.
 */
static void count_tokens(struct chat_prompt *out, const struct token_spans *spans,
                         const struct rendering *r, size_t n_turns)
{
    size_t n_bos = out->ids.n - spans->n;
    size_t turn = 0;
    out->counted = mem_zalloc(out->ids.n, sizeof *out->counted);
    out->n_prefix = n_bos;
    for (size_t i = 0; i < spans->n; i++) {
        const struct token_span *span = &spans->items[i];
        while (turn < n_turns && r->turns[turn].end <= span->start)
            turn++;
        out->counted[n_bos + i] = turn < n_turns && span->end > r->turns[turn].start;
        if (span->end <= r->turns[0].start)
            out->n_prefix = n_bos + i + 1;
    }
}

static int check_turns(const struct chat_turn *turns, size_t n_turns, struct err *err)
{
    if (n_turns == 0)
        return err_set(err, ERR_ARG, "a conversation needs at least one turn");
    for (size_t i = 0; i < n_turns; i++) {
        if (turns[i].role == (i % 2 ? CHAT_MODEL : CHAT_USER))
            continue;
        err_set(err, ERR_ARG,
                "turn %zu of the conversation is the %s's again, roles must alternate", i + 1,
                turns[i].role == CHAT_USER ? "user" : "model");
        err_hint(err, "Begin with the user and let user and model take turns.");
        return ERR_ARG;
    }
    return ERR_OK;
}

int chat_render(struct chat_prompt *out, const struct tokenizer *tok, int bos_id,
                const struct chat_turn *turns, size_t n_turns, struct err *err)
{
    *out = (struct chat_prompt){0};
    if (!chat_supported(tok)) {
        err_set(err, ERR_UNSUPPORTED, "the tokenizer has no turn markers (" TURN_START ")");
        err_hint(err, "Use the model without --chat, or take its -it version.");
        return ERR_UNSUPPORTED;
    }
    int code = check_turns(turns, n_turns, err);
    if (code != ERR_OK)
        return code;
    struct rendering r = {.turns = mem_zalloc(n_turns, sizeof *r.turns)};
    struct token_spans spans = {0};
    render(&r, turns, n_turns);
    if (bos_id >= 0)
        token_ids_add(&out->ids, bos_id);
    code = tokenizer_encode_spans(&out->ids, &spans, tok, r.text.data, r.text.len, err);
    if (code == ERR_OK)
        count_tokens(out, &spans, &r, n_turns);
    else
        chat_prompt_clear(out);
    token_spans_clear(&spans);
    buf_clear(&r.text);
    free(r.turns);
    return code;
}

void chat_prompt_clear(struct chat_prompt *p)
{
    token_ids_clear(&p->ids);
    free(p->counted);
    *p = (struct chat_prompt){0};
}
