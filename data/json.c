#include "data/json.h"

#include "data/file.h"
#include "data/text.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_EXACT_INT 9007199254740992.0 /* 2^53: above it a double skips integers */

struct json_doc {
    cJSON *root;
    char *name;
};

static const cJSON *node(const struct json *v)
{
    return (const cJSON *)v;
}

static const struct json *value(const cJSON *n)
{
    return (const struct json *)n;
}

/* --- parsing --- */

bool json_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Four hexadecimal digits at s, or -1. */
static int hex4(const char *s, const char *end)
{
    if (end - s < 4)
        return -1;
    int v = 0;
    for (int i = 0; i < 4; i++) {
        char c = s[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        v = v << 4 | digit;
    }
    return v;
}

/* Copies the escape at s (a backslash) in a form that cJSON reads without cutting the string or
 * giving up. Returns its length in the source, 0 if it is malformed. */
static size_t copy_escape(struct buf *out, const char *s, const char *end)
{
    if (end - s < 2)
        return 0;
    if (s[1] != 'u') {
        buf_add(out, s, 2);
        return 2;
    }
    int code = hex4(s + 2, end);
    if (code < 0)
        return 0;
    bool high = code >= 0xD800 && code <= 0xDBFF;
    bool low = code >= 0xDC00 && code <= 0xDFFF;
    if (high && end - s >= 8 && s[6] == '\\' && s[7] == 'u') {
        int next = hex4(s + 8, end);
        if (next >= 0xDC00 && next <= 0xDFFF) {
            buf_add(out, s, 12);
            return 12;
        }
    }
    if (code == 0)
        buf_str(out, "\xC0\x80");
    else if (high || low)
        buf_str(out, "\\ufffd");
    else
        buf_add(out, s, 6);
    return 6;
}

/* Rewrites all escapes; backslashes only occur inside strings. On a malformed one: false, *bad. */
static bool rewrite_escapes(struct buf *out, const char *text, size_t len, const char **bad)
{
    const char *s = text, *end = text + len;
    while (s < end) {
        const char *slash = memchr(s, '\\', (size_t)(end - s));
        buf_add(out, s, (size_t)((slash ? slash : end) - s));
        if (!slash)
            break;
        size_t n = copy_escape(out, slash, end);
        if (n == 0) {
            *bad = slash;
            return false;
        }
        s = slash + n;
    }
    return true;
}

static bool has_unicode_escape(const char *text, size_t len)
{
    const char *s = text, *end = text + len;
    while (s < end && (s = memchr(s, '\\', (size_t)(end - s)))) {
        if (end - s >= 2 && s[1] == 'u')
            return true;
        s += 2;
    }
    return false;
}

/* Does the text end before its strings and brackets are closed? */
static bool ends_early(const char *text, size_t len)
{
    long depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            depth++;
        else if (!in_string && (c == '}' || c == ']'))
            depth--;
    }
    return in_string || depth > 0;
}

static int syntax_error(struct err *err, const char *name, const char *text, size_t len, size_t at)
{
    size_t line = 1, column = 1;
    for (size_t i = 0; i < at && i < len; i++) {
        bool newline = text[i] == '\n';
        line += newline;
        column = newline ? 1 : column + 1;
    }
    if (ends_early(text, len)) {
        err_set(err, ERR_FORMAT, "%s: is not complete JSON: it ends at byte %zu inside a value",
                name, len);
        err_hint(err, "The file looks cut short; download or copy it again.");
        return ERR_FORMAT;
    }
    err_set(err, ERR_FORMAT, "%s: is not valid JSON near line %zu, column %zu", name, line, column);
    err_hint(err, "Check that this is the right file and download or copy it again.");
    return ERR_FORMAT;
}

/* Parses text without NUL bytes and with harmless escapes. */
static int parse_clean(struct json_doc **out, const char *text, size_t len, const char *name,
                       struct err *err)
{
    const char *end = text;
    cJSON *root = cJSON_ParseWithLengthOpts(text, len, &end, false);
    size_t at = (size_t)(end - text);
    while (root && at < len && json_is_space(text[at]))
        at++;
    if (!root || at < len) {
        cJSON_Delete(root);
        return syntax_error(err, name, text, len, at);
    }
    struct json_doc *doc = mem_alloc(1, sizeof *doc);
    *doc = (struct json_doc){root, mem_strdup(name)};
    *out = doc;
    return ERR_OK;
}

int json_parse(struct json_doc **out, const char *text, size_t len, const char *name,
               struct err *err)
{
    *out = NULL;
    size_t first = 0;
    while (first < len && json_is_space(text[first]))
        first++;
    if (first == len) {
        err_set(err, ERR_FORMAT, "%s: is empty where JSON is expected", name);
        err_hint(err, "The file looks cut short; download or copy it again.");
        return ERR_FORMAT;
    }
    const char *nul = memchr(text, '\0', len);
    if (nul)
        return syntax_error(err, name, text, len, (size_t)(nul - text));
    if (!has_unicode_escape(text, len))
        return parse_clean(out, text, len, name, err);

    struct buf clean = {0};
    const char *bad = NULL;
    int rc = rewrite_escapes(&clean, text, len, &bad)
                 ? parse_clean(out, clean.data, clean.len, name, err)
                 : syntax_error(err, name, text, len, (size_t)(bad - text));
    buf_clear(&clean);
    return rc;
}

int json_open(struct json_doc **out, const char *path, struct err *err)
{
    *out = NULL;
    struct file_map map;
    int rc = file_map(&map, path, err);
    if (rc != ERR_OK)
        return rc;
    if (map.size > JSON_MAX_BYTES)
        rc = err_set(err, ERR_LIMIT, "%s: has %zu bytes, more than the %zu read as JSON", path,
                     map.size, JSON_MAX_BYTES);
    else
        rc = json_parse(out, map.size ? (const char *)map.data : "", map.size, path, err);
    file_unmap(&map);
    return err_hint_missing(err, rc, "Check that this is the right file.");
}

void json_close(struct json_doc *doc)
{
    if (!doc)
        return;
    cJSON_Delete(doc->root);
    free(doc->name);
    free(doc);
}

const struct json *json_root(const struct json_doc *doc)
{
    return value(doc->root);
}

const char *json_name(const struct json_doc *doc)
{
    return doc->name;
}

/* --- values --- */

bool json_is_object(const struct json *v)
{
    return cJSON_IsObject(node(v));
}

bool json_is_array(const struct json *v)
{
    return cJSON_IsArray(node(v));
}

bool json_is_string(const struct json *v)
{
    return cJSON_IsString(node(v));
}

bool json_is_number(const struct json *v)
{
    return cJSON_IsNumber(node(v));
}

bool json_is_bool(const struct json *v)
{
    return cJSON_IsBool(node(v));
}

bool json_is_null(const struct json *v)
{
    return cJSON_IsNull(node(v));
}

const char *json_string(const struct json *v)
{
    return json_is_string(v) ? node(v)->valuestring : NULL;
}

bool json_string_bytes(struct buf *out, const struct json *v)
{
    const char *s = json_string(v);
    if (!s)
        return false;
    const char *nul;
    while ((nul = strstr(s, "\xC0\x80"))) {
        buf_add(out, s, (size_t)(nul - s));
        buf_char(out, '\0');
        s = nul + 2;
    }
    buf_str(out, s);
    return true;
}

double json_number(const struct json *v)
{
    return json_is_number(v) ? node(v)->valuedouble : 0.0;
}

bool json_bool(const struct json *v)
{
    return cJSON_IsTrue(node(v));
}

const struct json *json_get(const struct json *object, const char *key)
{
    return json_is_object(object) ? value(cJSON_GetObjectItemCaseSensitive(node(object), key))
                                  : NULL;
}

const struct json *json_first(const struct json *v)
{
    return json_is_object(v) || json_is_array(v) ? value(node(v)->child) : NULL;
}

const struct json *json_next(const struct json *v)
{
    return v ? value(node(v)->next) : NULL;
}

const char *json_key(const struct json *member)
{
    return member ? node(member)->string : NULL;
}

size_t json_size(const struct json *v)
{
    size_t n = 0;
    for (const struct json *child = json_first(v); child; child = json_next(child))
        n++;
    return n;
}

/* --- typed access --- */

static int wrong_type(struct err *err, const struct json_doc *doc, const struct json *v,
                      const char *key, const char *wanted)
{
    err_set(err, ERR_FORMAT, "%s: %s is %s%s", doc->name, key,
            v ? "not " : "missing, it should be ", wanted);
    err_hint(err, "Check that this is the right file and download or copy it again.");
    return ERR_FORMAT;
}

int json_get_int(long *out, const struct json_doc *doc, const struct json *object, const char *key,
                 long min, long max, struct err *err)
{
    const struct json *v = json_get(object, key);
    double d = json_number(v);
    if (!json_is_number(v) || d != floor(d) || fabs(d) > MAX_EXACT_INT)
        return wrong_type(err, doc, v, key, "a whole number");
    if (d < (double)min || d > (double)max) {
        err_set(err, ERR_FORMAT, "%s: %s is %.0f, outside %ld..%ld", doc->name, key, d, min, max);
        err_hint(err, "Check that this is the right file and download or copy it again.");
        return ERR_FORMAT;
    }
    *out = (long)d;
    return ERR_OK;
}

int json_get_number(double *out, const struct json_doc *doc, const struct json *object,
                    const char *key, struct err *err)
{
    const struct json *v = json_get(object, key);
    double d = json_number(v);
    if (!json_is_number(v) || !isfinite(d))
        return wrong_type(err, doc, v, key, "a finite number");
    *out = d;
    return ERR_OK;
}

int json_get_string(const char **out, const struct json_doc *doc, const struct json *object,
                    const char *key, struct err *err)
{
    const struct json *v = json_get(object, key);
    if (!json_is_string(v))
        return wrong_type(err, doc, v, key, "a string");
    *out = json_string(v);
    return ERR_OK;
}
