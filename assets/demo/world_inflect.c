#include "assets/demo/world_internal.h"

#include <ctype.h>
#include <string.h>

static bool is_vowel(char c)
{
    return c != '\0' && strchr("aeiou", c) != NULL;
}

static bool ends(const char *s, size_t len, const char *tail)
{
    size_t n = strlen(tail);
    return len >= n && memcmp(s + len - n, tail, n) == 0;
}

/* stop -> stopp(ed): one group of vowels, and the last three letters are consonant, vowel,
 * consonant. Longer words are listed with their forms where they double too. */
static bool doubles(const char *s, size_t len)
{
    int groups = 0;
    for (size_t i = 0; i < len; i++) {
        groups += is_vowel(s[i]) && (i == 0 || !is_vowel(s[i - 1]));
    }
    return groups == 1 && len >= 3 && !is_vowel(s[len - 1]) && !strchr("wxy", s[len - 1]) &&
           is_vowel(s[len - 2]) && !is_vowel(s[len - 3]);
}

static void inflect_word(struct buf *out, const char *s, size_t len, int form)
{
    char last = s[len - 1];
    bool y = last == 'y' && len > 1 && !is_vowel(s[len - 2]);
    bool vowel_form = form != FORM_S;
    if (y && form != FORM_ING) {
        buf_add(out, s, len - 1);
        buf_str(out, form == FORM_S ? "ies" : "ied");
        return;
    }
    bool drop_e = form == FORM_ING && last == 'e' && !ends(s, len, "ee") && !ends(s, len, "oe") &&
                  !ends(s, len, "ye");
    buf_add(out, s, len - (drop_e ? 1 : 0));
    if (vowel_form && doubles(s, len)) {
        buf_char(out, last);
    }
    if (form == FORM_ING) {
        buf_str(out, "ing");
    } else if (form == FORM_S) {
        bool hiss =
            last == 's' || last == 'x' || last == 'z' || ends(s, len, "ch") || ends(s, len, "sh");
        buf_str(out, hiss ? "es" : "s");
    } else {
        buf_str(out, last == 'e' ? "d" : "ed");
    }
}

/* "look at the map" and "cup of tea" change their first word, "rocket engine" its last. */
static bool first_word_changes(const char *rest, int form)
{
    static const char *const followers[] = {
        "a",      "an",    "the",     "at",     "to",   "in",    "on",     "for",   "of",
        "with",   "up",    "out",     "off",    "by",   "down",  "over",   "into",  "away",
        "from",   "about", "back",    "his",    "her",  "my",    "our",    "it",    "them",
        "your",   "their", "through", "around", "like", "after", "past",   "along", "all",
        "above",  "below", "behind",  "beyond", "near", "under", "before", "alone", "faintly",
        "slowly", "again", "as",      "that"};
    size_t len = strcspn(rest, " ");
    for (size_t i = 0; i < sizeof followers / sizeof *followers; i++) {
        if (strlen(followers[i]) == len && memcmp(rest, followers[i], len) == 0) {
            return true;
        }
    }
    return form != FORM_S;
}

void inflect(struct buf *out, const char *base, int form)
{
    size_t len = strlen(base);
    const char *blank = strchr(base, ' ');
    if (len == 0 || form == FORM_BASE) {
        buf_str(out, base);
    } else if (blank && blank > base && first_word_changes(blank + 1, form)) {
        inflect_word(out, base, (size_t)(blank - base), form);
        buf_str(out, blank);
    } else {
        const char *last = strrchr(base, ' ');
        last = last && last[1] ? last + 1 : base;
        buf_add(out, base, (size_t)(last - base));
        inflect_word(out, last, strlen(last), form);
    }
}

static bool starts_with_any(const char *s, const char *const *heads)
{
    for (; *heads; heads++) {
        size_t i = 0;
        while ((*heads)[i] && tolower((unsigned char)s[i]) == (*heads)[i]) {
            i++;
        }
        if (!(*heads)[i]) {
            return true;
        }
    }
    return false;
}

const char *inflect_article(const char *phrase)
{
    static const char *const an[] = {"hour", "honest", "honour", "honor", "heir", NULL};
    static const char *const a[] = {"uni",  "use",  "usu", "uten", "euro", "one ",
                                    "once", "one-", "eu",  "ewe",  "ufo",  NULL};
    static const char *const vowel_after_uni[] = {"unim", "unin", "unident", NULL};
    /* capitals are read by their names: an HTML page, an SQL query, a CSS rule */
    if (isupper((unsigned char)phrase[0]) &&
        (isupper((unsigned char)phrase[1]) || phrase[1] == '-')) {
        return strchr("AEFHILMNORSX", phrase[0]) ? "an" : "a";
    }
    if (starts_with_any(phrase, an) || starts_with_any(phrase, vowel_after_uni)) {
        return "an";
    }
    if (strcmp(phrase, "one") == 0 || starts_with_any(phrase, a)) {
        return "a";
    }
    /* 8 and 11 and 18 are spoken with a vowel */
    if (phrase[0] == '8' || (phrase[0] == '1' && (phrase[1] == '1' || phrase[1] == '8') &&
                             !isdigit((unsigned char)phrase[2]))) {
        return "an";
    }
    char first[2] = {(char)tolower((unsigned char)phrase[0]), '\0'};
    return is_vowel(first[0]) || memcmp(phrase, "\xc3\xa9", 2) == 0 ? "an" : "a";
}

void inflect_capital(char *phrase)
{
    unsigned char c = (unsigned char)phrase[0];
    unsigned char next = c ? (unsigned char)phrase[1] : 0;
    if (c == 0xC3 && next >= 0xA0 && next <= 0xBE && next != 0xB7) {
        phrase[1] = (char)(next - 0x20);
    } else {
        phrase[0] = (char)toupper(c);
    }
}
