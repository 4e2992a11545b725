#include "core/prompt.h"

#include "core/scope.h"
#include "data/dump_file.h"
#include "data/file.h"

#include <stdlib.h>
#include <string.h>

/* What the files call eos; the model's stop ids may hold more. */
static bool is_bos_eos_pad(const struct model *model, int id)
{
    const struct model_config *c = &model->config;
    const struct model_numbers *numbers = model->files ? model_files_numbers(model->files) : NULL;
    const int *eos = numbers ? numbers->stop_ids : c->stop_ids;
    int n_eos = numbers ? numbers->n_stop_ids : c->n_stop_ids;
    for (int i = 0; i < n_eos; i++)
        if (eos[i] == id)
            return true;
    return id >= 0 && (id == c->bos_id || id == c->pad_id);
}

static bool is_special(const struct scope *scope, int id)
{
    if (!scope->tokenizer)
        return is_bos_eos_pad(scope->model, id);
    const struct vocab *vocab = tokenizer_vocab(scope->tokenizer);
    return id >= 0 && id < vocab_size(vocab) && vocab_is_special(vocab, id);
}

static int refuse_too_long(size_t n, const struct scope *scope, struct err *err)
{
    err_set(err, ERR_LIMIT, "the text has %zu tokens, %s takes at most %d", n, scope->model->name,
            scope->model->config.n_ctx);
    err_hint(err, "Shorten the text or split it; nothing is cut silently.");
    return ERR_LIMIT;
}

static void flag_specials(struct prompt *p, const struct scope *scope)
{
    p->special = mem_zalloc(p->ids.n + 1, sizeof *p->special);
    for (size_t t = 0; t < p->ids.n; t++)
        p->special[t] = is_special(scope, p->ids.ids[t]);
}

/* The tokenizer may know more tokens than the model has rows. */
static int check_prompt(const struct prompt *p, const struct scope *scope, struct err *err)
{
    int n_vocab = scope->model->config.n_vocab;
    if (p->ids.n > (size_t)scope->model->config.n_ctx)
        return refuse_too_long(p->ids.n, scope, err);
    for (size_t t = 0; t < p->ids.n; t++) {
        if (p->ids.ids[t] >= 0 && p->ids.ids[t] < n_vocab)
            continue;
        err_set(err, ERR_LIMIT, "token id %d at position %zu is out of range: %s has %d tokens",
                p->ids.ids[t], t, scope->model->name, n_vocab);
        err_hint(err, "Use ids from 0 to %d.", n_vocab - 1);
        return ERR_LIMIT;
    }
    if (p->ids.n > 0)
        return ERR_OK;
    err_set(err, ERR_LIMIT, "the text has no tokens");
    err_hint(err, "Give at least one token.");
    return ERR_LIMIT;
}

int prompt_check_chat(const struct scope *scope, struct err *err)
{
    const char *name = scope->model ? scope->model->name : "the model";
    if (!scope->chat_lacks && chat_supported(scope->tokenizer))
        return ERR_OK;
    if (scope->chat_lacks)
        err_set(err, ERR_UNSUPPORTED,
                "%s has a chat template of another form than Gemma's: it lacks '%s'", name,
                scope->chat_lacks);
    else
        err_set(err, ERR_UNSUPPORTED, "%s has no chat form: its tokenizer lacks the turn markers",
                name);
    err_hint(err, "Use --raw and type the markers yourself, or a model that was tuned for chat.");
    return ERR_UNSUPPORTED;
}

static int render_chat(struct prompt *p, const struct scope *scope, const struct chat_turn *turns,
                       size_t n_turns, struct err *err)
{
    int rc = prompt_check_chat(scope, err);
    if (rc != ERR_OK)
        return rc;
    struct chat_prompt chat = {0};
    rc = chat_render(&chat, scope->tokenizer, scope->model->config.bos_id, turns, n_turns, err);
    if (rc == ERR_OK) {
        p->ids = chat.ids;
        p->counted = chat.counted;
        p->n_spared = (int)chat.n_prefix;
        return ERR_OK;
    }
    chat_prompt_clear(&chat);
    return rc;
}

static int encode_raw(struct prompt *p, const struct scope *scope, const char *text, size_t len,
                      struct err *err)
{
    int bos = scope->model->config.bos_id;
    struct token_ids typed = {0};
    int rc = tokenizer_encode(&typed, scope->tokenizer, text, len, err);
    if (rc == ERR_OK) {
        if (bos >= 0 && !(typed.n > 0 && typed.ids[0] == bos))
            token_ids_add(&p->ids, bos);
        for (size_t i = 0; i < typed.n; i++)
            token_ids_add(&p->ids, typed.ids[i]);
        p->counted = mem_zalloc(p->ids.n + 1, sizeof *p->counted);
        for (size_t t = 0; t < p->ids.n; t++)
            p->counted[t] = p->ids.ids[t] != bos;
    }
    token_ids_clear(&typed);
    return rc;
}

static int refuse_no_tokenizer(const struct scope *scope, struct err *err)
{
    bool is_file = scope->model->path && !file_is_dir(scope->model->path);
    err_set(err, ERR_UNSUPPORTED, "%s has no tokenizer (%s), so text cannot become tokens",
            scope->model->name,
            is_file ? "the file holds none"
                    : "neither tokenizer.json nor tokenizer.model is there");
    err_hint(err, "%s, or give token ids: --ids 2,17,5",
             is_file ? "Use a file that was converted with its vocabulary"
                     : "Put the model's tokenizer.json into its folder");
    return ERR_UNSUPPORTED;
}

/* What every prompt made of text goes through; `rc` is what making its ids returned. */
static int finish(struct prompt *p, const struct scope *scope, int rc, struct err *err)
{
    if (rc == ERR_OK)
        rc = check_prompt(p, scope, err);
    if (rc == ERR_OK)
        flag_specials(p, scope);
    else
        prompt_clear(p);
    return rc;
}

int prompt_from_text(struct prompt *out, const struct scope *scope, enum prompt_form form,
                     const char *text, size_t len, const char *answer, struct err *err)
{
    *out = (struct prompt){0};
    if (!scope->tokenizer)
        return refuse_no_tokenizer(scope, err);
    bool is_chat = form == PROMPT_CHAT || (form == PROMPT_AUTO && (scope->is_chat || answer));
    struct chat_turn turns[] = {{CHAT_USER, text, len},
                                {CHAT_MODEL, answer, answer ? strlen(answer) : 0}};
    int rc = is_chat ? render_chat(out, scope, turns, answer ? 2 : 1, err)
                     : encode_raw(out, scope, text, len, err);
    return finish(out, scope, rc, err);
}

int prompt_from_turns(struct prompt *out, const struct scope *scope, const struct chat_turn *turns,
                      size_t n_turns, struct err *err)
{
    *out = (struct prompt){0};
    if (!scope->tokenizer)
        return refuse_no_tokenizer(scope, err);
    return finish(out, scope, render_chat(out, scope, turns, n_turns, err), err);
}

int prompt_from_ids(struct prompt *out, const struct scope *scope, const int *ids, size_t n,
                    struct err *err)
{
    *out = (struct prompt){0};
    for (size_t i = 0; i < n; i++)
        token_ids_add(&out->ids, ids[i]);
    int rc = check_prompt(out, scope, err);
    if (rc != ERR_OK) {
        prompt_clear(out);
        return rc;
    }
    flag_specials(out, scope);
    out->counted = mem_zalloc(n + 1, sizeof *out->counted);
    for (size_t t = 0; t < n; t++)
        out->counted[t] = !is_bos_eos_pad(scope->model, ids[t]);
    return ERR_OK;
}

/* Without a configuration: Gemma's own numbers. */
static bool is_gemma_control(int id)
{
    return id >= 0 && id <= 2;
}

void prompt_from_dump(struct prompt *out, const struct scope *scope, const struct dump_file *dump)
{
    size_t n = dump_file_n_tokens(dump);
    const int *ids = dump_file_ids(dump);
    const bool *counted = dump_file_counted(dump);
    *out = (struct prompt){0};
    out->special = mem_zalloc(n + 1, sizeof *out->special);
    out->counted = mem_zalloc(n + 1, sizeof *out->counted);
    for (size_t t = 0; t < n; t++) {
        int id = ids ? ids[t] : -1;
        token_ids_add(&out->ids, id);
        out->special[t] = scope->tokenizer ? is_special(scope, id) : is_gemma_control(id);
        out->counted[t] = counted ? counted[t] : ids ? !is_gemma_control(id) : t > 0;
    }
}

void prompt_clear(struct prompt *p)
{
    token_ids_clear(&p->ids);
    free(p->special);
    free(p->counted);
    *p = (struct prompt){0};
}
