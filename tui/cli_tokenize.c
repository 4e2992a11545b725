/* axscope tokenize: token ids and pieces. Reads the tokenizer only. */
#include "core/scope.h"
#include "data/text.h"
#include "tui/cli_json.h"
#include "tui/commands.h"
#include "tui/job.h"
#include "tui/paint.h"

#include <string.h>

#define LINE_HINT "Give one JSON value per line, such as \"a text\" or {\"text\": \"a text\"}."

static int bos_of(int *out, const struct scope *scope, struct err *err)
{
    static const char piece[] = "<bos>";
    *out = vocab_id(tokenizer_vocab(scope->tokenizer), piece, strlen(piece));
    if (*out >= 0)
        return ERR_OK;
    err_set(err, ERR_UNSUPPORTED, "the tokenizer has no <bos> token");
    err_hint(err, "Leave --bos out.");
    return ERR_UNSUPPORTED;
}

static void print_object(const struct tokenizer *tok, const struct token_ids *ids)
{
    struct json_writer w;
    json_writer_init(&w, stdout, NULL);
    jw_object(&w);
    json_ids(&w, "ids", ids->ids, ids->n);
    jw_key(&w, "pieces");
    jw_array(&w);
    for (size_t i = 0; i < ids->n; i++) {
        size_t len;
        const char *piece = vocab_piece(tokenizer_vocab(tok), ids->ids[i], &len);
        jw_string_len(&w, piece, len);
    }
    jw_array_end(&w);
    jw_object_end(&w);
}

static void print_table(const struct tokenizer *tok, const struct token_ids *ids)
{
    struct paint p;
    paint_init(&p, stdout);
    paint_bold(&p, true);
    printf("%5s %7s  %s\n", "pos", "id", "piece");
    paint_bold(&p, false);
    for (size_t i = 0; i < ids->n; i++) {
        size_t len;
        const char *piece = vocab_piece(tokenizer_vocab(tok), ids->ids[i], &len);
        bool is_special = vocab_is_special(tokenizer_vocab(tok), ids->ids[i]);
        printf("%5zu %7d  ", i, ids->ids[i]);
        if (is_special)
            paint_dim(&p, true);
        paint_text(&p, piece, len);
        if (is_special)
            paint_dim(&p, false);
        putchar('\n');
    }
}

static int encode(struct token_ids *ids, const struct tokenizer *tok, int bos, const char *text,
                  size_t len, struct err *err)
{
    if (bos >= 0)
        token_ids_add(ids, bos);
    return tokenizer_encode(ids, tok, text, len, err);
}

static void print_ids(const struct args *args, const struct tokenizer *tok,
                      const struct token_ids *ids)
{
    if (args->json) {
        print_object(tok, ids);
        putchar('\n');
    } else {
        print_table(tok, ids);
    }
}

static int tokenize_text(const struct args *args, const struct tokenizer *tok, int bos,
                         const struct buf *text, struct err *err)
{
    struct token_ids ids = {0};
    int rc = encode(&ids, tok, bos, buf_cstr(text), text->len, err);
    if (rc == ERR_OK)
        print_ids(args, tok, &ids);
    token_ids_clear(&ids);
    return rc;
}

/* The chat form begins with BOS in any case. */
static int tokenize_messages(const struct args *args, const struct scope *scope, struct err *err)
{
    struct conversation c;
    struct chat_prompt prompt = {0};
    int bos = -1;
    int rc = prompt_check_chat(scope, err);
    if (rc == ERR_OK)
        rc = bos_of(&bos, scope, err);
    if (rc == ERR_OK)
        rc = job_conversation(&c, args, err);
    if (rc != ERR_OK)
        return rc;
    rc = chat_render(&prompt, scope->tokenizer, bos, c.turns, c.n, err);
    if (rc == ERR_OK)
        print_ids(args, scope->tokenizer, &prompt.ids);
    chat_prompt_clear(&prompt);
    conversation_clear(&c);
    return rc;
}

/* --- --lines --- */

static int line_text(struct buf *out, const char *line, size_t len, size_t number, struct err *err)
{
    char name[48];
    struct json_doc *doc;
    snprintf(name, sizeof name, "input line %zu", number);
    int rc = json_parse(&doc, line, len, name, err);
    if (rc != ERR_OK) {
        err_hint(err, LINE_HINT);
        return rc;
    }
    const struct json *root = json_root(doc);
    if (!json_string_bytes(out, json_is_object(root) ? json_get(root, "text") : root)) {
        rc =
            err_set(err, ERR_FORMAT, "%s: neither a JSON string nor an object with \"text\"", name);
        err_hint(err, LINE_HINT);
    }
    json_close(doc);
    return rc;
}

static int tokenize_line(const struct tokenizer *tok, int bos, const char *line, size_t len,
                         size_t number, struct err *err)
{
    struct buf text = {0};
    struct token_ids ids = {0};
    int rc = line_text(&text, line, len, number, err);
    if (rc == ERR_OK)
        rc = encode(&ids, tok, bos, buf_cstr(&text), text.len, err);
    if (rc == ERR_OK) {
        print_object(tok, &ids);
        putchar('\n');
    }
    token_ids_clear(&ids);
    buf_clear(&text);
    return rc;
}

/* What lies before a bad line is printed all the same: whoever reads the output needs no second run
 * for it. */
static int tokenize_lines(const struct tokenizer *tok, int bos, const struct buf *input,
                          struct err *err)
{
    const char *line = buf_cstr(input), *end = line + input->len;
    int rc = ERR_OK;
    for (size_t number = 1; line < end && rc == ERR_OK; number++) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *stop = newline ? newline : end;
        rc = tokenize_line(tok, bos, line, (size_t)(stop - line), number, err);
        line = stop + 1;
    }
    return rc;
}

static int tokenize_operand(const struct args *args, const struct scope *scope, struct err *err)
{
    struct buf text = {0};
    int bos = -1;
    int rc = args->bos ? bos_of(&bos, scope, err) : ERR_OK;
    if (rc == ERR_OK)
        rc = job_text(&text, args, err);
    if (rc == ERR_OK)
        rc = args->lines ? tokenize_lines(scope->tokenizer, bos, &text, err)
                         : tokenize_text(args, scope->tokenizer, bos, &text, err);
    buf_clear(&text);
    return rc;
}

int cli_tokenize(const struct args *args, struct err *err)
{
    struct scope scope;
    int rc = scope_open(&scope, &args->scope, SCOPE_TOKENIZER, err);
    if (rc != ERR_OK)
        return rc;
    rc =
        args->messages ? tokenize_messages(args, &scope, err) : tokenize_operand(args, &scope, err);
    scope_close(&scope);
    return rc;
}
