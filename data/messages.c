#include "data/messages.h"

#include "data/file.h"
#include "data/json.h"
#include "data/mem.h"

#include <stdlib.h>
#include <string.h>

#define MAX_BYTES ((size_t)64 << 20)
#define LIST_HINT "Give [{\"role\": \"user\", \"content\": \"Hello\"}, ...]."

static int refuse(const struct json_doc *doc, size_t number, const char *what, struct err *err)
{
    err_set(err, ERR_FORMAT, "%s: message %zu: %s", json_name(doc), number, what);
    err_hint(err,
             "Each message is an object such as {\"role\": \"user\", \"content\": \"Hello\"}.");
    return ERR_FORMAT;
}

static int read_role(bool *is_model, const struct json_doc *doc, size_t number, const char *role,
                     struct err *err)
{
    *is_model = strcmp(role, "assistant") == 0 || strcmp(role, "model") == 0;
    if (strcmp(role, "system") == 0) {
        err_set(err, ERR_UNSUPPORTED,
                "%s: message %zu has the role 'system', which Gemma 2's chat form does not have",
                json_name(doc), number);
        err_hint(err, "Put its text in front of the first user message.");
        return ERR_UNSUPPORTED;
    }
    if (!*is_model && strcmp(role, "user") != 0) {
        err_set(err, ERR_FORMAT, "%s: message %zu has the unknown role '%.40s'", json_name(doc),
                number, role);
        err_hint(err, "Roles are user and assistant (or model).");
        return ERR_FORMAT;
    }
    if (*is_model == (number % 2 == 0))
        return ERR_OK;
    err_set(err, ERR_FORMAT, "%s: message %zu is %s", json_name(doc), number,
            number == 1 ? "the assistant's, and the user begins"
                        : "of the same role as the one before");
    err_hint(err, "User and assistant take turns; join two messages of one role.");
    return ERR_FORMAT;
}

/* One of the parts that a content may be a list of. */
static int read_part(struct buf *text, const struct json_doc *doc, size_t number,
                     const struct json *part, struct err *err)
{
    const char *type = json_string(json_get(part, "type"));
    if (!type)
        return refuse(doc, number, "a part of its content has no type", err);
    if (strcmp(type, "text") != 0) {
        err_set(err, ERR_UNSUPPORTED,
                "%s: message %zu has a part of type '%.40s', and Gemma 2 reads text alone",
                json_name(doc), number, type);
        err_hint(err, "Leave that part out.");
        return ERR_UNSUPPORTED;
    }
    if (!json_string_bytes(text, json_get(part, "text")))
        return refuse(doc, number, "a text part of its content has no text", err);
    return ERR_OK;
}

/* A string, or a list of parts, whose texts are joined. */
static int read_content(struct buf *text, const struct json_doc *doc, size_t number,
                        const struct json *content, struct err *err)
{
    if (json_string_bytes(text, content))
        return ERR_OK;
    if (!json_is_array(content))
        return refuse(doc, number, "its content is neither a string nor a list of parts", err);
    int rc = ERR_OK;
    for (const struct json *part = json_first(content); part && rc == ERR_OK;
         part = json_next(part))
        rc = read_part(text, doc, number, part, err);
    return rc;
}

static int read_message(struct message *out, const struct json_doc *doc, size_t number,
                        const struct json *item, struct err *err)
{
    if (!json_is_object(item))
        return refuse(doc, number, "is not an object", err);
    const char *role = json_string(json_get(item, "role"));
    if (!role)
        return refuse(doc, number, "has no role", err);
    int rc = read_role(&out->is_model, doc, number, role, err);
    if (rc != ERR_OK)
        return rc;
    struct buf text = {0};
    rc = read_content(&text, doc, number, json_get(item, "content"), err);
    if (rc != ERR_OK) {
        buf_clear(&text);
        return rc;
    }
    out->text = text.data ? text.data : mem_strdup("");
    out->len = text.len;
    return ERR_OK;
}

static int read_list(struct messages *out, const struct json_doc *doc, struct err *err)
{
    const struct json *list = json_root(doc);
    if (json_is_object(list))
        list = json_get(list, "messages");
    if (!json_is_array(list) || json_size(list) == 0) {
        err_set(err, ERR_FORMAT, "%s: holds no list of messages", json_name(doc));
        err_hint(err, LIST_HINT);
        return ERR_FORMAT;
    }
    out->items = mem_zalloc(json_size(list), sizeof *out->items);
    int rc = ERR_OK;
    for (const struct json *item = json_first(list); item && rc == ERR_OK; item = json_next(item)) {
        rc = read_message(&out->items[out->n], doc, out->n + 1, item, err);
        out->n += rc == ERR_OK;
    }
    return rc;
}

int messages_parse(struct messages *out, const char *text, size_t len, const char *name,
                   struct err *err)
{
    struct json_doc *doc;
    *out = (struct messages){0};
    int rc = json_parse(&doc, text, len, name, err);
    if (rc != ERR_OK) {
        err_hint(err, LIST_HINT); /* messages are written by hand, not downloaded */
        return rc;
    }
    rc = read_list(out, doc, err);
    json_close(doc);
    if (rc != ERR_OK)
        messages_clear(out);
    return rc;
}

int messages_read(struct messages *out, const char *path, struct err *err)
{
    struct buf text = {0};
    *out = (struct messages){0};
    int rc = file_read(&text, path, MAX_BYTES, err);
    if (rc == ERR_OK)
        rc = messages_parse(out, buf_cstr(&text), text.len,
                            strcmp(path, "-") == 0 ? "standard input" : path, err);
    buf_clear(&text);
    return rc;
}

void messages_clear(struct messages *messages)
{
    for (size_t i = 0; i < messages->n; i++)
        free(messages->items[i].text);
    free(messages->items);
    *messages = (struct messages){0};
}
