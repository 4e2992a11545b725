#include "tests/tui/fake_app.h"

#include "core/generate.h"

#include <stdlib.h>
#include <string.h>

static const char *const LABELS[FAKE_CONCEPTS] = {
    "references to rivers, lakes and their banks",
    "terms related to banks, loans and interest rates",
    "expressions of past events",
    "mentions of women and girls",
    "instances of sitting or resting",
    "words about rising or increasing amounts",
    "definite articles before concrete nouns",
    "descriptions of simultaneous actions",
    "references to bread and baking",
    "terms related to rockets and space flight",
    "chess openings and endgames",
    "storms, wind and heavy rain",
    "polite requests and hedged statements",
    "questions addressed to the reader",
    "Python functions that call themselves",
    "SQL statements with a join",
    "error messages and stack traces",
    "HTML elements and their attributes",
    "fractions and their simplification",
    "inequalities with one unknown",
    "a label that is far too long to fit into any list on any screen that people use in a "
    "terminal, which is why it has to end in an ellipsis",
    "日本語の単語とかなの混ざった文",
    "café, naïve and other words with accents",
    "escape \x1b[31m sequences in a label",
};

static float act_max[FAKE_CONCEPTS], threshold[FAKE_CONCEPTS];
static struct label rows[FAKE_CONCEPTS];

static struct dictionary make_dictionary(bool with_maxima)
{
    for (size_t i = 0; i < FAKE_CONCEPTS; i++) {
        rows[i] = (struct label){.id = (long)(100 + 3 * i),
                                 .text = LABELS[i],
                                 .text_len = strlen(LABELS[i]),
                                 .genre = i < 14   ? GENRE_TEXT
                                          : i < 18 ? GENRE_CODE
                                          : i < 20 ? GENRE_MATH
                                                   : GENRE_OTHER,
                                 .ref = i % 2 ? "https://example.org/concept" : ""};
        act_max[i] = 10;
        threshold[i] = 2;
    }
    static char name[] = "demo/l3", path[] = "demo/l3";
    return (struct dictionary){.path = path,
                               .name = name,
                               .hook_layer = 3,
                               .n_concepts = FAKE_CONCEPTS,
                               .d_model = 8,
                               .labels = {.rows = rows, .n = FAKE_CONCEPTS},
                               .act_max = with_maxima ? act_max : NULL,
                               .threshold = with_maxima ? threshold : NULL};
}

const struct dictionary *fake_dictionary(void)
{
    static struct dictionary dict;
    dict = make_dictionary(true);
    return &dict;
}

const struct dictionary *fake_dictionary_raw(void)
{
    static struct dictionary dict;
    dict = make_dictionary(false);
    return &dict;
}

const char *fake_state_name(enum fake_state state)
{
    static const char *const names[N_FAKE_STATES] = {"empty",   "loading", "ready",
                                                     "running", "steered", "error"};
    return names[state];
}

void fake_send(struct app *app, struct event e, struct cmds *out)
{
    struct cmds dropped = {0};
    app_update(app, &e, out ? out : &dropped);
    event_clear(&e);
}

void fake_key(struct app *app, int key, struct cmds *out)
{
    fake_send(app, (struct event){.kind = EVENT_KEY, .key = key}, out);
}

void fake_keys(struct app *app, const char *keys)
{
    for (; *keys; keys++)
        fake_key(app, (unsigned char)*keys, NULL);
}

struct event fake_opened(const struct dictionary *dict)
{
    struct event e = {.kind = EVENT_OPENED, .job = JOB_OPEN, .seconds = 1};
    e.opened.dict = dict;
    e.opened.n_examples = 2;
    e.opened.examples = mem_zalloc(2, sizeof *e.opened.examples);
    e.opened.examples[0].factor = 1;
    e.opened.examples[0].text =
        mem_strdup("She sat on the bank of the river while the bank raised its rates");
    e.opened.examples[1] =
        (struct example){.text = mem_strdup("The python slept beside the server.\nIt dreamed."),
                         .pins = {3, 14},
                         .n_pins = 2,
                         .factor = 0.6f};
    return e;
}

static struct event model_event(void)
{
    struct event e = {.kind = EVENT_MODEL, .job = JOB_OPEN, .seconds = 2};
    e.model = (struct model_info){.name = mem_strdup("axscope-demo"),
                                  .n_layers = 6,
                                  .d_model = 8,
                                  .n_ctx = 512,
                                  .hook_layer = 3,
                                  .is_chat = true,
                                  .is_demo = true,
                                  .has_tokenizer = true};
    return e;
}

struct fake_token {
    const char *text;
    bool special, counted;
    float river, money; /* activations of rows 0 and 1 */
};

static const struct fake_token PROMPT[] = {
    {"<bos>", true, false, 0, 0},
    {"<start_of_turn>", true, false, 0, 0},
    {"user", false, false, 0, 0},
    {"\n", false, false, 0, 0},
    {"She", false, true, 1, 0},
    {" sat", false, true, 3, 0},
    {" on", false, true, 2, 0},
    {" the", false, true, 3.2f, 0},
    {" bank", false, true, 7, 3},
    {" of", false, true, 6, 0.5f},
    {" the", false, true, 6.5f, 0},
    {" river", false, true, 10, 0},
    {" while", false, true, 3, 1},
    {" the", false, true, 2.5f, 2},
    {" bank", false, true, 3, 8},
    {" raised", false, true, 0, 8.4f},
    {" its", false, true, 0, 7},
    {" rates", false, true, 0, 9.6f},
    {"<end_of_turn>", true, false, 0, 1},
    {"\n", false, false, 0, 0},
    {"<start_of_turn>", true, false, 0, 0},
    {"model", false, false, 0, 0},
    {"\n", false, false, 0, 0},
};
enum { N_PROMPT = sizeof PROMPT / sizeof *PROMPT };

static float prompt_act(int t, size_t row)
{
    if (row == 0)
        return PROMPT[t].river;
    if (row == 1)
        return PROMPT[t].money;
    return row < 8 && PROMPT[t].counted ? (float)((t * 7 + (int)row * 5) % 11) / 2 : 0;
}

struct event fake_reading(unsigned job)
{
    struct reading *r = mem_zalloc(1, sizeof *r);
    tokens_init(&r->tokens, FAKE_CONCEPTS);
    for (int t = 0; t < N_PROMPT; t++) {
        tokens_add(&r->tokens, 10 + t, PROMPT[t].text, strlen(PROMPT[t].text), PROMPT[t].special,
                   PROMPT[t].counted);
        float acts[FAKE_CONCEPTS];
        for (size_t c = 0; c < FAKE_CONCEPTS; c++)
            acts[c] = prompt_act(t, c);
        tokens_add_acts(&r->tokens, acts);
    }
    reading_set_max(r);
    r->top = mem_alloc(FAKE_CONCEPTS, sizeof *r->top);
    r->n_top = rank_prompt(r->top, FAKE_CONCEPTS, fake_dictionary(), SCORE_MARGIN, r->tokens.acts,
                           r->tokens.counted, (size_t)r->tokens.n);
    r->median_norm = 12.5f;
    r->n_words = 14;
    r->n_unseen = 1;
    r->n_computed = N_PROMPT;
    return (struct event){.kind = EVENT_READING, .job = job, .seconds = 2.1, .reading = r};
}

struct event fake_piece(unsigned job, int branch, int id, const char *text)
{
    struct event e = {.kind = EVENT_PIECE, .job = job, .seconds = 3, .branch = branch};
    e.piece.id = id;
    e.piece.text_len = (int)strlen(text);
    memcpy(e.piece.text, text, strlen(text));
    return e;
}

static void send_acts(struct app *app, int branch, float river)
{
    struct event e = {.kind = EVENT_ACTS, .job = app->last_job, .branch = branch, .seconds = 3};
    e.acts.n = FAKE_CONCEPTS;
    e.acts.acts = mem_zalloc(FAKE_CONCEPTS, sizeof *e.acts.acts);
    e.acts.acts[0] = river;
    fake_send(app, e, NULL);
}

static void answer(struct app *app, int branch, const char *const *pieces, int n)
{
    fake_send(
        app,
        (struct event){
            .kind = EVENT_ANSWER_BEGIN, .job = app->last_job, .branch = branch, .seconds = 2.5},
        NULL);
    for (int i = 0; i < n; i++) {
        int id = 0;
        for (const char *s = pieces[i]; *s; s++)
            id = id * 31 % 9973 + *s;
        fake_send(app, fake_piece(app->last_job, branch, id, pieces[i]), NULL);
        if (i > 0)
            send_acts(app, branch, branch ? (float)(i % 9) + 1 : (float)(i % 3));
    }
}

static void answers(struct app *app, bool finished)
{
    static const char *const baseline[] = {
        "The", " bank",  " is", " near", " the", " old", " town",  ",",     " and",
        " it", " opens", " at", " nine", ".",    "\n",   "People", " wait", " outside"};
    static const char *const steered[] = {"The",    " bank",  " is",   " wet", ",",       " the",
                                          " water", " runs",  " over", " the", " stones", " and",
                                          " the",   " reeds", " bend", ".",    " \x1b[2J"};
    int n_base = finished ? 18 : 5, n_steered = finished ? 17 : 5;
    answer(app, BRANCH_BASELINE, baseline, n_base);
    answer(app, BRANCH_STEERED, steered, n_steered);
    fake_send(app,
              (struct event){.kind = EVENT_EFFECT,
                             .job = app->last_job,
                             .kl = 0.31f,
                             .norm_ratio = 0.84f,
                             .seconds = 3},
              NULL);
    if (!finished)
        return;
    for (int b = 0; b < N_BRANCHES; b++)
        fake_send(app,
                  (struct event){.kind = EVENT_ANSWER_END,
                                 .job = app->last_job,
                                 .branch = b,
                                 .stop = b ? GENERATE_LENGTH : GENERATE_EOS,
                                 .seconds = 4},
                  NULL);
    fake_send(app, (struct event){.kind = EVENT_DONE, .job = app->last_job, .seconds = 4}, NULL);
}

static void send_error(struct app *app)
{
    struct event e = {.kind = EVENT_DONE, .job = app->last_job, .seconds = 3};
    err_set(&e.err, ERR_LIMIT, "the text has 9000 tokens, axscope-demo takes at most 512");
    err_hint(&e.err, "Shorten the text or split it; nothing is cut silently.");
    fake_send(app, e, NULL);
}

void fake_app(struct app *app, enum fake_state state, int height, int width)
{
    app_init(app, height, width);
    fake_send(app, (struct event){.kind = EVENT_RESIZE, .height = height, .width = width}, NULL);
    if (state >= FAKE_LOADING)
        fake_send(app, fake_opened(fake_dictionary()), NULL);
    if (state >= FAKE_READY) {
        fake_send(app, model_event(), NULL);
        fake_send(app, fake_reading(app->last_job), NULL);
    }
    if (state == FAKE_READY) /* the answer that follows by itself was stopped at once */
        fake_send(app,
                  (struct event){.kind = EVENT_DONE,
                                 .job = app->last_job,
                                 .seconds = 3,
                                 .err = {.code = ERR_CANCELLED}},
                  NULL);
    if (state == FAKE_RUNNING || state == FAKE_STEERED)
        answers(app, state == FAKE_STEERED);
    if (state == FAKE_ERROR)
        send_error(app);
}
