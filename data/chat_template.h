/* The chat template of a model, as text: nothing here runs it. */
#ifndef DATA_CHAT_TEMPLATE_H
#define DATA_CHAT_TEMPLATE_H

#include "data/err.h"

#include <stdbool.h>

/* The template of a model's folder: chat_template.jinja, else "chat_template" in
 * tokenizer_config.json (a string, or a list of named ones of which "default" is meant).
 * *out is NULL if the folder has none; the caller frees. */
int chat_template_read(char **out, const char *dir, struct err *err) ERR_CHECK;

/* What a template of Gemma's form must mention and `text` does not, or NULL: the two turn markers
 * and the role of the model. */
const char *chat_template_lacks(const char *text);

#endif
