/* What a subcommand works on: the opened files, the prompt, the steering and a session. */
#ifndef TUI_JOB_H
#define TUI_JOB_H

#include "core/scope.h"
#include "core/session.h"
#include "data/dump_file.h"
#include "data/messages.h"
#include "tui/args.h"
#include "tui/progress.h"

struct job {
    struct scope scope;
    struct prompt prompt;
    struct steering steering; /* of the steering flags */
    struct session *session;
    struct dump_file *dump;   /* of --dump, in place of model and session; else NULL */
    struct progress progress; /* of the session; the job must not move while it is open */
};

/* Opens what `need` (enum scope_need) asks for, turns TEXT, "-" or --ids into a prompt, checks the
 * rows of the steering flags, and makes a session with the prompt set. With --dump the tokens are
 * those of the dump, and there is neither a model nor a session. */
int job_open(struct job *job, const struct args *args, int need, int n_branches,
             struct err *err) ERR_CHECK;
void job_close(struct job *job);

/* TEXT as given, or standard input without one final newline where it is "-". */
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

/* ERR_LIMIT, with the number of rows, unless row is one of the dictionary's. */
int job_check_row(const struct dictionary *dict, size_t row, struct err *err) ERR_CHECK;

/* Prints scope_warning, if there is one, on standard error. */
void job_warn(const struct scope *scope);

/* Wipes the progress line and shows none from here on: before anything is printed. */
void job_quiet(struct job *job);

/* Latents at every prompt position, [n_prompt, n_concepts]; the caller frees *acts. */
int job_latents(float **acts, struct job *job, bool is_signed, struct err *err) ERR_CHECK;

#endif
