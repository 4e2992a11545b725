#include "data/vocab_rules.h"

#include "data/mem.h"

#include <stdlib.h>
#include <string.h>

#define MAX_RULES 64  /* per list; files have one to three */
#define MAX_STRING 16 /* bytes; bounds how much longer one rule can make a text */

/* Where the parser is: errors name the file and the part ("normalizer", "decoder" ...). */
struct place {
    struct vocab_rules *rules;
    const struct json_doc *doc;
    const char *part;
};

static int refuse(const struct place *at, const char *type, struct err *err)
{
    err_set(err, ERR_UNSUPPORTED, "%s: its %s \"%.60s\" is not supported", json_name(at->doc),
            at->part, type);
    err_hint(err, "axscope reads tokenizers of the Gemma family; use the tokenizer.json that came "
                  "with the model");
    return ERR_UNSUPPORTED;
}

static int malformed(const struct place *at, const char *what, struct err *err)
{
    return err_set(err, ERR_FORMAT, "%s: %s: %s", json_name(at->doc), at->part, what);
}

/* The string of {"pattern": {"String": s}}. */
static int parse_pattern(const char **out, const struct place *at, const struct json *rule,
                         struct err *err)
{
    const struct json *pattern = json_get(rule, "pattern");
    if (json_is_object(pattern) && json_get(pattern, "Regex"))
        return refuse(at, "pattern by regular expression", err);
    *out = json_string(json_is_object(pattern) ? json_get(pattern, "String") : NULL);
    if (!*out || !**out || strlen(*out) > MAX_STRING)
        return malformed(at, "a rule has no pattern {\"String\": ...}, or a very long one", err);
    return ERR_OK;
}

void vocab_replace_add(struct vocab_replace **list, size_t *n, const char *from, const char *to)
{
    *list = mem_realloc(*list, *n + 1, sizeof **list);
    (*list)[(*n)++] = (struct vocab_replace){.from = mem_strdup(from),
                                             .to = mem_strdup(to),
                                             .from_len = strlen(from),
                                             .to_len = strlen(to)};
}

static int add_replace(struct vocab_replace **list, size_t *n, const struct place *at,
                       const char *from, const char *to, struct err *err)
{
    if (!to || strlen(to) > MAX_STRING)
        return malformed(at, "a rule has no content, or a very long one", err);
    if (*n >= MAX_RULES)
        return malformed(at, "too many rules", err);
    vocab_replace_add(list, n, from, to);
    return ERR_OK;
}

static int parse_normalizer(const struct place *at, const char *type, const struct json *rule,
                            struct err *err)
{
    struct vocab_rules *rules = at->rules;
    const char *from = "";
    if (strcmp(type, "Replace") == 0) {
        int code = parse_pattern(&from, at, rule, err);
        if (code != ERR_OK)
            return code;
        return add_replace(&rules->normalizer, &rules->n_normalizer, at, from,
                           json_string(json_get(rule, "content")), err);
    }
    if (strcmp(type, "Prepend") == 0)
        return add_replace(&rules->normalizer, &rules->n_normalizer, at, from,
                           json_string(json_get(rule, "prepend")), err);
    return refuse(at, type, err);
}

static const char *const behaviors[] = {
    [VOCAB_SPLIT_REMOVED] = "Removed",
    [VOCAB_SPLIT_ISOLATED] = "Isolated",
    [VOCAB_SPLIT_MERGED_WITH_PREVIOUS] = "MergedWithPrevious",
    [VOCAB_SPLIT_MERGED_WITH_NEXT] = "MergedWithNext",
    [VOCAB_SPLIT_CONTIGUOUS] = "Contiguous",
};

static int parse_pre_tokenizer(const struct place *at, const char *type, const struct json *rule,
                               struct err *err)
{
    if (strcmp(type, "Split") != 0)
        return refuse(at, type, err);
    if (json_bool(json_get(rule, "invert")))
        return refuse(at, "Split with invert", err);
    const char *pattern, *name = json_string(json_get(rule, "behavior"));
    int code = parse_pattern(&pattern, at, rule, err);
    if (code != ERR_OK)
        return code;
    size_t behavior = 0, n = sizeof behaviors / sizeof behaviors[0];
    while (behavior < n && (!name || strcmp(name, behaviors[behavior]) != 0))
        behavior++;
    if (behavior == n)
        return refuse(at, name ? name : "Split without behavior", err);
    struct vocab_rules *rules = at->rules;
    if (rules->n_splits >= MAX_RULES)
        return malformed(at, "too many rules", err);
    rules->splits = mem_realloc(rules->splits, rules->n_splits + 1, sizeof *rules->splits);
    rules->splits[rules->n_splits++] =
        (struct vocab_split){.pattern = mem_strdup(pattern),
                             .len = strlen(pattern),
                             .behavior = (enum vocab_split_behavior)behavior};
    return ERR_OK;
}

/* Fuse joins the pieces of a text, which is what the program does with them anyway. */
static int parse_decoder(const struct place *at, const char *type, const struct json *rule,
                         struct err *err)
{
    struct vocab_rules *rules = at->rules;
    if (strcmp(type, "Fuse") == 0)
        return ERR_OK;
    if (strcmp(type, "ByteFallback") == 0) {
        rules->decode_bytes = true;
        return ERR_OK;
    }
    if (strcmp(type, "Replace") != 0)
        return refuse(at, type, err);
    const char *from;
    int code = parse_pattern(&from, at, rule, err);
    if (code != ERR_OK)
        return code;
    return add_replace(&rules->decoder, &rules->n_decoder, at, from,
                       json_string(json_get(rule, "content")), err);
}

typedef int parse_rule(const struct place *at, const char *type, const struct json *rule,
                       struct err *err);

/* One rule, or a Sequence of rules under the key `list` (which may hold Sequences again; the
 * depth is bounded by the JSON parser's own limit). */
static int parse_rules(const struct place *at, const char *list, parse_rule *parse,
                       const struct json *rule, struct err *err)
{
    if (!rule || json_is_null(rule))
        return ERR_OK;
    const char *type = json_string(json_is_object(rule) ? json_get(rule, "type") : NULL);
    if (!type)
        return malformed(at, "a rule has no type", err);
    if (strcmp(type, "Sequence") != 0)
        return parse(at, type, rule, err);
    const struct json *members = json_get(rule, list);
    if (!json_is_array(members))
        return malformed(at, "a Sequence has no list of rules", err);
    int code = ERR_OK;
    for (const struct json *m = json_first(members); m && code == ERR_OK; m = json_next(m))
        code = parse_rules(at, list, parse, m, err);
    return code;
}

int vocab_rules_parse(struct vocab_rules *rules, const struct json_doc *doc, struct err *err)
{
    static const struct {
        const char *part, *list;
        parse_rule *parse;
    } parts[] = {{"normalizer", "normalizers", parse_normalizer},
                 {"pre_tokenizer", "pretokenizers", parse_pre_tokenizer},
                 {"decoder", "decoders", parse_decoder}};
    int code = ERR_OK;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && code == ERR_OK; i++) {
        struct place at = {rules, doc, parts[i].part};
        const struct json *rule = json_get(json_root(doc), parts[i].part);
        code = parse_rules(&at, parts[i].list, parts[i].parse, rule, err);
    }
    if (code != ERR_OK)
        vocab_rules_clear(rules);
    return code;
}

static void replaces_free(struct vocab_replace *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(list[i].from);
        free(list[i].to);
    }
    free(list);
}

void vocab_rules_clear(struct vocab_rules *rules)
{
    replaces_free(rules->normalizer, rules->n_normalizer);
    replaces_free(rules->decoder, rules->n_decoder);
    for (size_t i = 0; i < rules->n_splits; i++)
        free(rules->splits[i].pattern);
    free(rules->splits);
    *rules = (struct vocab_rules){0};
}
