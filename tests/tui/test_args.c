#include "tui/args.h"

#include "core/latents.h"
#include "data/file.h"
#include "tests/support/runner.h"
#include "tui/args_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WORDS 24

/* Parses a line of blank-separated words; '_' in a word stands for a blank. */
static int parse(struct args *args, const char *line, struct err *err)
{
    static char copy[512], *argv[MAX_WORDS];
    int argc = 0;
    strcpy(copy, line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        for (char *c = word; *c; c++)
            *c = *c == '_' ? ' ' : *c;
        argv[argc++] = word;
    }
    return args_parse(args, argc, argv, err);
}

static void check_refused(const char *line, const char *reason)
{
    struct args args;
    struct err err = {0};
    ck_assert_msg(parse(&args, line, &err) == ERR_ARG, "accepted: %s", line);
    ck_assert_msg(strstr(err.message, reason), "%s: '%s' lacks '%s'", line, err.message, reason);
    ck_assert_msg(*err.hint, "%s: '%s' says not what to do", line, err.message);
    args_clear(&args);
}

static struct args accepted(const char *line)
{
    struct args args;
    struct err err = {0};
    ck_assert_msg(parse(&args, line, &err) == ERR_OK, "%s: %s", line, err.message);
    return args;
}

START_TEST(without_a_subcommand_the_operand_is_a_prompt)
{
    struct args args = accepted("axscope --model m --dict d some_text");
    ck_assert_int_eq(args.command, COMMAND_TUI);
    ck_assert_str_eq(args.text, "some text");
    ck_assert_str_eq(args.scope.model, "m");
    ck_assert_str_eq(args.scope.dict, "d");
    ck_assert_str_eq(args.scope.argv0, "axscope");
    args_clear(&args);
    args = accepted("axscope -- read");
    ck_assert_int_eq(args.command, COMMAND_TUI);
    ck_assert_str_eq(args.text, "read");
    args_clear(&args);
    args = accepted("axscope");
    ck_assert_ptr_null(args.text);
    args_clear(&args);
}
END_TEST

START_TEST(options_may_stand_before_and_after_the_subcommand)
{
    struct args args = accepted("axscope --model read read --top=3 --json hello --layer 7");
    ck_assert_int_eq(args.command, COMMAND_READ);
    ck_assert_str_eq(args.scope.model, "read");
    ck_assert_str_eq(args.text, "hello");
    ck_assert_int_eq(args.top, 3);
    ck_assert_int_eq(args.scope.layer, 7);
    ck_assert(args.json);
    args_clear(&args);
}
END_TEST

START_TEST(steering_flags_keep_their_order)
{
    struct args args = accepted("axscope steer --clamp 4=2.5 --set 1=-0.5 --project-out 9 "
                                "--strength 1:3=1e2 --threshold 2=7 --set 12:1=2 --steer-at 5.. x");
    static const struct steer_flag expected[] = {
        {INTERVENTION_CLAMP, false, {0, 4}, 2.5f},    {INTERVENTION_ADD, true, {0, 1}, -0.5f},
        {INTERVENTION_PROJECT_OUT, false, {0, 9}, 0}, {INTERVENTION_ADD, false, {1, 3}, 100},
        {INTERVENTION_THRESHOLD, false, {0, 2}, 7},   {INTERVENTION_ADD, true, {12, 1}, 2},
    };
    ck_assert_uint_eq(args.n_edits, 6);
    for (size_t i = 0; i < 6; i++) {
        ck_assert_int_eq(args.edits[i].kind, expected[i].kind);
        ck_assert_int_eq(args.edits[i].is_factor, expected[i].is_factor);
        ck_assert_uint_eq(args.edits[i].ref.dict, expected[i].ref.dict);
        ck_assert_uint_eq(args.edits[i].ref.row, expected[i].ref.row);
        ck_assert_float_eq(args.edits[i].value, expected[i].value);
    }
    ck_assert_int_eq(args.steer_at, STEER_FROM);
    ck_assert_int_eq(args.steer_from, 5);
    args_clear(&args);
}
END_TEST

START_TEST(what_a_dictionary_brings_belongs_to_the_one_named_before)
{
    struct args args = accepted("axscope search --labels la --dict a --layer 0 --dict b --dict c "
                                "--acts ac --layer 7 --labels lc x");
    ck_assert_uint_eq(args.n_more_dicts, 2);
    const struct scope_options *a = &args.scope, *b = &args.more_dicts[0], *c = &args.more_dicts[1];
    ck_assert_str_eq(a->dict, "a");
    ck_assert_str_eq(a->labels, "la");
    ck_assert(!a->acts && a->layer == 0);
    ck_assert_str_eq(b->dict, "b");
    ck_assert(!b->labels && !b->acts && b->layer == -1);
    ck_assert_str_eq(c->labels, "lc");
    ck_assert_str_eq(c->acts, "ac");
    ck_assert_int_eq(c->layer, 7);
    args_clear(&args);
    check_refused("axscope read --dict a --acts x --acts y t", "--acts was given twice for one");
    check_refused("axscope read --labels x --dict a --labels y t", "--labels was given twice");
    check_refused("axscope read --dict a --dict b --layer 1 --layer 2 t", "--layer was given");
    check_refused("axscope info --dict a --dict b", "--dict was given twice: a and b");
    args = accepted("axscope --dict a --dict b");
    ck_assert_uint_eq(args.n_more_dicts, 1);
    args_clear(&args);
}
END_TEST

START_TEST(lists_and_numbers_are_read)
{
    struct args args = accepted("axscope dump --ids 2,_17,5 --out f --layers 0,20 --logits all "
                                "--latents --signed");
    ck_assert_int_eq(args.form, PROMPT_IDS);
    ck_assert_uint_eq(args.n_ids, 3);
    ck_assert_int_eq(args.ids[1], 17);
    ck_assert_uint_eq(args.n_layers, 2);
    ck_assert_int_eq(args.layers[1], 20);
    ck_assert_int_eq(args.logits, DUMP_ALL_LOGITS);
    args_clear(&args);
    args = accepted("axscope steer --seed 18446744073709551615 --temperature 0.7 --top-p .9 x");
    ck_assert_uint_eq(args.seed, UINT64_MAX);
    ck_assert_float_eq(args.temperature, 0.7f);
    ck_assert_float_eq(args.top_p, 0.9f);
    args_clear(&args);
    args = accepted("axscope read --concept 3 --dict a --dict b --concept 1:7 --answer yes -");
    ck_assert_uint_eq(args.n_concepts, 2);
    ck_assert_uint_eq(args.concepts[0].dict, 0);
    ck_assert_uint_eq(args.concepts[0].row, 3);
    ck_assert_uint_eq(args.concepts[1].dict, 1);
    ck_assert_uint_eq(args.concepts[1].row, 7);
    ck_assert_str_eq(args.scope.dict, "a");
    ck_assert_uint_eq(args.n_more_dicts, 1);
    ck_assert_str_eq(args.more_dicts[0].dict, "b");
    ck_assert_int_eq(args.form, PROMPT_CHAT);
    ck_assert_str_eq(args.text, "-");
    args_clear(&args);
    args = accepted("axscope steer --messages - --answer yes");
    ck_assert_str_eq(args.messages, "-");
    ck_assert_str_eq(args.answer, "yes");
    ck_assert_ptr_null(args.text);
    ck_assert_int_eq(args.form, PROMPT_CHAT);
    args_clear(&args);
}
END_TEST

START_TEST(a_double_dash_ends_the_options)
{
    struct args args = accepted("axscope search -- --json");
    ck_assert_str_eq(args.text, "--json");
    ck_assert(!args.json);
    args_clear(&args);
    args = accepted("axscope read -5");
    ck_assert_str_eq(args.text, "-5");
    args_clear(&args);
}
END_TEST

START_TEST(wrong_usage_is_refused_with_its_reason)
{
    check_refused("axscope read --frobnicate x", "unknown option --frobnicate");
    check_refused("axscope read -x y", "unknown option -x");
    check_refused("axscope search --set 1=2 x", "not an option of axscope search");
    check_refused("axscope read --top x y", "whole number");
    check_refused("axscope read --top 1.5 y", "whole number");
    check_refused("axscope read --top -1 y", "whole number");
    check_refused("axscope read --top 99999999999999999999 y", "whole number");
    check_refused("axscope read --json=1 y", "takes no value");
    check_refused("axscope read y --top", "needs a value");
    check_refused("axscope steer --set 5 x", "--set 5");
    check_refused("axscope steer --set x=1 x", "--set x=1");
    check_refused("axscope steer --set -1=1 x", "--set -1=1");
    check_refused("axscope steer --set 1=nan x", "--set 1=nan");
    check_refused("axscope steer --set 1=inf x", "--set 1=inf");
    check_refused("axscope steer --set 1=0x10 x", "--set 1=0x10");
    check_refused("axscope steer --strength 1=1e99 x", "--strength 1=1e99");
    check_refused("axscope steer --project-out 1=2 x", "--project-out 1=2");
    check_refused("axscope steer --steer-at never x", "--steer-at never");
    check_refused("axscope steer --steer-at .. x", "--steer-at ..");
    check_refused("axscope steer --temperature -1 x", "number from 0");
    check_refused("axscope steer --top-p 1.5 x", "number from 0 to 1");
    check_refused("axscope steer --seed -1 x", "--seed -1");
    check_refused("axscope steer --max-tokens 0 x", "--max-tokens 0");
    check_refused("axscope read --ids 2,x", "list of whole numbers");
    check_refused("axscope read --ids 2,,3", "list of whole numbers");
    check_refused("axscope read --ids 2,-3", "list of whole numbers");
    check_refused("axscope read --ids 2, ", "list of whole numbers");
    check_refused("axscope read --ids 2 text", "--ids takes the place");
    check_refused("axscope read", "read needs TEXT");
    check_refused("axscope steer --set 1:=1 x", "--set 1:=1");
    check_refused("axscope steer --project-out :1 x", "--project-out :1");
    check_refused("axscope read --concept 1: x", "--concept 1:");
    check_refused("axscope read --concept :1 x", "--concept :1");
    check_refused("axscope read a b", "one operand too many");
    check_refused("axscope info a", "takes no operand");
    check_refused("axscope read --raw --chat x", "exclude each other");
    check_refused("axscope read --raw --answer y x", "--answer needs the chat template");
    check_refused("axscope read --ids 1 --answer y", "--answer needs the chat template");
    check_refused("axscope read --messages m.json x", "--messages takes the place of TEXT");
    check_refused("axscope dump --out o --messages m.json --ids 1",
                  "--messages takes the place of --ids");
    check_refused("axscope tokenize --lines --messages m.json",
                  "--messages takes the place of --lines");
    check_refused("axscope steer --raw --messages m.json", "--messages needs the chat template");
    check_refused("axscope --messages m.json", "not an option of axscope");
    check_refused("axscope show x", "row number");
    check_refused("axscope show -3", "row number");
    check_refused("axscope dump x", "needs a file");
    check_refused("axscope dump --out - x", "--out -: the name of a file");
    check_refused("axscope dump --out f --logits some x", "last or all");
    check_refused("axscope dump --out f --layers 1,1 x", "without repetition");
    check_refused("axscope read --weights q4 x", "stored or q8");
    check_refused("axscope read --kv q8 x", "f32 or f16");
    check_refused("axscope search --kv f16 x", "not an option of axscope search");
    check_refused("axscope search --weights q8 x", "not an option of axscope search");
    check_refused("axscope read --cache-weights x", "--cache-weights is about converted weights");
}
END_TEST

START_TEST(a_mistyped_subcommand_is_pointed_out_and_a_prompt_is_not)
{
    check_refused("axscope serach", "did you mean 'search'");
    check_refused("axscope serach bread --json", "did you mean 'search'");
    check_refused("axscope --model m raed", "did you mean 'read'");
    check_refused("axscope tokenise x", "did you mean 'tokenize'");
    check_refused("axscope --json=1 steeer", "did you mean 'steer'");
    static const char *const prompts[] = {"hello", "river", "house", "read_it", "Who", "the", "-"};
    for (size_t i = 0; i < sizeof prompts / sizeof *prompts; i++) {
        char line[64];
        snprintf(line, sizeof line, "axscope %s", prompts[i]);
        struct args args = accepted(line);
        ck_assert_int_eq(args.command, COMMAND_TUI);
        args_clear(&args);
    }
    struct args args = accepted("axscope -- raed");
    ck_assert_str_eq(args.text, "raed");
    args_clear(&args);
}
END_TEST

static void check_hint(const char *line, const char *hint)
{
    struct args args;
    struct err err = {0};
    ck_assert_int_eq(parse(&args, line, &err), ERR_ARG);
    ck_assert_msg(strstr(err.hint, hint), "%s: '%s' lacks '%s'", line, err.hint, hint);
    args_clear(&args);
}

START_TEST(hints_say_what_to_do)
{
    check_hint("axscope read --jsno x", "Did you mean --json?");
    check_hint("axscope read --frobnicate x", "lists the options");
    check_hint("axscope show abc", "counted from 0");
    check_hint("axscope show -1", "counted from 0");
    check_hint("axscope raed", "axscope -- raed");
}
END_TEST

START_TEST(an_empty_text_is_refused_unless_it_is_raw)
{
    static char read[] = "read", empty[] = "", raw[] = "--raw";
    char *argv[] = {read, read, empty, raw};
    struct args args;
    struct err err = {0};
    ck_assert_int_eq(args_parse(&args, 3, argv, &err), ERR_ARG);
    ck_assert_ptr_nonnull(strstr(err.message, "empty"));
    ck_assert_int_eq(args_parse(&args, 4, argv, &err), ERR_OK);
    args_clear(&args);
    static char blank[] = " \t\n";
    argv[2] = blank;
    ck_assert_int_eq(args_parse(&args, 3, argv, &err), ERR_ARG);
    ck_assert_str_eq(err.message, "read: the text is empty");
    ck_assert_int_eq(args_parse(&args, 4, argv, &err), ERR_OK);
    args_clear(&args);
}
END_TEST

START_TEST(a_search_can_be_sorted_and_narrowed)
{
    struct args args = accepted("axscope search --fuzzy --sort label --genre code x");
    ck_assert(args.fuzzy && args.has_order && args.has_genre);
    ck_assert_int_eq(args.order, ORDER_LABEL);
    ck_assert_int_eq(args.genre, GENRE_CODE);
    args_clear(&args);
    check_refused("axscope search --sort size x", "relevance");
    check_refused("axscope search --genre poem x", "math");
    check_refused("axscope search --fuzzy --case-sensitive x", "--fuzzy");
}
END_TEST

START_TEST(help_names_every_option_of_its_command)
{
    for (int c = 0; c < N_COMMANDS; c++) {
        struct buf help = {0};
        args_help(&help, (enum command)c);
        for (size_t i = 0; i < n_options; i++) {
            char flag[64];
            snprintf(flag, sizeof flag, "  --%s ", option_table[i].name);
            bool listed = strstr(help.data, flag) != NULL;
            ck_assert_int_eq(listed, option_table[i].commands >> c & 1);
        }
        for (const char *line = help.data; *line; line += strcspn(line, "\n") + 1)
            ck_assert_uint_le(strcspn(line, "\n"), 100);
        buf_clear(&help);
    }
}
END_TEST

START_TEST(help_wins_over_what_is_missing)
{
    struct args args = accepted("axscope dump --help");
    ck_assert(args.help);
    ck_assert_int_eq(args.command, COMMAND_DUMP);
    args_clear(&args);
    args = accepted("axscope --version");
    ck_assert(args.version);
    args_clear(&args);
}
END_TEST

/* A file of the repository; the tests run at its root. */
static struct buf file_text(const char *path)
{
    struct buf text = {0};
    struct err err = {0};
    ck_assert_msg(file_read(&text, path, 1 << 20, &err) == ERR_OK, "%s", err.message);
    return text;
}

/* `make completions` writes them anew. */
START_TEST(completions_in_the_tree_are_those_of_the_table)
{
    static const char *const shells[] = {"bash", "zsh", "fish"};
    struct err err;
    for (size_t s = 0; s < 3; s++) {
        char path[64];
        struct buf script = {0};
        snprintf(path, sizeof path, "assets/completions/axscope.%s", shells[s]);
        struct buf stored = file_text(path);
        ck_assert_int_eq(args_completions(&script, shells[s], &err), ERR_OK);
        ck_assert_msg(script.len == stored.len && memcmp(script.data, stored.data, script.len) == 0,
                      "%s is out of date: run make completions", path);
        buf_clear(&script);
        buf_clear(&stored);
    }
}
END_TEST

START_TEST(the_man_page_names_every_option_and_command)
{
    struct buf page = file_text("assets/axscope.1"), plain = {0};
    for (const char *c = page.data; *c; c++)
        if (!(c[0] == '\\' && c[1] == '-'))
            buf_char(&plain, *c);
    for (size_t i = 0; i < n_options; i++) {
        char flag[64];
        snprintf(flag, sizeof flag, "--%s", option_table[i].name);
        ck_assert_msg(strstr(plain.data, flag), "assets/axscope.1 lacks %s", flag);
    }
    for (int c = 1; c < N_COMMANDS; c++)
        ck_assert_ptr_nonnull(strstr(plain.data, command_name((enum command)c)));
    buf_clear(&page);
    buf_clear(&plain);
}
END_TEST

START_TEST(completions_of_every_shell_name_every_option)
{
    static const char *const shells[] = {"bash", "zsh", "fish"};
    struct err err;
    for (size_t s = 0; s < 3; s++) {
        struct buf script = {0};
        ck_assert_int_eq(args_completions(&script, shells[s], &err), ERR_OK);
        for (size_t i = 0; i < n_options; i++)
            ck_assert_ptr_nonnull(strstr(script.data, option_table[i].name));
        for (int c = 1; c < N_COMMANDS; c++)
            ck_assert_ptr_nonnull(strstr(script.data, command_name((enum command)c)));
        buf_clear(&script);
    }
    struct buf none = {0};
    ck_assert_int_eq(args_completions(&none, "tcsh", &err), ERR_ARG);
}
END_TEST

START_TEST(a_calibration_and_a_unit_can_be_asked_for)
{
    struct args args = accepted("axscope calibrate --texts t.txt --again --json");
    ck_assert_int_eq(args.command, COMMAND_CALIBRATE);
    ck_assert_str_eq(args.texts, "t.txt");
    ck_assert(args.again && args.json);
    ck_assert_int_eq(args.unit, -1);
    ck_assert_int_eq(args.min_tokens, 1000);
    args_clear(&args);
    args = accepted("axscope calibrate --min-tokens 5");
    ck_assert_int_eq(args.min_tokens, 5);
    args_clear(&args);
    args = accepted("axscope read --unit z text");
    ck_assert_int_eq(args.unit, SCORE_Z);
    args_clear(&args);
    check_refused("axscope read --unit loud text", "margin, z, share or raw");
    check_refused("axscope calibrate text", "one too many");
    check_refused("axscope search --unit z text", "not an option");
}
END_TEST

START_TEST(keys_and_values_are_f32_unless_asked)
{
    struct args args = accepted("axscope read text");
    ck_assert_int_eq(args.scope.kv, DTYPE_F32);
    args_clear(&args);
    args = accepted("axscope --kv f16 text");
    ck_assert_int_eq(args.scope.kv, DTYPE_F16);
    args_clear(&args);
    args = accepted("axscope info --kv=f32");
    ck_assert_int_eq(args.scope.kv, DTYPE_F32);
    args_clear(&args);
}
END_TEST

START_TEST(weights_are_used_as_stored_unless_asked)
{
    struct args args = accepted("axscope read text");
    ck_assert(args.scope.weights == WEIGHTS_STORED && !args.scope.caches_weights);
    args_clear(&args);
    args = accepted("axscope --cache-weights --weights q8 text");
    ck_assert(args.scope.weights == WEIGHTS_Q8 && args.scope.caches_weights);
    args_clear(&args);
    args = accepted("axscope steer --force text");
    ck_assert(args.scope.ignores_memory);
    args_clear(&args);
    args = accepted("axscope info --weights=q8");
    ck_assert(args.scope.weights == WEIGHTS_Q8 && !args.scope.caches_weights);
    args_clear(&args);
}
END_TEST

START_TEST(a_dump_takes_the_place_of_a_text)
{
    struct args args = accepted("axscope open d.safetensors --dict d");
    ck_assert_int_eq(args.command, COMMAND_OPEN);
    ck_assert_str_eq(args.dump, "d.safetensors");
    ck_assert_ptr_null(args.text);
    args_clear(&args);
    args = accepted("axscope read --dump d.safetensors --json");
    ck_assert_str_eq(args.dump, "d.safetensors");
    args_clear(&args);
    check_refused("axscope read --dump d text", "TEXT was given too");
    check_refused("axscope read --dump d --ids 2,3", "--ids was given too");
    check_refused("axscope read --dump d --raw", "form of a text");
    check_refused("axscope read --dump d --set 3=1", "weights");
    check_refused("axscope open", "needs DUMP");
    check_refused("axscope open d --json", "not an option");
}
END_TEST

Suite *suite_args(void)
{
    Suite *s = suite_create("args");
    TCase *t = tcase_create("args");
    tcase_add_test(t, without_a_subcommand_the_operand_is_a_prompt);
    tcase_add_test(t, options_may_stand_before_and_after_the_subcommand);
    tcase_add_test(t, steering_flags_keep_their_order);
    tcase_add_test(t, what_a_dictionary_brings_belongs_to_the_one_named_before);
    tcase_add_test(t, lists_and_numbers_are_read);
    tcase_add_test(t, a_double_dash_ends_the_options);
    tcase_add_test(t, wrong_usage_is_refused_with_its_reason);
    tcase_add_test(t, a_mistyped_subcommand_is_pointed_out_and_a_prompt_is_not);
    tcase_add_test(t, hints_say_what_to_do);
    tcase_add_test(t, an_empty_text_is_refused_unless_it_is_raw);
    tcase_add_test(t, a_search_can_be_sorted_and_narrowed);
    tcase_add_test(t, help_names_every_option_of_its_command);
    tcase_add_test(t, help_wins_over_what_is_missing);
    tcase_add_test(t, completions_in_the_tree_are_those_of_the_table);
    tcase_add_test(t, the_man_page_names_every_option_and_command);
    tcase_add_test(t, completions_of_every_shell_name_every_option);
    tcase_add_test(t, a_calibration_and_a_unit_can_be_asked_for);
    tcase_add_test(t, keys_and_values_are_f32_unless_asked);
    tcase_add_test(t, weights_are_used_as_stored_unless_asked);
    tcase_add_test(t, a_dump_takes_the_place_of_a_text);
    suite_add_tcase(s, t);
    return s;
}
