#include "core/bpe_words.h"
#include "data/mem.h"
#include "tests/support/runner.h"

#include <string.h>

#define SP BPE_SPACE

static struct bpe_words words_of(const char *text)
{
    static const char *const skip[] = {"<bos>", "<end>"};
    struct bpe_words words = {0};
    bpe_words_add(&words, text, strlen(text), skip, 2);
    return words;
}

/* The words of a text in order of appearance with their counts: "the:2 cat:1". */
static void check_words(const char *text, const char *want)
{
    struct bpe_words words = words_of(text);
    struct buf got = {0};
    for (size_t i = 0; i < words.n; i++)
        buf_printf(&got, "%s%.*s:%ld", i > 0 ? " " : "", (int)words.items[i].len,
                   words.items[i].text, words.items[i].count);
    ck_assert_str_eq(buf_cstr(&got), want);
    buf_clear(&got);
    bpe_words_clear(&words);
}

START_TEST(a_space_belongs_to_the_word_after_it)
{
    check_words("the cat saw the cat", "the:1 " SP "cat:2 " SP "saw:1 " SP "the:1");
    check_words("a, b", "a:1 ,:1 " SP "b:1");
    check_words("end ", "end:1 " SP ":1");
    check_words("n 7", "n:1 " SP ":1 7:1"); /* digits have no space of their own */
    check_words("", "");
}
END_TEST

START_TEST(several_spaces_are_a_run_and_no_part_of_a_word)
{
    check_words("a  b", "a:1 b:1");
    check_words("a   b c", "a:1 b:1 " SP "c:1");
}
END_TEST

START_TEST(kinds_of_characters_do_not_share_a_word)
{
    check_words("x1y", "x:1 1:1 y:1");
    check_words("12", "1:1 2:1");
    check_words("(a)", "(:1 a:1 ):1");
    check_words("a\t\tb", "a:1 \t\t:1 b:1");
    check_words("\xc3\xa9t\xc3\xa9!", "\xc3\xa9t\xc3\xa9:1 !:1");
}
END_TEST

START_TEST(added_tokens_are_passed_over)
{
    check_words("<bos>one two<end>\nthree", "one:1 " SP "two:1 three:1");
    check_words("one <end>", "one:1 " SP ":1");
}
END_TEST

START_TEST(bytes_that_are_no_character_become_the_replacement)
{
    check_words("a \xff", "a:1 " SP "\xef\xbf\xbd:1");
}
END_TEST

START_TEST(runs_are_counted_by_their_length)
{
    struct bpe_words words =
        words_of("a\n\nb\nc  d    e f\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n");
    ck_assert_int_eq(words.newline_runs[1], 1);
    ck_assert_int_eq(words.newline_runs[2], 1);
    ck_assert_int_eq(words.newline_runs[BPE_MAX_RUN], 1); /* 20 of them */
    ck_assert_int_eq(words.space_runs[1], 1);
    ck_assert_int_eq(words.space_runs[2], 1);
    ck_assert_int_eq(words.space_runs[4], 1);
    bpe_words_clear(&words);
}
END_TEST

START_TEST(counts_of_a_word_add_up)
{
    struct bpe_words words = words_of("go go");
    bpe_words_count(&words, "go", 2, 5);
    bpe_words_count(&words, "new", 3, 0);
    ck_assert_uint_eq(words.n, 3);
    ck_assert_int_eq(words.items[0].count, 6);
    ck_assert_int_eq(string_map_get(&words.index, "new", 3), 2);
    bpe_words_clear(&words);
}
END_TEST

Suite *suite_bpe_words(void)
{
    Suite *s = suite_create("bpe_words");
    TCase *t = tcase_create("bpe_words");
    tcase_add_test(t, a_space_belongs_to_the_word_after_it);
    tcase_add_test(t, several_spaces_are_a_run_and_no_part_of_a_word);
    tcase_add_test(t, kinds_of_characters_do_not_share_a_word);
    tcase_add_test(t, added_tokens_are_passed_over);
    tcase_add_test(t, bytes_that_are_no_character_become_the_replacement);
    tcase_add_test(t, runs_are_counted_by_their_length);
    tcase_add_test(t, counts_of_a_word_add_up);
    suite_add_tcase(s, t);
    return s;
}
