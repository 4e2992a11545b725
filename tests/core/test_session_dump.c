/* Residuals and logits of a whole prompt, with steering and without. */
#include "core/session.h"
#include "data/mem.h"
#include "tests/support/approx.h"
#include "tests/support/mini_sessions.h"
#include "tests/support/runner.h"

#include <stdlib.h>

START_TEST(a_dump_is_before_the_edit_at_the_hook_and_after_it_above)
{
    enum { N = 530 }; /* several batches */
    struct session *s = open_session(1, N), *plain = open_session(1, N);
    steer(s, 0, 1, STEER_BOTH, 0);
    int layers[3] = {HOOK, HOOK + 1, 0};
    float *a[3], *b[3];
    for (int i = 0; i < 3; i++) {
        a[i] = mem_alloc(N * d_model, sizeof(float));
        b[i] = mem_alloc(N * d_model, sizeof(float));
    }
    float *all = mem_alloc(N * n_vocab, sizeof *all);
    ck_assert_int_eq(session_dump(s, 0, layers, 3, a, all, true, &err), ERR_OK);
    ck_assert_int_eq(session_dump(plain, -1, layers, 3, b, NULL, false, &err), ERR_OK);
    check_close("at the hook", a[0], b[0], N * d_model);
    check_close("below", a[2], b[2], N * d_model);
    ck_assert(approx_worst(a[1], b[1], N * d_model, NULL) > 10 * TOLERANCE);
    float *got = logits_of(s, 1);
    check_close("logits", got, all + (N - 1) * n_vocab, n_vocab);
    check_from_scratch("logits in the middle", all + 99 * n_vocab, 100, 1, STEER_BOTH, 0);
    layers[1] = model->config.n_layers;
    ck_assert_int_eq(session_dump(s, 0, layers, 3, a, NULL, false, &err), ERR_LIMIT);
    free(got);
    free(all);
    for (int i = 0; i < 3; i++) {
        free(a[i]);
        free(b[i]);
    }
    session_free(s);
    session_free(plain);
}
END_TEST

START_TEST(steering_after_the_last_layer_reaches_the_logits)
{
    int last = model->config.n_layers - 1;
    struct session *s = open_at(last, 1, N_PROMPT);
    steer_after(s, 0, last, 0, STEER_BOTH, 0);
    float *got = logits_of(s, 1), *dumped = mem_alloc(n_vocab, sizeof *dumped);
    float *plain = from_scratch(last, N_PROMPT, -1, 0, 0);
    ck_assert(approx_worst(got, plain, n_vocab, NULL) > 10 * TOLERANCE);
    ck_assert_int_eq(session_dump(s, 0, NULL, 0, NULL, dumped, false, &err), ERR_OK);
    check_close("dump", dumped, got, n_vocab);
    free(dumped);
    free(plain);
    free(got);
    session_free(s);
}
END_TEST

Suite *suite_session_dump(void)
{
    Suite *s = suite_create("session_dump");
    TCase *t = tcase_create("session_dump");
    tcase_add_checked_fixture(t, mini_setup, mini_teardown);
    tcase_add_test(t, a_dump_is_before_the_edit_at_the_hook_and_after_it_above);
    tcase_add_test(t, steering_after_the_last_layer_reaches_the_logits);
    suite_add_tcase(s, t);
    return s;
}
