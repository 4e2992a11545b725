#include "assets/demo/world.h"

#include "assets/demo/world_internal.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char REAL[] = "assets/demo/world"; /* tests run in the root of the checkout */

static char *dir;

static void set_up(void)
{
    dir = tmp_dir_new();
}

static void tear_down(void)
{
    tmp_dir_free(dir);
}

static void put(const char *name, const char *text)
{
    free(tmp_dir_write(dir, name, text, strlen(text)));
}

static struct world *open_ok(const char *path)
{
    struct err err = {0};
    struct world *w;
    int rc = world_open(&w, path, &err);
    ck_assert_msg(rc == ERR_OK, "%s", err.message);
    return w;
}

static struct world *world_of(const char *text)
{
    put("10.txt", text);
    return open_ok(dir);
}

static void assert_refused(const char *text, const char *message)
{
    struct err err = {0};
    struct world *w;
    put("10.txt", text);
    ck_assert_int_eq(world_open(&w, dir, &err), ERR_FORMAT);
    ck_assert_msg(strstr(err.message, message), "'%s' lacks '%s'", err.message, message);
    ck_assert_ptr_null(w);
}

#define HEAD "== bread ==\nlabel references to bread\ngenre text\nkind topic\n"

/* One sentence of concept 0; the caller frees. */
static char *draw(const struct world *w, struct world_rng *rng)
{
    struct err err = {0};
    struct world_text text = {0};
    int rc = world_sample(w, rng, 0, WORLD_SENTENCE, WORLD_BOTH, &text, &err);
    ck_assert_msg(rc == ERR_OK, "%s", err.message);
    char *s = mem_strdup(text.turns[0].text);
    world_text_clear(&text);
    return s;
}

/* Whether all of the NULL-terminated texts turn up in many draws, and nothing else does. */
static void assert_draws_exactly(const struct world *w, const char *const *wanted)
{
    bool seen[16] = {false};
    struct world_rng rng;
    world_rng_seed(&rng, 5);
    for (int i = 0; i < 600; i++) {
        char *s = draw(w, &rng);
        int k = 0;
        while (wanted[k] && strcmp(wanted[k], s) != 0) {
            k++;
        }
        ck_assert_msg(wanted[k], "unexpected '%s'", s);
        seen[k] = true;
        free(s);
    }
    for (int k = 0; wanted[k]; k++) {
        ck_assert_msg(seen[k], "'%s' never drawn", wanted[k]);
    }
}

START_TEST(slots_take_articles_capitals_and_forms)
{
    struct world *w = world_of(HEAD "@noun oven | old hat | loaf/loaves\n@do bake | eat/eats/ate\n"
                                    "- {A noun}; {noun.s}; {Do.ed}\n");
    struct world_rng rng;
    world_rng_seed(&rng, 1);
    for (int i = 0; i < 100; i++) {
        char *s = draw(w, &rng);
        ck_assert(strncmp(s, "An oven; ", 9) == 0 || strncmp(s, "An old hat; ", 12) == 0 ||
                  strncmp(s, "A loaf; ", 8) == 0);
        ck_assert(strstr(s, "; ovens; ") || strstr(s, "; old hats; ") || strstr(s, "; loaves; "));
        ck_assert(strstr(s, "; Baked") || strstr(s, "; Ate"));
        free(s);
    }
    world_close(w);
}
END_TEST

START_TEST(alternatives_and_options_draw_every_combination)
{
    struct world *w = world_of(HEAD "- (a|b (c|d)) \\(x\\)[ e|]\n");
    const char *const wanted[] = {"a (x)",     "b c (x)",   "b d (x)", "a (x) e",
                                  "b c (x) e", "b d (x) e", NULL};
    assert_draws_exactly(w, wanted);
    world_close(w);
}
END_TEST

START_TEST(bound_slots_repeat_and_unbound_ones_do_not)
{
    struct world *w = world_of(HEAD "@n cat | dog\n- {n=1} {n.s=1} {N=1} {n}\n");
    const char *const wanted[] = {"cat cats Cat cat", "cat cats Cat dog", "dog dogs Dog dog",
                                  "dog dogs Dog cat", NULL};
    assert_draws_exactly(w, wanted);
    world_close(w);
}
END_TEST

START_TEST(after_slots_everything_else_is_literal)
{
    struct world *w = world_of("== c ==\nlabel C\ngenre code\nkind code\nslots « »\n"
                               "@v i | a/b\n- f[«v»] = {(x|y)};\\n\\t\\\\n\n");
    const char *const wanted[] = {"f[i] = {(x|y)};\n\t\\n", "f[a/b] = {(x|y)};\n\t\\n", NULL};
    assert_draws_exactly(w, wanted);
    world_close(w);
}
END_TEST

START_TEST(lists_of_other_blocks_are_drawn_and_recorded)
{
    struct world *w = world_of(HEAD "- {soup:noun} {topic:noun}\n== soup ==\nlabel S\ngenre text\n"
                                    "kind topic\n@noun pot\n- x\n");
    struct err err = {0};
    struct world_text text = {0};
    struct world_rng rng;
    world_rng_seed(&rng, 1);
    ck_assert_int_eq(world_sample(w, &rng, 0, WORLD_SENTENCE, WORLD_BOTH, &text, &err), ERR_OK);
    ck_assert_str_eq(text.turns[0].text, "pot pot");
    ck_assert_int_eq(text.n_concepts, 2);
    ck_assert_int_eq(text.concepts[0], 0);
    ck_assert_int_eq(text.concepts[1], 1);
    world_text_clear(&text);
    world_close(w);
}
END_TEST

START_TEST(rows_follow_file_names_then_places)
{
    put("20.txt", HEAD "- x\n");
    put("10.txt", "== soup ==\nlabel S\n- x\n== tea ==\nlabel T\nrelated bread\n- x\n");
    put("notes.md", "not read");
    struct world *w = open_ok(dir);
    ck_assert_int_eq(world_n_concepts(w), 3);
    ck_assert_str_eq(world_concept(w, 0)->slug, "soup");
    ck_assert_str_eq(world_concept(w, 1)->slug, "tea");
    ck_assert_str_eq(world_concept(w, 2)->label, "references to bread");
    ck_assert_int_eq(world_find(w, "bread"), 2);
    ck_assert_int_eq(world_find(w, "none"), -1);
    ck_assert_int_eq(world_concept(w, 1)->n_related, 1);
    ck_assert_int_eq(world_concept(w, 1)->related[0], 2);
    world_close(w);
}
END_TEST

START_TEST(mistakes_are_refused_with_file_and_line)
{
    assert_refused(HEAD "- a\n- b {nuon}\n", "10.txt:6: no list for the slot 'nuon'");
    assert_refused(HEAD "- (a|b\n", "10.txt:5: '(' is not closed");
    assert_refused(HEAD "- a)\n", "10.txt:5: ')' was not opened");
    assert_refused(HEAD "> question\n", "10.txt:5: ");
    assert_refused(HEAD "? bank\n", "10.txt:5: ");
    assert_refused(HEAD "lable x\n", "10.txt:5: unknown key");
    assert_refused("- a\n", "10.txt:1: before the first");
    assert_refused("== a ==\nlabel A\n", "10.txt:1: a has no sentence patterns");
    assert_refused("== a ==\n- x\n", "10.txt:1: a has no label");
    assert_refused(HEAD "- a\n" HEAD, "a second block");
    assert_refused(HEAD "related soup\n- a\n", "related concept 'soup' is unknown");
    assert_refused("== a ==\nlabel A\nslots « »\n- «v\n", "10.txt:4: '«' is not closed");
}
END_TEST

START_TEST(a_missing_or_empty_folder_is_reported)
{
    struct err err = {0};
    struct world *w;
    ck_assert_int_eq(world_open(&w, "/no such folder", &err), ERR_IO);
    ck_assert_int_eq(world_open(&w, dir, &err), ERR_IO);
    ck_assert(strstr(err.message, "no .txt files"));
}
END_TEST

START_TEST(lists_in_a_circle_are_an_error_when_drawn)
{
    struct world *w = world_of(HEAD "@a {b}\n@b {a}\n- {a}\n");
    struct err err = {0};
    struct world_text text = {0};
    struct world_rng rng;
    world_rng_seed(&rng, 1);
    ck_assert_int_eq(world_sample(w, &rng, 0, WORLD_SENTENCE, WORLD_BOTH, &text, &err), ERR_LIMIT);
    ck_assert_int_eq(text.n_turns, 0);
    world_close(w);
}
END_TEST

START_TEST(hard_sentences_come_in_samples_but_not_in_pairs)
{
    struct world *w = world_of(HEAD "@noun pot\n- a (b|c|d|e|f|g|h|i|j|k|l|m)\n> Q? => A.\n"
                                    "? jam : jam on {a other:noun}\n== cars ==\nlabel C\n"
                                    "kind topic\n@noun van\n- x\n? jam : jam\n");
    struct err err = {0};
    struct world_text text = {0};
    struct world_rng rng;
    int n_hard_sentences = 0;
    world_rng_seed(&rng, 1);
    for (int i = 0; i < 500; i++) {
        ck_assert_int_eq(world_pair(w, &rng, 0, WORLD_TRAIN, &text, &err), ERR_OK);
        ck_assert(!strstr(text.turns[1].text, "jam"));
        char *s = draw(w, &rng);
        n_hard_sentences += strcmp(s, "jam on a van") == 0;
        free(s);
    }
    ck_assert_int_gt(n_hard_sentences, 25);
    ck_assert_int_lt(n_hard_sentences, 150);
    world_text_clear(&text);
    world_close(w);
}
END_TEST

START_TEST(numbers_below_n_are_even_and_reproducible)
{
    struct world_rng a, b;
    int counts[7] = {0};
    world_rng_seed(&a, 42);
    world_rng_seed(&b, 42);
    for (int i = 0; i < 70000; i++) {
        uint32_t x = world_rng_below(&a, 7);
        ck_assert_uint_eq(x, world_rng_below(&b, 7));
        ck_assert_uint_lt(x, 7);
        counts[x]++;
    }
    for (int i = 0; i < 7; i++) {
        ck_assert_int_ge(counts[i], 9600); /* 10000 +- 4 standard deviations */
        ck_assert_int_le(counts[i], 10400);
    }
}
END_TEST

/* --- the world in the box --- */

START_TEST(the_world_is_as_rich_as_its_goals)
{
    struct world *w = open_ok(REAL);
    int n_topics = 0, n_code = 0, n_math = 0, n_for_evaluation = 0;
    for (int i = 0; i < world_n_concepts(w); i++) {
        const struct world_concept *c = world_concept(w, i);
        n_topics += c->kind == WORLD_KIND_TOPIC;
        n_code += c->genre == WORLD_CODE;
        n_math += c->genre == WORLD_MATH;
        ck_assert_msg(c->n_patterns >= 10 && c->n_chats >= 3, "%s", c->slug);
        ck_assert_msg(c->kind != WORLD_KIND_TOPIC || c->n_words >= 12, "%s", c->slug);
    }
    ck_assert_int_ge(world_n_concepts(w), 96);
    ck_assert_int_ge(n_topics, 40);
    ck_assert_int_ge(n_code, 20);
    ck_assert_int_ge(n_math, 12);
    for (int i = 0; i < world_n_neutral(w); i++) {
        bool for_evaluation;
        const char *question = world_neutral(w, i, &for_evaluation);
        ck_assert(isupper((unsigned char)question[0]));
        n_for_evaluation += for_evaluation;
    }
    ck_assert_int_ge(world_n_neutral(w), 24);
    ck_assert_int_eq(n_for_evaluation, 12);
    ck_assert_int_eq(world_n_examples(w), 10);
    ck_assert_str_eq(world_example(w, 0),
                     "She sat on the bank of the river while the bank raised its rates.");
    ck_assert_int_ge(world_n_words(w), 3000);
    ck_assert(world_knows_word(w, "Bank"));
    ck_assert(!world_knows_word(w, "xyzzy"));
    for (int i = 0; i < world_n_words(w); i++)
        ck_assert(world_knows_word(w, world_word(w, i)));
    world_close(w);
}
END_TEST

static int n_hard(const struct world_block *b, const char *word)
{
    int n = 0;
    for (size_t i = 0; i < b->hards.n; i++) {
        n += strcmp(b->hards.items[i].word, word) == 0;
    }
    return n;
}

static int count_word(const char *text, const char *word)
{
    int n = 0;
    size_t len = strlen(word);
    for (const char *p = text; (p = strstr(p, word)) != NULL; p += len) {
        n += (p == text || !isalpha((unsigned char)p[-1])) && !isalpha((unsigned char)p[len]);
    }
    return n;
}

START_TEST(ambiguous_words_have_eight_patterns_in_every_sense)
{
    struct world *w = open_ok(REAL);
    struct err err = {0};
    struct world_text text = {0};
    struct world_rng rng;
    world_rng_seed(&rng, 3);
    ck_assert_int_ge(world_n_ambiguous(w), 24);
    for (int i = 0; i < world_n_ambiguous(w); i++) {
        const struct world_ambiguous *a = world_ambiguous(w, i);
        ck_assert_int_ge(a->n_concepts, 2);
        for (int k = 0; k < 8 * a->n_concepts; k++) {
            int c = a->concepts[k % a->n_concepts];
            ck_assert_msg(n_hard(w->rows[c], a->word) >= 8, "%s in %s", a->word, w->rows[c]->slug);
            enum world_split split = k % 2 ? WORLD_TRAIN : WORLD_HELD_OUT;
            ck_assert_int_eq(world_hard(w, &rng, a->word, c, split, &text, &err), ERR_OK);
            ck_assert_msg(count_word(text.turns[0].text, a->word) >= 1, "no '%s' in '%s'", a->word,
                          text.turns[0].text);
        }
    }
    int concept = world_ambiguous(w, 0)->concepts[0];
    ck_assert_int_eq(world_hard(w, &rng, "xyzzy", concept, WORLD_BOTH, &text, &err), ERR_ARG);
    world_text_clear(&text);
    world_close(w);
}
END_TEST

START_TEST(every_concept_has_texts_of_every_form_in_both_splits)
{
    struct world *w = open_ok(REAL);
    struct err err = {0};
    struct world_text text = {0};
    struct world_rng rng;
    world_rng_seed(&rng, 11);
    for (int i = 0; i < world_n_concepts(w) * 6 * 3; i++) {
        int c = i / 18;
        enum world_form form = (enum world_form)(i % 3);
        enum world_split split = i / 3 % 2 ? WORLD_TRAIN : WORLD_HELD_OUT;
        int rc = world_sample(w, &rng, c, form, split, &text, &err);
        ck_assert_msg(rc == ERR_OK, "%s", err.message);
        ck_assert_int_eq(text.concepts[0], c);
        ck_assert_int_ge(text.n_turns, form == WORLD_CHAT ? 2 : 1);
        for (int t = 0; t < text.n_turns; t++) {
            enum world_role want = form != WORLD_CHAT ? WORLD_NONE
                                   : t % 2            ? WORLD_MODEL
                                                      : WORLD_USER;
            ck_assert_int_eq(text.turns[t].role, want);
            ck_assert_uint_gt(strlen(text.turns[t].text), 0);
        }
    }
    world_text_clear(&text);
    world_close(w);
}
END_TEST

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

START_TEST(held_out_sentences_are_an_eighth_and_never_drawn_for_training)
{
    enum { N = 3000 };
    struct world *w = open_ok(REAL);
    struct err err = {0};
    struct world_text text = {0};
    struct world_rng rng;
    char **held = mem_alloc(N, sizeof *held);
    world_rng_seed(&rng, 17);
    for (int i = 0; i < N; i++) {
        ck_assert_int_eq(world_sample(w, &rng, -1, WORLD_SENTENCE, WORLD_HELD_OUT, &text, &err),
                         ERR_OK);
        held[i] = mem_strdup(text.turns[0].text);
    }
    qsort(held, N, sizeof *held, compare);
    int n_in_both = 0;
    for (int i = 0; i < N; i++) {
        ck_assert_int_eq(world_sample(w, &rng, -1, WORLD_SENTENCE, WORLD_TRAIN, &text, &err),
                         ERR_OK);
        char *s = text.turns[0].text;
        ck_assert_msg(!bsearch(&s, held, N, sizeof *held, compare), "in both splits: %s", s);
        ck_assert_int_eq(world_sample(w, &rng, -1, WORLD_SENTENCE, WORLD_BOTH, &text, &err),
                         ERR_OK);
        s = text.turns[0].text;
        n_in_both += bsearch(&s, held, N, sizeof *held, compare) != NULL;
    }
    ck_assert_int_gt(n_in_both, 0); /* the comparison does find equal sentences */
    for (int i = 0; i < N; i++) {
        free(held[i]);
    }
    free(held);
    world_text_clear(&text);
    world_close(w);
}
END_TEST

START_TEST(the_same_seed_gives_the_same_texts)
{
    struct world *w = open_ok(REAL);
    struct err err = {0};
    struct world_text a = {0}, b = {0};
    struct world_rng one, two, three;
    int n_other = 0;
    world_rng_seed(&one, 9);
    world_rng_seed(&two, 9);
    world_rng_seed(&three, 10);
    for (int i = 0; i < 300; i++) {
        enum world_form form = (enum world_form)(i % 3);
        ck_assert_int_eq(world_sample(w, &one, -1, form, WORLD_TRAIN, &a, &err), ERR_OK);
        ck_assert_int_eq(world_sample(w, &two, -1, form, WORLD_TRAIN, &b, &err), ERR_OK);
        ck_assert_int_eq(a.n_turns, b.n_turns);
        for (int t = 0; t < a.n_turns; t++) {
            ck_assert_str_eq(a.turns[t].text, b.turns[t].text);
        }
        ck_assert_int_eq(world_sample(w, &three, -1, form, WORLD_TRAIN, &b, &err), ERR_OK);
        n_other += strcmp(a.turns[0].text, b.turns[0].text) != 0;
    }
    ck_assert_int_gt(n_other, 250);
    world_text_clear(&a);
    world_text_clear(&b);
    world_close(w);
}
END_TEST

START_TEST(negative_pairs_keep_away_from_the_concept)
{
    struct world *w = open_ok(REAL);
    struct err err = {0};
    struct world_text text = {0};
    struct world_rng rng;
    world_rng_seed(&rng, 23);
    for (int c = 0; c < world_n_concepts(w); c++) {
        ck_assert_int_eq(world_pair(w, &rng, c, WORLD_TRAIN, &text, &err), ERR_OK);
        ck_assert_int_eq(text.n_turns, 2);
        ck_assert_int_eq(text.turns[0].role, WORLD_USER);
        ck_assert_int_eq(text.turns[1].role, WORLD_MODEL);
        ck_assert_int_eq(text.concepts[0], c);
        for (int i = 0; i < 6; i++) {
            enum world_genre genre = (enum world_genre)(i % 3);
            ck_assert_int_eq(world_negative(w, &rng, c, genre, WORLD_TRAIN, &text, &err), ERR_OK);
            ck_assert_int_eq(world_concept(w, text.concepts[0])->genre, genre);
            for (int k = 0; k < text.n_concepts; k++) {
                ck_assert_int_ne(text.concepts[k], c);
            }
            for (int k = 0; k < world_concept(w, c)->n_related; k++) {
                ck_assert_int_ne(text.concepts[0], world_concept(w, c)->related[k]);
            }
        }
    }
    world_text_clear(&text);
    world_close(w);
}
END_TEST

/* What a typing slip in the files would leave behind. */
START_TEST(texts_hold_no_traces_of_the_pattern_language)
{
    struct world *w = open_ok(REAL);
    struct err err = {0};
    struct world_text text = {0};
    struct world_rng rng;
    world_rng_seed(&rng, 29);
    for (int i = 0; i < 10000; i++) {
        ck_assert_int_eq(world_sample(w, &rng, -1, WORLD_SENTENCE, WORLD_BOTH, &text, &err),
                         ERR_OK);
        const char *s = text.turns[0].text;
        ck_assert_msg(!strstr(s, "«") && !strstr(s, "»"), "%s", s);
        if (world_concept(w, text.concepts[0])->kind == WORLD_KIND_TOPIC) {
            ck_assert_msg(!strpbrk(s, "{}[]()|/=_"), "%s", s);
            ck_assert_msg(!strstr(s, "  ") && !strstr(s, " ,") && !strstr(s, " ."), "%s", s);
            ck_assert_msg(isupper((unsigned char)s[0]) || (unsigned char)s[0] == 0xC3, "%s", s);
            ck_assert_msg(strchr(".?!", s[strlen(s) - 1]), "%s", s);
        }
    }
    world_text_clear(&text);
    world_close(w);
}
END_TEST

Suite *suite_world(void)
{
    Suite *s = suite_create("world");
    TCase *t = tcase_create("format");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, slots_take_articles_capitals_and_forms);
    tcase_add_test(t, alternatives_and_options_draw_every_combination);
    tcase_add_test(t, bound_slots_repeat_and_unbound_ones_do_not);
    tcase_add_test(t, after_slots_everything_else_is_literal);
    tcase_add_test(t, lists_of_other_blocks_are_drawn_and_recorded);
    tcase_add_test(t, rows_follow_file_names_then_places);
    tcase_add_test(t, mistakes_are_refused_with_file_and_line);
    tcase_add_test(t, a_missing_or_empty_folder_is_reported);
    tcase_add_test(t, lists_in_a_circle_are_an_error_when_drawn);
    tcase_add_test(t, hard_sentences_come_in_samples_but_not_in_pairs);
    tcase_add_test(t, numbers_below_n_are_even_and_reproducible);
    suite_add_tcase(s, t);
    t = tcase_create("box");
    tcase_add_test(t, the_world_is_as_rich_as_its_goals);
    tcase_add_test(t, ambiguous_words_have_eight_patterns_in_every_sense);
    tcase_add_test(t, every_concept_has_texts_of_every_form_in_both_splits);
    tcase_add_test(t, held_out_sentences_are_an_eighth_and_never_drawn_for_training);
    tcase_add_test(t, the_same_seed_gives_the_same_texts);
    tcase_add_test(t, negative_pairs_keep_away_from_the_concept);
    tcase_add_test(t, texts_hold_no_traces_of_the_pattern_language);
    suite_add_tcase(s, t);
    return s;
}
