#include "data/chat_template.h"

#include "data/file.h"
#include "data/json.h"

#include <stdlib.h>
#include <string.h>

#define TEMPLATE_FILE "chat_template.jinja"
#define TOKENIZER_CONFIG_FILE "tokenizer_config.json"
#define MAX_TEMPLATE ((size_t)1 << 20)

/* One template, or a list of named ones of which "default" is meant. */
static const char *pick_template(const struct json *v)
{
    if (!json_is_array(v))
        return json_string(v);
    const char *picked = NULL;
    for (const struct json *item = json_first(v); item; item = json_next(item)) {
        const char *name = json_string(json_get(item, "name"));
        const char *text = json_string(json_get(item, "template"));
        if (text && (!picked || (name && strcmp(name, "default") == 0)))
            picked = text;
    }
    return picked;
}

static int read_file(char **out, const char *path, struct err *err)
{
    struct buf text = {0};
    int rc = file_read(&text, path, MAX_TEMPLATE, err);
    if (rc == ERR_OK)
        *out = mem_strdup(buf_cstr(&text));
    buf_clear(&text);
    return rc;
}

static int read_key(char **out, const char *path, struct err *err)
{
    struct json_doc *doc;
    int rc = json_open(&doc, path, err);
    if (rc != ERR_OK)
        return rc;
    const char *text = pick_template(json_get(json_root(doc), "chat_template"));
    if (text)
        *out = mem_strdup(text);
    json_close(doc);
    return ERR_OK;
}

/* The file of its own wins over the key, as in Hugging Face's loader. */
int chat_template_read(char **out, const char *dir, struct err *err)
{
    char *file = path_join(dir, TEMPLATE_FILE), *config = path_join(dir, TOKENIZER_CONFIG_FILE);
    int rc = ERR_OK;
    *out = NULL;
    if (file_exists(file))
        rc = read_file(out, file, err);
    else if (file_exists(config))
        rc = read_key(out, config, err);
    free(file);
    free(config);
    return rc;
}

const char *chat_template_lacks(const char *text)
{
    static const char *const marks[] = {"<start_of_turn>", "<end_of_turn>", "model"};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (!strstr(text, marks[i]))
            return marks[i];
    return NULL;
}
