/* What a subcommand works on: the opened files, the prompt, the steering and a session. */
#ifndef TUI_JOB_H
#define TUI_JOB_H

#include "core/scope.h"
#include "core/session.h"
#include "data/dump_file.h"
#include "data/messages.h"
#include "tui/args.h"
#include "tui/dict_set.h"
#include "tui/lazy_acts.h"
#include "tui/progress.h"

struct job {
    struct scope scope;
    struct dict_set set; /* all dictionaries; n is 0 without any */
    struct prompt prompt;
    struct steering steering; /* of the steering flags, in their order */
    struct session *session;
    int steered;              /* its branch that has the steering: the last one */
    float **resid;            /* [set.n] of what was read, each owned, or NULL */
    struct dump_file *dump;   /* of --dump, in place of model and session; else NULL */
    struct progress progress; /* of the session; the job must not move while it is open */
};

/* scope_open for a command that may use a model: sets the threads, shows the progress of what takes
 * long, prints what there is to warn of. Ctrl-C there puts away what was half done:
 * ERR_CANCELLED. */
int job_open_scope(struct scope *out, const struct args *args, int need, struct err *err) ERR_CHECK;

/* Opens what `need` (enum scope_need) asks for, turns TEXT, "-" or --ids into a prompt, checks the
 * rows of the steering flags, and makes a session of n_branches > 0 with the prompt set and the
 * last branch steered; its hook layer is the lowest of the dictionaries'. With --dump the tokens
 * are those of the dump, and there is neither a model nor a session. */
int job_open(struct job *job, const struct args *args, int need, int n_branches,
             struct err *err) ERR_CHECK;
void job_close(struct job *job);

/* TEXT as given, or standard input without one final newline where it is "-". Bytes that are no
 * UTF-8 are noted. */
int job_text(struct buf *out, const struct args *args, struct err *err) ERR_CHECK;

/* The turns of --messages; with --answer one more. The texts live in `messages`; the caller clears
 * both. */
struct conversation {
    struct messages messages;
    struct chat_turn *turns; /* [n] owned */
    size_t n;
};
int job_conversation(struct conversation *out, const struct args *args, struct err *err) ERR_CHECK;
void conversation_clear(struct conversation *c);

/* Prints one line, "axscope: note: ...", on standard error: what a user would not expect, though it
 * is no failure. */
void job_note(const char *fmt, ...) ERR_PRINTF(1, 2);

/* Notes it where the steering flags change nothing of what is read after `layers`, or only a part:
 * an edit reaches the layers above its own, and the logits. */
void job_note_unsteered(const struct job *job, const int *layers, size_t n, bool has_logits);

/* All dictionaries that are named, beside the scope's own, which is checked and has its
 * calibration; prints their warnings. The caller closes the set. */
int job_open_dicts(struct dict_set *set, const struct scope *scope, const struct args *args,
                   struct err *err) ERR_CHECK;

/* Wipes the progress line and shows none from here on: before anything is printed. */
void job_quiet(struct job *job);

/* Latents of dictionary d at every prompt position, [n_prompt, n_concepts]; the caller frees. Reads
 * where that was not done. */
int job_latents(float **acts, struct job *job, size_t d, bool is_signed, struct err *err) ERR_CHECK;
/* Those of all dictionaries side by side; takes what was read. counted [n_prompt]. */
int job_take_acts(struct lazy_acts **acts, struct job *job, const bool *counted, bool is_signed,
                  struct err *err) ERR_CHECK;

#endif
