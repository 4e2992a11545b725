/* Sessions on the fixture gemma2-mini: random ids to read, random directions to steer along, and
 * the small steps of a session, each checked. State of one test at a time. */
#ifndef TESTS_SUPPORT_MINI_SESSIONS_H
#define TESTS_SUPPORT_MINI_SESSIONS_H

#include "core/session.h"
#include "data/err.h"

#define N_IDS 2200 /* more than the caches of layers with a window (8) hold */
#define D_MODEL 96
#define TOLERANCE 2e-4 /* between different batch shapes */
#define HOOK 3
#define N_PROMPT 30 /* longer than the window of 8 */
#define N_ANSWER 6

extern struct err err;
extern struct model *model;
extern size_t d_model, n_vocab;
extern int ids[N_IDS]; /* the first is bos */
extern float directions[4][D_MODEL];

void mini_setup(void);
void mini_teardown(void);

/* With the first n_prompt ids as its prompt; the caller frees. */
struct session *open_at(int hook, int n_branches, int n_prompt);

struct session *open_session(int n_branches, int n_prompt); /* at HOOK */

/* ids[first .. first + n) to the answer of a branch. */
void append(struct session *s, int branch, int first, int n);

/* [popcount(mask), n_vocab] in room for 16 rows; the caller frees. */
float *logits_of(struct session *s, unsigned mask);

/* Strength 20 along direction `i` after a layer, or at HOOK, under a schedule. */
void steer_after(struct session *s, int branch, int layer, size_t i, enum steer_at at, int from);
void steer(struct session *s, int branch, size_t i, enum steer_at at, int from);

/* approx_tensor within TOLERANCE. */
void check_close(const char *what, const float *got, const float *want, size_t n);

/* Logits of the first n tokens of ids as one prompt, steered along `direction` (-1: not); the
 * caller frees. */
float *from_scratch(int hook, int n, int direction, enum steer_at at, int from);
void check_from_scratch(const char *what, const float *got, int n, int direction, enum steer_at at,
                        int from); /* at HOOK */

#endif
